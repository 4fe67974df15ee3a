"""Policies: numbered for each kiosk, signed by the centre, published."""

from __future__ import annotations

import msgspec

from kiosk.domain.feed import PolicyPublished
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.policy import DAY, Policy, SignedPolicy
from kiosk.domain.versions import audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk, KioskPolicy
from sync.central.tables import row_key
from sync.protocol.times import sign_policy

LIFE = 180 * DAY
RENEW_BEFORE = 90 * DAY


def newest(kiosk: int) -> KioskPolicy | None:
    """The policy in force for a kiosk."""
    return KioskPolicy.objects.filter(kiosk_id=kiosk).order_by("-number").first()


def issue(kiosk: int, limits: Policy, keys: CentreKeys, now: int, *, prolonged: bool = True) -> KioskPolicy:
    """Sign and publish the next policy with these limits (its number and kiosk are filled in here).

    One that is not `prolonged` ends at its `valid_until` and is not renewed. The row of the one before is removed: a
    machine that reads from zero would meet it with a later one in force.
    """
    with telling(now) as told:
        Kiosk.objects.select_for_update().get(number=kiosk)
        before = newest(kiosk)
        number = 1 if before is None else before.number + 1
        policy = msgspec.structs.replace(limits, number=number, kiosk=kiosk)
        signed = sign_policy(policy, keys.centre_key)
        row = KioskPolicy.objects.create(
            key=row_key(kiosk, number),
            kiosk_id=kiosk,
            prolonged=prolonged,
            data=signed.policy,
            signature=signed.signature,
            **{name: value for name, value in msgspec.structs.asdict(policy).items() if name != "kiosk"},
        )
        own = audience_of_kiosk(kiosk)
        if before is not None:
            told.remove(own, row_key_of(PolicyPublished(_signed(before))))
        told.tell(own, PolicyPublished(signed))
        return row


def read(row: KioskPolicy) -> Policy:
    """The limits of a stored policy."""
    return _signed(row).read()


def _signed(row: KioskPolicy) -> SignedPolicy:
    return SignedPolicy(bytes(row.data), bytes(row.signature))


def ensure(kiosk: int, keys: CentreKeys, now: int) -> SignedPolicy:
    """The policy in force, at first the usual one.

    It is renewed early enough that a kiosk in contact always has a valid one, unless staff set its end.
    """
    row = newest(kiosk)
    if row is None:
        row = issue(kiosk, Policy(number=1, kiosk=kiosk, valid_until=now + LIFE), keys, now)
    elif row.prolonged and row.valid_until < now + RENEW_BEFORE:
        row = issue(kiosk, msgspec.structs.replace(read(row), valid_until=now + LIFE), keys, now)
    return _signed(row)
