"""What judging a batch reads besides the books, by few statements: kiosks, policies, prices and news told, money returned.

What may change later is in `Read` and is stored with the batch, so that a replay reads the same.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec
from django.db.models import Q

from kiosk.domain import feed
from kiosk.domain.entries import (
    CertificateIssued,
    CertificateRevoked,
    HoldLifted,
    OrderAssigned,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    RefundCompleted,
    SurplusReturned,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import AnyFeedBody, FeeSchedulePublished
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.journal import Entry
from kiosk.domain.payment_codes import OrderCode, PaymentCodeError, order_code_key, verify_order_code
from kiosk.domain.policy import Policy
from sync.central.context import centre_keys
from sync.central.fleet import policies
from sync.central.fleet.machines import payment_secrets
from sync.central.fleet.models import FeedItem, KioskPolicy
from sync.central.journal.models import Fact, FactKind, Source
from sync.central.ledger.money import UNPROVED, money_returned
from sync.central.members.publishing import kiosks_of_accounts
from sync.central.tables import LAST, row_key

_MUCH = 5000
"""The newest facts of a kiosk that are looked at: more than a policy allows it, and a batch besides."""
ECHOES = (OrderAssigned, OrderReleased, RefundCompleted, SurplusReturned, CertificateRevoked)


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


class Read(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read that may read otherwise later: orders whose money was returned, each kiosk's newest policy.

    `unserved` are the kiosks that lifted a hold of an account which they did not serve, each with the account.
    """

    returned: tuple[str, ...] = ()
    newest: dict[int, int] = {}
    unserved: tuple[tuple[int, str], ...] = ()


class Facts:
    """Certificates or unproved payments of a strand in the order of its journal, to be counted by their receipt."""

    def __init__(self, facts: Sequence[tuple[int, int, int]]) -> None:
        self._sequences = [sequence for sequence, _, _ in facts]
        self._received = list(itertools.accumulate((received for _, received, _ in facts), max))
        self._amounts = [0, *itertools.accumulate(amount for _, _, amount in facts)]

    def unsynced(self, told: Told) -> tuple[int, int]:
        """How many up to this entry's had not been received when it was written, and their amount in fen."""
        until = bisect.bisect_right(self._sequences, told.entry.sequence)
        written = min(told.entry.wall, told.received_at)
        begin = min(until, bisect.bisect_left(self._received, written))
        return until - begin, self._amounts[until] - self._amounts[begin]


class Readings:
    """What a batch's entries are held against."""

    def __init__(self, batch: Sequence[Told], kiosks: Collection[int], read: Read | None = None) -> None:
        """Read it; `kiosks` are those of all entries, also of what cannot be read yet.

        `read` is what was stored with the batch, when it is replayed.
        """
        self._secrets: dict[int, list[bytes]] = {}
        self._policies = _policies(kiosks)
        self._schedules = _schedules(batch)
        self._items = _items(batch)
        self._certificates = _facts(batch, (CertificateIssued,), Q(kind=FactKind.CERTIFICATE))
        self._payments = _facts(batch, (OrderPaid,), Q(kind=FactKind.MONEY, how__in=UNPROVED))
        self.read = self._now(batch, kiosks) if read is None else read
        self._returned = frozenset(self.read.returned)

    def _now(self, batch: Sequence[Told], kiosks: Collection[int]) -> Read:
        orders = {order for each in batch if (order := getattr(each.entry.body, "order", None)) is not None}
        newest = {
            kiosk: max((number for owner, number in self._policies if owner == kiosk), default=0)
            for kiosk in kiosks
        }
        return Read(tuple(sorted(money_returned(orders))), newest, _unserved(batch))

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

    def schedules(self, kiosk: int, cursor: int) -> tuple[FeeSchedule, ...]:
        """The fee schedules that a kiosk had been told of when it had read its feed so far."""
        return tuple(schedule for number, schedule in self._schedules.get(kiosk, ()) if number <= cursor)

    def item(self, kiosk: int, number: int) -> AnyFeedBody | None:
        """What the kiosk's feed said under that number."""
        return self._items.get((kiosk, number))

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

    def certificates(self, told: Told) -> int:
        """How many certificates up to this one the strand had issued that had not been received."""
        return self._certificates[told.line].unsynced(told)[0]

    def payments(self, told: Told) -> int:
        """What it had taken on its own word up to this entry that had not been received, in fen."""
        return self._payments[told.line].unsynced(told)[1]


def _unserved(batch: Iterable[Told]) -> tuple[tuple[int, str], ...]:
    lifted = {
        (each.entry.kiosk, each.entry.body.account)
        for each in batch
        if isinstance(each.entry.body, HoldLifted) and each.entry.kiosk != EXCHANGE_KIOSK
    }
    serving = kiosks_of_accounts({account for _, account in lifted}) if lifted else {}
    return tuple(sorted(each for each in lifted if each[0] not in serving.get(each[1], ())))


def _policies(kiosks: Iterable[int]) -> dict[tuple[int, int], Policy]:
    return {
        (row.kiosk_id, row.number): policies.read(row)
        for row in KioskPolicy.objects.filter(kiosk__in=kiosks).order_by()
    }


def _schedules(batch: Iterable[Told]) -> dict[int, list[tuple[int, FeeSchedule]]]:
    kiosks = {each.entry.kiosk for each in batch if isinstance(each.entry.body, OrderPlaced)}
    found: dict[int, list[tuple[int, FeeSchedule]]] = defaultdict(list)
    told = FeedItem.objects.filter(kiosk__in=kiosks, kind="fee-schedule").order_by("kiosk", "number")
    for kiosk, number, body in told.values_list("kiosk", "number", "body"):
        schedule = msgspec.json.decode(bytes(body), type=FeeSchedulePublished).schedule
        found[kiosk].append((number, schedule))
    return found


def _items(batch: Iterable[Told]) -> dict[tuple[int, int], AnyFeedBody]:
    named = {
        row_key(each.entry.kiosk, each.entry.body.feed)
        for each in batch
        if isinstance(each.entry.body, ECHOES) and 1 <= each.entry.body.feed <= LAST
    }
    rows = FeedItem.objects.filter(key__in=named).values_list("kiosk", "number", "body") if named else ()
    return {
        (kiosk, number): feed.FeedItem(number, msgspec.Raw(bytes(body))).read()
        for kiosk, number, body in rows
    }


def _facts(batch: Iterable[Told], bodies: tuple[type, ...], which: Q) -> dict[tuple[int, int], Facts]:
    """The facts of each strand of the batch that has an entry of these kinds."""
    last: dict[tuple[int, int], int] = {}
    since: dict[tuple[int, int], int] = {}
    for each in batch:
        if isinstance(each.entry.body, bodies):
            line, begin = each.line, min(each.entry.wall, each.received_at)
            last[line] = max(last.get(line, 0), each.entry.sequence)
            since[line] = min(since.get(line, begin), begin)
    found = {}
    for line, until in last.items():
        rows = (
            Fact.objects.filter(which, kiosk=line[0], strand=line[1], source=Source.CHAIN)
            .filter(sequence__lte=until, received_at__gte=since[line])
            .order_by("-sequence")
            .values_list("sequence", "received_at", "amount")[:_MUCH]
        )
        found[line] = Facts(list(reversed(rows)))
    return found
