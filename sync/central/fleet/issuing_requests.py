"""Kiosks' requests that wait for the root, where its key is elsewhere; each is one key of one kiosk."""

from __future__ import annotations

import hashlib

from kiosk.pki.requests import VerifiedRequest
from sync.central.fleet.models import IssuingRequest, Kiosk, KioskState


def key_digest(kiosk: int, public_key: bytes) -> str:
    """What names a request: the kiosk and its key, so that asking again is the same request."""
    return hashlib.sha256(f"{kiosk}:".encode() + public_key).hexdigest()


def certificate_for(kiosk: int, verified: VerifiedRequest) -> bytes | None:
    """The certificate that the root signed for that key."""
    row = IssuingRequest.objects.filter(pk=key_digest(kiosk, verified.public_key)).first()
    return None if row is None or not row.certificate else bytes(row.certificate)


def wait_for_root(kiosk: Kiosk, request: bytes, verified: VerifiedRequest, now: int) -> None:
    """Note that a request waits; asking again changes nothing."""
    IssuingRequest.objects.get_or_create(
        digest=key_digest(kiosk.number, verified.public_key),
        defaults={
            "kiosk": kiosk,
            "request": request,
            "public_key": verified.public_key,
            "asked_at": now,
        },
    )


def waiting() -> list[IssuingRequest]:
    """The newest request of each kiosk that waits, by its number; none of a kiosk that was revoked."""
    rows = IssuingRequest.objects.select_related("kiosk").exclude(kiosk__state=KioskState.REVOKED)
    newest = {row.kiosk_id: row for row in rows.order_by("asked_at", "digest")}
    return [newest[number] for number in sorted(newest) if not newest[number].certificate]


def take_certificate(kiosk: Kiosk, public_key: bytes, certificate: bytes, now: int) -> bool:
    """Keep the certificate of a kiosk's key, which was checked against the root; whether there was none yet."""
    row, _ = IssuingRequest.objects.select_for_update().get_or_create(
        digest=key_digest(kiosk.number, public_key),
        defaults={"kiosk": kiosk, "request": b"", "public_key": public_key, "asked_at": now},
    )
    if row.certificate:
        return False
    row.certificate, row.signed_at = certificate, now
    row.save(update_fields=["certificate", "signed_at"])
    return True
