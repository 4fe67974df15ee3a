from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    """Holds the console's templates."""

    name = "sync.central.console"
    label = "console"
    verbose_name = "控制台"


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with the console's site in place of its own."""

    default_site = "sync.central.console.site.ConsoleSite"
