"""Policies: numbered for each kiosk, signed by the centre, published."""

from __future__ import annotations

import msgspec

from kiosk.domain.feed import PolicyPublished
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.policy import DAY, Policy, SignedPolicy
from kiosk.domain.versions import audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.feed.collecting import Telling
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk, KioskPolicy
from sync.central.tables import row_key
from sync.protocol.times import policy_holds, sign_policy

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
        return _put(policy, sign_policy(policy, keys.centre_key), before, told, prolonged=prolonged)


def _put(
    policy: Policy, signed: SignedPolicy, before: KioskPolicy | None, told: Telling, *, prolonged: bool
) -> KioskPolicy:
    row = KioskPolicy.objects.create(
        key=row_key(policy.kiosk, policy.number),
        kiosk_id=policy.kiosk,
        prolonged=prolonged,
        data=signed.policy,
        signature=signed.signature,
        **{name: value for name, value in msgspec.structs.asdict(policy).items() if name != "kiosk"},
    )
    own = audience_of_kiosk(policy.kiosk)
    if before is not None:
        told.remove(own, row_key_of(PolicyPublished(_signed(before))))
    told.tell(own, PolicyPublished(signed))
    return row


def take_shown(kiosk: int, shown: SignedPolicy, keys: CentreKeys, now: int) -> None:
    """Take back a policy that a machine shows and the centre signed for its kiosk, if it is later than all on record."""
    if not policy_holds(shown, keys.centre_public_key):
        return
    try:
        policy = shown.read()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    with telling(now) as told:
        before = newest(kiosk)
        if policy.kiosk != kiosk or (before is not None and policy.number <= before.number):
            return
        _put(policy, shown, before, told, prolonged=before is None or before.prolonged)


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
