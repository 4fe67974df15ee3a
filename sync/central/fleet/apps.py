from django.apps import AppConfig


class FleetConfig(AppConfig):
    """The app's names."""

    name = "sync.central.fleet"
    label = "fleet"
    verbose_name = "终端机"
    default_auto_field = "django.db.models.BigAutoField"
