"""What is told of decisions: those in the books, and those that are on record and not in them yet."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from sync.central.console.base import Page
from sync.central.ledger.models import DecidedStrand
from sync.central.ledger.settling import decisions_wait

WAITS = "已记下，正在入账：过一会儿刷新页面，才看得到结果"


STILL_WORKS = (
    "还有机器在用，可能会办理其中的订单：退款须先要求终端机退款；它一直不答复的，停用机器或舍弃后可直接退回"
)
"""Why money does not go back at once after a strand or a quarantine was set aside."""


def described(decided: DecidedStrand | None) -> str:
    """What was decided about a strand or a quarantine, by whom and why."""
    if decided is None:
        return "–"
    return f"{decided.get_decision_display()}（{decided.by}：{decided.remark}）"


def tell_if_waiting(page: Page[Any], request: HttpRequest) -> None:
    """Say so while a decision is not applied."""
    if decisions_wait():
        page.message_user(request, WAITS, messages.WARNING)
