"""What the centre makes of entries: nothing waits, nothing is blocked, what does not fit is a matter beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import asdict

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.keys import HoldLifted, LossReported
from kiosk.domain.entries.orders import OrderAssigned, OrderCancelled, OrderExpired, OrderPaid
from kiosk.domain.feed import KeyBoundElsewhere, MatterPublished, RevocationPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.versions import ALL
from kiosk.pki.suites import SM2
from sync.central.centre_keys import CentreKeys
from sync.central.examples import SCHEDULE, BoundKey, Examples, make_examples
from sync.central.journal.models import Strand
from sync.central.ledger import applier, waking
from sync.central.ledger.models import LedgerCertificate, LedgerOrder
from sync.central.ledger.portions import CONDEMNED
from sync.central.members.models import FeeSchedule
from sync.central.members.publishing import publish_schedule
from tests.support.books import all_applied, open_matters, remarks, status_of, the_matter
from tests.support.kiosk_double import KioskDouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("replay_equals_the_tables")]


def test_a_matter_holds_up_nobody(kiosk: KioskDouble) -> None:
    kiosk.feed()
    cheap = tuple(line for line in SCHEDULE.lines(OrderKind.NEW) if line.item != "token")
    wrong = kiosk.place(lines=cheap)
    kiosk.append(OrderCancelled(wrong.order, "member"))
    right = kiosk.place()
    kiosk.pushed()
    assert all_applied()
    assert remarks() == {2: ["price-differs"]}
    assert LedgerOrder.objects.get(reference=wrong.order).status == OrderStatus.CANCELLED.value
    assert LedgerOrder.objects.get(reference=right.order).status == OrderStatus.PLACED.value
    assert open_matters() == [("price-differs", "11000001")]
    (told,) = [item for item in kiosk.feed() if isinstance(item, MatterPublished)]
    assert told == MatterPublished("price-differs", wrong.order, "11000001", 2)


def test_requests_that_apply_one_strand_at_once_take_each_other_for_no_failures(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    kiosk.place()
    with monkeypatch.context() as patch:
        patch.setattr(waking, "wake", lambda: None)
        kiosk.pushed()
    strand, fold, begun = Strand.objects.get(kiosk=kiosk.number).number, applier.fold, list[int]()

    def while_others_fold(*given: Any, **named: Any) -> Any:
        """As many requests as it takes are in mid-attempt when the applier looks for strands that failed."""
        if len(begun) < CONDEMNED:
            begun.append(len(begun))
            applier.apply_strand(kiosk.number, strand, kiosk.now())
        elif len(begun) == CONDEMNED:
            begun.append(CONDEMNED)
            applier.apply_batch(kiosk.now(), suspects=True)
        return fold(*given, **named)

    monkeypatch.setattr(applier, "fold", while_others_fold)
    assert applier.apply_strand(kiosk.number, strand, kiosk.now())
    assert len(begun) == CONDEMNED + 1
    assert all_applied()
    assert remarks() == {}


def test_a_superseded_schedule_is_taken_while_the_kiosk_could_not_know(kiosk: KioskDouble) -> None:
    kiosk.feed()
    knew = kiosk.cursors[ALL]
    row = FeeSchedule.objects.create(
        number=2, effective_from=int(time.time()) - 3600, token=1, certificate=2, service=3
    )
    publish_schedule(row, int(time.time()))
    assert knew < kiosk.page().heads[ALL]
    old = kiosk.place(feed=knew)
    kiosk.append(OrderExpired(old.order))
    kiosk.feed()
    still = kiosk.place(feed=kiosk.cursors[ALL])  # still at the old price, though it was told
    kiosk.append(OrderExpired(still.order))
    new = kiosk.place(feed=kiosk.cursors[ALL], schedule=row.record())
    kiosk.pushed()
    assert remarks() == {4: ["price-differs"]}
    assert LedgerOrder.objects.get(reference=new.order).total == 6


def test_money_that_another_kiosk_tells_of_is_on_record_and_waits_for_nobody(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    other = make_kiosk(4)
    other.feed()
    placed = kiosk.place()
    other.append(OrderPaid(placed.order, PaidHow.DESK, 34000, other.now(), supervisor="林涛"))
    other.pushed()
    assert all_applied()
    assert remarks(4) == {2: ["money-told-by-another"]}
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.PLACED.value


def test_an_unpaid_order_elsewhere_is_a_warning_that_ends_by_itself(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    """Two healthy kiosks with one account: unpaid at 4, paid and bound at 3; nobody has to do anything."""
    other = make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
    unpaid = other.place()
    other.pushed()
    placed = kiosk.place()
    kiosk.pushed()
    assert open_matters() == [("order-open-already", "11000001")]
    issued = kiosk.bind(placed)
    kiosk.pushed()
    assert status_of(issued.number) == "valid"
    assert open_matters() == []
    other.append(OrderExpired(unpaid.order))
    other.pushed()
    assert open_matters() == []
    assert all_applied()
    assert LedgerOrder.objects.get(reference=unpaid.order).status == OrderStatus.EXPIRED.value


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
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial="OLD-SERIAL")
    kiosk.finish(placed)
    kiosk.pushed()
    assert remarks() == {}
    assert status_of(made.number) == "revoked"
    assert status_of(issued.number) == "valid"
    assert issued.not_after > made.not_after + 364 * 86400
    news = other.feed()
    assert [item.number for item in news if isinstance(item, KeyBoundElsewhere)] == [issued.number]


def test_a_renewal_with_another_token_than_the_one_on_record_is_held(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    bound = {"11000002": BoundKey("OLD-SERIAL", SM2.generate().public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    kiosk = make_kiosk(3)
    kiosk.feed()
    old = KeyOnRecord(made.number, "OTHER", made.not_before, made.not_after)
    placed = kiosk.place("11000002", OrderKind.RENEWAL, enterprise="河南中原储备粮有限公司（郑州）")
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, old, serial="OTHER")
    kiosk.finish(placed)
    kiosk.pushed()
    assert the_matter().rule == "another-token"
    assert (status_of(made.number), status_of(issued.number)) == ("valid", "held")


def test_other_kiosks_hear_of_a_new_key_and_of_its_loss(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    kiosk.feed()
    other.feed()
    issued = kiosk.bind(kiosk.place())
    kiosk.pushed()
    (bound,) = [item for item in other.news() if isinstance(item, KeyBoundElsewhere)]
    assert (bound.account, bound.number, bound.lost) == ("11000001", issued.number, False)
    key = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    kiosk.append(LossReported("11000001", key))
    kiosk.pushed()
    news = other.news()
    assert [item.lost for item in news if isinstance(item, KeyBoundElsewhere)] == [True]
    assert not [item for item in news if isinstance(item, RevocationPublished)]  # a hold can be lifted
    assert LedgerCertificate.objects.get().status == "on-hold"
    kiosk.append(HoldLifted("11000001", key.on_hold(), "张华"))
    kiosk.pushed()
    told = [item for item in other.news() if isinstance(item, KeyBoundElsewhere)]
    assert [(item.lost, item.holds) for item in told] == [(False, 2)]
    assert LedgerCertificate.objects.get().status == "valid"


def test_the_web_order_is_taken_over_by_its_kiosk(kiosk: KioskDouble) -> None:
    (item,) = [each for each in kiosk.feed() if type(each).__name__ == "OrderAssignedHere"]
    kiosk.append(OrderAssigned(**asdict(item.facts), feed=kiosk.feed_key(item)))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=item.order)
    assert (row.owner, row.status, row.account) == (3, OrderStatus.PAID.value, "11000006")
