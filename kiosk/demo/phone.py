"""The payer's phone of the demo: opens the QR's address and uses the centre's page like any other visitor."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request

import msgspec

from kiosk.demo.ports import PhonePage, PhoneRefused, PhoneUnreachable

SECONDS = 10
_CODE = re.compile(r"验证码 ([0-9]{6})")
# As a phone keeps what a page gives it: the confirmation is shown to the browser that paid.
_BROWSER = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


class _Page(msgspec.Struct, frozen=True):
    """The page's JSON for programs."""

    order: str
    amount: int
    state: str
    confirmation: str = ""
    scan_text: str = ""


def open_page(link: str, action: str | None = None) -> PhonePage:
    """Open the page, or press its button `action` (pay, decline). Raises PhoneUnreachable, PhoneRefused."""
    address = _lower_host(link)
    body = None if action is None else f"action={action}".encode()
    request = urllib.request.Request(address, data=body, headers={"Accept": "application/json"})  # noqa: S310 - http(s) by _lower_host
    try:
        with _BROWSER.open(request, timeout=SECONDS) as answer:
            page = msgspec.json.decode(answer.read(), type=_Page)
    except urllib.error.HTTPError as error:
        raise PhoneRefused(f"HTTP {error.code}") from error
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise PhoneUnreachable(str(error)) from error
    return PhonePage(page.order, page.amount, page.state, address, page.confirmation, page.scan_text)


class _Message(msgspec.Struct, frozen=True):
    """A text message as the centre's sandbox carries it."""

    text: str


class _Messages(msgspec.Struct, frozen=True):
    """An account's messages, as the centre's sandbox answers."""

    messages: tuple[_Message, ...]


def code_in(message: str) -> str:
    """The code that a text message tells; empty where it tells none."""
    found = _CODE.search(message)
    return found[1] if found else ""


def messages(centre: str, account: str) -> tuple[str, ...]:
    """The text messages to an account's phone, newest first; none where the centre has no sandbox or is not there."""
    address = (
        f"{_lower_host(centre).rstrip('/')}/sandbox/messages?{urllib.parse.urlencode({'account': account})}"
    )
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:  # noqa: S310 - http(s) by _lower_host
            received = msgspec.json.decode(answer.read(), type=_Messages).messages
    except (OSError, msgspec.MsgspecError):
        return ()
    return tuple(message.text for message in received)


def _lower_host(link: str) -> str:
    """The link as a browser normalises it: scheme and host in lower case. Raises PhoneRefused."""
    scheme, mark, rest = link.partition("://")
    if scheme.lower() not in {"http", "https"} or not mark:
        raise PhoneRefused("not an address")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}"
