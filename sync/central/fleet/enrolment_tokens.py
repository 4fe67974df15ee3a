"""One-time enrolment tokens, each for one machine; only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction

from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.domain.policy import DAY
from sync.central.centre_keys import SERIAL_BYTES
from sync.central.errors import EXCHANGE_KIOSK, KioskNumberRefused
from sync.central.fleet.models import EnrolmentToken, Kiosk
from sync.protocol.records import enrol_token

TOKEN_LIFE = 7 * DAY


def give_token(kiosk: int, now: int) -> str:
    """A new one-time token for a kiosk, which is created if need be; tokens given before expire.

    Raises KioskNumberRefused.
    """
    if not 1 <= kiosk <= MAXIMUM_KIOSK or kiosk == EXCHANGE_KIOSK:
        raise KioskNumberRefused(kiosk)
    text = enrol_token(kiosk, secrets.token_bytes(SERIAL_BYTES))
    with transaction.atomic():
        Kiosk.objects.get_or_create(number=kiosk)
        EnrolmentToken.objects.filter(kiosk_id=kiosk, used_at=None, expires_at__gt=now).update(expires_at=now)
        EnrolmentToken.objects.create(
            digest=token_digest(text), kiosk_id=kiosk, made_at=now, expires_at=now + TOKEN_LIFE
        )
    return text


def token_digest(token: str) -> str:
    """The digest (hex) under which a token is stored; case makes no difference."""
    return hashlib.sha256(token.strip().upper().encode()).hexdigest()
