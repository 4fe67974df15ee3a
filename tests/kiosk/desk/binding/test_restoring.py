"""What a renewal left on a key that was pulled, once the order is given back: never all that is on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import KeyView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import KeyAlgorithm
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"
FIRM = "北京示例粮油贸易有限公司"
SUPERVISOR = StaffSession("林涛", supervisor=True)

Bind = Callable[..., BoundView | TokenRefused | Refused]
CertificateOn = Callable[[GmtCard], bytes | None]
Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]


@pytest.fixture
def pulled(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    certificate_on: CertificateOn,
) -> Callable[[], tuple[GmtCard, str, bytes | None]]:
    """A key that was pulled after a renewal wrote to it, the order's number, and the certificate from before."""

    def pull(progress: BindingProgress) -> None:
        if progress == BindingProgress(4, done=True):
            raise KeyboardInterrupt

    def begin() -> tuple[GmtCard, str, bytes | None]:
        card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
        old = certificate_on(card)
        source.insert(card)
        number = paid_order("11000001", OrderKind.RENEWAL)
        with pytest.raises(KeyboardInterrupt):
            service.bind(session, number, PIN, False, pull)  # noqa: FBT003 - the contract
        assert certificate_on(card) != old
        return card, number, old

    return begin


def _overwritten(source: VirtualTokenSource, authority: IssuingAuthority, number: int) -> bytes:
    """Another certificate of that number over the key pair of the key that is in, and written to it."""
    token = source.open(source.present()[0])
    token.verify_pin(PIN)
    member = MemberName("11000001", FIRM)
    info = certification_request_info(
        DEFAULT_ORGANISATION, member, KeyAlgorithm.SM2, token.public_key() or b""
    )
    request = assemble(info, KeyAlgorithm.SM2, token.sign(info))
    certificate = authority.issue(request, member, number, NOW - DAY, NOW + YEAR)
    token.write_certificate(certificate)
    token.close()
    return certificate


def _status(service: DeskService, session: Session) -> tuple[KeyStatus, int | None]:
    view = service.key_status(session)
    assert isinstance(view, KeyView), view
    return view.status, view.days_left


@pytest.mark.parametrize("refund", [True, False])
def test_the_login_check_puts_the_certificate_on_record_back(
    service: DeskService,
    session: Session,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    certificate_on: CertificateOn,
    *,
    refund: bool,
) -> None:
    card, number, old = pulled()
    give_back = service.grant_refund if refund else service.abandon
    assert isinstance(give_back(SUPERVISOR, number, "不办了"), OrderView)
    assert _status(service, session) == (KeyStatus.OUT_OF_STEP, 20)
    wrong = service.login_check(session, "000000", False)  # noqa: FBT003 - the contract
    assert isinstance(wrong, TokenRefused)
    assert (wrong.reason, certificate_on(card) == old) == (TokenRefusal.PIN_WRONG, False)
    checked = service.login_check(session, PIN, False)  # noqa: FBT003 - the contract
    assert isinstance(checked, LoginCheckView)
    assert checked.usable
    assert certificate_on(card) == old
    assert _status(service, session)[0] is KeyStatus.IN_USE


def test_a_pull_while_it_is_put_back_leaves_it_to_the_next_time(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    certificate_on: CertificateOn,
) -> None:
    card, number, old = pulled()
    assert isinstance(service.grant_refund(SUPERVISOR, number, "不办了"), OrderView)
    for point in range(1, 40):
        source.swap(FaultyCard(card, Fault(FaultKind.PULLED_AFTER, point)))
        if isinstance(service.login_check(session, PIN, False), LoginCheckView):  # noqa: FBT003 - the contract
            break
    source.swap(card)
    assert isinstance(service.login_check(session, PIN, False), LoginCheckView)  # noqa: FBT003 - the contract
    assert certificate_on(card) == old


