"""The app of login checks."""

from __future__ import annotations

from django.apps import AppConfig


class LoginConfig(AppConfig):
    """The app's names."""

    name = "sync.central.login"
    label = "login"
    verbose_name = "登录验证"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """End what was under way when the centre was put back."""
        from sync.central.journal.signals import incarnation_began  # noqa: PLC0415 - models can be imported only now
        from sync.central.login import checking, first_passwords, sessions  # noqa: PLC0415

        incarnation_began.connect(checking.end_all, dispatch_uid="login")
        incarnation_began.connect(sessions.end_all, dispatch_uid="member-sessions")
        incarnation_began.connect(first_passwords.end_all, dispatch_uid="password-links")
