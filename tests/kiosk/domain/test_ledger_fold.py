"""Whose word counts on a certificate, entry by entry."""

from __future__ import annotations

from kiosk.domain.entries import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.ledger_fold import Folding, bound_event, fold_entry, judged_by_the_issuer
from kiosk.domain.remarks import Remark, RemarkReason
from tests.kiosk.domain.test_order_fold import (
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


def test_the_centre_takes_a_decision_from_the_exchange_alone_and_its_repetition_from_the_issuer() -> None:
    assert any(
        getattr(row, "status", None) is CertificateStatus.REVOKED
        for row in folding(EXCHANGE_KIOSK, DECIDED).rows
    )
    stranger = (Remark(RemarkReason.NOT_THE_EXCHANGE, NUMBER),)
    assert folding(B, DECIDED) == Folding(remarks=stranger)
    repeated = folding(A, DECIDED)
    assert repeated.remarks == ()
    assert all(getattr(row, "status", None) is not CertificateStatus.REVOKED for row in repeated.rows)


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
