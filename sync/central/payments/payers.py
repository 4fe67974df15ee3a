"""Who may read an order's confirmation: the browser that paid, or one whose user holds the operator's phone.

A random cookie names a browser. The attempt that a browser began keeps the cookie's hash, so that an answer that was lost on the
way, or a press of the button again, changes nothing. Whoever only photographed the QR code sees that the order is paid.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from sync.central.login.codes import CODE_SECONDS, CODE_TRIES, code_message, hashed, new_code
from sync.central.login.messages import Purpose
from sync.central.login.sms import Message, MessageNotSent, sms_provider
from sync.central.members.models import Operator
from sync.central.payments.models import ConfirmationCode, Payment, PaymentAttempt, PaymentState
from sync.central.payments.pages import Bill

COOKIE = "keydesk-payer"
COOKIE_SECONDS = 7 * 86400
CODES_AN_HOUR = 3
_HOUR = 3600
_NAME = re.compile(r"[0-9a-f]{32}")


def browser_of(request: HttpRequest) -> str:
    """The name of a request's browser, a new one for a browser without."""
    name = request.COOKIES.get(COOKIE, "")
    return name if _NAME.fullmatch(name) else secrets.token_hex(16)


def remember(response: HttpResponse, browser: str, *, secure: bool) -> None:
    """Let the browser keep its name; other sites cannot make it send the name with a form."""
    response.set_cookie(COOKIE, browser, max_age=COOKIE_SECONDS, httponly=True, samesite="Lax", secure=secure)


def began(attempt: PaymentAttempt, browser: str) -> None:
    """Record which browser began an attempt; a later one changes nothing."""
    rows = PaymentAttempt.objects.filter(out_trade_no=attempt.out_trade_no, browser="")
    rows.update(browser=hashed_browser(browser))


def may_read(bill: Bill, browser: str) -> bool:
    """Whether this browser paid the order, or its user typed the code that the operator's phone got."""
    payment = Payment.objects.filter(order=bill.order).first()
    if payment is None or not payment.transaction:
        return False
    name = hashed_browser(browser)
    if payment.attempts.filter(transaction=payment.transaction, browser=name).exists():
        return True
    return ConfirmationCode.objects.filter(order=bill.order, browser=name, proved=True).exists()


def sends_codes() -> bool:
    """Whether the centre sends SMS at all."""
    return sms_provider(settings.KEYDESK.sms).sends


def send_code(bill: Bill, browser: str, account: str, now: int) -> None:
    """Send a code to the operator's phone if the account is the order's; the caller is not told whether.

    An order gets `CODES_AN_HOUR`, whatever browsers ask.
    """
    operator = Operator.objects.filter(account=bill.code.account).exclude(phone="").first()
    if not Payment.objects.filter(order=bill.order, state=PaymentState.PAID).exists():
        return
    if operator is None or account != bill.code.account or not _counted(bill.order, now):
        return
    code = new_code()
    ConfirmationCode.objects.update_or_create(
        order=bill.order,
        browser=hashed_browser(browser),
        defaults={
            "code_hash": hashed(bill.order, code),
            "expires": now + CODE_SECONDS,
            "tries_left": CODE_TRIES,
            "asked_at": now,
        },
    )
    parameters = code_message(code, Purpose.CONFIRMATION)
    try:
        sms_provider(settings.KEYDESK.sms).send(Message(bill.code.account, operator.phone, parameters, now))
    except MessageNotSent:
        ConfirmationCode.objects.filter(order=bill.order, browser=hashed_browser(browser)).update(
            tries_left=0
        )


def _counted(order: str, now: int) -> bool:
    """Count a code that is to be sent; False when the hour has had its codes. Those of a day ago go."""
    with transaction.atomic():
        ConfirmationCode.objects.filter(asked_at__lt=now - 24 * _HOUR).delete()
        Payment.objects.select_for_update().get(order=order)
        row, _ = ConfirmationCode.objects.get_or_create(
            order=order, browser="", defaults={"counted_from": now, "asked_at": now}
        )
        if row.counted_from <= now - _HOUR or row.counted_from > now:
            row.counted_from, row.sent = now, 0
        if row.sent >= CODES_AN_HOUR:
            return False
        row.sent, row.asked_at = row.sent + 1, now
        row.save(update_fields=["counted_from", "sent", "asked_at"])
    return True


def take_code(bill: Bill, browser: str, typed: str, now: int) -> bool:
    """Whether the typed code is the one that this browser asked for; then it may read the confirmation."""
    with transaction.atomic():
        rows = ConfirmationCode.objects.select_for_update()
        row = rows.filter(order=bill.order, browser=hashed_browser(browser)).first()
        if row is None or not row.tries_left or now > row.expires:
            return False
        row.tries_left -= 1
        row.proved = hmac.compare_digest(row.code_hash, hashed(bill.order, typed))
        if row.proved:
            row.tries_left = 0
        row.save(update_fields=["tries_left", "proved"])
        return row.proved


def hashed_browser(browser: str) -> str:
    """What is stored of a browser's name."""
    return hashlib.sha256(browser.encode()).hexdigest()
