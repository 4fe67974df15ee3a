"""The fold of lost and found keys, and of two kiosks that tell of one key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.ledger_fold import bound_event, fold_entry
from kiosk.domain.register import later_key
from kiosk.domain.remarks import RemarkReason

if TYPE_CHECKING:
    from tests.support.journal import Journal

KIOSK, OTHER_KIOSK = 3, 4
YEAR = 365 * 86400
ACCOUNT = "11000001"
POINT = b"\x04" + bytes(64)


def test_a_loss_puts_the_certificate_on_hold_until_the_next_is_bound(journal: Journal) -> None:
    first = journal.place()
    journal.pay(first)
    old = journal.bind(first, "T1")
    key = journal.ledger.registers[ACCOUNT].key
    assert key is not None
    journal.add(LossReported(ACCOUNT, key))
    assert journal.ledger.certificates[old].status is CertificateStatus.ON_HOLD
    assert journal.ledger.registers[ACCOUNT].key == key.on_hold()
    second = journal.place(OrderKind.REPLACEMENT)
    journal.pay(second)
    journal.bind(second, "T2")
    assert journal.ledger.certificates[old].status is CertificateStatus.REVOKED


def bound_key(journal: Journal) -> KeyOnRecord:
    number = journal.place()
    journal.pay(number)
    journal.bind(number, "T1")
    return journal.key()


def status_of(journal: Journal, key: KeyOnRecord) -> CertificateStatus:
    return journal.ledger.certificates[key.number].status


def test_a_hold_is_set_and_lifted_and_set_again(journal: Journal) -> None:
    key = bound_key(journal)
    journal.add(LossReported(ACCOUNT, key))
    journal.add(LossReported(ACCOUNT, key))
    assert (journal.key().lost, journal.key().holds) == (True, 1)
    journal.add(HoldLifted(ACCOUNT, journal.key(), "张华"))
    assert (journal.key().lost, journal.key().holds) == (False, 2)
    assert status_of(journal, key) is CertificateStatus.VALID
    journal.add(KeyFound(ACCOUNT, "T1", "张华", journal.key()))
    assert (journal.key().lost, journal.key().holds) == (True, 3)
    assert status_of(journal, key) is CertificateStatus.ON_HOLD


def test_a_found_key_of_nobody_changes_nothing(journal: Journal) -> None:
    key = bound_key(journal)
    journal.add(KeyFound("", "T9", "张华"))
    journal.add(KeyFound(ACCOUNT, "T1", "张华"))
    assert journal.key() == key


def test_a_revoked_key_is_not_lifted(journal: Journal) -> None:
    key = bound_key(journal)
    journal.add(LossReported(ACCOUNT, key))
    journal.add(CertificateRevoked(key.number, "staff", "row/9"))
    body = HoldLifted(ACCOUNT, journal.key(), "张华")
    assert journal.refuses(body) is RemarkReason.CERTIFICATE_DIFFERS
    assert status_of(journal, key) is CertificateStatus.REVOKED


def test_the_hold_of_a_key_that_was_replaced_is_not_lifted(journal: Journal) -> None:
    key = bound_key(journal)
    journal.add(LossReported(ACCOUNT, key))
    lost = journal.key()
    second = journal.place(OrderKind.REPLACEMENT)
    journal.pay(second)
    journal.bind(second, "T2")
    body = HoldLifted(ACCOUNT, lost, "张华")
    assert journal.refuses(body) is RemarkReason.CERTIFICATE_DIFFERS
    assert status_of(journal, key) is CertificateStatus.REVOKED
    assert not journal.key().lost


def test_a_lift_that_knew_of_fewer_holds_undoes_no_later_one(journal: Journal) -> None:
    key = bound_key(journal)
    journal.add(LossReported(ACCOUNT, key))
    first = journal.key()
    journal.add(HoldLifted(ACCOUNT, first, "张华"))
    journal.add(LossReported(ACCOUNT, journal.key()))
    journal.add(HoldLifted(ACCOUNT, first, "林涛"))
    assert journal.key().lost
    assert status_of(journal, key) is CertificateStatus.ON_HOLD


def test_a_loss_reported_again_of_a_key_on_hold_outlives_a_lift_that_had_not_heard_of_it(
    journal: Journal,
) -> None:
    key = bound_key(journal)
    journal.add(LossReported(ACCOUNT, key))
    held = journal.key()
    journal.add(LossReported(ACCOUNT, held))
    assert (journal.key().lost, journal.key().holds) == (True, 3)
    journal.add(HoldLifted(ACCOUNT, held, "张华"))
    assert status_of(journal, key) is CertificateStatus.ON_HOLD
    journal.add(HoldLifted(ACCOUNT, journal.key(), "张华"))
    assert status_of(journal, key) is CertificateStatus.VALID


def test_the_renewal_of_a_key_that_was_reported_lost_meanwhile_stays_on_hold(
    make_journal: Callable[[bool], Journal],
) -> None:
    centre = make_journal(True)  # noqa: FBT003 - the centre's
    old = bound_key(centre)
    renewal = centre.place(OrderKind.RENEWAL)
    centre.pay(renewal)
    centre.add(LossReported(ACCOUNT, old))
    number = centre.bind(renewal, "T1")
    assert status_of(centre, old) is CertificateStatus.REVOKED
    assert centre.ledger.certificates[number].status is CertificateStatus.ON_HOLD
    assert (centre.key().number, centre.key().lost, centre.key().holds) == (number, True, 1)
    centre.add(HoldLifted(ACCOUNT, centre.key(), "张华"))
    assert centre.ledger.certificates[number].status is CertificateStatus.VALID


def test_what_an_order_tells_of_the_key_reaches_its_certificate(journal: Journal) -> None:
    key = bound_key(journal)
    journal.place(OrderKind.REPLACEMENT, previous=key.on_hold())
    assert status_of(journal, key) is CertificateStatus.ON_HOLD
    journal.add(HoldLifted(ACCOUNT, journal.key(), "张华"))
    journal.place(OrderKind.RENEWAL, previous=key.out_of_use())
    assert status_of(journal, key) is CertificateStatus.REVOKED


def test_the_centre_learns_of_a_key_from_its_binding(make_journal: Callable[[bool], Journal]) -> None:
    centre = make_journal(True)  # noqa: FBT003 - the centre's
    early = KeyOnRecord(f"{KIOSK:04X}{7:012X}", "T1", 1_799_000_000, 1_830_000_000)
    centre.add(LossReported(ACCOUNT, early))
    assert [remark.reason for remark in centre.remarks] == [RemarkReason.CERTIFICATE_UNKNOWN]
    assert centre.ledger.registers[ACCOUNT].key is None
    assert bound_key(centre).number == early.number
    assert status_of(centre, early) is CertificateStatus.ON_HOLD


class Kiosks:
    """A centre and two kiosks that serve one member, each with what the feed last told it."""

    def __init__(self, make_journal: Callable[[bool], Journal]) -> None:
        self.centre = make_journal(True)  # noqa: FBT003 - the centre's
        self.key = bound_key(self.centre)
        self.journals = [make_journal(False), make_journal(False)]  # noqa: FBT003 - not the centre's
        self.feeds = [self.key, self.key]
        self.sent = [1, 1]

    def known(self, kiosk: int) -> KeyOnRecord:
        row = self.journals[kiosk].ledger.register(ACCOUNT)
        known = later_key(row.key if row else None, self.feeds[kiosk])
        assert known is not None
        return known

    def do(self, kiosk: int, what: str) -> None:
        key, journal = self.known(kiosk), self.journals[kiosk]
        if what == "lose" and not key.revoked:
            journal.add(LossReported(ACCOUNT, key))
        elif what == "find" and not key.revoked:
            journal.add(KeyFound(ACCOUNT, "T1", "张华", key))
        elif what == "lift" and key.lost and not key.revoked:
            journal.add(HoldLifted(ACCOUNT, key, "张华"))
        elif what == "send":
            self.send(kiosk, 1)
        elif what == "feed":
            self.feeds[kiosk] = self.centre.key()

    def send(self, kiosk: int, count: int) -> None:
        waiting = self.journals[kiosk].entries[self.sent[kiosk] :][:count]
        self.sent[kiosk] += len(waiting)
        for sealed in waiting:
            folding = fold_entry(self.centre.ledger, sealed.entry, bound_event)
            if folding.remarks:
                # only a hold that was lifted where nobody had heard of the revocation yet
                assert isinstance(sealed.entry.body, HoldLifted)
                assert self.centre.key().revoked
            self.centre.ledger.put(folding.rows)


STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(("lose", "find", "lift", "send", "feed"))), max_size=30
)


@given(steps=STEPS, revoked_after=st.none() | st.integers(0, 30))
def test_two_kiosks_and_the_centre_agree_on_one_key_once_all_is_told(
    make_journal: Callable[[bool], Journal], steps: list[tuple[int, str]], revoked_after: int | None
) -> None:
    kiosks = Kiosks(make_journal)
    for place, (kiosk, what) in enumerate(steps):
        if place == revoked_after:
            kiosks.centre.add(CertificateRevoked(kiosks.key.number, "staff", "row/9"))
        kiosks.do(kiosk, what)
    for kiosk in (1, 0):
        kiosks.send(kiosk, len(steps))
    told = kiosks.centre.key()
    certificate = status_of(kiosks.centre, kiosks.key)
    for kiosk in (0, 1):
        kiosks.do(kiosk, "feed")
        known = kiosks.known(kiosk)
        assert (known.lost, known.revoked) == (told.lost, told.revoked)
        if not told.revoked:
            assert known == told
    assert told.revoked == (revoked_after is not None and revoked_after < len(steps))
    expected = CertificateStatus.ON_HOLD if told.lost else CertificateStatus.VALID
    assert certificate is (CertificateStatus.REVOKED if told.revoked else expected)


@given(
    held=st.permutations(["lose", "find", "lose"]),
    kiosks_of=st.lists(st.integers(0, 1), min_size=3, max_size=3),
)
def test_whoever_tells_first_a_loss_reaches_the_centre(
    make_journal: Callable[[bool], Journal], held: list[str], kiosks_of: list[int]
) -> None:
    kiosks = Kiosks(make_journal)
    for kiosk, what in zip(kiosks_of, held, strict=True):
        kiosks.do(kiosk, what)
    for kiosk in kiosks_of:
        kiosks.send(kiosk, 1)
    assert kiosks.centre.key().lost


def test_a_loss_of_a_key_that_was_renewed_meanwhile_holds_its_renewal_and_one_of_another_token_is_refused(
    journal: Journal,
) -> None:
    first = journal.place()
    journal.pay(first)
    journal.bind(first, "T1")
    before = journal.key()
    renewal = journal.place(OrderKind.RENEWAL)
    journal.pay(renewal)
    renewed = journal.bind(renewal, "T1")
    another = replace(before, number="4000000000000001", token_serial="T9")
    assert journal.refuses(LossReported("11000001", another)) is RemarkReason.CERTIFICATE_UNKNOWN
    journal.add(LossReported("11000001", before))
    assert (journal.key().number, journal.key().lost) == (renewed, True)
    assert journal.ledger.certificates[renewed].status is CertificateStatus.ON_HOLD
