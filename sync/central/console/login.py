"""The console's page of login checks."""

from __future__ import annotations

from django.contrib import admin

from sync.central.console.base import ReadOnlyAdmin, time_column
from sync.central.console.filters import KioskFilter
from sync.central.login.models import LoginCheck


@admin.register(LoginCheck)
class LoginCheckAdmin(ReadOnlyAdmin[LoginCheck]):
    """Login checks, newest first."""

    list_display = (time_column("asked_at", "时间"), "kiosk", "account", "certificate_number", "state")
    list_filter = ("state", ("kiosk", KioskFilter))
    search_fields = ("=account", "=certificate_number")
    exclude = ("challenge", "code_hash")
