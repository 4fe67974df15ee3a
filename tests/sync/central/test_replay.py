"""The journals alone make the books again, byte for byte, whatever hostile kiosks write and however batches fall."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.db import connection
from msgspec.structs import asdict

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided, StrandDecision
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderAssigned, OrderPaid, OrderPlaced, OrderReleased, RefundGranted
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import (
    OrderAssignedHere,
    OrderMoved,
    RefundRequested,
    RegisterDecision,
    RevocationPublished,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from kiosk.domain.policy import Policy
from kiosk.domain.versions import audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.examples import Examples
from sync.central.fleet import policies
from sync.central.fleet.feed.models import FeedRow
from sync.central.journal.models import Strand
from sync.central.ledger import settling, waking
from sync.central.ledger.applier import apply_batch
from sync.central.ledger.deciding_strands import decide_strand
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter
from sync.central.ledger.replaying import differences, differences_of
from sync.central.ledger.rules import Action
from sync.central.ledger.verifying import Verifier
from tests.support.books import all_applied, open_matters
from tests.support.junk import Junk
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.conftest import apply_and_verify

pytestmark = pytest.mark.django_db

ACCOUNTS = ("11000001", "11000003", "11000006", "11000007")
SEEDS = range(8) if connection.vendor == "sqlite" else range(3)
STEPS = 120


class _Fleet:
    """Kiosks of which some write junk among what they do, a centre that applies now and then, staff that decide anything."""

    def __init__(self, random: Random, kiosks: list[KioskDouble], keys: CentreKeys) -> None:
        self.random, self.kiosks, self.keys = random, kiosks, keys
        self.returned: set[str] = set()
        self.writer = kiosks[0]
        self.junk = Junk(random, ACCOUNTS, self._keys_told)
        self.issued: list[CertificateIssued] = []

    def _keys_told(self) -> list[str]:
        own = FeedRow.objects.filter(audience=audience_of_kiosk(self.writer.number))
        return list(own.order_by("id").values_list("key", flat=True))

    def step(self) -> None:
        deeds = (
            self.order,
            self.bind,
            self.write_junk,
            self.write_junk,
            self.echo,
            self.upload,
            self.apply,
            self.centre,
        )
        self.writer = self.random.choice(self.kiosks)
        if self.random.random() < 0.02 and len(self.kiosks) < 6:
            self.kiosks.append(self.branched())
        self.random.choice(deeds)()

    def branched(self) -> KioskDouble:
        """A clone of the kiosk, which goes on beside it from where both are now."""
        made = KioskDouble(self.writer.number)
        made.__dict__.update(self.writer.__dict__)
        made.entries = list(self.writer.entries)
        return made

    def place(self, kind: OrderKind) -> OrderPlaced:
        kiosk, random = self.writer, self.random
        odd: dict[str, Any] = {"policy": random.choice((2, 3, 99))} if random.random() < 0.3 else {}
        placed = kiosk.place(random.choice(ACCOUNTS), kind, nonce=random.randbytes(6), **odd)
        self.junk.orders.append(placed.order)
        return placed

    def order(self) -> None:
        self.place(self.random.choice(list(OrderKind)))

    def bind(self) -> None:
        """A whole order, with an old key of whomever."""
        kiosk, random = self.writer, self.random
        placed = self.place(random.choice(list(OrderKind)))
        amount = sum(line.amount for line in placed.lines)
        kiosk.append(OrderPaid(placed.order, PaidHow.CODE, amount, kiosk.now()))
        soon = kiosk.now() + 2 * 366 * 86400  # the issuing CA ends five years on
        old = random.choice([None, *(each for each in self.issued if each.not_after < soon)])
        key = None if old is None else KeyOnRecord(old.number, "S", old.not_before, old.not_after)
        if placed.order_kind is OrderKind.NEW:
            key = None
        serial = random.choice(("E8AD652202221F03", "E8AD652202221F99"))
        odd: dict[str, Any] = {"policy": random.choice((1, 2, 3))} if random.random() < 0.3 else {}
        taken = [each.number for each in self.issued]
        if taken and random.random() < 0.2:
            odd["number"] = random.choice(taken)
        issued = kiosk.certificate(placed, key, serial, **odd)
        self.issued.append(issued)
        self.junk.certificates.append(issued.number)
        if random.random() < 0.8:
            kiosk.finish(placed)

    def write_junk(self) -> None:
        for _ in range(self.random.randint(1, 6)):
            self.writer.append(self.junk.body())

    def echo(self) -> None:
        """What the feed tells this kiosk, entered as it is to be, sometimes twice."""
        for told in self.writer.feed():
            key = self.writer.feed_key(told)
            match told:
                case OrderMoved():
                    self.writer.append(OrderReleased(told.order, told.new_owner, told.handover, key))
                case OrderAssignedHere():
                    self.writer.append(OrderAssigned(**asdict(told.facts), feed=key))
                case RegisterDecision():
                    given = (told.account, told.order, told.certificate, told.decision, told.by, told.remark)
                    self.writer.append(RegisterDecided(*given, feed=key))
                case RevocationPublished():
                    self.writer.append(CertificateRevoked(told.number, told.reason, key))
                case RefundRequested():
                    self.writer.append(RefundGranted(told.order, told.by, told.reason, key))
                case _:
                    pass

    def upload(self) -> None:
        self.writer.pushed()

    def apply(self) -> None:
        now = int(time.time())
        if self.random.random() < 0.5:
            apply_batch(now)
        else:
            Verifier().step(now)

    def centre(self) -> None:
        deeds: tuple[Callable[[], None], ...] = (
            self.give_policy,
            self.decide,
            self.revoke,
            self.move,
            self.pay_back,
            self.decide_strand,
        )
        self.random.choice(deeds)()

    def give_policy(self) -> None:
        now = int(time.time())
        limits = Policy(0, 0, now + 86400, self.random.choice((0, 5)), self.random.choice((1, 10**8)))
        policies.issue(self.writer.number, limits, self.keys, now)

    def decide(self) -> None:
        rows = list(Matter.objects.order_by("key"))
        if rows:
            chosen = self.random.sample(rows, min(3, len(rows)))
            settling.decide(chosen, self.random.choice(list(Action)), "admin", "看过了", int(time.time()))

    def decide_strand(self) -> None:
        rows = list(Strand.objects.exclude(kiosk=EXCHANGE_KIOSK).order_by("key"))
        if rows:
            decision = self.random.choice(list(StrandDecision))
            decide_strand(self.random.choice(rows), decision, "admin", "看过了", int(time.time()))

    def revoke(self) -> None:
        rows = list(LedgerCertificate.objects.order_by("position"))
        if rows:
            settling.revoke_certificate(self.random.choice(rows), "admin", "丢了", int(time.time()))

    def move(self) -> None:
        rows = list(LedgerOrder.objects.filter(status="paid").order_by("reference"))
        if rows:
            settling.move(self.random.choice(rows), self.random.choice((3, 4, 5)), "admin", int(time.time()))

    def pay_back(self) -> None:
        if self.junk.orders:
            self.returned.add(self.random.choice(self.junk.orders))


@pytest.mark.parametrize("seed", SEEDS)
def test_replay_equals_the_tables_whatever_is_written(
    seed: int,
    examples: Examples,
    make_kiosk: Callable[[int], KioskDouble],
    keys: CentreKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = Random(seed)  # noqa: S311 - the same junk for the same seed
    fleet = _Fleet(random, [make_kiosk(number) for number in (3, 4, 5)], keys)
    for kiosk in fleet.kiosks:
        kiosk.feed()
    monkeypatch.setattr("sync.central.ledger.readings.money_returned", fleet.returned.intersection)
    with monkeypatch.context() as still:
        still.setattr(waking, "wake", lambda: None)
        for _ in range(STEPS):
            fleet.step()
        for kiosk in fleet.kiosks:
            kiosk.pushed()
    apply_and_verify()
    assert all_applied()
    assert differences() == []
    assert {account: differences_of(account) for account in ACCOUNTS} == {each: [] for each in ACCOUNTS}


def test_an_account_is_replayed_from_what_concerns_it_alone(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    for account in ACCOUNTS[:2]:
        placed = kiosk.place(account)
        kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
        kiosk.certificate(placed, policy=99)
        kiosk.finish(placed)
    kiosk.pushed()
    for account in ACCOUNTS[:2]:
        assert differences_of(account) == []
    LedgerOrder.objects.filter(account=ACCOUNTS[1]).update(total=1)
    assert differences_of(ACCOUNTS[0]) == []
    (difference,) = differences_of(ACCOUNTS[1])
    assert difference.startswith("LedgerOrder")


def test_a_predecessor_of_another_account_reads_the_same_in_a_replay(kiosk: KioskDouble) -> None:
    kiosk.feed()
    theirs = _bound(kiosk, "11000003", "E8AD652202221F77")
    kiosk.pushed()
    kiosk.feed()
    placed = kiosk.place("11000001", OrderKind.RENEWAL)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    kiosk.certificate(placed, theirs, "E8AD652202221F03")
    kiosk.pushed()
    assert ("another-token", "11000001") in open_matters()
    assert differences() == []


def test_a_policy_given_later_changes_nothing_that_was_judged(kiosk: KioskDouble, keys: CentreKeys) -> None:
    kiosk.feed()
    kiosk.place(policy=2)
    kiosk.pushed()
    now = int(time.time())
    policies.issue(3, Policy(0, 3, now + 86400), keys, now)
    assert open_matters() == [("beyond-policy", "11000001")]
    assert differences() == []


def test_a_matter_raised_again_about_another_account_stays_the_one_that_it_is(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    """Another kiosk's word about an order, first under one account, then under another one."""
    hostile = make_kiosk(4)
    for each in (kiosk, hostile):
        each.feed()
    for account, order in (("11000003", "3-0147-6"), ("11000006", "3-0148-4")):
        hostile.append(RegisterDecided(account, order, "0003999999999999", Decision.LIST, "甲", "乙"))
        hostile.pushed()
    (first,) = Matter.objects.filter(kiosk=4)
    assert first.account == "11000003"
    assert differences() == []


def test_the_register_of_no_account_is_one(kiosk: KioskDouble) -> None:
    """A loss that names no account: each later one finds what the ones before left."""
    kiosk.feed()
    for number in ("4000000000000001", "4000000000000002"):
        kiosk.append(LossReported("", KeyOnRecord(number, "S", 1, 2)))
        kiosk.pushed()
    assert differences() == []


def _bound(kiosk: KioskDouble, account: str, serial: str) -> KeyOnRecord:
    placed = kiosk.place(account)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, serial=serial)
    kiosk.finish(placed)
    return KeyOnRecord(issued.number, serial, issued.not_before, issued.not_after)
