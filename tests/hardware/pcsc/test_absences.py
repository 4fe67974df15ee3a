"""A card that is back before the service has looked: a reset that failed hid it from everybody."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.absences import Absences
from hardware.pcsc.calls import EVENT_BITS, PcscCalls, PcscFailed, ReaderState
from hardware.pcsc.library import StateBits
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import TokenRemoved
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.factory import blank_key
from tests.support.played_pcsc import Service
from tests.support.readers import emptied, in_reader, inserted, soon
from tests.support.waiting import acquire

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard

READER = b"Reader"


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def absences(clock: Clock) -> Absences:
    return Absences(clock)


def holding(events: int, name: bytes = READER) -> ReaderState:
    return ReaderState(name.decode(), name, events << EVENT_BITS | StateBits.PRESENT, b"\x3b\x00")


def empty(events: int, name: bytes = READER) -> ReaderState:
    return ReaderState(name.decode(), name, events << EVENT_BITS | StateBits.EMPTY, b"")


def test_a_reader_that_fell_empty_uncounted_is_doubted_and_due_once_a_look_has_passed(
    absences: Absences, clock: Clock
) -> None:
    assert absences.due([holding(1)]) == ()
    assert not absences.doubted
    assert absences.due([empty(1)]) == ()
    assert absences.doubted
    clock.now += 0.9
    assert absences.due([empty(1)]) == ()
    clock.now += 0.2
    assert absences.due([empty(1)]) == (READER,)
    assert not absences.doubted
    clock.now += 60
    assert absences.due([empty(1)]) == ()


@pytest.mark.parametrize("later", [empty(2), holding(1), holding(3)], ids=["counted", "back", "another"])
def test_what_is_counted_or_back_by_then_is_doubted_no_more(
    absences: Absences, clock: Clock, later: ReaderState
) -> None:
    absences.due([holding(1)])
    absences.due([empty(1)])
    clock.now += 0.5
    assert absences.due([later]) == ()
    assert not absences.doubted
    clock.now += 60
    assert absences.due([later]) == ()


def test_a_reader_never_seen_full_is_not_doubted_and_others_are_judged_alone(
    absences: Absences, clock: Clock
) -> None:
    absences.due([empty(1), holding(4, b"Other")])
    absences.due([empty(1), empty(4, b"Other")])
    clock.now += 2
    assert absences.due([empty(1), empty(4, b"Other")]) == (b"Other",)


def test_what_was_counted_by_a_service_that_fell_away_is_held_against_no_other(
    absences: Absences, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = PcscCalls(Service())
    absences.due([holding(0)])
    absences.due([empty(0)])

    def gone(_: int) -> tuple[ReaderState, ...]:
        raise PcscFailed

    monkeypatch.setattr(calls, "states", gone)
    with pytest.raises(PcscFailed):
        absences.seen(calls, 1)
    assert not absences.doubted
    clock.now += 60
    assert absences.due([empty(0)]) == ()


@pytest.mark.pcsc
@pytest.mark.parametrize("watched", [False, True], ids=["asked", "watched"])
def test_a_key_put_in_at_once_after_one_that_was_pulled_from_a_command_is_seen(
    card: GmtCard,
    pcscd: tuple[str, int],
    tmp_path: Path,
    watched: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:

    source = PcscTokenSource()
    emptied(source)
    changes = threading.Semaphore(0)
    pulled = FaultyCard(card, Fault(FaultKind.PULLED_BEFORE, at=2))
    with in_reader(pulled, pcscd):
        first = inserted(source)
        stop = source.watch(changes.release) if watched else lambda: None
        if watched:
            acquire(changes)
        with pytest.raises(TokenRemoved):
            source.open(first).verify_pin("111111")
    with in_reader(blank_key(tmp_path / "other.json", "2"), pcscd):
        if watched:
            acquire(changes)
            while not source.present():
                acquire(changes)
        soon(lambda: source.present() not in {(), (first,)}, "the key is seen")
        with pytest.raises(TokenRemoved):
            source.open(first)
        token = source.open(source.present()[0])
        assert token.serial == "2"
        token.close()
    stop()
