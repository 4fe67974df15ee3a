"""One-time enrolment tokens, each for one machine; only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from kiosk.domain.policy import DAY
from sync.central.centre_keys import SERIAL_BYTES
from sync.central.errors import require_kiosk_number
from sync.central.fleet.models import EnrolmentToken, Kiosk
from sync.protocol.records import enrol_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

TOKEN_LIFE = 7 * DAY


class HandedOut(msgspec.Struct, frozen=True):
    """A new token, and what it makes void: how many tokens, and whether a machine waits for the root with one of them."""

    token: str
    voided: int
    awaits_root: bool


def give_token(kiosk: int, now: int) -> str:
    """A new one-time token for a kiosk, which is created if need be; tokens given before expire.

    Raises KioskNumberRefused.
    """
    return hand_out(kiosk, now).token


def hand_out(kiosk: int, now: int) -> HandedOut:
    """The same, with what it makes void, which whoever gives it out has to say. Raises KioskNumberRefused."""
    require_kiosk_number(kiosk)
    text = enrol_token(kiosk, secrets.token_bytes(SERIAL_BYTES))
    with transaction.atomic():
        Kiosk.objects.get_or_create(number=kiosk)
        Kiosk.objects.select_for_update().get(number=kiosk)
        devices = list(unused_tokens(kiosk, now).values_list("device_key", flat=True))
        unused_tokens(kiosk, now).update(expires_at=now)
        EnrolmentToken.objects.create(
            digest=token_digest(text), kiosk_id=kiosk, made_at=now, expires_at=now + TOKEN_LIFE
        )
    return HandedOut(text, len(devices), any(bytes(each) for each in devices))


def void_words(given: HandedOut, text: Callable[..., str]) -> str:
    """What a new token made void, for whoever gave it out."""
    said = text("先前发放、还没有用的令牌已作废（{count} 个），只有新的这个能用", count=given.voided)
    if not given.awaits_root:
        return said
    return text("{said}；有一台机器正凭旧令牌等待根证书签发，要用新令牌重新登记", said=said)


def unused_tokens(kiosk: int, now: int) -> QuerySet[EnrolmentToken]:
    """The tokens with which a machine may still be enrolled as that kiosk."""
    return EnrolmentToken.objects.filter(kiosk_id=kiosk, used_at=None, expires_at__gt=now)


def newer_token(token: EnrolmentToken) -> int | None:
    """When a token was given out that took the place of an expired one (UTC seconds); None where there is none."""
    newer = EnrolmentToken.objects.filter(kiosk_id=token.kiosk_id, made_at__gte=token.expires_at)
    return newer.exclude(digest=token.digest).order_by("-made_at").values_list("made_at", flat=True).first()


def token_digest(token: str) -> str:
    """The digest (hex) under which a token is stored; case makes no difference."""
    return hashlib.sha256(token.strip().upper().encode()).hexdigest()
