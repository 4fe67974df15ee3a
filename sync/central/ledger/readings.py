"""What judging a batch reads besides the books, by few statements: kiosks, policies, prices, rows told, money returned.

What may read otherwise later is in `Read` and is stored with the batch, so that a replay reads the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from kiosk.domain.echoes import Echo
from kiosk.domain.entries.decisions import MatterDecided
from kiosk.domain.entries.keys import HoldLifted
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import FeeSchedulePublished
from kiosk.domain.feed_keys import RowName
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.journal import Entry
from kiosk.domain.payment_codes import OrderCode, PaymentCodeError, order_code_key, verify_order_code
from kiosk.domain.policy import Policy
from kiosk.domain.versions import ALL, NO_VERSION, Version, audience_of_kiosk
from sync.central.context import centre_keys
from sync.central.fleet import policies
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.reading import heads
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.machines import payment_secrets
from sync.central.fleet.models import KioskPolicy
from sync.central.ledger.echoes import Found, key_named, may_be_named, rows_named, says_the_same
from sync.central.ledger.matters import subject_key
from sync.central.ledger.models import Matter
from sync.central.ledger.money import money_returned
from sync.central.members.publishing import unserved


class Told(msgspec.Struct, frozen=True):
    """An entry with its place, when the centre received it, and the kiosk's time of the entry before it (UTC seconds)."""

    entry: Entry
    strand: int
    received_at: int
    wall_before: int
    position: int

    @property
    def line(self) -> tuple[int, int]:
        """Kiosk and strand."""
        return self.entry.kiosk, self.strand

    @property
    def name(self) -> str:
        """Kiosk, strand and sequence."""
        return f"{self.entry.kiosk}/{self.strand}/{self.entry.sequence}"


class Read(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read that may read otherwise later.

    The orders whose money was returned, each kiosk's newest policy, the newest version told to all, and the entries (by
    `Told.name`) whose echo came to anything else than that the row said it. `unserved` are the kiosks that lifted a hold of
    an account which they did not serve, each with the account.
    """

    returned: tuple[str, ...] = ()
    newest: dict[int, int] = {}
    told: Version = NO_VERSION
    echoes: dict[str, Found] = {}
    unserved: tuple[tuple[int, str], ...] = ()

    def completed(self, later: Read) -> Read:
        """With what was read later for entries that could not be read before."""
        return Read(
            tuple(sorted({*self.returned, *later.returned})),
            {**later.newest, **self.newest},
            self.told if self.told != NO_VERSION else later.told,
            {**self.echoes, **later.echoes},
            tuple(sorted({*self.unserved, *later.unserved})),
        )


class Readings:
    """What a batch's entries are held against."""

    def __init__(self, batch: Sequence[Told], kiosks: Collection[int], read: Read | None = None) -> None:
        """Read it; `kiosks` are those of all entries, also of what cannot be read yet.

        `read` is what was stored with the batch, when it is replayed.
        """
        self._secrets: dict[int, list[bytes]] = {}
        self._policies = _policies(kiosks)
        self.echoed: list[tuple[int, int]] = []
        self.read = self._now(batch, kiosks) if read is None else read
        self._schedules = _schedules(batch, self.read.told)
        self._returned = frozenset(self.read.returned)

    def _now(self, batch: Sequence[Told], kiosks: Collection[int]) -> Read:
        orders = {order for each in batch if (order := getattr(each.entry.body, "order", None)) is not None}
        orders |= _decided_about(batch)
        newest = {
            kiosk: max((number for owner, number in self._policies if owner == kiosk), default=0)
            for kiosk in kiosks
        }
        told = heads((ALL,))[ALL]
        return Read(
            tuple(sorted(money_returned(orders))), newest, told, self._echoes(batch), _unserved(batch)
        )

    def _echoes(self, batch: Sequence[Told]) -> dict[str, Found]:
        """What each echo comes to, where the row did not say it; `echoed` are the rows that did, by audience and id."""
        rows = rows_named(each.entry for each in batch)
        found: dict[str, Found] = {}
        seen = set[int]()
        for each in batch:
            body = each.entry.body
            key = key_named(body)
            if not key or not isinstance(body, Echo):
                continue
            row = rows.get((audience_of_kiosk(each.entry.kiosk), key))
            if row is not None and (row.echoed or row.id in seen):
                found[each.name] = Found.AGAIN
            elif row is None:
                found[each.name] = (
                    Found.FORGOTTEN if may_be_named(key) and present_incarnation() > 1 else Found.NOT_SAID
                )
            elif not says_the_same(row.said, body):
                found[each.name] = Found.NOT_SAID
            else:
                seen.add(row.id)
                self.echoed.append((row.audience, row.id))
        return found

    def returned(self, order: str) -> bool:
        """Whether the order's money went back."""
        return order in self._returned

    def policy(self, kiosk: int, number: int) -> Policy | None:
        """The kiosk's policy of that number, if it had been given."""
        given = number <= self.read.newest.get(kiosk, 0)
        return self._policies.get((kiosk, number)) if given else None

    def newest_policy(self, kiosk: int) -> Policy | None:
        """The kiosk's newest policy."""
        return self._policies.get((kiosk, self.read.newest.get(kiosk, 0)))

    def schedules(self, cursor: Version) -> tuple[FeeSchedule, ...]:
        """The fee schedules that a kiosk had been told of when it had read so far what is for all."""
        return tuple(schedule for version, schedule in self._schedules if version <= cursor)

    def echo(self, told: Told) -> Found | None:
        """What an entry's echo comes to; None for an entry that names no row."""
        return self.read.echoes.get(told.name, Found.SAID) if key_named(told.entry.body) else None

    def serves(self, kiosk: int, account: str) -> bool:
        """Whether a kiosk that lifted a hold of this account served it."""
        return (kiosk, account) not in self.read.unserved

    def order_code(self, kiosk: int, data: bytes) -> OrderCode | None:
        """The contents of an order's code that a machine of this kiosk signed; None for any other."""
        if kiosk not in self._secrets:
            self._secrets[kiosk] = [order_code_key(each) for each in payment_secrets(kiosk, centre_keys())]
        for key in self._secrets[kiosk]:
            try:
                return verify_order_code(data, key)
            except PaymentCodeError:
                continue
        return None


