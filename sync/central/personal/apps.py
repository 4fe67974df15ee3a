from django.apps import AppConfig


class PersonalConfig(AppConfig):
    """The app's names."""

    name = "sync.central.personal"
    label = "personal"
    verbose_name = "个人资料"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Note what entries commit to, and what a backup brought back without its keys."""
        from sync.central.journal.signals import entries_received, incarnation_began  # noqa: PLC0415 - models can be imported only now
        from sync.central.personal import receivers  # noqa: PLC0415

        entries_received.connect(receivers.note_commitments, dispatch_uid="personal")
        incarnation_began.connect(receivers.await_again, dispatch_uid="personal")
