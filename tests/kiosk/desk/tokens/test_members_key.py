"""A token that 清空 leaves alone as a member's is refused for anybody else's new key, at insertion and at the binding."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import (
    SAME_SERIAL,
    BindingProgress,
    BindOutcome,
    BoundView,
    TokenRefusal,
    TokenRefused,
    TokenView,
)
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.store.database import Database
from tests.support.odd_certificates import root_without_key_parameters

NOW = 1_795_327_500
DAY = 86_400
PIN = "654321"
MEMBER = "11000002"
SERIAL = "OTHER"
FACTORY_PIN = "111111"
MAKES_KEY_PAIR = 2
DAMAGES = {
    "nothing": None,
    "bytes that are no certificate": b"no certificate at all",
    "DER that is no certificate": b"\x30\x03\x02\x01\x00",
    "a key without parameters": root_without_key_parameters(),
}

Blank = Callable[[str], GmtCard]
Elsewhere = Callable[[str, str, int, int], GmtCard]
Pay = Callable[[str, OrderKind], str]
Bind = Callable[[OrderKind, str], tuple[object, BindOutcome]]
Interrupted = Callable[[str], str]


class Killed(BaseException):
    """The process is gone."""


def _killed(progress: BindingProgress) -> None:
    """End a binding before it makes the key pair."""
    if progress.step == MAKES_KEY_PAIR:
        raise Killed


def _with_certificate(card: GmtCard, certificate: bytes | None) -> GmtCard:
    """The key with that in the place of its certificate."""
    (application,) = card.record.applications
    (container,) = application.containers
    changed = msgspec.structs.replace(container, certificate=certificate)
    card.store(card.record.with_application(msgspec.structs.replace(application, containers=(changed,))))
    return card


@pytest.fixture
def insert_and_bind(service: DeskService, paid_order: Pay, session_of: Callable[[str], Session]) -> Bind:
    """What somebody with an order of that kind is told of the key that is in, at insertion and when they bind it."""

    def bind(kind: OrderKind, account: str) -> tuple[object, BindOutcome]:
        number = paid_order(account, kind)
        read = service.read_token(number)
        return read, service.bind(session_of(account), number, PIN, False, lambda _progress: None)  # noqa: FBT003

    return bind


@pytest.fixture
def interrupted(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    blank: Blank,
    paid_order: Pay,
) -> Interrupted:
    """Begin the member's binding on a blank token of that serial, and give the order; no key pair was made."""

    def begin(serial: str) -> str:
        number = paid_order(session.account, OrderKind.NEW)
        source.insert(blank(serial))
        with pytest.raises(Killed):
            service.bind(session, number, None, False, _killed)  # noqa: FBT003 - the contract
        source.remove()
        return number

    return begin


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.REPLACEMENT])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_key_of_the_feed_is_the_members_though_its_certificate_is_missing_or_damaged(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    bound_elsewhere: Elsewhere,
    insert_and_bind: Bind,
    kind: OrderKind,
    damage: str,
) -> None:
    card = _with_certificate(bound_elsewhere(MEMBER, SERIAL, NOW - DAY, NOW + DAY), DAMAGES[damage])
    before = card.record
    source.insert(card)
    assert service.erase(supervisor, SERIAL) == TokenRefused(TokenRefusal.IN_USE, found=SERIAL)
    refused = TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=SERIAL)
    assert insert_and_bind(kind, "11000003") == (refused, refused)
    assert card.record == before


def test_a_key_of_the_feed_is_the_members_though_an_older_certificate_is_on_it(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    database: Database,
    bound_elsewhere: Elsewhere,
    insert_and_bind: Bind,
) -> None:
    card = bound_elsewhere(MEMBER, SERIAL, NOW - DAY, NOW + DAY)
    with database.write() as tx:
        tx.feed.put_key_elsewhere(KeyBoundElsewhere(MEMBER, "0002000001000009", SERIAL, NOW, NOW + 365 * DAY))
    source.insert(card)
    assert service.erase(supervisor, SERIAL) == TokenRefused(TokenRefusal.IN_USE, found=SERIAL)
    refused = TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=SERIAL)
    assert insert_and_bind(OrderKind.NEW, "11000003") == (refused, refused)


