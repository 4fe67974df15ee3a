"""The exchange's staff of the demo: sign in to the centre's console and decide there, as anybody at a browser does."""

from __future__ import annotations

import html
import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from datetime import date

import msgspec

from kiosk.demo.members import CONSOLE
from kiosk.demo.ports import ExchangeRefused, ExchangeUnreachable, NothingWaits

SECONDS = 10
_LOGIN = "/admin/login/"
_PROPOSALS = "/admin/ledger/ledgerproposal/"
_REQUESTS = "/admin/ledger/ledgerrequests/"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_FACT = re.compile(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', re.DOTALL)
# A message of the console, or what is wrong with a field.
_COMPLAINT = re.compile(r'(?:<li class="error">|<ul class="errorlist"[^>]*>\s*<li>)(.*?)</li>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
# As the console's page of a proposal names its lines.
_NAME, _PROPOSER, _NEW_ACCOUNT = "姓名", "申请的账号", "新账号"


class Judged(msgspec.Struct, frozen=True):
    """A proposal that was decided: who was proposed by which account; `account` is the new one of an approved trader."""

    name: str
    proposer: str
    account: str = ""


class _Shown(msgspec.Struct, frozen=True):
    """A page of the console, and the path that it stands at."""

    path: str
    text: str

    def facts(self) -> dict[str, str]:
        """The lines of what is shown to who may decide."""
        return {html.unescape(label): html.unescape(value) for label, value in _FACT.findall(self.text)}

    def rows(self, section: str) -> list[str]:
        """The pages that a list leads to, as it has them."""
        found = re.findall(rf'href="({re.escape(section)}[^"/]+/change/[^"]*)"', self.text)
        return [html.unescape(each) for each in dict.fromkeys(found)]

    def offers(self, button: str) -> bool:
        """Whether that button is there."""
        return f'name="{button}"' in self.text


class Console:
    """The console at that address; it is signed in to once it is needed.

    Every method takes a second or two, and raises ExchangeUnreachable, ExchangeRefused or NothingWaits.
    """

    def __init__(self, centre: str) -> None:
        self._centre = centre.rstrip("/")
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(cookies)

    def approve(self) -> Judged:
        """Approve the trader who waits longest."""
        page, judged = self._longest_waiting()
        done = self._press(page, "approve", {"approve-checked": "on"})
        return msgspec.structs.replace(judged, account=done.facts().get(_NEW_ACCOUNT, ""))

    def refuse(self, reason: str) -> Judged:
        """Refuse the one who waits longest."""
        page, judged = self._longest_waiting()
        self._press(page, "refuse", {"refuse-reason": reason})
        return judged

    def issue_invoice(self, order: str, number: str, day: date) -> None:
        """Enter that the invoice which was asked for an order was made out."""
        rows = self._get(f"{_REQUESTS}?{urllib.parse.urlencode({'q': order})}").rows(_REQUESTS)
        page = self._get(rows[0]) if rows else None
        if page is None or not page.offers("issued"):
            raise NothingWaits
        self._press(page, "issued", {"issued-number": number, "issued-issued_on": day.isoformat()})

    def _longest_waiting(self) -> tuple[_Shown, Judged]:
        """The page of that proposal with who it is, which a reviewer asks for before deciding."""
        rows = self._get(f"{_PROPOSALS}?state__exact=under-review").rows(_PROPOSALS)
        if not rows:
            raise NothingWaits
        page = self._press(self._get(rows[-1]), "reveal", {})  # the newest stands first
        facts = page.facts()
        if _NAME not in facts:  # the person's record comes after the entry
            raise NothingWaits
        return page, Judged(facts[_NAME], facts.get(_PROPOSER, ""))

    def _get(self, path: str) -> _Shown:
        """That page, after signing in where it asks for it."""
        shown = self._open(path)
        if not shown.path.startswith(_LOGIN):
            return shown
        name, password = CONSOLE
        signed_in = self._open(shown.path, self._form(shown, {"username": name, "password": password}))
        if signed_in.path.startswith(_LOGIN):
            raise ExchangeRefused(f"{_LOGIN} {name}")
        return signed_in

    def _press(self, page: _Shown, button: str, typed: dict[str, str]) -> _Shown:
        """Send what was typed by that button; the page that comes then."""
        shown = self._open(page.path, self._form(page, {**typed, button: "1"}))
        if complaint := _COMPLAINT.search(shown.text):
            raise ExchangeRefused(html.unescape(_TAG.sub("", complaint[1])).strip())
        return shown

    def _form(self, page: _Shown, typed: dict[str, str]) -> bytes:
        token = _TOKEN.search(page.text)
        if token is None:
            raise ExchangeUnreachable(page.path)
        return urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **typed}).encode()

    def _open(self, path: str, body: bytes | None = None) -> _Shown:
        request = urllib.request.Request(f"{self._centre}{path}", data=body)  # noqa: S310 - the demo's own centre
        try:
            with self._browser.open(request, timeout=SECONDS) as answer:
                at = urllib.parse.urlsplit(answer.url)
                return _Shown(at.path + (f"?{at.query}" if at.query else ""), answer.read().decode())
        except urllib.error.HTTPError as error:
            raise ExchangeRefused(f"HTTP {error.code}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ExchangeUnreachable(str(error)) from error
