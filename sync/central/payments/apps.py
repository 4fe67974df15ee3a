from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """The app's names."""

    name = "sync.central.payments"
    label = "payments"
    verbose_name = "缴费"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Receive entries from the journal, and answer whether money was refunded."""
        from sync.central.journal.signals import entries_received  # noqa: PLC0415 - models can be imported only now
        from sync.central.ledger import money  # noqa: PLC0415
        from sync.central.payments import news, receivers  # noqa: PLC0415

        entries_received.connect(receivers.take_received, dispatch_uid="payments")
        money.register(receivers.money_returned, receivers.money_held, news.tell_money)
