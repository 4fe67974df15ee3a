"""Readers that carry 261 bytes at once: how commands are cut for them, and how they are found out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.apdu import Command, Form
from hardware.pcsc.buffers import LONGEST_ANSWER, LONGEST_COMMAND, ReaderBuffers, is_long, pieces
from hardware.pcsc.library import Protocols
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import TokenPresence, TokenRemoved
from hardware.token.gmt.commands import Instruction
from hardware.virtual.gmt.apdu import Chaining
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from tests.support.played_pcsc import Service
from tests.support.waiting import acquire

if TYPE_CHECKING:
    from pathlib import Path

FIRST = TokenPresence("a", b"", 1)
CERTIFICATE = bytes(range(256)) * 5
COMMUNICATION_ERROR, OK = 0x8010002F, 0


class ShortReader(Service):
    """A reader with a card in it that fails whatever is longer than it carries."""

    def __init__(self, card: GmtCard, command: int = LONGEST_COMMAND, answer: int = LONGEST_ANSWER) -> None:
        super().__init__()
        self.card, self.command, self.answer = card, command, answer
        self.failure: tuple[int, bytes] = COMMUNICATION_ERROR, b""
        self.failures = 0

    def transmit(self, _: int, protocol: Protocols, command: bytes) -> tuple[int, bytes]:
        self.sent.append((protocol, command))
        if len(command) > self.command:
            self.failures += 1
            return self.failure
        answer = self.card.transmit(command)
        if len(answer) > self.answer:
            self.failures += 1
            return self.failure
        return OK, answer

    def disconnect(self, card: int, disposition: int) -> int:
        self.card.power_on()
        return super().disconnect(card, disposition)

    def count(self, instruction: Instruction) -> int:
        return sum(command[1] == instruction for _, command in self.sent)


@pytest.fixture
def key(tmp_path: Path) -> GmtCard:
    return blank_key(tmp_path / "key.json", "E8AD652202221F03")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, key: GmtCard) -> ShortReader:
    reader = ShortReader(key)
    monkeypatch.setattr("hardware.pcsc.calls.SystemLibrary", lambda: reader)
    return reader


def bind(source: PcscTokenSource, presence: TokenPresence) -> None:
    token = source.open(presence)
    token.verify_pin("111111")
    token.generate_key_pair()
    token.write_certificate(CERTIFICATE)
    assert token.certificate() == CERTIFICATE
    token.close()


@pytest.mark.parametrize("failure", [(COMMUNICATION_ERROR, b""), (OK, b"")], ids=["error", "silence"])
def test_a_key_in_a_short_reader_is_bound_without_any_setting(
    reader: ShortReader, failure: tuple[int, bytes]
) -> None:
    reader.failure = failure
    source = PcscTokenSource()
    bind(source, source.present()[0])
    assert reader.failures == 1, "the first long answer, of a command that only reads"
    assert reader.count(Instruction.VERIFY_PIN) == 1
    bind(source, source.present()[0])
    assert reader.failures == 1, "the reader is known by now"


@pytest.mark.parametrize("chaining", Chaining)
def test_answers_come_in_pieces_however_the_key_hands_them_out(
    reader: ShortReader, tmp_path: Path, chaining: Chaining
) -> None:
    blank_key(tmp_path / "other.json", "2")
    reader.card = GmtCard(tmp_path / "other.json", chaining=chaining)
    source = PcscTokenSource()
    if chaining is Chaining.EXACT_LENGTH:  # it never gives a long answer, so the first long command tells
        with pytest.raises(TokenRemoved):
            bind(source, source.present()[0])
    bind(source, source.present()[0])
    assert reader.failures == 1


def test_a_reader_that_fails_long_commands_alone_is_known_from_the_second_attempt_on(
    reader: ShortReader,
) -> None:
    """The watch calls after the failure, so that whoever was working goes on by himself."""
    reader.answer = 1 << 16
    source = PcscTokenSource()
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    acquire(changes)
    (presence,) = source.present()
    with pytest.raises(TokenRemoved):
        bind(source, presence)
    acquire(changes)
    assert source.present() == (presence,)
    bind(source, presence)
    assert reader.failures == 1
    stop()
    assert not changes.acquire(blocking=False)


def test_a_card_that_was_pulled_once_is_spoken_to_as_before(reader: ShortReader) -> None:
    reader.answer, reader.command = 1 << 16, 700
    source = PcscTokenSource()
    for long in (True, True, False):  # a pull each time, until it has happened twice in a row
        (presence,) = source.present()
        before = reader.failures
        if long:
            with pytest.raises(TokenRemoved):
                bind(source, presence)
            assert reader.failures == before + 1
        else:
            bind(source, presence)
            assert reader.failures == before
        reader.plug()
        source.states()
        reader.plug(b"Reader")


def test_a_reader_that_carried_a_command_is_not_taken_for_a_short_one_by_one_no_longer() -> None:
    buffers = ReaderBuffers()
    commands = [Command(0x4C, data=bytes(length)).encode() for length in (400, 500, 501)]
    buffers.passed(FIRST, commands[1], b"\x90\x00")
    assert [buffers.failed(FIRST, command) for command in commands] == [False, False, True]
    buffers.passed(FIRST, commands[0], b"\x90\x00")
    assert buffers.short(FIRST)
    buffers.passed(FIRST, commands[2], b"\x90\x00")
    assert not buffers.short(FIRST)


def test_an_answer_that_fails_where_long_ones_came_is_tried_again_in_that_insertion_alone() -> None:
    buffers = ReaderBuffers()
    asked = bytes.fromhex("80040000 000000")
    buffers.passed(FIRST, asked, bytes(300))
    for insertion in range(1, 4):
        presence = TokenPresence("a", b"", insertion)
        assert not buffers.short(presence)
        assert buffers.failed(presence, asked)
        assert buffers.short(presence)
        assert not buffers.failed(presence, asked)


@pytest.mark.parametrize(
    ("command", "answer"),
    [(512, 512), (512, 1 << 16), (1 << 16, 512), (1300, 500), (500, 1300), (1014, 1014)],
)
def test_a_reader_that_carries_some_long_messages_and_not_all_binds_a_key(
    reader: ShortReader, command: int, answer: int
) -> None:
    """Its device information comes, its certificate does not."""
    reader.command, reader.answer = command, answer
    source = PcscTokenSource()
    with pytest.raises(TokenRemoved):
        bind(source, source.present()[0])
    bind(source, source.present()[0])
    assert reader.failures == 1


def test_a_card_that_answers_nothing_at_all_is_tried_once_more_and_no_pin_is_sent(
    reader: ShortReader,
) -> None:
    reader.answer = -1
    source = PcscTokenSource()
    (presence,) = source.present()
    before = reader.contexts
    for _ in range(3):
        with pytest.raises(TokenRemoved):
            source.open(presence)
    assert reader.count(Instruction.VERIFY_PIN) == 0
    assert len(reader.sent) == 4, "the first time twice"
    assert (reader.cards, reader.contexts) == (0, before)


def test_with_t0_nothing_is_long(reader: ShortReader) -> None:
    reader.protocol, reader.command, reader.answer = Protocols.T0, 4, -1
    source = PcscTokenSource()
    (presence,) = source.present()
    with pytest.raises(TokenRemoved):
        source.open(presence)
    assert reader.failures == 1


@given(
    data=st.binary(max_size=1500),
    expected=st.none() | st.integers(1, 65536),
    form=st.sampled_from(list(Form)),
)
def test_every_piece_fits_and_together_they_say_the_same(
    data: bytes, expected: int | None, form: Form
) -> None:
    data = data[: form.longest_data]
    command = Command(0x4C, 1, data=data, expected=expected, form=form).encode()
    cut = pieces(command)
    assert all(len(piece) <= LONGEST_COMMAND for piece in cut)
    assert not any(is_long(piece) for piece in cut)
    if not is_long(command):
        assert cut == (command,)
        return
    *before, last = cut
    assert {piece[:4] for piece in before} <= {bytes.fromhex("904C0100")}
    assert last[:4] == bytes.fromhex("804C0100")
    lengths = [int.from_bytes(piece[5:7]) for piece in before]
    assert all(len(piece) == 7 + length for piece, length in zip(before, lengths, strict=True))
    if not data:
        assert cut == (bytes.fromhex("804C0100 00 0100"),)
        return
    length = int.from_bytes(last[5:7])
    assert b"".join(piece[7:] for piece in before) + last[7 : 7 + length] == data
    le = last[7 + length :]
    assert le == (b"" if expected is None else min(expected, 256).to_bytes(2))


@given(st.binary(max_size=400))
def test_what_is_no_command_is_sent_as_it_is_or_in_pieces_that_fit(command: bytes) -> None:
    cut = pieces(command)
    assert cut == (command,) or all(len(piece) <= LONGEST_COMMAND for piece in cut)


def test_what_is_known_of_a_reader_is_known_of_no_other() -> None:
    buffers = ReaderBuffers()
    first, other = TokenPresence("a", b"", 1), TokenPresence("b", b"", 1)
    long, short = bytes.fromhex("80040000 000000"), bytes.fromhex("80040000 000100")
    assert not buffers.failed(first, short)
    assert (buffers.failed(first, long), buffers.failed(first, long)) == (True, False)
    assert (buffers.short(first), buffers.short(other)) == (True, False)
    buffers.passed(first, long, bytes(300))
    assert not buffers.short(first)
