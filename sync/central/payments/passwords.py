"""设置登录密码: the page at {base}/password/ where a new operator's link leads.

The link itself shows nothing and uses nothing up: it hands its token to a cookie of this page and leads to the address without it, so
that the token stands in no history and no Referer. Django's own check of forms (CSRF) is on.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.views.decorators.http import require_GET

from kiosk.domain.password_rules import LONGEST_PASSWORD, SHORTEST_PASSWORD, password_fault, tidy_password
from kiosk.pki.passwords import make_verifier
from sync.central.context import centre_now
from sync.central.login import first_passwords
from sync.central.login.first_passwords import PATH
from sync.central.payments.answers import HEADERS, WAIT, address_of, by_https, html, too_often
from sync.central.payments.rates import Rate

COOKIE = "keydesk-password"
_COOKIE_SECONDS = 1800
_LONGEST_TYPED = 200
# Each password costs work, and nobody tries tokens.
TRIES, LOOKS = Rate(20, WAIT), Rate(60, WAIT)
RATES = (TRIES, LOOKS)


@require_GET
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token into the cookie, whatever it is worth, and go to the page; what is none by its form, not even there."""
    if not LOOKS.allows(address_of(request), centre_now()):
        return _too_often()
    response = HttpResponseRedirect(PATH, headers={**HEADERS, "Referrer-Policy": "no-referrer"})
    if not first_passwords.is_token(token):
        return response
    response.set_cookie(
        COOKIE,
        token,
        max_age=_COOKIE_SECONDS,
        path=PATH,
        httponly=True,
        samesite="Lax",
        secure=by_https(request),
    )
    return response


def page(request: HttpRequest) -> HttpResponse:
    """Show whose password is set, with a form; or set it (POST)."""
    now = centre_now()
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, POST"})
    rate = TRIES if request.method == "POST" else LOOKS
    if not rate.allows(address_of(request), now):
        return _too_often()
    token = request.COOKIES.get(COOKIE, "")
    account = first_passwords.account_of(token, now)
    if account is None:
        return _over(request)
    return _set(request, token, account, now) if request.method == "POST" else _page(request, account)


def _set(request: HttpRequest, token: str, account: str, now: int) -> HttpResponse:
    said = _fault(request, account)
    if said:
        return _page(request, account, said=said, status=422)
    if not first_passwords.set_by_link(token, make_verifier(_typed(request, "password")), now):
        return _over(request)
    return _ended(_page(request, account, done=True), request)


def _fault(request: HttpRequest, account: str) -> str:
    """Why the typed password is not taken; empty where it is."""
    password = _typed(request, "password")
    if password != _typed(request, "again"):
        return "differ"
    fault = password_fault(password, account)
    return "" if fault is None else fault.value


def _typed(request: HttpRequest, field: str) -> str:
    return tidy_password(request.POST.get(field, "")[:_LONGEST_TYPED])


def _page(
    request: HttpRequest, account: str, *, said: str = "", done: bool = False, status: int = 200
) -> HttpResponse:
    context: dict[str, object] = {
        "account": account,
        "said": said,
        "done": done,
        "over": not account,
        "shortest": SHORTEST_PASSWORD,
        "longest": LONGEST_PASSWORD,
        "csrf": get_token(request),
    }
    return html("payments/password.html", context, status)


def _over(request: HttpRequest) -> HttpResponse:
    """The link was used, or has expired, or is none."""
    return _ended(_page(request, "", status=410), request)


def _ended(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Let the browser forget the token, which is of no more use."""
    if COOKIE in request.COOKIES:
        response.delete_cookie(COOKIE, path=PATH, samesite="Lax")
    return response


def _too_often() -> HttpResponse:
    return too_often(html("payments/refused.html", {"trouble": "too-often"}, 429))
