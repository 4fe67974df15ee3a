from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The app's names."""

    name = "sync.central.ledger"
    label = "ledger"
    verbose_name = "登记簿"
    default_auto_field = "django.db.models.BigAutoField"
