"""The driver over the real PC/SC stack: pcscd, vsmartcard-vpcd, libpcsclite and a virtual key."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.library import SystemLibrary
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import (
    ReaderUnavailable,
    TokenError,
    TokenHeld,
    TokenNotRecognised,
    TokenPresence,
    TokenRemoved,
)
from hardware.token.gmt.commands import Instruction
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.factory import blank_key
from tests.support import sm2_reference
from tests.support.pcsc import PcscService
from tests.support.readers import emptied, in_reader, inserted, noticed_gone, soon
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard


@pytest.fixture
def readers(pcscd: tuple[str, int]) -> PcscTokenSource:
    source = PcscTokenSource()
    emptied(source)
    return source


@pytest.mark.pcsc
def test_a_key_is_bound_through_the_real_stack(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int]
) -> None:
    certificate = bytes(range(256)) * 8
    with in_reader(card, pcscd):
        presence = inserted(readers)
        assert presence.atr == card.atr
        token = readers.open(presence)
        assert (token.serial, token.public_key()) == ("E8AD652202221F03", None)
        token.verify_pin("111111")
        public_key = token.generate_key_pair()
        token.write_certificate(certificate)
        assert token.certificate() == certificate
        signature = token.sign(b"message")
        assert sm2_reference.verify(public_key, b"message", signature)
        token.close()
        soon(lambda: not card.session.verified)
        again = readers.open(presence)
        assert (again.public_key(), again.certificate()) == (public_key, certificate)
        again.close()


@pytest.mark.pcsc
@pytest.mark.parametrize("kind", [FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER])
def test_pulled_in_the_middle_of_a_command_it_counts_as_removed_and_is_read_back(
    readers: PcscTokenSource,
    card: GmtCard,
    pcscd: tuple[str, int],
    pcsc_service: PcscService,
    kind: FaultKind,
) -> None:
    faulty = FaultyCard(card, Fault(kind, instruction=Instruction.GENERATE_ECC_KEY_PAIR))
    with in_reader(faulty, pcscd):
        first = inserted(readers)
        token = readers.open(first)
        token.verify_pin("111111")
        with pytest.raises(TokenRemoved):
            token.generate_key_pair()
        with pytest.raises(TokenRemoved):
            token.pin_state()
        noticed_gone(readers, pcsc_service)
    with in_reader(faulty, pcscd):
        second = inserted(readers)
        assert second != first
        with pytest.raises(TokenRemoved):
            readers.open(first)
        again = readers.open(second)
        assert (again.public_key() is not None) == (kind is FaultKind.PULLED_AFTER)
        token.close()
        again.close()


@pytest.mark.pcsc
def test_a_connection_left_open_does_not_block_the_next_card(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int], tmp_path: Path
) -> None:
    with in_reader(card, pcscd):
        forgotten = readers.open(inserted(readers))
    soon(lambda: readers.present() == ())
    with in_reader(blank_key(tmp_path / "other.json", "2"), pcscd):
        token = readers.open(inserted(readers))
        assert token.serial == "2"
        with pytest.raises(TokenRemoved):
            forgotten.public_key()
        token.close()


@pytest.mark.pcsc
def test_a_card_in_use_by_another_program_is_not_shared(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int]
) -> None:
    with in_reader(card, pcscd):
        token = readers.open(inserted(readers))
        other = PcscTokenSource()
        with pytest.raises(TokenHeld):
            other.open(inserted(other))
        token.close()
        other.open(inserted(other)).close()


@pytest.mark.pcsc
def test_a_card_that_no_driver_knows_is_reported_with_its_atr(
    readers: PcscTokenSource, pcscd: tuple[str, int]
) -> None:
    class Stranger:
        atr = bytes.fromhex("3B8101 42 C2")

        def power_on(self) -> None:
            return

        def transmit(self, command: bytes) -> bytes:
            return b"\x6e\x00"

    with in_reader(Stranger(), pcscd):
        with pytest.raises(TokenNotRecognised) as refused:
            readers.open(inserted(readers))
        assert refused.value.atr == Stranger.atr


@pytest.mark.pcsc
def test_insertions_and_removals_are_reported_until_the_watch_stops(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int]
) -> None:
    seen: list[int] = []
    stop = readers.watch(lambda: seen.append(len(readers.present())))
    soon(lambda: seen == [0])
    with in_reader(card, pcscd):
        soon(lambda: seen == [0, 1])
    soon(lambda: seen == [0, 1, 0])
    stop()
    soon(lambda: "pcsc-readers" not in {thread.name for thread in threading.enumerate()}, "the watch ends")
    with in_reader(card, pcscd):
        inserted(readers)
    assert seen == [0, 1, 0]


@pytest.mark.pcsc
def test_an_open_connection_is_no_news_to_the_watch(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int]
) -> None:
    calls: list[float] = []
    with in_reader(card, pcscd):
        presence = inserted(readers)
        stop = readers.watch(lambda: calls.append(time.monotonic()))
        soon(lambda: len(calls) == 1)
        token = readers.open(presence)
        used = time.process_time()
        time.sleep(1)
        assert time.process_time() - used < 0.5
        token.close()
        assert readers.present() == (presence,)
        stop()
    assert len(calls) == 1


@pytest.mark.pcsc
def test_a_service_that_restarts_is_found_again_and_its_cards_count_as_inserted_anew(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int], restart_pcscd: Callable[[], None]
) -> None:
    changes: list[float] = []
    stop = readers.watch(lambda: changes.append(time.monotonic()))
    soon(lambda: len(changes) == 1, "the watch began before the card came")
    with in_reader(card, pcscd):
        first = inserted(readers)
        token = readers.open(first)
        soon(lambda: len(changes) == 2)
        restart_pcscd()
        with pytest.raises(TokenRemoved):
            token.pin_state()
        second = inserted(readers)
        assert second != first
        with pytest.raises(TokenRemoved):
            readers.open(first)
        again = readers.open(second)
        assert again.serial == card.serial
        soon(lambda: len(changes) >= 4)
        again.close()
        token.close()
    stop()


def killed(service: PcscService) -> None:
    """End pcscd as a crash does, and start it again."""
    service.kill()
    service.start()


def stopped(service: PcscService) -> None:
    """Stop pcscd in order, and start it again."""
    service.stop()
    service.start()


@pytest.mark.pcsc
@pytest.mark.parametrize("restarted", [stopped, killed])
def test_two_keys_in_two_readers_are_back_after_the_service_was_gone(
    readers: PcscTokenSource,
    card: GmtCard,
    pcscd: tuple[str, int],
    pcsc_service: PcscService,
    tmp_path: Path,
    restarted: Callable[[PcscService], None],
) -> None:
    if pcsc_service.process is None:
        pytest.skip("the pcscd that runs is not the tests' own and is left alone")
    other = blank_key(tmp_path / "other.json", "2")
    changed = threading.Event()
    stop = readers.watch(changed.set)
    with in_reader(card, pcscd), in_reader(other, (pcscd[0], pcscd[1] + 1)):
        soon(lambda: len(readers.present()) == 2)
        before = set(readers.present())
        opened = [readers.open(presence) for presence in before]
        assert {token.serial for token in opened} == {card.serial, "2"}
        restarted(pcsc_service)
        found = told_of_two(readers, changed)
        assert not set(found) & before
        for token in opened:
            with pytest.raises(TokenRemoved):
                token.pin_state()
        for presence in before:
            with pytest.raises(TokenRemoved):
                readers.open(presence)
        again = [readers.open(presence) for presence in found]
        assert {token.serial for token in again} == {card.serial, "2"}
        for token in (*opened, *again):
            token.close()
    stop()


def told_of_two(readers: PcscTokenSource, changed: threading.Event) -> tuple[TokenPresence, ...]:
    """Look whenever the watch calls, and only then, until two keys are in."""

    def two() -> tuple[TokenPresence, ...] | None:
        if changed.is_set():
            changed.clear()
            with contextlib.suppress(ReaderUnavailable):
                present = readers.present()
                return present if len(present) == 2 else None
        return None

    return wait_for(two, "the watch tells of the keys")


@pytest.mark.pcsc
def test_the_readers_are_named(readers: PcscTokenSource) -> None:
    assert len(readers.readers()) == 2


@pytest.mark.pcsc
def test_a_damaged_answer_through_the_real_stack_is_an_error(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int]
) -> None:
    faulty = FaultyCard(card)
    with in_reader(faulty, pcscd):
        token = readers.open(inserted(readers))
        token.verify_pin("111111")
        public_key = token.generate_key_pair()
        faulty.plan(Fault(FaultKind.TRUNCATED, instruction=Instruction.EXPORT_PUBLIC_KEY))
        with pytest.raises(TokenError):
            token.public_key()
        assert token.public_key() == public_key
        token.close()


def test_libpcsclite_is_loaded_only_when_needed() -> None:
    code = "import sys, hardware.pcsc.source, hardware.virtual.reader; hardware.pcsc.source.PcscTokenSource(); print(open('/proc/self/maps').read())"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "libpcsclite" not in loaded


def test_without_libpcsclite_the_readers_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware.pcsc.calls.SystemLibrary", lambda: SystemLibrary("libpcsclite-none.so.1"))
    with pytest.raises(ReaderUnavailable, match=r"libpcsclite-none\.so\.1"):
        PcscTokenSource().present()
