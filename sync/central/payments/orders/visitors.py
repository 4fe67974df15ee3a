"""Who looks at the orders with a phone: the browser that paid, or a member who signed in."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest, HttpResponse

from kiosk.domain.payment_codes import ORDERS_PATH
from sync.central.login import sessions
from sync.central.payments import payers
from sync.central.payments.answers import address_of, html, too_often

PATH = ORDERS_PATH
COOKIE = "keydesk-member"


class Visitor(msgspec.Struct, frozen=True):
    """A request's browser, and the account of who is signed in, else empty; `asks_code`: the password was right, the code is missing."""

    browser: str
    account: str
    asks_code: bool
    address: str


def visitor_of(request: HttpRequest, now: int) -> Visitor:
    """Who it is. `now` is UTC seconds."""
    member = sessions.session(request.COOKIES.get(COOKIE, ""), now)
    proved = member is not None and member.proved
    return Visitor(
        browser=payers.browser_of(request),
        account=member.account if member is not None and proved else "",
        asks_code=member is not None and not proved,
        address=address_of(request),
    )


def refused_for_now(trouble: str = "too-often") -> HttpResponse:
    """The page for whoever asks too often."""
    return too_often(html("payments/refused.html", {"trouble": trouble}, 429))
