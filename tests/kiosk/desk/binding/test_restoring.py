"""What a renewal left on a key that was pulled, once the order is given back: never all that is on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import KeyView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views import (
    BindingProgress,
    BoundView,
    KeyStatus,
    OrderView,
    Refused,
    Session,
    StaffSession,
    TokenRefused,
    TokenTrouble,
)
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.store.database import Database

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"
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
    assert (wrong.trouble, certificate_on(card) == old) == (TokenTrouble.PIN_WRONG, False)
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
        TokenTrouble.NOT_THE_KEY_ON_RECORD, expected="A0001", found="A0001", detail=told.number
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
