"""Personal records at the centre: taken where an entry of the same kiosk commits to them, told masked, and erased."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceIssued,
    InvoiceKind,
    InvoiceWithdrawn,
    KeyMailed,
    KeyReceivedBack,
    OperatorProposed,
    OperatorReviewed,
    OperatorWithdrawn,
    PersonalErased,
)
from kiosk.domain.feed import DeliveryTold, ErasureTold, InvoiceTold, ProposalTold
from kiosk.domain.members import Review
from kiosk.domain.personal import (
    MAXIMUM_RECORD,
    SALT_LENGTH,
    DeliveryAddress,
    Disclosed,
    PersonalRecord,
)
from kiosk.domain.policy import DAY
from kiosk.domain.retention import CentreRetention
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.incarnations import begin_after_restore
from sync.central.ledger import settling
from sync.central.ledger.privacy import erase_on_request, exported, is_known
from sync.central.ledger.publishing import publish_enterprise
from sync.central.ledger.replaying import differences
from sync.central.ledger.retention import RetentionWatch
from sync.central.members.models import Enterprise, Operator
from sync.central.personal import keeping
from sync.central.personal.keeping import keep_own, opened
from sync.central.personal.models import AccountErasure, RecordKey, RecordState, SealedRecord
from sync.central.personal.models import PersonalRecord as Row
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from sync.protocol.records import PersonalOutcome
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.personal_facts import ADDRESS, ELSEWHERE, INVOICE, OPERATOR, disclosed, now, paid_order

pytestmark = pytest.mark.django_db

NAME = "0123456789abcdef"
KEPT, ERASED, UNKNOWN = PersonalOutcome.KEPT, PersonalOutcome.ERASED, PersonalOutcome.UNKNOWN
MakeKiosk = Callable[[int], KioskDouble]


def asked(kiosk: KioskDouble, record: DeliveryAddress = ADDRESS, order: str = "") -> tuple[str, Disclosed]:
    """A delivery that was asked of an order, and uploaded; the record was not."""
    order, each = order or paid_order(kiosk), disclosed(record)
    kiosk.append(DeliveryAsked(order, ACCOUNT, each.commitment, "member"))
    kiosk.pushed()
    return order, each


def here(each: Disclosed, keys: CentreKeys) -> PersonalRecord | None:
    return opened([each.commitment], keys).get(each.commitment)


def row(each: Disclosed) -> Row:
    return Row.objects.get(commitment=each.commitment.hex())


def deliveries(kiosk: KioskDouble) -> list[DeliveryTold]:
    return [each for each in kiosk.news() if isinstance(each, DeliveryTold)]


def test_a_record_is_kept_once_an_entry_commits_to_it_and_again_changes_nothing(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    order, each = asked(kiosk)
    assert (row(each).state, here(each, keys)) == (RecordState.AWAITED, None)
    assert kiosk.sent(each) == [KEPT]
    assert here(each, keys) == ADDRESS
    before = SealedRecord.objects.get().sealed
    assert kiosk.sent(each, each) == [KEPT, KEPT]
    assert SealedRecord.objects.get().sealed == before
    found = row(each)
    assert (found.account, found.kind, found.subject, found.kiosk) == (ACCOUNT, "delivery", order, 3)
    assert differences() == []


def test_every_kind_is_taken_and_told_masked(kiosk: KioskDouble) -> None:
    order = paid_order(kiosk)
    sent = [disclosed(each) for each in (ADDRESS, INVOICE, OPERATOR)]
    kiosk.append(DeliveryAsked(order, ACCOUNT, sent[0].commitment, "member"))
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, sent[1].commitment, "member"))
    body = OperatorProposed(NAME, ACCOUNT, "c", sent[2].commitment, authorised=True, by="member")
    kiosk.append(body)
    kiosk.pushed()
    first = kiosk.feed()
    empty = [each for each in first if isinstance(each, DeliveryTold | InvoiceTold | ProposalTold)]
    assert [getattr(each, "recipient", "") for each in empty] == ["", "", ""]
    assert kiosk.sent(*sent) == [KEPT] * 3
    delivery, invoice, proposal = kiosk.news()
    assert isinstance(delivery, DeliveryTold)
    assert (delivery.recipient, delivery.phone, delivery.region) == ("张**", "138****5678", ADDRESS.region)
    assert isinstance(invoice, InvoiceTold)
    assert invoice.email == "f***@example.cn"
    assert isinstance(proposal, ProposalTold)
    assert (proposal.name, proposal.document) == ("李**", "1101**********002X")


def test_the_bound_phone_is_resolved_here(kiosk: KioskDouble) -> None:
    Operator.objects.filter(account=ACCOUNT).update(phone="13700001111")
    _, each = asked(kiosk, ELSEWHERE)
    kiosk.feed()
    kiosk.sent(each)
    (delivery,) = deliveries(kiosk)
    assert delivery.phone == "137****1111"


def test_what_nobody_committed_to_is_refused_and_leaves_nothing(kiosk: KioskDouble) -> None:
    assert kiosk.sent(disclosed(ADDRESS)) == [UNKNOWN]
    assert not Row.objects.exists()
    assert not SealedRecord.objects.exists()


def test_a_kiosk_can_neither_put_nor_ask_what_another_committed_to(
    kiosk: KioskDouble, make_kiosk: MakeKiosk, keys: CentreKeys
) -> None:
    _, each = asked(kiosk)
    other = make_kiosk(4)
    assert other.sent(each) == [UNKNOWN]
    assert here(each, keys) is None
    kiosk.sent(each)
    assert other.sent(each) == [UNKNOWN]
    # Its own entry with the same commitment takes nothing from the one that was first.
    other.append(DeliveryAsked(paid_order(other), ACCOUNT, each.commitment, "member"))
    other.pushed()
    assert other.sent(each) == [UNKNOWN]
    assert row(each).kiosk == 3


def test_a_record_of_another_kind_or_in_another_form_is_malformed(kiosk: KioskDouble) -> None:
    wrong = disclosed(INVOICE)
    kiosk.append(DeliveryAsked(paid_order(kiosk), ACCOUNT, wrong.commitment, "member"))
    kiosk.pushed()
    broken = Disclosed(bytes(SALT_LENGTH), b"\x93no record")
    assert kiosk.sent(wrong, broken, Disclosed(b"short", wrong.data)) == [PersonalOutcome.MALFORMED] * 3
    assert not SealedRecord.objects.exists()


def test_the_longest_records_fit_into_one_request_and_more_are_refused(kiosk: KioskDouble) -> None:
    longest = DeliveryAddress("张", "河南省", "路" * ((MAXIMUM_RECORD - 40) // 3))
    sent = [disclosed(longest) for _ in range(records.MAXIMUM_PERSONAL)]
    assert kiosk.sent(*sent) == [UNKNOWN] * records.MAXIMUM_PERSONAL
    body = records.encode(records.PersonalUpload((disclosed(ADDRESS),) * (records.MAXIMUM_PERSONAL + 1)))
    answer = kiosk.request("POST", records.PATH_PERSONAL, body)
    assert (answer.status, answer.problem.code) == (413, ProblemCode.BODY_TOO_LARGE)
    answer = kiosk.request("POST", records.PATH_PERSONAL, b" " * (records.MAXIMUM_JSON + 1))
    assert answer.status == 413
    assert kiosk.request("POST", records.PATH_PERSONAL, b"{}").problem.code is ProblemCode.BODY_MALFORMED


def test_a_kiosk_fills_no_more_than_its_day_s_room(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch, keys: CentreKeys
) -> None:
    monkeypatch.setattr(keeping, "MOST_A_DAY", 2)
    sent = [asked(kiosk)[1] for _ in range(3)]
    assert kiosk.sent(*sent) == [KEPT, KEPT, PersonalOutcome.LATER]
    assert SealedRecord.objects.count() == 2
    Row.objects.update(received_at=now() - DAY - 1)
    assert kiosk.sent(sent[-1]) == [KEPT]


def test_a_revoked_kiosk_puts_nothing_and_what_it_entered_since_is_awaited_by_nobody(
    kiosk: KioskDouble,
) -> None:
    order = paid_order(kiosk)
    kiosk.pushed()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    _, each = asked(kiosk, order=order)
    body = records.encode(records.PersonalUpload((each,)))
    answer = kiosk.request("POST", records.PATH_PERSONAL, body)
    assert (answer.status, answer.problem.code) == (403, ProblemCode.KIOSK_REVOKED)
    assert not Row.objects.exists()


def test_each_record_has_a_key_of_its_own_that_only_the_centre_s_opens(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    order = paid_order(kiosk)
    first = disclosed(ADDRESS)
    second = disclosed(INVOICE)
    kiosk.append(DeliveryAsked(order, ACCOUNT, first.commitment, "member"))
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.ORDINARY, second.commitment, "member"))
    kiosk.pushed()
    kiosk.sent(first, second)
    one, two = (RecordKey.objects.get(commitment=each.commitment.hex()) for each in (first, second))
    assert one.sealed != two.sealed
    one.sealed, two.sealed = two.sealed, one.sealed
    one.save()
    two.save()
    assert opened([first.commitment, second.commitment], keys) == {}


def test_another_address_takes_the_place_of_the_first_which_is_erased(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    order, first = asked(kiosk)
    kiosk.sent(first)
    second = disclosed(ELSEWHERE)
    kiosk.append(DeliveryChanged(order, ACCOUNT, second.commitment, "member"))
    kiosk.pushed()
    assert (here(first, keys), row(first).state) == (None, RecordState.ERASED)
    assert kiosk.sent(first, second) == [ERASED, KEPT]
    assert here(second, keys) == ELSEWHERE


def test_what_is_withdrawn_is_erased(kiosk: KioskDouble, keys: CentreKeys) -> None:
    order, each, who = paid_order(kiosk), disclosed(INVOICE), disclosed(OPERATOR)
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, each.commitment, "member"))
    body = OperatorProposed(NAME, ACCOUNT, "c", who.commitment, authorised=True, by="member")
    kiosk.append(body)
    kiosk.pushed()
    assert kiosk.sent(each, who) == [KEPT, KEPT]
    kiosk.append(InvoiceWithdrawn(order, ACCOUNT, "member"))
    kiosk.append(OperatorWithdrawn(NAME, ACCOUNT, "member"))
    kiosk.pushed()
    assert (here(each, keys), here(who, keys)) == (None, None)


def test_an_erasure_at_the_kiosk_erases_here_and_at_the_other_kiosks(
    kiosk: KioskDouble, make_kiosk: MakeKiosk, keys: CentreKeys
) -> None:
    other = make_kiosk(4)
    _, each = asked(kiosk)
    kiosk.sent(each)
    other.feed()
    kiosk.append(PersonalErased(ACCOUNT, kiosk.now(), "keydesk privacy"))
    kiosk.pushed()
    assert (here(each, keys), row(each).state) == (None, RecordState.ERASED)
    assert not RecordKey.objects.exists()
    news = other.news()
    (erasure,) = (one for one in news if isinstance(one, ErasureTold))
    assert (erasure.account, abs(erasure.until - now()) < 60) == (ACCOUNT, True)
    (delivery,) = (one for one in news if isinstance(one, DeliveryTold))
    assert (delivery.recipient, delivery.phone, delivery.region) == ("", "", "")
    assert kiosk.sent(each) == [ERASED]
    assert differences() == []


def test_what_was_made_before_an_erasure_is_not_taken_and_what_is_made_after_is(
    kiosk: KioskDouble, make_kiosk: MakeKiosk, keys: CentreKeys
) -> None:
    _, waiting = asked(kiosk)
    assert erase_on_request(ACCOUNT, "张华", now()).count == 0
    assert kiosk.sent(waiting) == [ERASED]
    AccountErasure.objects.update(until=now() - 100)
    late = make_kiosk(4)
    order = paid_order(late)
    before, after = disclosed(ADDRESS), disclosed(ELSEWHERE)
    late.append(DeliveryAsked(order, ACCOUNT, before.commitment, "member"), wall=now() - 500)
    late.append(DeliveryChanged(order, ACCOUNT, after.commitment, "member"))
    late.pushed()
    assert late.sent(before, after) == [ERASED, KEPT]
    assert here(after, keys) == ELSEWHERE


def test_a_kiosk_that_does_not_serve_an_account_erases_only_what_it_sent_itself(
    kiosk: KioskDouble, make_kiosk: MakeKiosk, keys: CentreKeys
) -> None:
    stranger = make_kiosk(4)
    _, mine = asked(kiosk)
    _, theirs = asked(stranger)
    kiosk.sent(mine)
    stranger.sent(theirs)
    Kiosk.objects.filter(number=4).update(serves_all=False)
    stranger.append(PersonalErased(ACCOUNT, stranger.now(), "x"))
    stranger.pushed()
    assert (here(mine, keys), here(theirs, keys)) == (ADDRESS, None)
    assert not any(isinstance(each, ErasureTold) for each in kiosk.feed())


def test_an_export_has_every_fact_in_words_and_erasing_leaves_none(kiosk: KioskDouble) -> None:
    order, each = asked(kiosk)
    kiosk.sent(each)
    found = exported(ACCOUNT)
    assert (found.operator, found.orders, [one.order for one in found.requests]) == (
        "李晓梅",
        (order,),
        [order],
    )
    assert [fact.record["address"] for fact in found.facts] == ["花园路1号"]
    assert erase_on_request(ACCOUNT, "张华", now()).count == 1
    after = exported(ACCOUNT)
    assert (after.facts, after.requests) == ((), found.requests)
    assert erase_on_request(ACCOUNT, "张华", now()).count == 0
    nobody = exported("99999999")
    assert (nobody.operator, nobody.facts) == (None, ())
    assert [is_known(each) for each in (ACCOUNT, "99999999")] == [True, False]


def test_the_phone_s_own_records_are_kept_for_an_entry_of_the_centre(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    order = paid_order(kiosk)
    kiosk.pushed()
    commitment = keep_own(ADDRESS, ACCOUNT, order, keys, now())
    settling.enter_and_apply([DeliveryAsked(order, ACCOUNT, commitment, "phone")], now())
    (delivery,) = (each for each in kiosk.feed() if isinstance(each, DeliveryTold))
    assert delivery.recipient == "张**"
    assert opened([commitment], keys)[commitment] == ADDRESS


class TestRetention:
    """Days by kind, by the centre's clock from the moment on at which it saw that a request was done."""

    RETENTION = CentreRetention(
        delivery_days=2, invoice_days=3, operator_days=1, longest_days=9, unnamed_days=4
    )

    def look(self, days: int, seconds: int = 0) -> set[str]:
        RetentionWatch(self.RETENTION).look(now() + days * DAY + seconds)
        return set(Row.objects.filter(state=RecordState.KEPT).values_list("kind", flat=True))

    def everything(self, kiosk: KioskDouble) -> str:
        order = paid_order(kiosk)
        sent = [disclosed(each) for each in (ADDRESS, INVOICE, OPERATOR)]
        kiosk.append(DeliveryAsked(order, ACCOUNT, sent[0].commitment, "member"))
        kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, sent[1].commitment, "member"))
        body = OperatorProposed(NAME, ACCOUNT, "c", sent[2].commitment, authorised=True, by="x")
        kiosk.append(body)
        kiosk.pushed()
        assert kiosk.sent(*sent) == [KEPT] * 3
        return order

    def test_each_kind_goes_when_its_days_are_over(self, kiosk: KioskDouble) -> None:
        order = self.everything(kiosk)
        settling.enter_and_apply(
            [
                KeyMailed(order, ACCOUNT, "顺丰速运", "SF1", 2**62, "张华"),
                InvoiceIssued(order, ACCOUNT, "2641", 1, "张华"),
                OperatorReviewed(NAME, ACCOUNT, Review.REFUSED, "", "证件不清楚", "张华"),
            ],
            now(),
        )
        assert self.look(0) == {"delivery", "invoice", "operator"}
        assert self.look(1, -60) == {"delivery", "invoice", "operator"}
        assert self.look(1, 60) == {"delivery", "invoice"}
        assert self.look(2, 60) == {"invoice"}
        assert self.look(3, 60) == set()
        kiosk.news()
        assert not RecordKey.objects.exists()

    def test_what_nobody_finishes_goes_after_the_longest(self, kiosk: KioskDouble) -> None:
        self.everything(kiosk)
        assert self.look(9, -60) == {"delivery", "invoice", "operator"}
        assert self.look(9, 60) == set()

    def test_a_key_that_came_back_is_not_done(self, kiosk: KioskDouble) -> None:
        order = self.everything(kiosk)
        settling.enter_and_apply([KeyMailed(order, ACCOUNT, "EMS", "E1", 5, "张华")], now())
        self.look(0)
        settling.enter_and_apply([KeyReceivedBack(order, ACCOUNT, "拒收", "张华")], now())
        assert "delivery" in self.look(5)

    def test_what_no_request_names_waits_for_the_applier_and_then_goes(self, kiosk: KioskDouble) -> None:
        each = disclosed(ADDRESS)
        elsewhere = "4-0002-5.aaaaaaaaaaaa"
        kiosk.append(DeliveryAsked(elsewhere, ACCOUNT, each.commitment, "member"))
        kiosk.pushed()
        assert kiosk.sent(each) == [KEPT]
        assert self.look(4, -60) == {"delivery"}
        assert self.look(4, 60) == set()


def test_who_begins_to_serve_an_enterprise_hears_what_was_asked_and_who_ends_hears_no_more(
    kiosk: KioskDouble, make_kiosk: MakeKiosk
) -> None:
    make_kiosk(4)
    Kiosk.objects.filter(number=4).update(serves_all=False)
    other = make_kiosk(4)
    _, each = asked(kiosk)
    kiosk.sent(each)
    assert not deliveries(other)
    enterprise = Enterprise.objects.get(operator__account=ACCOUNT)
    enterprise.kiosks.add(4)
    publish_enterprise(enterprise, now())
    (delivery,) = deliveries(other)
    assert delivery.recipient == "张**"
    enterprise.kiosks.remove(4)
    publish_enterprise(enterprise, now())
    other.news()
    assert dict(other.told)[f"delivery/{ACCOUNT}/{delivery.order}"].__struct_config__.tag == "removed"


def test_a_centre_that_was_put_back_without_the_keys_awaits_the_records_again(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    _, each = asked(kiosk)
    kiosk.sent(each)
    RecordKey.objects.all().delete()
    assert kiosk.sent(each) == [KEPT]
    begin_after_restore(now())
    assert row(each).state == RecordState.AWAITED
    assert not SealedRecord.objects.exists()
