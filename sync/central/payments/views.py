"""The payer's page: {base}/P/{TOKEN}, for a phone, and the same as JSON for programs.

The page uses no cookie and no login: whoever has the address may pay, from anywhere. A forged cross-site request
could only pay somebody's bill, so that the form needs no CSRF token.
"""

from __future__ import annotations

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt

from sync.central.context import centre_keys, centre_now
from sync.central.formats import china_time, qr_svg, yuan
from sync.central.payments import paying
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

JSON = "application/json"
STATUS = {OrderCodeRefusal.UNREADABLE: 404, OrderCodeRefusal.FORGED: 403, OrderCodeRefusal.KIOSK_REVOKED: 403}
_MAXIMUM_BODY = 4096
_ACTIONS = ("pay", "decline")


class _Action(msgspec.Struct, frozen=True):
    action: str


@csrf_exempt
def page(request: HttpRequest, token: str) -> HttpResponse:
    """Show the bill, or pay or decline it (POST, `action`)."""
    now = centre_now()
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, POST"})
    try:
        bill = read_bill(token, centre_keys(), now)
    except OrderCodeRefused as refused:
        return _answer(
            request, "payments/refused.html", _trouble(refused.reason), STATUS.get(refused.reason, 409)
        )
    paying.list_forgotten(bill, now)
    paying.ask_provider(bill.order, now)
    if request.method == "POST":
        return _act(request, bill, now)
    return _page(request, bill, now)


def _act(request: HttpRequest, bill: Bill, now: int) -> HttpResponse:
    action = _action(request)
    if action not in _ACTIONS:
        return HttpResponse("action: pay, decline\n", status=400, content_type="text/plain")
    if page_state(bill, now) is PageState.PAYABLE:
        if action == "pay":
            paying.pay(bill, now)
        else:
            paying.decline(bill, now)
    if _wants_json(request):
        return _page(request, bill, now)
    suffix = "?declined=1" if action == "decline" else ""
    return HttpResponseRedirect(request.path + suffix)


def _action(request: HttpRequest) -> str:
    if request.content_type == JSON:
        try:
            return msgspec.json.decode(request.read(_MAXIMUM_BODY), type=_Action).action
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return ""
    return request.POST.get("action", "")


def _page(request: HttpRequest, bill: Bill, now: int) -> HttpResponse:
    view = page_view(bill, centre_keys(), now)
    if _wants_json(request):
        return HttpResponse(
            msgspec.json.encode(view), content_type=JSON, headers={"Cache-Control": "no-store"}
        )
    context: dict[str, object] = {
        "view": view,
        "state": view.state.value,
        "amount": yuan(view.amount),
        "lines": [(line.name, line.english, yuan(line.amount)) for line in view.lines],
        "expires": china_time(view.expires_at),
        "paid": china_time(view.paid_at),
        "support": settings.KEYDESK.support,
        "declined": view.state is PageState.PAYABLE and "declined" in request.GET,
        "sandbox": paying.provider().name == "sandbox",
        "qr": _qr(view),
    }
    return _html("payments/page.html", context, 200)


def _qr(view: PageView) -> str:
    return mark_safe(qr_svg(view.scan_text)) if view.scan_text else ""  # noqa: S308 - our own SVG of base 32 text


def _trouble(trouble: OrderCodeRefusal) -> dict[str, object]:
    return {"trouble": trouble.value, "support": list(settings.KEYDESK.support)}


def _answer(request: HttpRequest, template: str, context: dict[str, object], status: int) -> HttpResponse:
    if _wants_json(request):
        return HttpResponse(msgspec.json.encode(context), status=status, content_type=JSON)
    return _html(template, context, status)


def _html(template: str, context: dict[str, object], status: int) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HttpResponse(render_to_string(template, context), status=status, headers=headers)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").split(",")[0].split(";")[0].strip() == JSON