def test_a_blank_token_that_the_feed_says_is_a_key_in_use_is_free_once_it_is_lost(
    source: VirtualTokenSource,
    database: Database,
    blank: Blank,
    insert_and_bind: Bind,
) -> None:
    key = KeyBoundElsewhere(MEMBER, "0002000001000009", SERIAL, NOW - DAY, NOW + 365 * DAY)
    with database.write() as tx:
        tx.feed.put_key_elsewhere(key)
    source.insert(blank(SERIAL))
    refused = TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=SERIAL, detail=SAME_SERIAL)
    assert insert_and_bind(OrderKind.NEW, "11000003") == (refused, refused)
    with database.write() as tx:
        tx.feed.put_key_elsewhere(msgspec.structs.replace(key, lost=True, holds=1))
    read, bound = insert_and_bind(OrderKind.NEW, "11000007")
    assert not isinstance(read, TokenRefused)
    # the factory PIN is not the one that was typed: the token was taken
    assert isinstance(bound, TokenRefused)
    assert bound.reason is TokenRefusal.PIN_WRONG


def test_for_an_order_that_cannot_be_bound_yet_a_members_key_is_only_read(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_elsewhere: Elsewhere,
    placed: Callable[[Session, OrderKind], str],
) -> None:
    source.insert(bound_elsewhere(MEMBER, SERIAL, NOW - DAY, NOW + DAY))
    read = service.read_token(placed(session, OrderKind.NEW))
    assert isinstance(read, TokenView)
    assert read.serial == SERIAL


def test_a_key_that_was_made_elsewhere_on_the_token_of_an_interrupted_binding_is_not_overwritten(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_elsewhere: Elsewhere,
    interrupted: Interrupted,
) -> None:
    number = interrupted(SERIAL)
    card = bound_elsewhere(MEMBER, SERIAL, NOW - DAY, NOW + DAY)
    before = card.record
    source.insert(card)
    refused = TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=SERIAL)
    assert service.read_token(number) == refused
    assert service.bind(session, number, PIN, False, lambda _progress: None) == refused  # noqa: FBT003
    assert card.record == before


def test_an_interrupted_binding_goes_on_with_a_key_pair_of_which_nothing_is_known(
    service: DeskService, source: VirtualTokenSource, session: Session, interrupted: Interrupted, blank: Blank
) -> None:
    number = interrupted(SERIAL)
    token = source.open(source.insert(blank(SERIAL)))
    token.verify_pin(FACTORY_PIN)
    token.generate_key_pair()
    token.close()
    assert isinstance(service.read_token(number), TokenView)
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound


def test_an_interrupted_binding_goes_on_where_the_token_is_a_key_of_the_same_account(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_elsewhere: Elsewhere,
    interrupted: Interrupted,
) -> None:
    number = interrupted(SERIAL)
    source.insert(bound_elsewhere(session.account, SERIAL, NOW - DAY, NOW + DAY))
    assert isinstance(service.read_token(number), TokenView)
    bound = service.bind(session, number, PIN, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound


def test_for_an_interrupted_binding_another_token_is_the_wrong_one_whosever_it_is(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_elsewhere: Elsewhere,
    interrupted: Interrupted,
) -> None:
    number = interrupted("BEGUN")
    source.insert(bound_elsewhere(MEMBER, SERIAL, NOW - DAY, NOW + DAY))
    swapped = TokenRefused(TokenRefusal.SWAPPED, expected="BEGUN", found=SERIAL)
    assert service.read_token(number) == swapped
    assert service.bind(session, number, PIN, False, lambda _progress: None) == swapped  # noqa: FBT003
