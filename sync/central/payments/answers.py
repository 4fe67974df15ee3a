"""What all pages for phones have in common: headers, templates, and the answer to whoever asks too often."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

# No script, no style and no picture but our own; nothing is embedded, and forms come back here.
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
# Other sites hear of no address. With no-referrer a browser would hide the origin of our own forms as well, and Django refuse them.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "Content-Security-Policy": _POLICY}
WAIT = 60
"""Seconds after which whoever asked too often may come again."""


def html(template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """A page of a template."""
    configuration = settings.KEYDESK
    common = {
        "sandbox": configuration.plays_payments,
        "support": configuration.support,
        "official_account": configuration.official_account,
        "follow_picture": bool(configuration.follow_picture),
    }
    return HttpResponse(render_to_string(template, {**common, **context}), status=status, headers=HEADERS)


def too_often(response: HttpResponse) -> HttpResponse:
    """Say in a response of 429 when to come again."""
    response["Retry-After"] = str(WAIT)
    return response


def address_of(request: HttpRequest) -> str:
    """The browser's address; through one of the configured `fronts`, the last that it names in X-Forwarded-For."""
    peer: str = request.META.get("REMOTE_ADDR", "")
    if peer not in settings.KEYDESK.fronts:
        return peer
    named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return peer


def by_https(request: HttpRequest) -> bool:
    """Whether the browser came by https, also to a front; who claims it wrongly keeps no name."""
    return request.is_secure() or request.headers.get("X-Forwarded-Proto") == "https"
