"""What an HTTP answer is: the centre's own, or that of whoever stands in between (pure).

The centre answers with records in JSON, and refuses with a problem (RFC 9457): everything else is somebody else's answer.
"""

from __future__ import annotations

import email.utils
from typing import TYPE_CHECKING, NamedTuple

import httpx2

from sync.agent.errors import (
    AnswerUnusable,
    CentreBusy,
    NetworkLogin,
    ProxyRefused,
    RequestRefused,
    UploadBlocked,
)
from sync.protocol.errors import read_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK = 200
_REFUSED = 400
_TOO_LARGE = 413
_TOO_MANY = 429
_FAULT = 500
_UNAVAILABLE = 503
_NETWORK_LOGIN = 511  # RFC 6585, section 6
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_PROXIES = frozenset({403, 407, 502, 503, 504})
_PAGES = ("text/html", "application/xhtml")


class Answer(NamedTuple):
    """An HTTP answer; the names of its headers in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether people should read it in a browser; JSON never begins so."""
        media_type = self.headers.get("content-type", "").lstrip().lower()
        return media_type.startswith(_PAGES) or self.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def centre_body(answer: Answer, host: str, now: float) -> bytes:
    """The body of the centre's answer; `host` is where it was asked, `now` the time (UTC seconds).

    Raises CentreBusy, RequestRefused, AnswerUnusable, and of the last NetworkLogin, ProxyRefused and UploadBlocked.
    """
    status = answer.status
    if status == _OK and not answer.is_page:
        return answer.body
    problem = read_problem(answer.body) if status >= _REFUSED else None
    if status == _TOO_MANY or (status == _UNAVAILABLE and (problem is not None or not answer.body)):
        raise CentreBusy(status, retry_after(answer.headers, now))
    if problem is None:
        raise _unusable(answer, host, now)
    if status < _FAULT:
        raise RequestRefused(status, problem)
    raise AnswerUnusable(f"the centre failed ({status})", status)


def _unusable(answer: Answer, host: str, now: float) -> AnswerUnusable:
    """Who else answered, as far as that can be told."""
    status, said = answer.status, f"HTTP {answer.status}"
    if status in {_NETWORK_LOGIN, _OK}:
        return NetworkLogin(said, status)
    if status in _REDIRECTIONS and (elsewhere := _elsewhere(answer, host)):
        return NetworkLogin(f"{said}, {elsewhere}", status)
    if status == _TOO_LARGE:
        return UploadBlocked(said, status)
    if status in _PROXIES:
        return ProxyRefused(said, status, retry_after(answer.headers, now))
    return AnswerUnusable(f"the answer is a bare {status}", status)


def _elsewhere(answer: Answer, host: str) -> str:
    """To which other host it redirects; empty when to none."""
    try:
        leads = httpx2.URL(answer.headers.get("location", "")).raw_host.decode("ascii")
    except httpx2.InvalidURL:
        return ""
    return "" if leads == host else leads


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from now (RFC 9110, section 10.2.3): a number, or a date against the answer's own date, else against ours."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    try:
        sent = email.utils.parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        sent = now
    return max(0.0, until - sent)
