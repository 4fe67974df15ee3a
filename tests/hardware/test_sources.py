"""Several token sources as one: which tokens count, which are opened, and what is said of sources that fail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hardware.ports import ReaderUnavailable, SourceFault, TokenPresence, TokenRemoved
from hardware.sources import CombinedTokenSource, NamedSource
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from tests.support.waiting import acquire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.ports import Token
    from hardware.virtual.gmt.card import GmtCard


class Broken(VirtualTokenSource):
    """A source that does not work."""

    def present(self) -> tuple[TokenPresence, ...]:
        raise ReaderUnavailable("no service")


class Counting(VirtualTokenSource):
    """Counts how often a token is opened; `problem` is a library's that cannot be loaded."""

    def __init__(self, problem: str = "") -> None:
        super().__init__()
        self.opened = 0
        self.problem = problem

    def open(self, presence: TokenPresence) -> Token:
        self.opened += 1
        return super().open(presence)

    def problems(self) -> tuple[SourceFault, ...]:
        return (SourceFault("library", self.problem),) if self.problem else ()


class Stranger:
    atr = bytes.fromhex("3B 81 01 42 C2")

    def power_on(self) -> None:
        return

    def transmit(self, command: bytes) -> bytes:
        return bytes((0x6E, 0))


@pytest.fixture
def readers() -> Counting:
    return Counting()


@pytest.fixture
def library() -> Counting:
    return Counting()


@pytest.fixture
def both(readers: Counting, library: Counting) -> CombinedTokenSource:
    return CombinedTokenSource((NamedSource("pcsc", readers), NamedSource("skf", library)))


@pytest.fixture
def other(tmp_path: Path) -> GmtCard:
    return blank_key(tmp_path / "other.json", "2")


@pytest.fixture
def same(tmp_path: Path) -> GmtCard:
    """The first card's serial number once more, as a vendor's library tells it."""
    return blank_key(tmp_path / "same.json", "E8AD652202221F03")


def test_a_token_is_opened_by_the_way_that_found_it(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, other: GmtCard
) -> None:
    readers.insert(card)
    library.insert(other)
    serials = []
    for presence in both.present():
        token = both.open(presence)
        serials.append(token.serial)
        token.close()
    assert serials == [card.serial, "2"]


def test_no_two_ways_name_an_insertion_alike(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, other: GmtCard
) -> None:
    assert readers.insert(card) == library.insert(other)
    first, second = both.present()
    assert first != second


def test_one_way_alone_opens_nothing_to_tell_what_is_there(
    both: CombinedTokenSource, readers: Counting, card: GmtCard
) -> None:
    readers.insert(card)
    assert len(both.present()) == 1
    assert readers.opened == 0


def test_a_token_reached_two_ways_counts_once_as_the_first_way_s(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, same: GmtCard
) -> None:
    library.insert(same)
    readers.insert(card)
    for _ in range(3):
        (presence,) = both.present()
    both.open(presence).close()
    assert (readers.opened, library.opened) == (2, 1)
    readers.remove()
    (left,) = both.present()
    assert left != presence


def test_two_of_one_serial_number_count_both_where_their_key_pairs_tell_them_apart(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, same: GmtCard
) -> None:
    for source, each in ((readers, card), (library, same)):
        token = source.open(source.insert(each))
        token.verify_pin("111111")
        token.generate_key_pair()
        token.close()
    assert len(both.present()) == 2
    library.swap(card)
    assert len(both.present()) == 1


def test_a_token_that_is_at_work_is_not_counted_again_when_the_library_sees_it_later(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, same: GmtCard
) -> None:
    readers.insert(card)
    (presence,) = both.present()
    token = both.open(presence)
    library.insert(same)
    assert both.present() == (presence,)
    assert token.serial == card.serial
    token.close()


def test_what_the_library_cannot_open_beside_a_reader_s_token_does_not_count(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, same: GmtCard
) -> None:
    held = library.open(library.insert(same))
    readers.insert(card)
    assert len(both.present()) == 1
    held.close()
    assert len(both.present()) == 1


def test_what_the_reader_cannot_open_does_not_count_beside_the_library_s_token(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, same: GmtCard
) -> None:
    held = readers.open(readers.insert(card))
    library.insert(same)
    (presence,) = both.present()
    both.open(presence).close()
    held.close()


def test_where_nothing_can_be_opened_the_reader_s_token_counts(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, same: GmtCard
) -> None:
    held = readers.open(readers.insert(card)), library.open(library.insert(same))
    (presence,) = both.present()
    for token in held:
        token.close()
    both.open(presence).close()
    assert (readers.opened, library.opened) == (3, 2)


def test_two_tokens_of_one_way_are_two_whatever_their_numbers(
    tmp_path: Path, card: GmtCard, same: GmtCard, other: GmtCard
) -> None:
    readers, library = VirtualTokenSource(("Left", "Right")), VirtualTokenSource()
    readers.insert(card, "Left")
    readers.insert(same, "Right")
    library.insert(other)
    both = CombinedTokenSource((NamedSource("pcsc", readers), NamedSource("skf", library)))
    assert len(both.present()) == 3


def test_a_card_that_no_driver_knows_does_not_count_beside_the_library_s_token(
    both: CombinedTokenSource, readers: Counting, library: Counting, other: GmtCard
) -> None:
    readers.insert(Stranger())
    (stranger,) = both.present()
    assert stranger.atr == Stranger.atr
    library.insert(other)
    (presence,) = both.present()
    token = both.open(presence)
    assert token.serial == "2"
    token.close()


def test_a_token_that_left_is_not_opened_though_another_came(
    both: CombinedTokenSource, readers: Counting, card: GmtCard, other: GmtCard
) -> None:
    readers.insert(card)
    (before,) = both.present()
    readers.swap(other)
    with pytest.raises(TokenRemoved):
        both.open(before)


def test_a_way_that_fails_is_a_problem_while_another_works(library: Counting, card: GmtCard) -> None:
    both = CombinedTokenSource((NamedSource("pcsc", Broken()), NamedSource("skf", library)))
    library.insert(card)
    assert len(both.present()) == 1
    assert both.problems() == (SourceFault("pcsc", "no service"),)


def test_readers_are_unavailable_only_where_every_way_fails() -> None:
    both = CombinedTokenSource(
        (NamedSource("pcsc", Broken()), NamedSource("skf", Counting("it cannot be loaded")))
    )
    with pytest.raises(ReaderUnavailable, match="no service; it cannot be loaded"):
        both.present()
    assert [problem.driver for problem in both.problems()] == ["pcsc", "library"]


def test_a_working_way_without_tokens_is_enough() -> None:
    both = CombinedTokenSource((NamedSource("pcsc", Broken()), NamedSource("skf", VirtualTokenSource())))
    assert both.present() == ()


def test_every_way_reports_changes_until_the_watch_stops(
    both: CombinedTokenSource, readers: Counting, library: Counting, card: GmtCard, other: GmtCard
) -> None:
    calls = threading.Semaphore(0)
    stop: Callable[[], None] = both.watch(calls.release)
    readers.insert(card)
    acquire(calls)
    library.insert(other)
    acquire(calls)
    stop()
    library.remove()
    assert not calls.acquire(timeout=0.2)
