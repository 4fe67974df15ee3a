"""The app of login checks."""

from __future__ import annotations

from django.apps import AppConfig


class LoginConfig(AppConfig):
    """The app's names."""

    name = "sync.central.login"
    label = "login"
    verbose_name = "登录验证"
    default_auto_field = "django.db.models.BigAutoField"
