from django.apps import AppConfig


class MembersConfig(AppConfig):
    """The app's names."""

    name = "sync.central.members"
    label = "members"
    verbose_name = "会员"
    default_auto_field = "django.db.models.BigAutoField"
