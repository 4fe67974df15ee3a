"""TLS: whose certificates the agent trusts, and why a certificate is refused."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx2

from kiosk.store.agent_state import LinkFault
from sync.agent.errors import AuthorityUnusable
from sync.agent.line.causes import cause

if TYPE_CHECKING:
    from pathlib import Path

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_TROUBLES = {
    2: LinkFault.UNKNOWN_AUTHORITY,
    9: LinkFault.NOT_YET_VALID,
    10: LinkFault.EXPIRED,
    18: LinkFault.UNKNOWN_AUTHORITY,
    19: LinkFault.UNKNOWN_AUTHORITY,
    20: LinkFault.UNKNOWN_AUTHORITY,
    21: LinkFault.UNKNOWN_AUTHORITY,
    62: LinkFault.ANOTHER_HOST,
    64: LinkFault.ANOTHER_HOST,
}


def ssl_context(authority: Path | None) -> ssl.SSLContext:
    """A context that trusts only the CAs in that PEM file, or the system's CAs without a file.

    Raises AuthorityUnusable.
    """
    if authority is None:
        return httpx2.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise AuthorityUnusable(authority, str(error)) from error


def link_trouble(error: BaseException) -> LinkFault | None:
    """What TLS found wrong with the other end, if the request failed for that."""
    found = cause(error, ssl.SSLError)
    if found is None:
        return None
    if isinstance(found, ssl.SSLCertVerificationError):
        return _TROUBLES.get(found.verify_code, LinkFault.REFUSED)
    return LinkFault.NO_TLS if found.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"} else None
