"""A card that answers anything: values of the right form or TokenError come, no secret, and soon."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from asn1crypto.algos import DSASignature  # type: ignore[import-untyped]  # the package has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.ports import MalformedAnswer, TokenError
from hardware.token.gmt.commands import LAYOUTS, Instruction, StatusWord
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.token.registry import gmt_driver, open_token
from hardware.token.self_test import random_self_test, signature_self_test
from hardware.traffic import LEVEL, LOGGER
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import add_application, blank_key
from tests.support import sm2_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hardware.ports import Token
    from hardware.virtual.gmt.state import CardRecord

    Spoil = Callable[[bytes], bytes]

PINS = ("factory-7391", "changed-5026", "unblocked-4418", "administrator-88")
DEVICE_KEY = "C0FFEE5EC12E7000DEADBEEF0BADCAFE"
PROFILE = GmtProfile(factory_pin=PINS[0], administrator_pin=PINS[3], device_key=DEVICE_KEY, longest_data=500)
BANK = GmtProfile(application="KEYDESK-BANK", device_key=DEVICE_KEY)

KEYS = (
    bytes.fromhex(DEVICE_KEY),
    *(hashlib.sha1(pin.encode(), usedforsecurity=False).digest()[:16] for pin in PINS),
)
SECRETS = tuple(
    shown.lower() for shown in (*PINS, *(key.hex() for key in KEYS), *(repr(key)[2:-1] for key in KEYS))
)

STATUS_WORDS = [int(word) for word in StatusWord] + [0x6101, 0x6100, 0x6C20, 0x6C00, 0x63C3, 0x6300]
LENGTHS = sorted(
    {sum(field.length for field in row.answer if isinstance(field.length, int)) for row in LAYOUTS.values()}
    | {132}
)
PROVING = (
    Instruction.DEVICE_AUTHENTICATION,
    Instruction.CHANGE_PIN,
    Instruction.VERIFY_PIN,
    Instruction.UNBLOCK_PIN,
    Instruction.CREATE_APPLICATION,
)
"""The commands whose bodies prove or carry a PIN or a key."""

MOST_COMMANDS = 90
"""More than a run of `use` sends to a card that behaves."""

status_words = st.one_of(st.sampled_from(STATUS_WORDS), st.integers(0, 0xFFFF)).map(
    lambda word: word.to_bytes(2)
)
bodies = st.one_of(
    st.binary(max_size=400),
    st.sampled_from(LENGTHS).flatmap(lambda length: st.binary(min_size=length, max_size=length)),
)


def constant(answer: bytes) -> Spoil:
    return lambda _true: answer


def flipped(true: bytes, bit: int) -> bytes:
    spoilt = bytearray(true)
    spoilt[bit // 8 % len(true)] ^= 1 << bit % 8
    return bytes(spoilt)


spoils = st.one_of(
    st.binary(max_size=8).map(constant),
    st.builds(bytes.__add__, bodies, status_words).map(constant),
    status_words.map(lambda word: lambda true: true[:-2] + word),
    st.integers(0, 300).map(lambda at: lambda true: true[:at]),
    st.integers(0, 300).map(lambda at: lambda true: true[:-2][:at] + true[-2:]),
    st.binary(max_size=100).map(lambda more: lambda true: true[:-2] + more + true[-2:]),
    st.integers(0, 8 * 300).map(lambda bit: lambda true: flipped(true, bit)),
)
"""What becomes of a true answer: another one, another status word, cut, with more, or with a bit flipped."""


class DisklessCard(GmtCard):
    """It remembers in memory alone, so that thousands of runs are quick."""

    def store(self, record: CardRecord) -> None:
        self._record = record


class Channel:
    atr = b"\x3b\x00"

    def __init__(self, card: GmtCard) -> None:
        self.card = card
        self.spoils: dict[int, Spoil] = {}
        self.always: tuple[int, Spoil] | None = None
        self.commands = 0
        self.sent: list[bytes] = []
        self.closed = False

    def transmit(self, command: bytes) -> bytes:
        true = self.card.transmit(command)
        spoil = self.spoils.get(self.commands)
        if self.always is not None and self.commands >= self.always[0]:
            spoil = self.always[1]
        self.commands += 1
        self.sent.append(command)
        return true if spoil is None else spoil(true)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def bound() -> Iterator[tuple[GmtCard, CardRecord]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "card.json"
        add_application(blank_key(path, "E8AD652202221F03", PROFILE), BANK)
        card = DisklessCard(path)
        token = GmtToken(Channel(card), PROFILE)
        token.verify_pin(PINS[0])
        token.generate_key_pair()
        token.write_certificate(bytes(1000))
        yield card, card.record


def fresh(bound: tuple[GmtCard, CardRecord]) -> GmtCard:
    card, record = bound
    card.store(record)
    card.power_on()
    return card


def require_no_secret(error: TokenError) -> None:
    told = "\n".join((*traceback.format_exception(error), str(error), repr(error), repr(vars(error)))).lower()
    for secret in SECRETS:
        assert secret not in told


def require_pin_state(token: Token) -> None:
    state = token.pin_state()
    assert 0 <= (state.tries_left or 0) <= (state.tries_allowed or 0) <= 255


def require_public_key(key: bytes | None) -> None:
    assert key is None or sm2_reference.on_curve(key)


def require_signature(token: Token) -> None:
    assert set(DSASignature.load(token.sign(b"message"), strict=True).native) == {"r", "s"}


def require_random(token: Token) -> None:
    assert len(token.random(16)) == 16


def require_certificate(token: Token) -> None:
    assert token.certificate() != b""


STEPS: tuple[Callable[[Token], None], ...] = (
    require_pin_state,
    lambda token: require_public_key(token.public_key()),
    require_certificate,
    lambda token: token.verify_pin(PINS[0]),
    require_random,
    require_signature,
    lambda token: token.write_certificate(bytes(1500)),
    random_self_test,
    lambda token: signature_self_test(token, bytes),
    lambda token: token.change_pin(PINS[0], PINS[1]),
    lambda token: token.unblock_pin(PINS[3], PINS[2]),
    lambda token: token.unblock_pin(None, PINS[2]),
    lambda token: token.verify_pin(PINS[2]),
    lambda token: require_public_key(token.generate_key_pair()),
    lambda token: token.erase(),
    lambda token: token.verify_pin(token.factory_pin),
    lambda token: require_public_key(token.generate_key_pair()),
)


def use(channel: Channel) -> list[TokenError]:
    """Open the card and call everything, checking that a value that comes back has its form; the failures."""
    failures = []
    try:
        token = open_token(channel, (gmt_driver(PROFILE),))
    except TokenError as error:
        assert channel.closed
        require_no_secret(error)
        return [error]
    assert token.serial.isprintable()
    for step in STEPS:
        try:
            step(token)
        except TokenError as error:
            require_no_secret(error)
            failures.append(error)
    token.close()
    assert channel.closed
    return failures


def require_bank_untouched(bound: tuple[GmtCard, CardRecord]) -> None:
    card, before = bound
    assert card.record.application(2) == before.application(2) is not None


def test_a_card_that_behaves_gives_no_error_and_shows_no_secret(
    bound: tuple[GmtCard, CardRecord],
) -> None:
    channel = Channel(fresh(bound))
    assert use(channel) == []
    assert channel.commands < MOST_COMMANDS


@pytest.mark.parametrize("answer", [None, "63C3", "6F00"])
def test_the_traffic_log_shows_neither_secrets_nor_what_proves_or_carries_them(
    bound: tuple[GmtCard, CardRecord], caplog: pytest.LogCaptureFixture, answer: str | None
) -> None:
    caplog.set_level(LEVEL, logger=LOGGER)
    channel = Channel(fresh(bound))
    if answer is not None:
        channel.always = 20, lambda true: true if true[:-2] else bytes.fromhex(answer)
    use(channel)
    told = caplog.text.replace(" ", "").lower()
    assert f"80{Instruction.VERIFY_PIN:02x}0001" in told
    for secret in SECRETS:
        assert secret not in told
    bodies = [command[7:] for command in channel.sent if command[1] in PROVING]
    assert bodies
    for body in bodies:
        assert body.hex() not in told


@settings(max_examples=200, deadline=None)
@given(planned=st.dictionaries(st.integers(0, MOST_COMMANDS), spoils, max_size=12))
def test_whatever_the_card_answers_anywhere_only_token_errors_come(
    bound: tuple[GmtCard, CardRecord], planned: dict[int, Spoil]
) -> None:
    channel = Channel(fresh(bound))
    channel.spoils = planned
    use(channel)
    require_bank_untouched(bound)


@settings(max_examples=100, deadline=None)
@given(
    beginning=st.integers(0, MOST_COMMANDS),
    answer=st.builds(bytes.__add__, st.binary(max_size=40), status_words),
)
def test_a_card_that_from_some_moment_says_one_thing_only_ends_in_token_errors(
    bound: tuple[GmtCard, CardRecord], beginning: int, answer: bytes
) -> None:
    channel = Channel(fresh(bound))
    channel.always = beginning, constant(answer)
    use(channel)
    require_bank_untouched(bound)


@pytest.mark.parametrize("answer", ["", "90", "9000", "FF" * 70, "63C0", "6982", "6A84", "6A88"])
def test_one_bad_answer_at_every_command_in_turn(bound: tuple[GmtCard, CardRecord], answer: str) -> None:
    position = 0
    failed = 0
    while True:
        channel = Channel(fresh(bound))
        channel.spoils = {position: constant(bytes.fromhex(answer))}
        failed += bool(use(channel))
        require_bank_untouched(bound)
        if channel.commands <= position:
            break
        position += 1
    assert position > len(STEPS)
    assert failed


@pytest.mark.parametrize("status_word", ["6A9E", "6100", "61FF"])
@pytest.mark.parametrize("length", [0, 4000])
def test_an_endless_answer_at_any_command_ends_the_step_soon(
    bound: tuple[GmtCard, CardRecord], status_word: str, length: int
) -> None:
    answer = bytes(length) + bytes.fromhex(status_word)
    position = 0
    while True:
        channel = Channel(fresh(bound))
        token = GmtToken(channel, PROFILE)
        channel.always = channel.commands + position, constant(answer)
        begun = fail_once(token, channel)
        if begun is None:
            break
        sent = channel.commands - begun
        assert sent <= 512 + 20
        assert sent * length <= (1 << 18) + 20 * 4000
        position += 7
    assert position > len(STEPS)


def fail_once(token: Token, channel: Channel) -> int | None:
    """Take the steps up to the one that fails: how many commands were sent before it; None where none fails."""
    for step in STEPS:
        before = channel.commands
        try:
            step(token)
        except TokenError as error:
            require_no_secret(error)
            return before
    return None


@settings(max_examples=150, deadline=None)
@given(
    instruction=st.sampled_from([Instruction.EXPORT_PUBLIC_KEY, Instruction.ECC_SIGN_DATA]),
    cut=st.integers(min_value=0, max_value=69),
)
def test_an_answer_cut_anywhere_is_never_taken(
    bound: tuple[GmtCard, CardRecord], instruction: Instruction, cut: int
) -> None:
    channel = Channel(fresh(bound))
    token = GmtToken(channel, PROFILE)
    token.verify_pin(PINS[0])
    whole = {
        Instruction.EXPORT_PUBLIC_KEY: b"\0\0\1\0" + (token.public_key() or b"")[1:] + b"\x90\0",
        Instruction.ECC_SIGN_DATA: b"\0\0\1\0" + bytes(31) + b"\1" + bytes(31) + b"\1\x90\0",
    }[instruction]
    assert len(whole) == 70
    channel.spoils = {channel.commands: constant(whole[:cut])}
    with pytest.raises(TokenError):
        token.sign(b"message") if instruction is Instruction.ECC_SIGN_DATA else token.public_key()


@settings(max_examples=300, deadline=None)
@given(bit=st.integers(min_value=0, max_value=68 * 8 - 1))
def test_a_public_key_with_a_flipped_bit_is_refused(bound: tuple[GmtCard, CardRecord], bit: int) -> None:
    channel = Channel(fresh(bound))
    token = GmtToken(channel, PROFILE)
    token.public_key()
    channel.spoils = {channel.commands: lambda true: flipped(true, bit)}
    with pytest.raises(MalformedAnswer):
        token.public_key()
