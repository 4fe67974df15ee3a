"""A PIV card's objects that are meant to harm: packed bombs, odd names, certificates that are none, answers that loop."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.ports import MalformedAnswer, TokenError, TokenNotPrepared
from hardware.token.piv.commands import Instruction, ObjectIdentifier, Slot
from hardware.token.piv.objects import (
    LONGEST_CERTIFICATE,
    Container,
    certified_point,
    encode,
    identifier,
    read_container,
)
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.session import PivSession
from hardware.token.piv.token import PivToken, read_serial
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.virtual.piv.state import PivCardRecord

LONGEST_NAME = 50
"""Characters of the longest name: a FASC-N of 25 bytes in hexadecimal."""
MEMORY = 20 * LONGEST_CERTIFICATE
PROVING = {Instruction.VERIFY, Instruction.CHANGE_REFERENCE_DATA, Instruction.RESET_RETRY_COUNTER}

unpacked = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda piece, times: piece * times,
        st.binary(min_size=1, max_size=8),
        st.sampled_from([1, 2047, 2048, 2049, 16384, 16385, 1 << 18]),
    ),
)
named = st.builds(
    lambda name, data: b"\x1f\x8b\x08\x08" + bytes(6) + name + b"\0" + gzip.compress(data, mtime=0)[10:],
    st.binary(max_size=3000).map(lambda name: name.replace(b"\0", b"n")),
    unpacked,
)
"""Packed with a file name in the header (RFC 1952, 2.3.1), which no certificate needs."""
packings = st.one_of(
    st.builds(lambda data, level: gzip.compress(data, level, mtime=0), unpacked, st.integers(0, 9)),
    st.builds(lambda data: gzip.compress(gzip.compress(data)), unpacked),
    st.builds(zlib.compress, unpacked),
    named,
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Something packed that is whole, cut off, followed by something or has a bit flipped."""
    packed = bytearray(draw(packings))
    match draw(st.sampled_from(["whole", "cut", "followed", "flipped"])):
        case "cut":
            del packed[draw(st.integers(0, len(packed) - 1)) :]
        case "followed":
            packed += draw(st.one_of(st.binary(max_size=40), packings))
        case "flipped":
            packed[draw(st.integers(0, len(packed) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(packed)


@settings(max_examples=250, deadline=None)
@given(packed=spoilt())
def test_whatever_is_packed_it_is_a_bounded_certificate_or_malformed(packed: bytes) -> None:
    value = encode(0x70, packed) + encode(0x71, b"\x01") + encode(0xFE, b"")
    tracemalloc.start()
    try:
        with contextlib.suppress(MalformedAnswer):
            certificate = read_container(value).certificate
            # an empty 70 is an empty object, whatever else is said of it
            assert not packed if certificate is None else 0 < len(certificate) <= LONGEST_CERTIFICATE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY + 4 * len(packed)


@settings(max_examples=200, deadline=None)
@given(
    position=st.integers(0, 10_000),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=4),
    cut=st.integers(0, 10_000),
)
def test_a_certificate_changed_anywhere_tells_a_point_of_the_curve_or_none(
    certificate_for: Callable[..., bytes], position: int, flips: list[tuple[int, int]], cut: int
) -> None:
    point = bytes.fromhex(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
        "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
    )
    der = bytearray(certificate_for(point))
    for at, mask in flips:
        der[(position + at) % len(der)] ^= mask
    if cut < len(der):
        del der[cut:]
    found = certified_point(bytes(der))
    assert found is None or ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found)
    assert found == point or flips or cut < 10_000


@pytest.mark.parametrize("filling", [0, 9000, 200_000])
def test_a_huge_certificate_and_one_that_is_none_tell_no_key(filling: int) -> None:
    for der in (b"\x30\x84" + filling.to_bytes(4) + bytes(filling), b"\x30\x80" * (filling // 2 + 1)):
        assert read_container(encode(0x70, der)) == Container(der, None)


odd_texts = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from(
        [b"\x1b[2J\x1b]0;x\x07", "\u202e1234\u202c".encode(), b" 12345 ", b"\0" * 16, b"\r\n" * 8]
    ),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=25, max_size=25),
)
identifiers = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from([0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x3E, 0xFE]), odd_texts, max_size=5
    ).map(lambda objects: b"".join(encode(tag, value) for tag, value in objects.items())),
)


class Told:
    """A card that answers GET SERIAL and GET DATA as told."""

    def __init__(self, serial: bytes, identifying: bytes) -> None:
        self._answers = {
            Instruction.GET_SERIAL: serial,
            Instruction.GET_DATA: identifying,
        }

    def transmit(self, command: bytes) -> bytes:
        return self._answers[Instruction(command[1])]


serials = st.one_of(
    st.just(b"\x6d\x00"),
    odd_texts.map(lambda data: data + b"\x90\x00"),
    st.binary(min_size=4, max_size=4).map(lambda data: data + b"\x90\x00"),
)
holders = st.one_of(
    st.just(b"\x6a\x82"),
    st.binary(max_size=40),
    identifiers.map(lambda value: encode(0x53, value) + b"\x90\x00"),
    identifiers.map(lambda value: value + b"\x90\x00"),
)


