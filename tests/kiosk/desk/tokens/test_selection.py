"""Several tokens at once, and cards that nobody can read beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import unprepared_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import (
    BindingProgress,
    BoundView,
    TokenOutcome,
    TokenRefusal,
    TokenRefused,
    TokenView,
)
from kiosk.domain.fees import OrderKind

NOW = 1_795_327_500
DAY = 86_400
PIN = "654321"

Elsewhere = Callable[[str, str, int, int], GmtCard]
Pay = Callable[[str, OrderKind], str]


class UnknownCard:
    """A door card: it takes no command."""

    atr = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")

    def power_on(self) -> None:
        """Nothing to begin."""

    def transmit(self, _command: bytes) -> bytes:
        return b"\x6d\x00"


@pytest.fixture
def source() -> VirtualTokenSource:
    return VirtualTokenSource(("first", "second", "third"))


def _quietly(_progress: BindingProgress) -> None:
    """Nobody watches."""


def _serial(outcome: TokenOutcome) -> str:
    assert isinstance(outcome, TokenView), outcome
    return outcome.serial


def _refused(outcome: object) -> TokenRefused:
    assert isinstance(outcome, TokenRefused), outcome
    return outcome


def _serials(refused: TokenRefused) -> list[str]:
    return [each.serial for each in refused.candidates]


def test_a_serial_names_the_token(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    source.insert(blank("A"), "first")
    assert _serial(service.read_token(serial="A")) == "A"
    assert service.read_token(serial="B") == TokenRefused(TokenRefusal.SWAPPED, expected="B", found="A")
    source.insert(blank("B"), "third")
    assert _serial(service.read_token(serial="B")) == "B"
    gone = _refused(service.read_token(serial="C"))
    assert (gone.reason, gone.expected, _serials(gone)) == (TokenRefusal.SWAPPED, "C", ["A", "B"])


def test_a_renewal_takes_the_key_on_record_out_of_several(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    session: Session,
) -> None:
    card = bound_elsewhere("11000001", "OWN", NOW - 300 * DAY, NOW + 65 * DAY)
    other = bound_elsewhere("11000002", "OTHER", NOW - 300 * DAY, NOW + 65 * DAY)
    number = paid_order("11000001", OrderKind.RENEWAL)
    source.insert(other, "first")
    source.insert(blank("BLANK"), "second")
    missing = _refused(service.read_token(number))
    assert missing.reason is TokenRefusal.NOT_THE_KEY_ON_RECORD
    assert (missing.expected, _serials(missing)) == ("OWN", ["OTHER", "BLANK"])
    source.insert(card, "third")
    assert _serial(service.read_token(number)) == "OWN"
    bound = service.bind(session, number, PIN, False, _quietly)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView)
    assert bound.serial == "OWN"


def test_a_new_key_is_made_of_the_only_token_that_fits(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    session: Session,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY), "first")
    source.insert(blank("A"), "second")
    assert _serial(service.read_token(number)) == "A"
    source.insert(blank("B"), "third")
    several = _refused(service.bind(session, number, None, False, _quietly))  # noqa: FBT003
    assert (several.reason, _serials(several)) == (TokenRefusal.SEVERAL, ["A", "B"])
    bound = service.bind(session, number, None, False, _quietly, "B")  # noqa: FBT003
    assert isinstance(bound, BoundView)
    assert bound.serial == "B"


def test_an_attempt_goes_on_with_its_own_token_out_of_several(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    session: Session,
) -> None:
    number, card = paid_order("11000001", OrderKind.NEW), blank("A")
    source.insert(FaultyCard(card, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x4C)), "first")
    assert _refused(service.bind(session, number, None, False, _quietly)).reason  # noqa: FBT003
    source.insert(blank("B"), "first")
    source.insert(blank("C"), "second")
    without = _refused(service.bind(session, number, None, False, _quietly))  # noqa: FBT003
    assert (without.reason, without.expected) == (TokenRefusal.SWAPPED, "A")
    source.insert(card, "third")
    bound = service.bind(session, number, "111111", False, _quietly)  # noqa: FBT003
    assert isinstance(bound, BoundView)
    assert bound.serial == "A"


def test_unknown_and_broken_cards_beside_a_key_are_not_in_the_way(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    session: Session,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(UnknownCard(), "first")
    alone = _refused(service.read_token(number))
    assert (alone.reason, alone.card) == (TokenRefusal.NOT_RECOGNISED, "storage-card")
    assert alone.detail == "3B8F8001804F0CA000000306030001000000006A"
    source.insert(FaultyCard(blank("BAD"), *(Fault(FaultKind.SILENT, at) for at in range(1, 40))), "second")
    assert _refused(service.read_token(number)).reason is TokenRefusal.NOT_RECOGNISED
    source.insert(blank("GOOD"), "third")
    assert _serial(service.read_token()) == "GOOD"
    assert isinstance(service.bind(session, number, None, False, _quietly), BoundView)  # noqa: FBT003


def test_a_token_without_the_desks_application_is_named_and_never_taken_for_a_new_key(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    session: Session,
    tmp_path: Path,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(unprepared_key(tmp_path / "raw", "RAW"), "first")
    assert service.read_token() == TokenRefused(TokenRefusal.NOT_PREPARED, found="RAW")
    bare = _refused(service.bind(session, number, None, False, _quietly))  # noqa: FBT003
    assert bare == TokenRefused(TokenRefusal.NOT_PREPARED, found="RAW")
    source.insert(blank("GOOD"), "second")
    assert _serial(service.read_token(number)) == "GOOD"
    several = _refused(service.read_token())
    assert [(each.serial, each.prepared) for each in several.candidates] == [("RAW", False), ("GOOD", True)]


def test_the_same_key_by_two_ways_is_one_key(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    card = blank("TWICE")
    source.insert(card, "first")
    source.insert(card, "second")
    read = service.read_token()
    assert isinstance(read, TokenView)
    assert (read.serial, read.reader) == ("TWICE", "first")


def test_an_order_that_nobody_knows_chooses_nothing(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard], session: Session
) -> None:
    source.insert(blank("A"), "first")
    source.insert(blank("B"), "second")
    assert _refused(service.read_token("3-9999-9")).reason is TokenRefusal.SEVERAL
    assert isinstance(service.bind(session, "3-9999-9", None, False, _quietly), Refused)  # noqa: FBT003


def test_the_only_readable_token_is_told_to_be_another_than_the_one_that_is_named(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    source.insert(UnknownCard(), "first")
    source.insert(blank("A"), "second")
    assert service.read_token(serial="B") == TokenRefused(TokenRefusal.SWAPPED, expected="B", found="A")


def test_a_replacement_takes_the_blank_token_and_not_the_key_that_it_replaces(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    old = bound_elsewhere("11000001", "OLD", NOW - DAY, NOW + DAY)
    number = paid_order("11000001", OrderKind.REPLACEMENT)
    source.insert(old, "first")
    source.insert(blank("BLANK"), "second")
    bound = service.bind(session, number, None, False, _quietly)  # noqa: FBT003
    assert isinstance(bound, BoundView), bound
    assert bound.serial == "BLANK"


def test_a_token_that_is_somebodys_is_told_for_a_new_key_only_once_that_is_paid(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
) -> None:
    source.insert(bound_elsewhere("11000003", "OTHERS", NOW - DAY, NOW + DAY))
    number = placed(session, OrderKind.NEW)
    assert _serial(service.read_token(number)) == "OTHERS"
    pay(number)
    assert service.read_token(number) == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="OTHERS")


def test_among_several_the_one_that_another_program_holds_may_be_the_one_that_is_meant(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    """Where the others are not the key on record it is not said of them that they are wrong."""
    card = bound_elsewhere("11000001", "OWN", NOW - 300 * DAY, NOW + 65 * DAY)
    other = bound_elsewhere("11000002", "OTHER", NOW - 300 * DAY, NOW + 65 * DAY)
    number = paid_order("11000001", OrderKind.RENEWAL)
    holder = source.open(source.insert(card, "first"))
    source.insert(other, "second")
    held = TokenRefused(TokenRefusal.HELD)
    assert service.read_token(number) == held
    assert service.read_token(serial="OWN") == held
    source.insert(blank("BLANK"), "third")
    assert service.read_token(number) == held
    assert _serial(service.read_token(serial="BLANK")) == "BLANK"
    assert _serial(service.read_token(paid_order("11000003", OrderKind.NEW))) == "BLANK"
    holder.close()
    assert _serial(service.read_token(number)) == "OWN"
