"""Signing and checking device requests: HTTP Message Signatures (RFC 9421), Ed25519, with Content-Digest (RFC 9530).

A signature covers method, path, query and the digest of the body (an empty one too), under the tag `keydesk-device`, and the
centre's receipt that a machine shows (`receipts`);
`keyid` is the kiosk's number and its machine's (`3/1`). The centre's address is not covered, since a proxy may change it; another centre knows
no key of this kiosk.

`created` must be within five minutes of the centre's clock. A request whose signature is valid and whose time is not
is answered with the centre's signed time (`ClockOff`): a kiosk with a wrong clock signs again with that time and
leaves its own clock alone. Within the five minutes a request can be replayed; a repeated request changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from sync.protocol.errors import ClockOff, SignatureRefused
from sync.protocol.receipts import HEADER

if TYPE_CHECKING:
    from http_message_signatures import VerifyResult

TAG = "keydesk-device"
ENROL_KEY_ID = "enrol"
TOLERANCE = 5 * 60
COVERED = ("@method", "@path", "@query", "content-digest")
COVERED_RECEIPT = HEADER.lower()

_MACHINE_KEY_ID = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})")

KeyLookup = Callable[[str], bytes | None]


class Message(msgspec.Struct):
    """A request as the signature covers it; `url` is absolute."""

    method: str
    url: str
    headers: dict[str, str]


class VerifiedRequest(msgspec.Struct, frozen=True):
    """A request whose signature is valid: by whom, and when (UTC seconds)."""

    key_id: str
    created: int


class _Keys(HTTPSignatureKeyResolver):
    """One private key, or public keys by their id."""

    def __init__(self, lookup: KeyLookup | None = None, seed: bytes | None = None) -> None:
        self._lookup = lookup
        self._seed = seed

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        """The public key of that id."""
        raw = None if self._lookup is None else self._lookup(key_id)
        return None if raw is None else Ed25519PublicKey.from_public_bytes(raw)

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        """The private key, the same for every id."""
        if self._seed is None:
            raise SignatureRefused(f"no private key for {key_id}")
        return Ed25519PrivateKey.from_private_bytes(self._seed)


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its check of the time, which `verify_request` makes after the signature."""

    def validate_created_and_expires(self, sig_input: object, max_age: object = None) -> None:
        """Check nothing: `verify_request` checks the time."""


def machine_key_id(kiosk: int, machine: int) -> str:
    """The `keyid` (RFC 9421, section 2.3) of a kiosk's machine."""
    return f"{kiosk}/{machine}"


def parse_machine_key_id(key_id: str) -> tuple[int, int] | None:
    """The kiosk and the machine in a `keyid`; None for any other text."""
    match = _MACHINE_KEY_ID.fullmatch(key_id)
    return None if match is None else (int(match.group(1)), int(match.group(2)))


def sign_request(
    method: str, url: str, body: bytes, *, key_id: str, device_key: bytes, created: int, receipt: str = ""
) -> dict[str, str]:
    """The headers that sign a request: Content-Digest, Signature-Input, Signature, and the receipt's if there is one.

    `url` is absolute, with its query; `device_key` the Ed25519 seed (32 bytes); `created` the time of the
    centre's clock in UTC seconds, as far as it is known. Raises SignatureRefused when the request cannot be signed.
    """
    message = Message(method.upper(), url, {HEADER: receipt} if receipt else {})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(seed=device_key))
    try:
        signer.sign(
            message,
            key_id=key_id,
            created=datetime.fromtimestamp(created, UTC),
            tag=TAG,
            label="device",
            covered_component_ids=(*COVERED[:-1], *((COVERED_RECEIPT,) if receipt else ())),
            body=body,
        )
    except (HTTPMessageSignaturesException, ValueError, OverflowError, OSError) as error:
        raise SignatureRefused(str(error)) from error
    return message.headers


def verify_request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, *, key_of: KeyLookup, now: int
) -> VerifiedRequest:
    """Who signed this request; `key_of` gives the public key (32 bytes) of a key id, None for an unknown one.

    Raises SignatureRefused, and ClockOff when only the time is wrong.
    """
    message = Message(method.upper(), url, {name: value for name, value in headers.items() if value})
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(key_of))
    shows = any(name.lower() == COVERED_RECEIPT for name in message.headers)
    required = (*COVERED, COVERED_RECEIPT) if shows else COVERED
    try:
        (result,) = verifier.verify(
            message, max_age=None, expect_tag=TAG, require_components=required, body=body
        )
    except (InvalidSignature, HTTPMessageSignaturesException, ValueError) as error:
        raise SignatureRefused(str(error)) from error
    return _timely(result, now)


def _timely(result: VerifyResult, now: int) -> VerifiedRequest:
    created, key_id = result.parameters.get("created"), result.parameters.get("keyid")
    if not isinstance(created, int) or not isinstance(key_id, str):
        raise SignatureRefused("the signature names no time or no key")
    if abs(created - now) > TOLERANCE:
        raise ClockOff(created, now)
    return VerifiedRequest(key_id, created)
