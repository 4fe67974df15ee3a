from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    """Holds the console's templates."""

    name = "sync.central.console"
    label = "console"
    verbose_name = "控制台"

    def ready(self) -> None:
        """Sign everybody out when the centre was put back."""
        from sync.central.console.accounts import sign_out_all  # noqa: PLC0415 - models can be imported only now
        from sync.central.journal.signals import incarnation_began  # noqa: PLC0415

        incarnation_began.connect(sign_out_all, dispatch_uid="console")


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with the console's site in place of its own."""

    default_site = "sync.central.console.site.ConsoleSite"