@settings(max_examples=300, deadline=None)
@given(serial=serials, holder=holders)
def test_whatever_names_a_card_its_name_is_short_and_printable(serial: bytes, holder: bytes) -> None:
    try:
        name = read_serial(PivSession(Told(serial, holder)))
    except (MalformedAnswer, TokenError):
        return
    assert 1 <= len(name) <= LONGEST_NAME
    assert name.isascii()
    assert name.isalnum()
    assert name == name.upper()
    if serial.endswith(b"\x90\x00") and int.from_bytes(serial[:-2]):
        assert int(name).to_bytes(4) == serial[:-2]


@settings(max_examples=300, deadline=None)
@given(first=identifiers, second=identifiers)
def test_two_cards_of_one_name_have_the_same_identifier(first: bytes, second: bytes) -> None:
    names = []
    for value in (first, second):
        try:
            names.append(identifier(value))
        except MalformedAnswer:
            names.append(None)
    for value, name in zip((first, second), names, strict=True):
        assert name is None or bytes.fromhex(name) in value
    if names[0] is not None and names[0] == names[1]:
        assert bytes.fromhex(names[0]) in first
        assert bytes.fromhex(names[0]) in second


@pytest.mark.parametrize("length", [1, 15, 17, 24, 26, 3000])
def test_an_identifier_of_another_length_names_no_card(length: int) -> None:
    for tag in (0x30, 0x34):
        value = encode(0x53, encode(tag, b"\x41" * length)) + b"\x90\x00"
        with pytest.raises(TokenNotPrepared):
            read_serial(PivSession(Told(b"\x6d\x00", value)))


class DisklessCard(PivCard):
    """It remembers in memory alone, so that thousands of commands are quick."""

    def store(self, record: PivCardRecord) -> None:
        self._record = record


class Looping:
    """A card that from one command on always answers the same; PIN and PUK that reach it are counted."""

    atr = b"\x3b\x00"

    def __init__(self, card: PivCard, beginning: int, answer: bytes, *, always: bool) -> None:
        self._card, self._beginning, self._answer, self._always = card, beginning, answer, always
        self.commands = 0
        self.proving: Counter[int] = Counter()

    def transmit(self, command: bytes) -> bytes:
        at, self.commands = self.commands, self.commands + 1
        if command[1] in PROVING and len(command) > 5:
            self.proving[command[1]] += 1
        due = at >= self._beginning if self._always else at == self._beginning
        return self._answer if due else self._card.transmit(command)

    def close(self) -> None:
        """Nothing to give back."""


def run(channel: Looping, slot: Slot) -> bool:
    """Everything once; whether anything failed. No method may prove a secret more often than it says."""
    try:
        token = PivToken(channel, PivProfile(slot=slot))
    except TokenError:
        return True
    signs: Counter[int] = Counter({Instruction.VERIFY: 1}) if slot is Slot.SIGNATURE else Counter()
    steps: tuple[tuple[Callable[[], object], Counter[int]], ...] = (
        (token.pin_state, Counter()),
        (lambda: token.verify_pin("123456"), Counter({Instruction.VERIFY: 1})),
        (token.generate_key_pair, Counter()),
        (lambda: token.write_certificate(bytes(600)), Counter()),
        (token.certificate, Counter()),
        (lambda: token.sign(b"message"), signs),
        (lambda: token.change_pin("123456", "654321"), Counter({Instruction.CHANGE_REFERENCE_DATA: 1})),
        (lambda: token.unblock_pin(None, "123456"), Counter({Instruction.RESET_RETRY_COUNTER: 1})),
        (token.erase, Counter({Instruction.RESET_RETRY_COUNTER: 2})),
    )
    failed = False
    for step, most in steps:
        before = channel.proving.copy()
        try:
            step()
        except TokenError:
            failed = True
        assert channel.proving - before <= most
    return failed


@pytest.mark.parametrize("slot", list(Slot))
@pytest.mark.parametrize("always", [True, False], ids=["from there on", "once"])
@pytest.mark.parametrize(
    "answer", ["", "9000", "6100", "6110", "6C00", "6C10", "63C1", "6982", "6A80", "6F00"]
)
def test_an_odd_answer_at_every_command_ends_soon_and_no_secret_is_sent_twice(
    tmp_path: Path, answer: str, slot: Slot, *, always: bool
) -> None:
    blank_piv_key(tmp_path / "card.json", "11409355", yubikey=True)
    card = DisklessCard(tmp_path / "card.json")
    fresh = card.record
    position, failed = 0, 0
    while True:
        card.store(fresh)
        card.power_on()
        channel = Looping(card, position, bytes.fromhex(answer), always=always)
        failed += run(channel, slot)
        if channel.commands <= position:
            break
        assert channel.commands < 200
        position += 1
    assert position > 20
    assert failed > 5


def test_an_object_as_long_as_a_card_can_say_is_read_whole_and_tells_no_key(
    piv_card: PivCard, opened: Callable[..., PivToken]
) -> None:
    value = encode(0x70, b"\x30" * 8000)
    piv_card.store(piv_card.record.with_value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE, value))
    token = opened(piv_card)
    assert token.certificate() == b"\x30" * 8000
    assert token.public_key() is None
    assert token.generate_key_pair() == token.public_key()