def _decided_about(batch: Iterable[Told]) -> set[str]:
    """The orders of the matters that are decided."""
    bodies = [each.entry.body for each in batch]
    keys = [subject_key(body.rule, body.subject) for body in bodies if isinstance(body, MatterDecided)]
    return (
        set(Matter.objects.filter(key__in=keys).order_by().values_list("order", flat=True)) if keys else set()
    )


def _unserved(batch: Iterable[Told]) -> tuple[tuple[int, str], ...]:
    lifted = {
        (each.entry.kiosk, each.entry.body.account)
        for each in batch
        if isinstance(each.entry.body, HoldLifted) and each.entry.kiosk != EXCHANGE_KIOSK
    }
    return tuple(sorted(unserved(lifted))) if lifted else ()


def _policies(kiosks: Iterable[int]) -> dict[tuple[int, int], Policy]:
    return {
        (row.kiosk_id, row.number): policies.read(row)
        for row in KioskPolicy.objects.filter(kiosk__in=kiosks).order_by()
    }


def _schedules(batch: Iterable[Told], told: Version) -> list[tuple[Version, FeeSchedule]]:
    """The schedules that had been told by then."""
    if not any(isinstance(each.entry.body, OrderPlaced) for each in batch):
        return []
    prefix = f"{RowName.SCHEDULE.value}/"
    rows = FeedRow.objects.filter(
        audience=ALL, live=True, key__gte=prefix, key__lt=f"{RowName.SCHEDULE.value}0"
    )
    found = [
        (Version(incarnation, stamp), msgspec.json.decode(bytes(body), type=FeeSchedulePublished).schedule)
        for incarnation, stamp, body in rows.order_by("key").values_list("incarnation", "stamp", "body")
    ]
    return [(version, schedule) for version, schedule in found if version <= told]
