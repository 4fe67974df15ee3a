"""Chapters of kiosks that mean no good or went wrong: what they send leaves matters of every kind."""

from __future__ import annotations

from tests.support.recording.story import BOSS, RENEWAL, Story  # isort: split

import msgspec

from kiosk.domain import journal
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.keys import HoldLifted, LossReported
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced, RefundGranted
from kiosk.domain.journal import SealedEntry
from kiosk.domain.ledger import PaidHow
from kiosk.domain.policy import Policy
from kiosk.domain.snapshots import FOLD, NO_SNAPSHOT, EpochStart, JournalSnapshot, LinksDigest
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.snapshots import sign_snapshot
from sync.central.context import centre_keys
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import Kiosk
from sync.central.journal.snapshot_checks import SnapshotChecker
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerAccount, Matter, MatterState
from sync.central.ledger.publishing import publish_audiences
from sync.central.ledger.rows import register_record
from sync.central.ledger.rules import RULES
from sync.protocol.batches import encode_batch, make_checkpoint
from sync.protocol.records import (
    PATH_JOURNAL,
    PATH_SNAPSHOT,
    SnapshotAnswer,
    SnapshotShown,
    SnapshotState,
    UploadBatch,
    encode,
)
from tests.support.histories.hostile import HostileKiosk
from tests.support.histories.prunings import at_any_age

SHOTS = 60
OK = 200


