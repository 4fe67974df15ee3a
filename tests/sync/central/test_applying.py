from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict

from kiosk.domain import entries
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.feed import DisputeRaised, DisputeSettled, KeyBoundElsewhere, RevocationPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.policy import Policy
from kiosk.pki import issuing
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.suites import SM2
from sync.central.centre_keys import CentreKeys
from sync.central.examples import SCHEDULE, BoundKey, Examples, make_examples
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact, Verdict
from sync.central.ledger.models import Dispute, DisputeState, LedgerCertificate, LedgerOrder
from sync.central.ledger.rows import DatabaseLedger
from sync.central.ledger.settling import revoke_certificate, settle
from sync.central.members.models import FeeSchedule
from sync.central.members.publishing import publish_schedule
from sync.central.wording import remark
from sync.protocol import records
from tests.support.kiosk_double import KioskDouble
from tests.support.odd_certificates import root_without_key_parameters

pytestmark = pytest.mark.django_db


def _verdicts(kiosk: int = 3) -> dict[int, str]:
    return dict(Entry.objects.filter(kiosk=kiosk).values_list("sequence", "verdict"))


def _dispute() -> Dispute:
    return Dispute.objects.get(state=DisputeState.OPEN)


def _bind(
    kiosk: KioskDouble, placed: entries.OrderPlaced, old: KeyOnRecord | None = None, **changes: Any
) -> Any:
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, **changes)
    kiosk.finish(placed)
    return issued


def test_a_dispute_holds_up_its_account_and_no_other(kiosk: KioskDouble) -> None:
    kiosk.feed()
    cheap = tuple(line for line in SCHEDULE.lines(OrderKind.NEW) if line.item != "token")
    wrong = kiosk.place(lines=cheap)
    kiosk.append(entries.OrderCancelled(wrong.order, "member"))
    right = kiosk.place(account="11000006", kind=OrderKind.RENEWAL)
    kiosk.pushed()
    assert _verdicts() == {
        1: Verdict.APPLIED,
        2: Verdict.DISPUTED,
        3: Verdict.WAITING,
        4: Verdict.APPLIED,
    }
    assert Entry.objects.get(sequence=3).remark == "dispute 3/2"
    assert LedgerOrder.objects.filter(reference=right.order).exists()
    assert (_dispute().reason, _dispute().account) == ("price-differs", "11000001")
    (told,) = [item for item in kiosk.feed() if isinstance(item, DisputeRaised)]
    assert (told.account, told.sequence, told.reason) == ("11000001", 2, "price-differs")


