"""「我的订单」→「华商订单」 at {base}/orders/: the orders that this browser paid, or those of who signed in.

Django's own check of forms (CSRF) is on: a form of another site changes nothing here, and signs nobody in as somebody else.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.views.decorators.http import require_GET

from sync.central.context import centre_now
from sync.central.formats import china_time, yuan
from sync.central.login import sessions
from sync.central.login.sessions import SignIn
from sync.central.payments import payers
from sync.central.payments.answers import WAIT, address_of, by_https, html
from sync.central.payments.orders import form_views
from sync.central.payments.orders.cards import Card, of_account, of_browser
from sync.central.payments.orders.visitors import COOKIE, PATH, refused_for_now, visitor_of
from sync.central.payments.rates import Rate

_ACTIONS = ("sign-in", "code", "leave")
_SAID = {*(each.value for each in SignIn), "wrong-code"}
# What became of a form of one order.
_DONE = {
    "delivery-kept": ("收件地址已登记。", "The address was taken down."),
    "invoice-kept": ("发票申请已登记。", "The request for an invoice was taken down."),
    "invoice-withdrawn": ("发票申请已撤回。", "The request for an invoice was withdrawn."),
    "too-late": (
        "已经寄出或已经开票，不能再改；有问题请联系客服。",
        "It was mailed or made out already: ask support.",
    ),
    "closed": (
        "这个订单现在不能填写；有问题请联系客服。",
        "Nothing can be filled in for this order now: ask support.",
    ),
    "who": ("请用付款的手机打开，或登录后再填写。", "Open it on the phone that paid, or sign in first."),
}
_LONGEST_PASSWORD = 200
# Each password costs work: so many tries of one address, beside what each account has.
TRIES = Rate(30, WAIT)
RATES = (TRIES, *form_views.RATES)


def page(request: HttpRequest) -> HttpResponse:
    """Show the orders, or ask who it is; or sign in, take the code, sign out (POST, `action`)."""
    now = centre_now()
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, POST"})
    return _act(request, now) if request.method == "POST" else _page(request, now)


@require_GET
def follow_picture(request: HttpRequest) -> HttpResponse:
    """The picture with which the official account is followed."""
    del request
    picture = settings.KEYDESK.picture_to_follow
    if picture is None:
        raise Http404
    return HttpResponse(
        picture.content, content_type=picture.media_type, headers={"Cache-Control": "max-age=3600"}
    )


def _act(request: HttpRequest, now: int) -> HttpResponse:
    action = request.POST.get("action", "")
    if action not in _ACTIONS:
        return HttpResponse(f"action: {', '.join(_ACTIONS)}\n", status=400, content_type="text/plain")
    if action != "leave" and not TRIES.allows(address_of(request), now):
        return refused_for_now()
    name = request.COOKIES.get(COOKIE, "")
    match action:
        case "sign-in":
            return _sign_in(request, name, now)
        case "code" if not sessions.take_code(name, request.POST.get("code", "").strip(), now):
            return HttpResponseRedirect(f"{PATH}?said=wrong-code")
        case "leave":
            sessions.end(name, now)
            response = HttpResponseRedirect(PATH)
            response.delete_cookie(COOKIE, path=PATH, samesite="Lax")
            return response
        case _:
            return HttpResponseRedirect(PATH)


def _sign_in(request: HttpRequest, former: str, now: int) -> HttpResponse:
    password = request.POST.get("password", "")[:_LONGEST_PASSWORD]
    begun = sessions.begin(request.POST.get("account", "").strip(), password, now)
    if begun.said is not SignIn.CODE_SENT:
        return HttpResponseRedirect(f"{PATH}?said={begun.said.value}")
    sessions.end(former, now)
    response = HttpResponseRedirect(PATH)
    response.set_cookie(
        COOKIE, begun.name, path=PATH, httponly=True, samesite="Lax", secure=by_https(request)
    )
    return response


def _page(request: HttpRequest, now: int) -> HttpResponse:
    visitor = visitor_of(request, now)
    calendar = settings.KEYDESK.working_days
    if visitor.account:
        cards = of_account(visitor.account, calendar, now)
    else:
        cards = of_browser(visitor.browser, calendar, now)
    said = request.GET.get("said", "")
    context: dict[str, object] = {
        "cards": [_shown(card) for card in cards],
        "account": visitor.account,
        "asks_code": visitor.asks_code,
        "said": said if said in _SAID else "",
        "done": said if said in _DONE else "",
        "done_words": _DONE.get(said),
        "sends_codes": payers.sends_codes(),
        "csrf": get_token(request),
    }
    response = html("payments/orders.html", context)
    payers.remember(response, visitor.browser, secure=by_https(request))
    return response


def _shown(card: Card) -> dict[str, object]:
    return {"card": card, "amount": yuan(card.amount), "at": china_time(card.at or None)}
