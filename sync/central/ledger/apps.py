from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The app's names."""

    name = "sync.central.ledger"
    label = "ledger"
    verbose_name = "登记簿"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Note when members' records are to be erased."""
        from sync.central.journal.signals import entries_received  # noqa: PLC0415 - models can be imported only now
        from sync.central.ledger import erasing  # noqa: PLC0415

        entries_received.connect(erasing.note_requests, dispatch_uid="ledger")