def test_a_dismissed_entry_stays_out_and_the_account_goes_on(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(schedule=SCHEDULE, lines=())
    kiosk.pushed()
    again = kiosk.place()
    kiosk.pushed()
    assert _verdicts()[3] == Verdict.WAITING
    settle(_dispute(), DisputeState.DISMISSED, "admin", int(time.time()))
    assert _verdicts() == {1: Verdict.APPLIED, 2: Verdict.DISMISSED, 3: Verdict.APPLIED}
    assert LedgerOrder.objects.filter(reference=again.order).exists()
    assert [item.outcome for item in kiosk.feed() if isinstance(item, DisputeSettled)] == ["dismissed"]


def test_with_an_entry_what_rests_on_it_stays_out_and_the_account_goes_on(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    kiosk.feed()
    other.feed()
    issued = _bind(kiosk, kiosk.place(lines=()))
    lost = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    other.append(entries.LossReported("11000001", lost))
    other.pushed()
    kiosk.pushed()
    again = kiosk.place()
    kiosk.pushed()
    settle(_dispute(), DisputeState.DISMISSED, "admin", int(time.time()))
    assert LedgerOrder.objects.filter(reference=again.order).exists()
    assert not Entry.objects.exclude(verdict__in=(Verdict.APPLIED, Verdict.DISMISSED)).exists()
    assert remark(Entry.objects.get(sequence=3, kiosk=3).remark).startswith("所依据的记录未入账：3-")
    assert Fact.objects.filter(certificate_number=issued.number, kind="certificate").exists()
    assert not LedgerCertificate.objects.exists()


def test_retrying_without_a_change_is_disputed_again(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    kiosk.pushed()
    settle(_dispute(), DisputeState.RETRIED, "admin", int(time.time()))
    assert _verdicts()[2] == Verdict.DISPUTED
    assert _dispute().reason == "price-differs"


def test_a_superseded_schedule_is_taken_while_the_kiosk_could_not_know(kiosk: KioskDouble) -> None:
    kiosk.feed()
    knew = kiosk.feed_cursor
    row = FeeSchedule.objects.create(
        number=2, effective_from=int(time.time()) - 3600, token=1, certificate=2, service=3
    )
    publish_schedule(row, int(time.time()))
    assert knew < max(item.number for item in _feed_items(kiosk))
    old = kiosk.place(feed=knew)
    kiosk.append(entries.OrderExpired(old.order))
    kiosk.feed()
    kiosk.place(feed=kiosk.feed_cursor)  # still at the old price, though it was told
    kiosk.pushed()
    assert _verdicts() == {1: "applied", 2: "applied", 3: "applied", 4: "disputed"}
    settle(_dispute(), DisputeState.DISMISSED, "admin", int(time.time()))
    new = kiosk.place(feed=kiosk.feed_cursor, schedule=row.record())
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=new.order).total == 6


def _feed_items(kiosk: KioskDouble) -> list[Any]:
    from sync.protocol import records  # noqa: PLC0415

    return list(kiosk.request("GET", f"{records.PATH_FEED}?after=0").read(records.FeedPage).items)


def test_what_waits_is_tried_again_when_it_arrives(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    other = make_kiosk(4)
    other.feed()
    placed = kiosk.place()
    other.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, other.now(), supervisor="林涛"))
    other.pushed()
    assert _verdicts(4)[2] == Verdict.WAITING
    assert Entry.objects.get(kiosk=4, sequence=2).remark == f"order {placed.order}"
    kiosk.pushed()
    assert _verdicts(4)[2] == Verdict.APPLIED
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.PAID.value


def test_two_kiosks_that_served_one_account_are_both_on_record(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
        _bind(each, each.place())
    kiosk.pushed()
    other.pushed()
    assert set(_verdicts(3).values()) == {"applied"}
    assert "disputed" in _verdicts(4).values()
    assert Fact.objects.filter(kind="certificate").count() == 2
    assert LedgerCertificate.objects.filter(status="valid").count() == 1


def test_a_renewal_of_a_key_bound_elsewhere(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    pair = SM2.generate()
    bound = {"11000002": BoundKey("OLD-SERIAL", pair.public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    assert make_examples(3, bound, keys, int(time.time())).certificates == (made,)
    kiosk, other = make_kiosk(3), make_kiosk(4)
    (told,) = [item for item in kiosk.feed() if isinstance(item, KeyBoundElsewhere)]
    assert (told.number, told.certificate.hex()) == (made.number, made.certificate)
    old = KeyOnRecord(made.number, "OLD-SERIAL", made.not_before, made.not_after)
    placed = kiosk.place("11000002", OrderKind.RENEWAL, enterprise="河南中原储备粮有限公司（郑州）")
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial="OLD-SERIAL")
    kiosk.finish(placed)
    kiosk.pushed()
    assert set(_verdicts().values()) == {"applied"}
    assert LedgerCertificate.objects.get(number=made.number).status == "revoked"
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"
    assert issued.not_after > made.not_after + 364 * 86400
    news = other.feed()
    assert [item.number for item in news if isinstance(item, RevocationPublished)] == [made.number]
    assert [item.number for item in news if isinstance(item, KeyBoundElsewhere)] == [
        made.number,
        issued.number,
    ]


def test_a_renewal_with_another_token_than_the_one_on_record_is_disputed(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    bound = {"11000002": BoundKey("OLD-SERIAL", SM2.generate().public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    kiosk = make_kiosk(3)
    kiosk.feed()
    old = KeyOnRecord(made.number, "OTHER", made.not_before, made.not_after)
    placed = kiosk.place("11000002", OrderKind.RENEWAL, enterprise="河南中原储备粮有限公司（郑州）")
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    kiosk.certificate(placed, old, serial="OTHER")
    kiosk.pushed()
    assert _dispute().reason == "another-token"


def test_other_kiosks_hear_of_a_new_key_and_of_its_loss(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    kiosk.feed()
    other.feed()
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    (bound,) = [item for item in other.feed(other.feed_cursor) if isinstance(item, KeyBoundElsewhere)]
    assert (bound.account, bound.number, bound.lost) == ("11000001", issued.number, False)
    assert not [item for item in kiosk.feed(kiosk.feed_cursor) if isinstance(item, KeyBoundElsewhere)]
    key = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    kiosk.append(entries.LossReported("11000001", key))
    kiosk.pushed()
    news = other.feed(other.feed_cursor)
    assert [item.lost for item in news if isinstance(item, KeyBoundElsewhere)] == [True]
    assert not [item for item in news if isinstance(item, RevocationPublished)]  # a hold can be lifted
    assert LedgerCertificate.objects.get().status == "on-hold"
    kiosk.append(entries.HoldLifted("11000001", key.on_hold(), "张华"))
    kiosk.pushed()
    told = [item for item in other.feed(other.feed_cursor) if isinstance(item, KeyBoundElsewhere)]
    assert [(item.lost, item.holds) for item in told] == [(False, 2)]
    assert LedgerCertificate.objects.get().status == "valid"


def test_a_certificate_by_another_authority_is_disputed(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    other = make_kiosk(4)
    kiosk.issuing_key, kiosk.enrolment = other.issuing_key, other.enrolment
    placed = kiosk.place(order_code=b"")
    kiosk.pushed()
    assert _dispute().reason == "order-of-another-kiosk"
    assert placed.order_code == b""


def test_a_certificate_by_a_stolen_authority_is_disputed_and_on_record(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    own, other = kiosk.enrolment, make_kiosk(4)
    kiosk.issuing_key, kiosk.enrolment = other.issuing_key, other.enrolment
    _bind(kiosk, placed)
    kiosk.enrolment = own
    kiosk.pushed()
    assert _dispute().reason == "certificate-differs"
    assert Fact.objects.filter(kind="certificate").count() == 1
    assert not LedgerCertificate.objects.filter(account="11000001").exists()


def test_what_came_before_the_machine_was_replaced_is_judged_by_its_own_authority(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    KioskDouble(3).enrol(give_token(3, int(time.time())))
    settle(_dispute(), DisputeState.DISMISSED, "admin", int(time.time()))
    assert set(_verdicts().values()) == {"applied", "dismissed"}
    assert LedgerCertificate.objects.get().number == issued.number


def test_a_certificate_by_the_authority_of_a_machine_that_was_replaced_is_disputed(
    kiosk: KioskDouble,
) -> None:
    kiosk.feed()
    kiosk.pushed()
    machine = KioskDouble(3)
    machine.enrolment = machine.enrol_with(give_token(3, int(time.time()) - 10)).read(records.EnrolAnswer)
    machine.tip, machine.feed_cursor = kiosk.tip, kiosk.feed_cursor
    machine.epoch, machine.machine = machine.answer.epoch, machine.answer.machine
    machine.append(entries.EpochBegan(given_by_centre=True, continues=kiosk.tip))
    machine.issuing_key = kiosk.issuing_key
    machine.enrolment = msgspec.structs.replace(
        machine.answer, issuing_certificate=kiosk.answer.issuing_certificate
    )
    _bind(machine, machine.place())
    machine.pushed()
    assert _dispute().reason == "certificate-differs"


def test_a_certificate_of_an_odd_form_is_disputed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed, certificate=root_without_key_parameters())
    kiosk.pushed()
    assert _dispute().reason == "certificate-differs"


def test_a_certificate_that_ends_too_late_is_disputed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    _bind(kiosk, kiosk.place(), old_end=int(time.time()) + 300 * 86400)
    kiosk.pushed()
    assert _dispute().reason == "certificate-differs"


@pytest.mark.parametrize(("seconds", "stands"), [(601, False), (599, True), (-601, False), (-5, False)])
def test_a_certificate_that_begins_at_another_time_than_its_entry_tells_is_disputed(
    kiosk: KioskDouble,
    seconds: int,
    stands: bool,  # noqa: FBT001 - the parameter
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    issued = kiosk.certificate(placed, wall=kiosk.now() + seconds)
    kiosk.pushed()
    assert LedgerCertificate.objects.filter(number=issued.number).exists() is stands
    assert Fact.objects.filter(certificate_number=issued.number).count() == 1
    if not stands:
        assert _dispute().reason == "certificate-differs"


@pytest.mark.parametrize(("before", "stands"), [(1, False), (0, True)])
def test_a_certificate_that_begins_before_its_issuer_s_is_disputed(
    kiosk: KioskDouble,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    stands: bool,  # noqa: FBT001 - the parameter
) -> None:
    monkeypatch.setattr(issuing, "_require_period", lambda *_: None)  # what an honest kiosk refuses itself
    issuer = parse_certificate(kiosk.answer.issuing_certificate)
    kiosk.feed()
    kiosk.clock_offset = issuer.not_before + 300 - kiosk.now()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    issued = kiosk.certificate(placed, begin=issuer.not_before - before)
    kiosk.clock_offset = 0
    kiosk.pushed()
    assert LedgerCertificate.objects.filter(number=issued.number).exists() is stands
    assert Fact.objects.filter(certificate_number=issued.number).count() == 1
    if not stands:
        assert _dispute().reason == "beyond-policy"


def test_certificates_beyond_the_policy_are_disputed(kiosk: KioskDouble, keys: CentreKeys) -> None:
    kiosk.feed()
    now = int(time.time())
    limits = Policy(number=0, kiosk=3, valid_until=now + 86400, unsynced_certificates=0, unsynced_amount=1)
    row = policies.issue(3, limits, keys, now)
    _bind(kiosk, kiosk.place(), policy=row.number)
    kiosk.pushed()
    assert _dispute().reason == "beyond-policy"
    assert Alarm.objects.filter(kind=AlarmKind.BEYOND_POLICY).count() == 1


def test_a_policy_that_was_never_given_is_disputed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(policy=99)
    kiosk.pushed()
    assert _dispute().reason == "beyond-policy"


def test_a_poison_entry_holds_up_its_own_account(kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    kiosk.feed()
    poison = kiosk.place()
    kiosk.place(account="11000006", kind=OrderKind.RENEWAL)
    order = DatabaseLedger.order

    def fail(self: DatabaseLedger, number: str) -> Any:
        if number == poison.order:
            raise RuntimeError(number)
        return order(self, number)

    monkeypatch.setattr(DatabaseLedger, "order", fail)
    kiosk.pushed()
    assert _verdicts() == {1: "applied", 2: "disputed", 3: "applied"}
    assert _dispute().reason == "failed"
    monkeypatch.undo()
    settle(_dispute(), DisputeState.RETRIED, "admin", int(time.time()))
    assert set(_verdicts().values()) == {"applied"}


def test_applying_that_fails_whole_leaves_the_batch_and_is_made_up_for(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    with monkeypatch.context() as broken:
        broken.setattr("sync.central.device.views.apply_pending", lambda _: 1 // 0)
        assert kiosk.pushed().high_water == kiosk.tip
    assert set(_verdicts().values()) == {"pending"}
    kiosk.append(entries.OrderCancelled(placed.order, "member"))
    kiosk.pushed()
    assert set(_verdicts().values()) == {"applied"}


def _revoked_by_staff(number: str) -> None:
    revoke_certificate(LedgerCertificate.objects.get(number=number), "stolen", int(time.time()))


def _enter_revocation(kiosk: KioskDouble) -> None:
    """Enter what the feed tells of a revocation, as the kiosk does."""
    (told,) = [item for item in kiosk.feed() if isinstance(item, RevocationPublished)]
    kiosk.append(entries.CertificateRevoked(told.number, told.reason, kiosk.feed_number(told)))


def test_a_revocation_counts_at_once_and_comes_back_in_the_issuing_kiosks_journal(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    assert set(_verdicts().values()) == {"applied"}


def test_a_certificate_that_is_being_bound_is_revoked_by_its_kiosk(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    assert LedgerCertificate.objects.get().status == "issued"
    kiosk.finish(placed)
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert LedgerCertificate.objects.get().status == "revoked"
    assert set(_verdicts().values()) == {"applied"}


def test_a_renewal_bound_before_its_kiosk_heard_of_a_revocation_holds(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = _bind(kiosk, kiosk.place())
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    placed = kiosk.place(kind=OrderKind.RENEWAL)
    old = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    renewed = kiosk.certificate(placed, old)
    kiosk.finish(placed)
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert set(_verdicts().values()) == {"applied"}
    assert dict(LedgerCertificate.objects.values_list("number", "status")) == {
        issued.number: "revoked",
        renewed.number: "valid",
    }


def test_a_certificate_of_the_exchange_is_revoked_at_once(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    bound = {"11000007": BoundKey("SERIAL", SM2.generate().public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    kiosk = make_kiosk(3)
    revoke_certificate(LedgerCertificate.objects.get(number=made.number), "stolen", int(time.time()))
    assert LedgerCertificate.objects.get(number=made.number).status == "revoked"
    assert [item.lost for item in kiosk.feed() if isinstance(item, KeyBoundElsewhere)] == [False, True]


def test_the_web_order_is_taken_over_by_its_kiosk(kiosk: KioskDouble) -> None:
    (item,) = [each for each in kiosk.feed() if type(each).__name__ == "OrderAssignedHere"]
    kiosk.append(entries.OrderAssigned(**asdict(item.facts), feed=kiosk.feed_number(item)))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=item.order)
    assert (row.owner, row.status, row.account) == (3, OrderStatus.PAID.value, "11000006")
