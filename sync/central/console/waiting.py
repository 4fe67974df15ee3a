"""What is told of decisions that are on record and not in the books yet."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from sync.central.console.base import Page
from sync.central.ledger.settling import decisions_wait

WAITS = "已记下，正在入账：过一会儿刷新页面，才看得到结果"


def tell_if_waiting(page: Page[Any], request: HttpRequest) -> None:
    """Say so while a decision is not applied."""
    if decisions_wait():
        page.message_user(request, WAITS, messages.WARNING)