def test_what_may_be_another_kiosks_renewal_stays_on_the_key(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    certificate_on: CertificateOn,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    with database.write() as tx:
        told = tx.feed.key_elsewhere("11000001")
        assert told is not None
        tx.feed.put_key_elsewhere(
            KeyBoundElsewhere("11000001", "0002000001000001", "A0001", told.not_before - 1, told.not_after)
        )
    on_it = certificate_on(card)
    source.insert(card)
    assert _status(service, session)[0] is KeyStatus.OUT_OF_STEP
    assert service.login_check(session, PIN, False) == TokenRefused(  # noqa: FBT003 - the contract
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="A0001", found="A0001", detail=told.number
    )
    assert certificate_on(card) == on_it


def test_the_next_renewal_keeps_the_certificate_on_record_and_not_what_was_left(
    service: DeskService,
    session: Session,
    database: Database,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    paid_order: Pay,
    bind: Bind,
) -> None:
    _, number, old = pulled()
    assert isinstance(service.grant_refund(SUPERVISOR, number, "不办了"), OrderView)
    second = paid_order("11000001", OrderKind.RENEWAL)
    assert isinstance(bind(service, session, second, PIN), BoundView)
    with database.read() as tx:
        order = tx.ledger.order(second)
    assert order is not None
    assert [attempt.old_certificate for attempt in order.bindings] == [old]


def test_a_certificate_that_this_kiosk_did_not_issue_stays_though_the_record_has_another_for_the_key_pair(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    certificate_on: CertificateOn,
    authority: IssuingAuthority,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    source.insert(card)
    renewed = _overwritten(source, authority, 0x0002_000001_000099)
    assert service.login_check(session, PIN, False) == TokenRefused(  # noqa: FBT003 - the contract
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="A0001", found="A0001", detail="0002000001000099"
    )
    assert certificate_on(card) == renewed


def test_the_certificate_on_record_is_not_written_over_another_key_pair(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    certificate_on: CertificateOn,
) -> None:
    card, number, _ = pulled()
    assert isinstance(service.grant_refund(SUPERVISOR, number, "不办了"), OrderView)
    left = certificate_on(card)
    token = source.open(source.present()[0])
    token.verify_pin(PIN)
    token.generate_key_pair()
    token.write_certificate(left or b"")
    token.close()
    assert isinstance(service.login_check(session, PIN, False), TokenRefused)  # noqa: FBT003 - the contract
    assert certificate_on(card) == left


def test_a_key_whose_certificate_is_damaged_is_renewed(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    token = source.open(source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)))
    token.verify_pin(PIN)
    token.write_certificate(b"\x30\x03\x02\x01\x00")
    token.close()
    number = paid_order("11000001", OrderKind.RENEWAL)
    assert isinstance(bind(service, session, number, PIN), BoundView)


def test_a_renewal_that_stops_once_its_certificate_is_proved_leaves_it_on_the_key(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
    certificate_on: CertificateOn,
) -> None:
    def fill_up(progress: BindingProgress) -> None:
        if progress == BindingProgress(6, done=False):
            raise DiskFull(database.path)

    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)
    assert isinstance(service.bind(session, number, PIN, False, fill_up), Refused)  # noqa: FBT003 - the contract
    with database.read() as tx:
        (renewed,) = tx.ledger.certificates(account="11000001")
    assert certificate_on(card) == renewed.certificate
    # what is left needs no signature, and so no PIN
    assert isinstance(bind(service, session, number), BoundView)


def test_the_certificate_of_a_renewal_that_goes_on_stays_on_the_key(
    service: DeskService,
    session: Session,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    certificate_on: CertificateOn,
) -> None:
    card, _, old = pulled()
    assert isinstance(service.login_check(session, PIN, False), TokenRefused)  # noqa: FBT003 - the contract
    assert certificate_on(card) != old


def test_a_certificate_that_only_has_the_number_of_what_was_left_stays_on_the_key(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    certificate_on: CertificateOn,
    authority: IssuingAuthority,
) -> None:
    card, number, _ = pulled()
    assert isinstance(service.grant_refund(SUPERVISOR, number, "不办了"), OrderView)
    with database.read() as tx:
        (void,) = tx.ledger.certificates(account="11000001")
    other = _overwritten(source, authority, int(void.number, 16))
    assert isinstance(service.login_check(session, PIN, False), TokenRefused)  # noqa: FBT003 - the contract
    assert certificate_on(card) == other


def test_a_key_whose_certificate_the_record_lacks_is_renewed(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY))
    with database.write() as tx:
        named = tx.feed.key_elsewhere("11000001")
        assert named is not None
        tx.feed.put_key_elsewhere(replace(named, certificate=b""))
    number = paid_order("11000001", OrderKind.RENEWAL)
    assert isinstance(bind(service, session, number, PIN), BoundView)


def test_a_renewal_that_goes_on_and_stops_again_puts_back_the_certificate_from_before_its_beginning(
    service: DeskService,
    session: Session,
    database: Database,
    pulled: Callable[[], tuple[GmtCard, str, bytes | None]],
    certificate_on: CertificateOn,
) -> None:
    def fill_up(progress: BindingProgress) -> None:
        if progress == BindingProgress(5, done=False):
            raise DiskFull(database.path)

    card, number, old = pulled()
    assert isinstance(service.bind(session, number, PIN, False, fill_up), Refused)  # noqa: FBT003 - the contract
    assert certificate_on(card) == old