class Strangers:
    """Kiosks in few lines, which send what they like."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.plain, self.other, self.strict, self.narrow = (self._enrolled(each) for each in (21, 22, 23, 24))

    def _enrolled(self, number: int) -> HostileKiosk:
        made = HostileKiosk(number, self.story.world.time)
        made.enrol(give_token(number, self.story.world.centre.now))
        made.feed()
        made.pushed()
        self.story.apply()
        return made

    def send(self, kiosk: HostileKiosk) -> None:
        """Upload all, and have it applied."""
        checkpoint = make_checkpoint(kiosk.number, kiosk.last, kiosk.now(), kiosk.device_key)
        batch = UploadBatch(tuple(each.data for each in kiosk.entries), checkpoint)
        answer = kiosk.request("POST", PATH_JOURNAL, encode_batch(batch))
        assert answer.status == OK, answer.body
        self.story.apply()

    def paid(self, kiosk: HostileKiosk, account: str = "", **changes: object) -> OrderPlaced:
        """An order that somebody vouched for."""
        nonce = self.story.world.random.randbytes(6)
        placed = kiosk.place(account or self.story.member(), nonce=nonce, **changes)  # type: ignore[arg-type]  # fields of the entry
        total = sum(line.amount for line in placed.lines)
        kiosk.append(OrderPaid(placed.order, PaidHow.DESK, total, kiosk.now(), supervisor="林涛"))
        return placed

    def bound(self, kiosk: HostileKiosk, **changes: object) -> CertificateIssued:
        """A key that was bound, by a certificate with these changes."""
        placed = self.paid(kiosk)
        issued = kiosk.certificate(placed, **changes)  # type: ignore[arg-type]  # fields of the entry
        kiosk.finish(placed)
        return issued


def come(story: Story) -> None:
    """Each sends what it sends twice, so that staff decide about one of them and the other stays open."""
    strangers = Strangers(story)
    for chapter in (_certificates, _orders, _tokens, _limits, _unreadable):
        for _ in range(2):
            chapter(strangers)
        for kiosk in (strangers.plain, strangers.other, strangers.strict, strangers.narrow):
            strangers.send(kiosk)
    _false_snapshot(strangers)
    _junk(strangers)
    _decide_some(story)


def _certificates(strangers: Strangers) -> None:
    kiosk = strangers.plain
    strangers.bound(kiosk, not_after=kiosk.now() + 86400)
    placed = strangers.paid(kiosk)
    kiosk.certificate(placed, number=f"0005{strangers.story.world.random.getrandbits(48):012X}")
    strangers.bound(kiosk, policy=9)


def _orders(strangers: Strangers) -> None:
    kiosk, account = strangers.plain, strangers.story.member()
    first = strangers.paid(kiosk, account)
    strangers.paid(kiosk, account)
    ended = strangers.story.member()
    over = strangers.paid(kiosk, ended)
    strangers.paid(kiosk, ended)
    kiosk.append(RefundGranted(over.order, "林涛", "重复"))
    kiosk.append(first)
    strangers.paid(kiosk, policy=9)
    strangers.paid(kiosk, lines=())


def _tokens(strangers: Strangers) -> None:
    kiosk, account = strangers.plain, strangers.story.member()
    placed = strangers.paid(kiosk, account)
    made = kiosk.certificate(placed, serial="FIRST")
    kiosk.finish(placed)
    renewal = strangers.paid(kiosk, account, kind=RENEWAL)
    old = KeyOnRecord(made.number, "SECOND", made.not_before, made.not_after)
    kiosk.certificate(renewal, old, serial="SECOND")
    kiosk.finish(renewal)


def _limits(strangers: Strangers) -> None:
    """More than a policy allows; a lift by a kiosk that does not serve the account."""
    kiosk, now = strangers.strict, strangers.story.world.centre.now
    policies.issue(
        kiosk.number,
        Policy(0, kiosk.number, now + 86400, unsynced_amount=1, losses_a_day=0),
        centre_keys(),
        now,
    )
    narrow = Kiosk.objects.get(number=strangers.narrow.number)
    narrow.serves_all = False
    narrow.save(update_fields=["serves_all"])
    publish_audiences(narrow, now)
    strangers.paid(kiosk)
    on_hold = [
        key
        for row in LedgerAccount.objects.order_by("account")
        if (key := register_record(row).key) and key.lost and not key.revoked
    ]
    accounts = {
        key.number: row.account for row in LedgerAccount.objects.all() if (key := register_record(row).key)
    }
    in_use = next(number for number in accounts if number not in {each.number for each in on_hold})
    row = LedgerAccount.objects.get(account=accounts[in_use])
    key = register_record(row).key
    assert key is not None
    kiosk.append(LossReported(accounts[in_use], key))
    for lost in on_hold[:2]:
        strangers.narrow.append(HoldLifted(accounts[lost.number], lost, "张华"))


def _unreadable(strangers: Strangers) -> None:
    """An entry of a kind that nobody knows."""
    kiosk = strangers.other
    last = kiosk.last
    values = [
        2,
        kiosk.number,
        kiosk.machine,
        kiosk.epoch,
        last.sequence + 1,
        kiosk.now(),
        1,
        "boot",
        last.hash,
        {"kind": "odd"},
    ]
    data = msgspec.msgpack.encode(values)
    sealed = SealedEntry(kiosk.entries[-1].entry, data, journal.entry_hash(data))
    kiosk.tip = Tip(kiosk.epoch, last.sequence + 1, sealed.hash)
    kiosk.entries.append(sealed)


def _false_snapshot(strangers: Strangers) -> None:
    """A snapshot that comes to something else than the journal does."""
    kiosk = strangers.strict
    (*before, last) = kiosk.entries[:-1]
    links = LinksDigest()
    for each in (*before, last):
        links.add(each.hash)
    snapshot = JournalSnapshot(
        fold=FOLD,
        kiosk=kiosk.number,
        machine=kiosk.machine,
        device_key=device_public_key(kiosk.device_key),
        strand=1,
        head=Tip(last.entry.epoch, last.entry.sequence, last.hash),
        epochs=(EpochStart(1, 1),),
        others=(),
        links=links.digest(),
        rows=0,
        state=bytes(32),
        time=kiosk.now(),
        previous=NO_SNAPSHOT,
    )
    shown = encode(SnapshotShown(sign_snapshot(snapshot, kiosk.device_key)))
    with at_any_age():
        answer = kiosk.request("POST", PATH_SNAPSHOT, shown)
        assert answer.read(SnapshotAnswer).state is SnapshotState.WAITING, answer.body
        checker = SnapshotChecker()
        while checker.step(strangers.story.world.centre.now):
            pass


def _junk(strangers: Strangers) -> None:
    """Anything about everything that there is."""
    world = strangers.story.world
    for number in range(SHOTS):
        world.random.seed(number)
        strangers.other.send_junk(world.random, world.targets())
    strangers.story.apply()


def _decide_some(story: Story) -> None:
    """Of each rule of which several matters are open, one is decided, by each action in turn."""
    for reason, rule in RULES.items():
        for action in rule.actions:
            found = list(Matter.objects.filter(rule=reason.value, state=MatterState.OPEN).order_by("key"))
            for matter in found[1:]:
                if not settling.decide([matter], action, BOSS, "看过", story.world.centre.now):
                    break
