"""The payer's page: {base}/P/{TOKEN}, for a phone, and the same as JSON for programs.

The page uses no login: whoever has the address may pay, from anywhere. A forged cross-site request could only pay somebody's
bill, so that the form needs no CSRF token. The confirmation is for the browser that paid (payers.py).
"""

from __future__ import annotations

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt

from sync.central.context import centre_keys, centre_now
from sync.central.formats import china_time, qr_svg, yuan
from sync.central.payments import payers, paying
from sync.central.payments.answers import HEADERS, WAIT, address_of, by_https, html, too_often
from sync.central.payments.pages import (
    Bill,
    OrderCodeRefusal,
    OrderCodeRefused,
    PageState,
    PageView,
    page_state,
    page_view,
    read_bill,
)
from sync.central.payments.rates import Rate

JSON = "application/json"
STATUS = {OrderCodeRefusal.UNREADABLE: 404, OrderCodeRefusal.FORGED: 403, OrderCodeRefusal.KIOSK_REVOKED: 403}
_MAXIMUM_BODY = 4096
_ACTIONS = ("pay", "decline", "code", "confirm")
# Each order's buttons from one address, so that whoever has the code besides the payer does not press in the payer's place, and from
# all; each order's questions to the provider, and each address's codes that are none. A right code is never limited by its address
# alone: many payers may have one.
PRESSES, ALL_PRESSES, QUESTIONS, REFUSED = Rate(12, WAIT), Rate(120, WAIT), Rate(60, WAIT), Rate(60, WAIT)
RATES = (PRESSES, ALL_PRESSES, QUESTIONS, REFUSED)


class _Action(msgspec.Struct, frozen=True):
    """What a program or a form asks for; `account` and `code` as they were typed."""

    action: str
    account: str = ""
    code: str = ""


@csrf_exempt
def page(request: HttpRequest, token: str) -> HttpResponse:
    """Show the bill; or pay or decline it, or ask for an SMS code or show it (POST, `action`)."""
    now = centre_now()
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, POST"})
    try:
        bill = read_bill(token, centre_keys(), now)
    except OrderCodeRefused as refused:
        if not REFUSED.allows(address_of(request), now):
            return _too_often(request)
        return _answer(
            request, "payments/refused.html", _trouble(refused.reason.value), STATUS.get(refused.reason, 409)
        )
    browser = payers.browser_of(request)
    if QUESTIONS.allows(bill.order, now):
        paying.list_forgotten(bill, now)
        paying.ask_provider(bill.order, now)
    response = (
        _act(request, bill, browser, now) if request.method == "POST" else _page(request, bill, browser, now)
    )
    payers.remember(response, browser, secure=by_https(request))
    return response


def _act(request: HttpRequest, bill: Bill, browser: str, now: int) -> HttpResponse:
    asked = _action(request)
    if asked.action not in _ACTIONS:
        return HttpResponse(f"action: {', '.join(_ACTIONS)}\n", status=400, content_type="text/plain")
    pressed = PRESSES.allows(f"{bill.order} {address_of(request)}", now)
    if not (pressed and ALL_PRESSES.allows(bill.order, now)):
        return _too_often(request)
    said = ""
    payable = page_state(bill, now) is PageState.PAYABLE and paying.takes_money()
    match asked.action:
        case "pay" | "decline" if not payable:
            pass
        case "pay":
            paying.pay(bill, now, browser)
        case "decline":
            paying.decline(bill, now)
            said = "?declined=1"
        case "code" if page_state(bill, now) is PageState.PAID:
            payers.send_code(bill, browser, asked.account.strip(), now)
            said = "?sent=1"
        case "confirm" if not payers.take_code(bill, browser, asked.code.strip(), now):
            said = "?wrong=1"
        case _:
            pass
    if _wants_json(request):
        return _page(request, bill, browser, now)
    return HttpResponseRedirect(request.path + said)


def _action(request: HttpRequest) -> _Action:
    if request.content_type == JSON:
        try:
            return msgspec.json.decode(request.read(_MAXIMUM_BODY), type=_Action)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _Action("")
    fields = (request.POST.get(name, "") for name in ("action", "account", "code"))
    return _Action(*fields)


def _page(request: HttpRequest, bill: Bill, browser: str, now: int) -> HttpResponse:
    view = page_view(bill, centre_keys(), now, readable=payers.may_read(bill, browser))
    if _wants_json(request):
        return HttpResponse(msgspec.json.encode(view), content_type=JSON, headers=HEADERS)
    context: dict[str, object] = {
        "view": view,
        "state": view.state.value,
        "amount": yuan(view.amount),
        "lines": [(line.name, line.english, yuan(line.amount)) for line in view.lines],
        "expires": china_time(view.expires_at),
        "paid": china_time(view.paid_at),
        "declined": view.state is PageState.PAYABLE and "declined" in request.GET,
        "sends_codes": payers.sends_codes(),
        "sent": "sent" in request.GET,
        "wrong": "wrong" in request.GET,
        "takes_money": paying.takes_money(),
        "qr": _qr(view),
    }
    return html("payments/page.html", context)


def _qr(view: PageView) -> str:
    return mark_safe(qr_svg(view.scan_text)) if view.scan_text else ""  # noqa: S308 - our own SVG of base 32 text


def _trouble(trouble: str) -> dict[str, object]:
    return {"trouble": trouble, "support": list(settings.KEYDESK.support)}


def _too_often(request: HttpRequest) -> HttpResponse:
    return too_often(_answer(request, "payments/refused.html", _trouble("too-often"), 429))


def _answer(request: HttpRequest, template: str, context: dict[str, object], status: int) -> HttpResponse:
    if _wants_json(request):
        body = msgspec.json.encode(context)
        return HttpResponse(body, status=status, content_type=JSON, headers=HEADERS)
    return html(template, context, status)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").split(",")[0].split(";")[0].strip() == JSON
