"""Issuing: numbers, a request that is not what the desk makes, and an end that passes while it is judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509

from kiosk.desk.binding.issuing import issue, member_of
from kiosk.desk.context import Desk
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.service import DeskService
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import BoundView, TokenRefusal, TokenRefused, TokenView
from kiosk.domain.certificate_numbers import RANDOM_LENGTH
from kiosk.domain.clock import FixedClock
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Binding, BindingStep, Certificate, CertificateStatus, Order
from kiosk.domain.policy import Policy
from kiosk.domain.validity import add_years
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record
from tests.support.desk import NOW, YEAR, DeskSetup, session_of
from tests.support.values import present

ATTEMPT = Binding(1, "TOKEN", "gmt", "SM2", BindingStep.KEY_PAIR_MADE)


@pytest.fixture
def order(desk_setup: DeskSetup) -> Order:
    return desk_setup.order(desk_setup.paid_order("11000001", OrderKind.NEW))


def _request(order: Order, organisation: str = DEFAULT_ORGANISATION, *, own: bool = True) -> bytes:
    """A request for the order's member, signed by its own key or by another."""
    key = SM2.generate()
    info = certification_request_info(organisation, member_of(order), KeyAlgorithm.SM2, key.public_key)
    return assemble(info, KeyAlgorithm.SM2, SM2.sign(key if own else SM2.generate(), info))


def _issue(desk: Desk, order: Order, request: bytes) -> None:
    with desk.database.write() as tx:
        issue(desk, tx, order, ATTEMPT, request)


def test_a_name_that_the_issuing_authority_may_not_certify_is_refused(desk: Desk, order: Order) -> None:
    with pytest.raises(DeskRefused) as refused:
        _issue(desk, order, _request(order, "Another organisation"))
    assert refused.value.reason is Refusal.RECORD_DISAGREES


def test_a_request_that_its_own_key_did_not_sign_proves_nothing(desk: Desk, order: Order) -> None:
    with pytest.raises(TokenUnusable) as unusable:
        _issue(desk, order, _request(order, own=False))
    assert unusable.value.refused == TokenRefused(TokenRefusal.PROOF_FAILED, found="TOKEN")


class _Ticking(FixedClock):
    """A clock that goes on by a second whenever it is looked at."""

    def wall(self) -> int:
        self.advance(1)
        return super().wall()


def test_an_end_that_passes_the_issuing_authoritys_while_it_is_judged_is_refused(
    desk: Desk,
    order: Order,
    database: Database,
    authority: IssuingAuthority,
    meet_centre: Callable[[Database, FixedClock], None],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    last = authority.limit - YEAR
    assert add_years(last, 1) == authority.limit
    give_policy(database, Policy(2, 3, authority.limit))
    meet_centre(database, FixedClock(last))
    clock = _Ticking(last - 1)
    assert clock.now > NOW
    with pytest.raises(DeskRefused) as refused:
        _issue(dataclasses.replace(desk, clock=clock), order, _request(order))
    assert refused.value.reason is Refusal.ISSUER_ENDS_TOO_SOON


def _bind(setup: DeskSetup, desk: Desk, account: str, order: str) -> Certificate:
    """Bind a new key at that desk; what its record has of the certificate."""
    setup.source.insert(setup.blank(f"E8AD6522{account}"))
    bound = DeskService(desk).bind(session_of(account), order, None, False, lambda _progress: None)  # noqa: FBT003 - the verb's own signature
    setup.source.remove()
    assert isinstance(bound, BoundView), bound
    with setup.database.read() as tx:
        return present(tx.ledger.certificate(bound.certificate))


@pytest.mark.parametrize("tolerance", [1, 600, 7200])
def test_a_certificate_begins_the_policys_tolerance_early_and_all_that_is_told_counts_from_its_issue(
    desk_setup: DeskSetup,
    desk: Desk,
    give_policy: Callable[[Database, Policy], None],
    tolerance: int,
) -> None:
    give_policy(desk_setup.database, Policy(2, 3, NOW + YEAR, clock_deviation=tolerance))
    serial, service = "E8AD652211000001", DeskService(desk)
    number = desk_setup.paid_order("11000001", OrderKind.NEW)
    desk_setup.source.insert(desk_setup.blank(serial))
    bound = service.bind(session_of("11000001"), number, None, False, lambda _progress: None)  # noqa: FBT003 - the verb's own signature
    assert isinstance(bound, BoundView), bound
    told = (NOW, add_years(NOW, 1))
    assert (bound.not_before, bound.not_after) == told
    read = service.read_token()
    assert isinstance(read, TokenView)
    assert (read.not_before, read.not_after) == told
    with desk_setup.database.read() as tx:
        record, key = (
            present(tx.ledger.certificate(bound.certificate)),
            present(key_on_record(tx, "11000001")),
        )
    assert (record.not_before, record.not_after) == (key.not_before, key.not_after) == told
    certificate = x509.load_der_x509_certificate(record.certificate)
    assert int(certificate.not_valid_before_utc.timestamp()) == NOW - tolerance
    assert int(certificate.not_valid_after_utc.timestamp()) == told[1]


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[tuple[DeskSetup, DeskSetup]]:
    """Two copies of one kiosk."""
    folders = (tmp_path / "one", tmp_path / "other")
    with ExitStack() as stack:
        for folder in folders:
            folder.mkdir()
        one, other = (DeskSetup(folder) for folder in folders)
        stack.callback(one.close)
        stack.callback(other.close)
        yield one, other


def test_two_copies_of_a_kiosk_that_issue_at_the_same_place_give_two_numbers(
    copies: tuple[DeskSetup, DeskSetup],
) -> None:
    accounts = ("11000001", "11000003")
    issued = []
    for setup, account in zip(copies, accounts, strict=True):
        orders = {each: setup.paid_order(each, OrderKind.NEW) for each in accounts}
        issued.append(_bind(setup, setup.open_desk(), account, orders[account]))
    mine, theirs = issued
    assert (mine.kiosk, mine.sequence) == (theirs.kiosk, theirs.sequence)
    assert mine.number != theirs.number
    with copies[1].database.read() as tx:
        branch = tx.journal.entries()
    with copies[0].database.write() as tx:
        tx.import_other(2, branch)
        known = [present(tx.ledger.certificate(each.number)) for each in issued]
    assert [each.account for each in known] == list(accounts)
    assert {each.status for each in known} == {CertificateStatus.VALID}


def test_the_kiosk_draws_again_while_it_has_that_number(desk_setup: DeskSetup) -> None:
    draws = [b"first.", b"first.", b"first.", b"second"]

    def random(length: int) -> bytes:
        return draws.pop(0) if length == RANDOM_LENGTH else bytes(length)

    desk = dataclasses.replace(desk_setup.open_desk(), random=random)
    numbers = []
    for account in ("11000001", "11000003"):
        order = desk_setup.paid_order(account, OrderKind.NEW)
        numbers.append(_bind(desk_setup, desk, account, order).number)
    assert numbers == [f"0003{part.hex().upper()}" for part in (b"first.", b"second")]
