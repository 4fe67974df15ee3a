"""Whose word counts on a certificate, entry by entry."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import BindingAbandoned
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.ledger_fold import Folding, MemoryRecords, bound_event, fold_entry, judged_by_the_issuer
from kiosk.domain.register import Register, Registered, Standing
from kiosk.domain.remarks import Remark, RemarkReason
from tests.support.order_journals import (
    ACCOUNT,
    ORDER,
    A,
    B,
    Kiosks,
    binding,
    fold,
    number_of,
    paid,
    placed,
)

NUMBER = number_of(A, 1)
DECIDED = RegisterDecided(ACCOUNT, ORDER, NUMBER, Decision.REVOKE, "林涛", "", f"register-decided/{NUMBER}/4")


def folding(kiosk: int, body: CertificateRevoked | RegisterDecided, *, issued: bool = True) -> Folding:
    """What one more entry of that kiosk does at the centre, once kiosk A bound its order or only placed it."""
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *(binding(A, 1) if issued else ()))
    records = fold(kiosks.written[A])
    kiosks.write(kiosk, body)
    return fold_entry(records, kiosks.written[kiosk][-1], bound_event)


def _is_revoked(folding: Folding) -> bool:
    return any(getattr(row, "status", None) is CertificateStatus.REVOKED for row in folding.rows)


def test_the_centre_takes_a_decision_from_the_exchange_and_a_key_out_of_use_at_its_issuers_repetition() -> (
    None
):
    """Whether it had said so the centre checks before; one that was put back may have forgotten its own entry."""
    assert _is_revoked(folding(EXCHANGE_KIOSK, DECIDED))
    stranger = (Remark(RemarkReason.NOT_THE_EXCHANGE, NUMBER),)
    assert folding(B, DECIDED) == Folding(remarks=stranger)
    repeated = folding(A, DECIDED)
    assert repeated.remarks == ()
    assert _is_revoked(repeated)
    for decision in (Decision.LIST, Decision.KEEP):
        said = RegisterDecided(ACCOUNT, ORDER, NUMBER, decision, "林涛", "", f"register-decided/{NUMBER}/4")
        listed = folding(A, said)
        assert listed.remarks == ()
        assert not any(isinstance(row, Certificate | Register) for row in listed.rows)


def test_a_decision_is_of_the_account_that_it_names() -> None:
    decided = RegisterDecided("11000002", "3-0009-1.aa", NUMBER, Decision.LIST, "林涛", "", "row/4")
    assert folding(EXCHANGE_KIOSK, decided) == Folding(
        remarks=(Remark(RemarkReason.CERTIFICATE_UNKNOWN, NUMBER),)
    )


def test_only_the_issuer_lists_a_certificate_without_asking_what_else_is_listed() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    certificate = fold(kiosks.written[A]).certificates[NUMBER]
    assert judged_by_the_issuer(certificate).unconditional
    assert not bound_event(certificate).unconditional


def test_a_revocation_of_a_certificate_that_nobody_issued_is_remarked_whoever_tells_of_it() -> None:
    unknown = (Remark(RemarkReason.CERTIFICATE_UNKNOWN, NUMBER),)
    for kiosk in (A, B, EXCHANGE_KIOSK):
        assert folding(
            kiosk, CertificateRevoked(NUMBER, "staff", f"revocation/{NUMBER}"), issued=False
        ) == Folding(remarks=unknown)
    assert folding(B, DECIDED, issued=False) == Folding(
        remarks=(Remark(RemarkReason.NOT_THE_EXCHANGE, NUMBER),)
    )


def at_the_issuer(*bodies: AnyBody) -> tuple[MemoryRecords, Folding]:
    """The kiosk's own rows after all bodies but the last, and what the last one does."""
    kiosks = Kiosks()
    kiosks.write(A, *bodies)
    *before, last = kiosks.written[A]
    records = fold(before, complete=False)
    return records, fold_entry(records, last, judged_by_the_issuer)


@pytest.mark.parametrize("decision", Decision)
def test_the_issuer_takes_a_certificate_out_of_use_where_that_was_decided_and_only_there(
    decision: Decision,
) -> None:
    _, folding = at_the_issuer(placed(), paid(), *binding(A, 1), replace(DECIDED, decision=decision))
    assert folding.remarks == ()
    statuses = [row.status for row in folding.rows if isinstance(row, Certificate)]
    assert statuses == ([CertificateStatus.REVOKED] if decision is Decision.REVOKE else [])


def test_the_issuer_leaves_a_void_certificate_void_when_it_was_decided_to_be_out_of_use() -> None:
    void = (placed(), paid(), *binding(A, 1, 3), BindingAbandoned(ORDER, 1, "林涛", ""))
    records, folding = at_the_issuer(*void, DECIDED)
    assert records.certificates[NUMBER].status is CertificateStatus.VOID
    assert all(isinstance(row, Order) for row in folding.rows)
    assert folding.remarks == ()


@pytest.mark.parametrize("tell", [DECIDED, CertificateRevoked(NUMBER, "staff", f"revocation/{NUMBER}")])
def test_a_kiosk_has_no_word_on_another_ones_certificate_and_none_on_one_that_nobody_issued(
    tell: RegisterDecided | CertificateRevoked,
) -> None:
    _, unknown = at_the_issuer(placed(), tell)
    assert unknown == Folding(remarks=(Remark(RemarkReason.CERTIFICATE_UNKNOWN, NUMBER),))
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    kiosks.write(B, tell)
    records = fold(kiosks.written[A], complete=False)
    told = fold_entry(records, kiosks.written[B][0], judged_by_the_issuer)
    assert told == Folding(remarks=(Remark(RemarkReason.CERTIFICATE_OF_ANOTHER_KIOSK, NUMBER),))


def test_an_entry_that_does_not_follow_tells_the_kiosk_of_no_key() -> None:
    key = KeyOnRecord("4000000000000001", "E1", 1_799_000_000, 1_830_000_000)
    assert at_the_issuer(replace(placed(), previous=key))[1].rows[1:] == (
        Register(ACCOUNT, (Registered(key, Standing.LISTED),)),
    )
    _, again = at_the_issuer(placed(), replace(placed(), previous=key))
    assert again == Folding(remarks=(Remark(RemarkReason.ORDER_EXISTS, ORDER),))


def test_an_accounts_certificates_are_those_that_were_issued_for_it() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1))
    records = fold(kiosks.written[A])
    assert [each.number for each in records.certificates_of(ACCOUNT)] == [NUMBER]
    assert records.certificates_of("11000002") == ()
