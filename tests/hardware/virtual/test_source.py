from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hardware.ports import TokenHeld, TokenNotRecognised, TokenRemoved
from hardware.token.gmt.commands import Instruction
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.factory import blank_key
from tests.support.waiting import acquire, wait_event, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard
    from hardware.virtual.source import VirtualTokenSource


class Calls:
    """Counts calls and waits for them."""

    def __init__(self) -> None:
        self.count = 0
        self.threads: set[str] = set()

    def __call__(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.count += 1

    def reach(self, count: int) -> bool:
        wait_until(lambda: self.count >= count, f"{count} calls")
        return True


def test_cards_are_seen_in_their_readers(source: VirtualTokenSource, card: GmtCard, tmp_path: Path) -> None:
    assert source.present() == ()
    right = source.insert(blank_key(tmp_path / "other.json", "2"), "Right")
    left = source.insert(card)
    assert source.present() == (left, right)
    assert (left.reader, left.atr) == ("Left", card.atr)
    source.remove("Right")
    assert source.present() == (left,)


def test_every_insertion_is_another_one(source: VirtualTokenSource, card: GmtCard) -> None:
    first = source.insert(card)
    source.remove()
    second = source.insert(card)
    assert first != second
    with pytest.raises(TokenRemoved):
        source.open(first)
    assert source.open(second).serial == card.serial


def test_a_reader_takes_one_card(source: VirtualTokenSource, card: GmtCard) -> None:
    source.insert(card)
    with pytest.raises(ValueError, match="has a card"):
        source.insert(card)
    with pytest.raises(ValueError, match="no reader"):
        source.insert(card, "Middle")


def test_a_removed_card_no_longer_answers_and_closing_does_not_mind(
    source: VirtualTokenSource, card: GmtCard
) -> None:
    token = source.open(source.insert(card))
    source.remove()
    with pytest.raises(TokenRemoved):
        token.public_key()
    token.close()


def test_a_token_never_speaks_to_the_card_swapped_in(
    source: VirtualTokenSource, card: GmtCard, tmp_path: Path
) -> None:
    token = source.open(source.insert(card))
    swapped = source.swap(blank_key(tmp_path / "other.json", "2"))
    with pytest.raises(TokenRemoved):
        token.pin_state()
    other = source.open(swapped)
    assert other.serial == "2"
    token.close()
    assert other.pin_state().untouched


def test_a_card_is_open_once_at_a_time(source: VirtualTokenSource, card: GmtCard) -> None:
    presence = source.insert(card)
    token = source.open(presence)
    with pytest.raises(TokenHeld):
        source.open(presence)
    token.close()
    source.open(presence).close()


def test_the_watch_tells_when_a_card_that_was_refused_comes_free(
    source: VirtualTokenSource, card: GmtCard
) -> None:
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    presence = source.insert(card)
    acquire(changes)
    token = source.open(presence)
    with pytest.raises(TokenHeld):
        source.open(presence)
    token.close()
    acquire(changes)
    source.open(presence).close()  # nobody was refused meanwhile: no news
    source.remove()
    acquire(changes)
    stop()
    assert not changes.acquire(blocking=False)


def test_closing_forgets_the_pin(source: VirtualTokenSource, card: GmtCard) -> None:
    presence = source.insert(card)
    token = source.open(presence)
    token.verify_pin("111111")
    token.close()
    assert not card.session.verified
    with pytest.raises(TokenRemoved):
        token.pin_state()


@pytest.mark.parametrize("kind", [FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER])
def test_pulled_while_making_its_key_pair_the_card_itself_knows_whether_it_did(
    source: VirtualTokenSource, card: GmtCard, kind: FaultKind
) -> None:
    faulty = FaultyCard(card, Fault(kind, instruction=Instruction.GENERATE_ECC_KEY_PAIR))
    token = source.open(source.insert(faulty))
    token.verify_pin("111111")
    with pytest.raises(TokenRemoved):
        token.generate_key_pair()
    assert source.present() == ()
    again = source.open(source.insert(faulty))
    assert (again.public_key() is not None) == (kind is FaultKind.PULLED_AFTER)


def test_a_card_that_no_driver_knows_is_reported_and_let_go(source: VirtualTokenSource) -> None:
    class Stranger:
        atr = b"\x3b\x01\x42"

        def power_on(self) -> None:
            return

        def transmit(self, command: bytes) -> bytes:
            return b"\x6e\x00"

    presence = source.insert(Stranger())
    for _ in range(2):
        with pytest.raises(TokenNotRecognised) as refused:
            source.open(presence)
        assert refused.value.atr == b"\x3b\x01\x42"


def test_watchers_are_called_from_another_thread_until_they_stop(
    source: VirtualTokenSource, card: GmtCard
) -> None:
    calls, others = Calls(), Calls()
    stop = source.watch(calls)
    source.watch(others)
    source.insert(card)
    source.remove()
    assert calls.reach(2)
    assert threading.current_thread().name not in calls.threads
    stop()
    source.insert(card)
    assert others.reach(3)
    assert calls.count == 2


def test_an_empty_reader_stays_empty_without_a_call(source: VirtualTokenSource, card: GmtCard) -> None:
    calls = Calls()
    source.watch(calls)
    source.remove()
    source.insert(card)
    assert calls.reach(1)
    assert calls.count == 1


def test_a_watcher_may_ask_and_open_from_its_call(source: VirtualTokenSource, card: GmtCard) -> None:
    serials: list[str] = []
    done = threading.Event()

    def look() -> None:
        for presence in source.present():
            token = source.open(presence)
            serials.append(token.serial)
            token.close()
        done.set()

    source.watch(look)
    source.insert(card)
    wait_event(done)
    assert serials == [card.serial]
