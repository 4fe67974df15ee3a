"""The console's way of sending operators the links with which they set their passwords, which staff never know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest

from sync.central.console.base import Page
from sync.central.context import centre_now
from sync.central.login import first_passwords
from sync.central.login.first_passwords import LINKS_AN_HOUR, Invitation
from sync.central.login.models import PasswordInvitation
from sync.central.login.sms import sms_provider
from sync.central.members.models import Operator, ReviewState


def sends_links() -> bool:
    """Whether members hear of links at all; else staff set passwords in a form."""
    return sms_provider(settings.KEYDESK.sms).sends


def send_link(page: Page[Any], request: HttpRequest, operator: Operator) -> None:
    """Send an operator another link; those before are over."""
    if operator.review != ReviewState.APPROVED:
        page.message_user(request, f"{operator.account}：审核通过后才能设置密码", messages.ERROR)
        return
    if not operator.phone:
        page.message_user(request, f"{operator.account}：没有绑定手机", messages.ERROR)
        return
    if not sends_links():
        invite_and_tell(page, request, operator, None, approved=False)
        return
    invitation = first_passwords.invite(operator.account, centre_now())
    page.log_change(request, operator, "发送设置密码的链接")
    invite_and_tell(page, request, operator, invitation, approved=False)


def invite_and_tell(
    page: Page[Any],
    request: HttpRequest,
    operator: Operator,
    invitation: Invitation | None,
    *,
    approved: bool,
) -> None:
    """Send an invitation that was made, after its transaction, and say what came of it."""
    if not sends_links():
        said = f"{operator.account}：这里不发短信，请在「操作员」里填新密码"
        page.message_user(request, said, messages.WARNING)
    elif invitation is None:
        page.message_user(request, f"{operator.account}：一小时内最多发 {LINKS_AN_HOUR} 次", messages.ERROR)
    elif first_passwords.send(invitation, _base(request), centre_now(), approved=approved):
        page.message_user(request, f"{operator.account}：设置密码的链接已发到绑定手机", messages.SUCCESS)
    else:
        page.message_user(
            request,
            f"{operator.account}：短信没有发出，请在「操作员」里重发设置密码的链接",
            messages.WARNING,
        )


def link_state(operator: Operator) -> str:
    """What is on record of an operator's password and the latest link."""
    row = PasswordInvitation.objects.filter(account=operator.account).first()
    has = "已设置" if operator.verifier else "还没有"
    if row is None or row.used_at is not None:
        return has
    if row.sent_at is None:
        return f"{has}；链接没有发出"
    return f"{has}；链接{'已失效' if centre_now() > row.expires else '已发出'}"


def _base(request: HttpRequest) -> str:
    """The address under which phones reach the centre: the configured one, or the console's own."""
    named: str = settings.KEYDESK.address
    return named or request.build_absolute_uri("/")
