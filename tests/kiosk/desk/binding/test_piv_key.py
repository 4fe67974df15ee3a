"""A PIV card's whole life at the desk: P-256 key pairs under certificates that the SM2 issuing CA signs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken
from hardware.token.registry import piv_driver
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import Check, CheckResult, KeyView, LiftedView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import BoundView, TokenRefusal, TokenRefused, TokenView
from kiosk.domain.fees import OrderKind
from kiosk.pki.certificates import parse_member_certificate
from kiosk.pki.encodings import to_pem
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.suites import KeyAlgorithm
from kiosk.store.database import Database
from tests.support.channels import DirectChannel
from tests.support.desk import DeskSetup, session_of
from tests.support.piv_attestation import Maker

ACCOUNT, FACTORY, PIN, PUK = "11000001", "123456", "654321", "12345678"
Pay = Callable[[str, OrderKind], str]


@pytest.fixture
def card(tmp_path: Path) -> PivCard:
    return blank_piv_key(tmp_path / "piv.card", "17345678", yubikey=True)


def _bind(
    service: DeskService, session: Session, number: str, pin: str | None = None
) -> BoundView | TokenRefused:
    outcome = service.bind(session, number, pin, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(outcome, BoundView | TokenRefused), outcome
    return outcome


def _certificate(database: Database, number: str) -> bytes:
    with database.read() as tx:
        certificate = tx.ledger.certificate(number)
    assert certificate is not None
    return certificate.certificate


def test_a_piv_card_is_bound_renewed_checked_and_lost_like_any_other_key(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    supervisor: StaffSession,
    card: PivCard,
    paid_order: Pay,
    database: Database,
    authority: IssuingAuthority,
    tmp_path: Path,
) -> None:
    source.insert(card)
    read = service.read_token()
    assert isinstance(read, TokenView)
    assert (read.driver, read.application, read.blank, read.tries_left) == ("piv", "PIV", True, 3)
    bound = _bind(service, session, paid_order(ACCOUNT, OrderKind.NEW))
    assert isinstance(bound, BoundView)
    der = _certificate(database, bound.certificate)
    assert parse_member_certificate(der).algorithm is KeyAlgorithm.P256
    _openssl_accepts(der, authority, tmp_path)
    assert isinstance(service.change_pin(session, None, PIN, False), KeyView)  # noqa: FBT003
    renewed = _bind(service, session, paid_order(ACCOUNT, OrderKind.RENEWAL), PIN)
    assert isinstance(renewed, BoundView)
    assert renewed.serial == bound.serial
    checked = service.login_check(session, PIN, False)  # noqa: FBT003 - the contract
    assert isinstance(checked, LoginCheckView)
    results = dict(checked.results)
    assert {results[each] for each in (Check.SIGNATURE, Check.CHAIN, Check.VALIDITY)} == {CheckResult.PASSED}
    service.report_loss(session)
    lifted = service.lift_hold(session, staff, PIN, False)  # noqa: FBT003 - the contract
    assert isinstance(lifted, LiftedView)
    assert isinstance(service.unblock_pin(supervisor, PUK, "777888"), KeyView)
    service.report_loss(session)
    erased = service.erase(supervisor, renewed.serial)
    assert isinstance(erased, KeyView), erased
    assert (erased.status, erased.token.blank) == (KeyStatus.BLANK, True)


def test_what_a_trusted_maker_attests_of_the_key_pair_stands_in_the_certificate(
    authority: IssuingAuthority, tmp_path: Path
) -> None:
    maker = Maker(between=2)
    source = VirtualTokenSource(drivers=(piv_driver(PivProfile(attestation_authorities=maker.pem)),))
    cards = {
        ACCOUNT: maker.card(tmp_path / "genuine"),
        "11000003": Maker().card(tmp_path / "another", "17345679"),
    }
    with contextlib.closing(DeskSetup(tmp_path, source)) as setup:
        service = setup.open_service()
        for account, card in cards.items():
            source.insert(card)
            bound = _bind(service, session_of(account), setup.paid_order(account, OrderKind.NEW))
            assert isinstance(bound, BoundView), bound
            source.remove()
            der = _certificate(setup.database, bound.certificate)
            _openssl_accepts(der, authority, tmp_path)
            said = {each.oid.dotted_string for each in x509.load_der_x509_certificate(der).extensions}
            assert ("1.3.6.1.4.1.41482.3.7" in said) is (account == ACCOUNT)
            assert parse_member_certificate(der).account == account


def test_a_key_that_serves_its_owner_in_another_slot_loses_no_try_of_its_pin(
    service: DeskService, source: VirtualTokenSource, session: Session, paid_order: Pay, tmp_path: Path
) -> None:
    card = blank_piv_key(tmp_path / "owned.card", "1")
    card.store(card.record.with_value(0x5FC10A, bytes.fromhex("70023001")))
    token = PivToken(DirectChannel(card))
    token.change_pin(FACTORY, PIN)
    token.close()
    source.insert(card)
    number = paid_order(ACCOUNT, OrderKind.NEW)
    refused = _bind(service, session, number)
    assert isinstance(refused, TokenRefused)
    assert refused.reason is TokenRefusal.PIN_WANTED
    assert card.record.pin.tries_left == 3
    assert isinstance(_bind(service, session, number, PIN), BoundView)


def _openssl_accepts(der: bytes, authority: IssuingAuthority, folder: Path) -> None:
    (folder / "ca.pem").write_text(to_pem("CERTIFICATE", authority.certificate.der), encoding="ascii")
    (folder / "member.pem").write_text(to_pem("CERTIFICATE", der), encoding="ascii")
    at = str(parse_member_certificate(der).not_before)
    words = f"openssl verify -vfyopt distid:1234567812345678 -attime {at} -partial_chain -trusted ca.pem member.pem"
    judged = subprocess.run(words.split(), cwd=folder, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stderr


@pytest.mark.parametrize("kind", [FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER])
def test_a_pin_change_on_a_piv_card_whose_answer_is_lost_leaves_the_new_pin_to_try(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    card: PivCard,
    paid_order: Pay,
    kind: FaultKind,
) -> None:
    source.insert(card)
    _bind(service, session, paid_order(ACCOUNT, OrderKind.NEW))
    source.swap(FaultyCard(card, Fault(kind, 1, instruction=0x24)))
    refused = service.change_pin(session, None, PIN, False)  # noqa: FBT003 - the contract
    assert isinstance(refused, TokenRefused)
    assert refused.reason is TokenRefusal.PIN_UNCERTAIN
    source.swap(card)
    is_now = PIN if kind is FaultKind.PULLED_AFTER else FACTORY
    assert isinstance(service.change_pin(session, is_now, "112233", False), KeyView)  # noqa: FBT003


def test_staff_see_the_status_of_a_piv_card(
    service: DeskService, source: VirtualTokenSource, staff: StaffSession, card: PivCard
) -> None:
    source.insert(card)
    view = service.key_status(staff)
    assert isinstance(view, KeyView), view
    assert view.status is KeyStatus.BLANK
