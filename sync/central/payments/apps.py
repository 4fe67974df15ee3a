from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """The app's names."""

    name = "sync.central.payments"
    label = "payments"
    verbose_name = "缴费"
    default_auto_field = "django.db.models.BigAutoField"
