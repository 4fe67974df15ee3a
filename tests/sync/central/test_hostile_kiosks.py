"""What a kiosk may send that no honest one does, and what hurried servers leave behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from msgspec.structs import asdict

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import BindingStarted, Bound, CertificateIssued
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.decisions import (
    CertificateChecked,
    CertificateImported,
    CertificateRevoked,
    Decision,
    MatterDecided,
    RegisterDecided,
)
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderAssigned,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
)
from kiosk.domain.feed import OrderAssignedHere
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import OrderNumber
from kiosk.domain.ledger import Delivery, OrderStatus, PaidHow
from kiosk.domain.payment_codes import OrderCode, encode_order_code, order_code_key
from kiosk.domain.policy import Policy
from sync.central.centre_keys import CentreKeys
from sync.central.examples import SCHEDULE
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.models import Entry, Fact, Source, StrayEntry
from sync.central.ledger import waking
from sync.central.ledger.applier import apply_pending
from sync.central.ledger.folding import Folder
from sync.central.ledger.models import (
    EntryRemark,
    LedgerCertificate,
    LedgerOrder,
    Matter,
    MatterState,
    StrandCursor,
)
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from tests.support.books import all_applied, last_remarks
from tests.support.kiosk_double import KioskDouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("replay_equals_the_tables")]


def _paid(kiosk: KioskDouble, **more: Any) -> OrderPlaced:
    kiosk.feed()
    placed = kiosk.place(**more)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, _total(placed), kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    return placed


def _total(placed: OrderPlaced) -> int:
    return sum(line.amount for line in placed.lines)


def test_a_revoked_kiosks_later_batches_are_kept_too(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.pushed()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    placed = kiosk.place()
    assert kiosk.upload(kiosk.entries[1:]).read(records.UploadAnswer).quarantined
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    answer = kiosk.upload(kiosk.entries[2:])
    assert answer.status == 200, answer.body
    assert answer.read(records.UploadAnswer).quarantined
    assert Fact.objects.get(kind="money").source == Source.QUARANTINE


def test_a_branchs_later_batches_continue_its_strand(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()
    kiosk.entries, kiosk.tip = kiosk.entries[:1], Tip(1, 1, kiosk.entries[0].hash)
    for delivery in ("counter", "mail", "counter"):
        kiosk.append(DeliveryChosen(placed.order, Delivery(delivery)))
        assert kiosk.upload(kiosk.entries[-1:]).read(records.UploadAnswer).strand == 2
    assert list(Entry.objects.filter(kiosk=3).order_by("key").values_list("strand", "sequence")) == [
        (1, 1), (1, 2), (2, 2), (2, 3), (2, 4),
    ]  # fmt: skip
    assert not StrayEntry.objects.exists()
    # What goes on from nothing that is here stays a hole.
    kiosk.tip = Tip(1, 7, bytes(32))
    kiosk.append(OrderExpired(placed.order))
    assert kiosk.upload(kiosk.entries[-1:]).problem.code is ProblemCode.CHAIN_HOLE


def test_an_upload_from_before_the_revocation_changes_nothing_when_it_is_sent_again(
    kiosk: KioskDouble,
) -> None:
    _paid(kiosk)
    before = list(Entry.objects.values_list("key", "hash"))
    facts = list(Fact.objects.values_list("key", "source"))
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    assert kiosk.pushed().quarantined
    assert list(Entry.objects.values_list("key", "hash")) == before
    assert list(Fact.objects.values_list("key", "source")) == facts


def test_a_token_given_before_the_revocation_brings_no_kiosk_back(kiosk: KioskDouble) -> None:
    token = give_token(3, int(time.time()))
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    answer = KioskDouble(3).enrol_with(token)
    assert (answer.status, answer.problem.code) == (403, ProblemCode.KIOSK_REVOKED)
    assert Kiosk.objects.get(number=3).state == KioskState.REVOKED


def test_an_order_is_not_taken_without_the_centres_word(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    thief = make_kiosk(4)
    thief.feed()
    placed = _paid(kiosk)
    thief.append(
        OrderAssigned(
            placed.order, placed.account, placed.enterprise, placed.operator, placed.order_kind, placed.lines,
            placed.schedule, thief.now(), "T1", thief.now(), handover=1, feed="order-assigned/1/1",
        )
    )  # fmt: skip
    thief.pushed()
    assert "order-of-another-kiosk" in last_remarks(thief)
    assert LedgerOrder.objects.get(reference=placed.order).owner == 3


def test_an_order_is_not_let_go_by_another_kiosk(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    thief = make_kiosk(4)
    placed = _paid(kiosk)
    thief.append(OrderReleased(placed.order, 4, handover=1, feed="x" * 999))
    thief.pushed()
    assert "order-of-another-kiosk" in last_remarks(thief)
    assert LedgerOrder.objects.get(reference=placed.order).owner == 3


def test_an_order_made_up_as_paid_elsewhere_takes_no_effect(kiosk: KioskDouble) -> None:
    kiosk.feed()
    lines = SCHEDULE.lines(OrderKind.NEW)
    made_up = OrderAssigned(
        "8-0001-1",
        "11000001",
        "甲",
        "乙",
        OrderKind.NEW,
        lines,
        1,
        kiosk.now(),
        "T1",
        kiosk.now(),
        1,
        feed="",
    )
    kiosk.append(made_up)
    kiosk.pushed()
    assert last_remarks(kiosk)
    assert not LedgerOrder.objects.filter(reference=made_up.order).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"enterprise": "甲"},
        {"operator": "乙"},
        {"placed_at": 1},
        {"paid_at": 1},
        {"schedule": 2},
        {"handover": 7},
    ],
)
def test_an_order_is_not_taken_over_with_other_facts_than_the_feed_gave(
    kiosk: KioskDouble, changed: dict[str, object]
) -> None:
    (item,) = [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    facts = asdict(item.facts) | changed
    kiosk.append(OrderAssigned(**facts, feed=kiosk.feed_key(item)))
    kiosk.pushed()
    assert last_remarks(kiosk)


def test_money_is_not_called_paid_back_before_it_is(kiosk: KioskDouble) -> None:
    placed = _paid(kiosk)
    kiosk.append(RefundGranted(placed.order, "林涛", "asked"))
    kiosk.append(RefundCompleted(placed.order, 34000, feed="\x00"))
    kiosk.pushed()
    assert last_remarks(kiosk)
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDING.value


def test_a_certificate_is_not_revoked_by_a_kiosk_that_nobody_asked(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    placed = _paid(kiosk)
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    other.append(CertificateRevoked(issued.number, "because", feed="revocation/1"))
    other.pushed()
    assert last_remarks(other) == ["certificate-differs"]
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"


def test_an_order_under_another_kiosks_number_takes_no_effect(kiosk: KioskDouble) -> None:
    kiosk.feed()
    number = OrderNumber(4, 1, 2)
    token = OrderCode(number, "11000001", OrderKind.NEW, SCHEDULE.number, kiosk.now(), b"nonce6")
    kiosk.place(
        order=str(token.reference),
        order_code=encode_order_code(token, order_code_key(kiosk.answer.payment_secret)),
    )
    kiosk.pushed()
    assert "order-of-another-kiosk" in last_remarks(kiosk)


@pytest.mark.parametrize("policy", [4 << 32 | 1, 1 << 32 | 1, -1, 2**63])
def test_a_policy_is_not_borrowed_by_an_impossible_number(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], policy: int
) -> None:
    make_kiosk(7)
    kiosk.feed()
    kiosk.place(policy=policy)
    kiosk.pushed()
    assert last_remarks(kiosk) == ["beyond-policy"]


def test_versions_rise_in_the_order_in_which_rows_are_written(kiosk: KioskDouble) -> None:
    _paid(kiosk)
    for audience in {row.audience for row in FeedRow.objects.all()}:
        stamps = list(
            FeedRow.objects.filter(audience=audience).order_by("id").values_list("stamp", flat=True)
        )
        assert stamps == sorted(set(stamps))


def test_the_databases_trouble_is_not_the_entrys(kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadlock(*_: object) -> None:
        raise OperationalError("deadlock detected")

    kiosk.feed()
    kiosk.place()
    with monkeypatch.context() as broken:
        broken.setattr(waking, "wake", lambda: None)
        broken.setattr("sync.central.ledger.folding.check", deadlock)
        kiosk.pushed()
        for _ in range(6):
            with pytest.raises(OperationalError):
                apply_pending(int(time.time()))
    assert set(StrandCursor.objects.values_list("failures", flat=True)) == {0}
    apply_pending(int(time.time()))
    assert all_applied()
    assert not EntryRemark.objects.exists()


def test_a_hostile_kiosk_freezes_nobody(kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]) -> None:
    """One junk entry of every kind for an account; its member binds at another kiosk and is listed, without staff."""
    hostile, account = make_kiosk(4), "11000001"
    for each in (kiosk, hostile):
        each.feed()
    junk = hostile.place(account=account, lines=(), policy=99)
    strange = KeyOnRecord("4000000000000001", "STRANGE", 1, 2)
    for body in (
        OrderPaid(junk.order, PaidHow.CODE, 1, 1),
        BindingStarted(junk.order, 7, "S", "gmt", "SM2"),
        Bound(junk.order, 7),
        LossReported(account, strange),
        HoldLifted(account, strange, "甲"),
        KeyFound(account, "STRANGE", "甲", strange),
        CertificateIssued(junk.order, 1, "0004000000000001", b"DER", 1, 2, policy=1),
        RegisterDecided(account, junk.order, "0004000000000001", Decision.LIST, "甲", "乙"),
        CertificateChecked(account, junk.order, "0004000000000001", genuine=True),
        MatterDecided("price-differs", junk.order, "accept", "甲", "乙", account),
        CertificateImported(account, "3000000000000001", "S", b"DER", 1, 2),
    ):
        hostile.append(body)
    hostile.pushed()
    Kiosk.objects.filter(number=4).update(state=KioskState.REVOKED)
    placed = _paid(kiosk, account=account)
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    assert all_applied()
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.BOUND.value


def test_a_serial_that_no_token_has_is_set_aside_and_told_to_nobody(kiosk: KioskDouble) -> None:
    placed = _paid(kiosk)
    issued = kiosk.certificate(placed, serial="S" * 65)
    kiosk.finish(placed)
    kiosk.pushed()
    assert all_applied()
    assert LedgerCertificate.objects.get(number=issued.number).status == "void"
    assert not FeedRow.objects.filter(key=f"key/{placed.account}").exists()


def test_very_many_matters_of_one_account_are_not_all_judged_at_each_of_its_entries(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = list[str]()
    real = Folder._is_over

    def counted(folder: Folder, matter: Matter) -> bool:
        judged.append(matter.key)
        return real(folder, matter)

    monkeypatch.setattr(Folder, "_is_over", counted)
    hostile = make_kiosk(8)
    hostile.feed()
    orders = [hostile.place(nonce=bytes([each] * 6)) for each in range(30)]
    hostile.pushed()
    honest = _paid(kiosk)
    for placed in orders:
        hostile.append(OrderExpired(placed.order))
    hostile.pushed()
    assert len(judged) <= 2 * (len(orders) + 2)
    left = Matter.objects.filter(rule="order-open-already", state=MatterState.OPEN)
    assert not left.exists()
    assert LedgerOrder.objects.get(reference=honest.order).status == OrderStatus.PAID


def test_no_kiosk_decides_that_the_money_of_a_bound_order_goes_back(kiosk: KioskDouble) -> None:
    placed = _paid(kiosk)
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    revoke = Decision.REVOKE
    kiosk.append(RegisterDecided("11000001", placed.order, issued.number, revoke, "甲", "乙"))
    kiosk.append(RefundGranted(placed.order, "甲", "乙"))
    kiosk.pushed()
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.BOUND.value


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_another_kiosk_says_of_an_order_holds_nothing(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], when: str
) -> None:
    hostile = make_kiosk(4)
    for each in (kiosk, hostile):
        each.feed()
    placed = kiosk.place()
    if when == "after":
        kiosk.pushed()
    hostile.place(order=placed.order, account="11000001", lines=())
    hostile.append(OrderReleased(placed.order, 4, 1, ""))
    hostile.append(RefundCompleted(placed.order, 34000, ""))
    hostile.pushed()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"


@pytest.mark.parametrize("holds", [2**64 - 2, 2**63, 10**9, -1])
def test_an_absurd_count_of_holds_is_set_aside(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], holds: int
) -> None:
    hostile = make_kiosk(4)
    placed = _paid(kiosk)
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    key = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after, holds=holds)
    hostile.append(LossReported("11000001", key))
    hostile.append(HoldLifted("11000001", key, "甲"))
    hostile.pushed()
    assert all_applied()
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"


@pytest.mark.parametrize("strands", [1, 2])
def test_more_losses_than_people_have_in_a_day_hold_nothing(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys, strands: int
) -> None:
    """However many strands the kiosk tells them on."""
    hostile = make_kiosk(4)
    placed = _paid(kiosk)
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    policies.issue(4, Policy(0, 4, kiosk.now() + 86400, losses_a_day=2), keys, kiosk.now())
    for number in ("4000000000000001", "4000000000000002", issued.number):
        key = KeyOnRecord(number, "E8AD652202221F03", issued.not_before, issued.not_after)
        account = "11000001" if number == issued.number else number[-8:]
        hostile.append(LossReported(account, key))
        hostile.pushed()
        if strands > 1:  # it goes on as if it had told nothing yet
            hostile.entries, hostile.tip = hostile.entries[:1], Tip(1, 1, hostile.entries[0].hash)
    said = EntryRemark.objects.filter(reason="losses-beyond-policy")
    assert said.count() == 1
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"
