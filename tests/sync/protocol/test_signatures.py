from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from kiosk.pki.device_keys import device_public_key, generate_device_key
from sync.protocol.errors import ClockOff, SignatureRefused
from sync.protocol.signatures import TOLERANCE, sign_request, verify_request

KEY = generate_device_key()
PUBLIC = device_public_key(KEY)
NOW = 1_795_000_000
URL = "http://centre.example:8000/device/v1/feed?after=3&wait=20"


def _signed(body: bytes = b"body", url: str = URL) -> dict[str, str]:
    return sign_request("POST", url, body, key_id="3", device_key=KEY, created=NOW)


# What structured fields are made of (RFC 8941), so that many of them parse, and any text besides.
_MARKS = '=()";:, %-\\\t\x00\x7f密\ud800'
_WORDS = (
    "device",
    "?1",
    "@1",
    "1.",
    "9" * 20,
    "a=b",
    "\r\n ",
    "sha-256",
    ":AAAA:",
    '"@method"',
    '"content-digest"',
)
_PARAMETERS = (";created=1795000000", ';keyid="3"', ';tag="keydesk-device"', ";alg=?0")
_PIECES = st.sampled_from((*_MARKS, *_WORDS, *_PARAMETERS))
_FIELDS = st.lists(_PIECES, max_size=24).map("".join) | st.text(max_size=60)


def _lookup(key_id: str) -> bytes | None:
    return PUBLIC if key_id == "3" else None


def test_what_is_signed_verifies_behind_another_host_name() -> None:
    behind = URL.replace("http://centre.example:8000", "https://other")
    verified = verify_request("POST", behind, _signed(), b"body", key_of=_lookup, now=NOW)
    assert (verified.key_id, verified.created) == ("3", NOW)


def test_the_signature_base_is_the_standards() -> None:
    """Built by hand after RFC 9421, section 2.5, and checked without the library."""
    headers = _signed()
    digest = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    assert headers["Content-Digest"] == f"sha-256=:{digest}:"
    parameters = headers["Signature-Input"].removeprefix("device=")
    base = "\n".join(
        (
            '"@method": POST',
            '"@path": /device/v1/feed',
            '"@query": ?after=3&wait=20',
            f'"content-digest": sha-256=:{digest}:',
            f'"@signature-params": {parameters}',
        )
    )
    signature = base64.b64decode(headers["Signature"].removeprefix("device=:").removesuffix(":"))
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature, base.encode())


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", URL, b"body"),
        ("POST", URL.replace("after=3", "after=4"), b"body"),
        ("POST", URL.replace("/feed", "/epoch"), b"body"),
        ("POST", URL, b"other"),
        ("POST", URL, b""),
    ],
)
def test_a_request_that_was_changed_is_refused(method: str, url: str, body: bytes) -> None:
    with pytest.raises(SignatureRefused):
        verify_request(method, url, _signed(), body, key_of=_lookup, now=NOW)


def test_a_body_cannot_be_added_to_an_empty_request() -> None:
    headers = _signed(b"")
    assert verify_request("POST", URL, headers, b"", key_of=_lookup, now=NOW).key_id == "3"
    with pytest.raises(SignatureRefused):
        verify_request("POST", URL, headers, b"added", key_of=_lookup, now=NOW)


@pytest.mark.parametrize("missing", ["Content-Digest", "Signature", "Signature-Input"])
def test_a_missing_header_is_refused(missing: str) -> None:
    headers = _signed()
    del headers[missing]
    with pytest.raises(SignatureRefused):
        verify_request("POST", URL, headers, b"body", key_of=_lookup, now=NOW)


@pytest.mark.parametrize("rubbish", ["", "device=()", "device=:AAAA:", "device=?", "x" * 5000, "device=(1)"])
@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
def test_rubbish_in_a_header_is_refused(name: str, rubbish: str) -> None:
    with pytest.raises(SignatureRefused):
        verify_request("POST", URL, {**_signed(), name: rubbish}, b"body", key_of=_lookup, now=NOW)


@given(name=st.sampled_from(("Signature", "Signature-Input", "Content-Digest")), value=_FIELDS)
def test_no_header_that_anybody_can_write_raises_anything_but_a_refusal(name: str, value: str) -> None:
    with pytest.raises(SignatureRefused):
        verify_request("POST", URL, {**_signed(), name: value}, b"body", key_of=_lookup, now=NOW)


@given(value=_FIELDS, cut=st.integers(0, 120))
def test_no_header_that_begins_as_a_right_one_raises_anything_but_a_refusal(value: str, cut: int) -> None:
    signed = _signed()
    for name in ("Signature", "Signature-Input", "Content-Digest"):
        changed = signed[name][:cut] + value
        try:
            verified = verify_request(
                "POST", URL, {**signed, name: changed}, b"body", key_of=_lookup, now=NOW
            )
        except (SignatureRefused, ClockOff):
            continue
        # What nothing covers may stand behind it, as parameters of the signature itself.
        assert (verified.key_id, verified.created) == ("3", NOW)


def test_another_key_or_an_unknown_kiosk_is_refused() -> None:
    other = device_public_key(generate_device_key())
    answers: tuple[dict[str, bytes], ...] = ({"3": other}, {})
    for known in answers:
        with pytest.raises(SignatureRefused):
            verify_request("POST", URL, _signed(), b"body", key_of=known.get, now=NOW)


def test_a_signature_that_covers_less_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms  # noqa: PLC0415

    from sync.protocol.signatures import TAG, Message  # noqa: PLC0415

    message = Message("POST", URL, {})
    resolver = MappingKeyResolver(
        public_keys={}, private_keys={"3": Ed25519PrivateKey.from_private_bytes(KEY)}
    )
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    signer.sign(message, key_id="3", tag=TAG, covered_component_ids=("@method",), body=b"body")
    with pytest.raises(SignatureRefused):
        verify_request("POST", URL, message.headers, b"body", key_of=_lookup, now=NOW)


@pytest.mark.parametrize("off", [TOLERANCE, -TOLERANCE])
def test_five_minutes_are_tolerated(off: int) -> None:
    assert verify_request("POST", URL, _signed(), b"body", key_of=_lookup, now=NOW + off).created == NOW


@pytest.mark.parametrize("off", [TOLERANCE + 1, -TOLERANCE - 1, 10 * 365 * 86400])
def test_a_wrong_time_is_told_apart_from_a_wrong_signature(off: int) -> None:
    with pytest.raises(ClockOff) as caught:
        verify_request("POST", URL, _signed(), b"body", key_of=_lookup, now=NOW + off)
    assert (caught.value.created, caught.value.now) == (NOW, NOW + off)
    with pytest.raises(SignatureRefused) as refused:
        verify_request("POST", URL, _signed(), b"other", key_of=_lookup, now=NOW + off)
    assert not isinstance(refused.value, ClockOff)
