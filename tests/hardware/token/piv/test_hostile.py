"""A card that answers anything: the driver gives values of the right form or TokenError, never another error."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.ports import TokenError
from hardware.token.piv.commands import Slot
from hardware.token.piv.objects import encode
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken, select
from hardware.virtual.piv.factory import blank_piv_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.virtual.piv.card import PivCard

STATUS_WORDS = (
    "9000",
    "6A9E",
    "6100",
    "6101",
    "6C20",
    "63C0",
    "63C3",
    "6300",
    "6700",
    "6982",
    "6983",
    "6985",
    "6A80",
    "6A82",
    "6A84",
    "6A86",
    "6A88",
    "6D00",
    "6F00",
)
TAGS = (
    0x53,
    0x61,
    0x4F,
    0x70,
    0x71,
    0x7C,
    0x80,
    0x81,
    0x82,
    0x7F49,
    0x86,
    0x30,
    0x34,
    0x01,
    0x05,
    0x06,
    0xFE,
)

tags = st.sampled_from(TAGS)
leaves = st.builds(
    encode, tags, st.one_of(st.binary(max_size=20), st.sampled_from([bytes(8), bytes(16), bytes(65)]))
)
objects = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda tag, parts: encode(tag, b"".join(parts)), tags, st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)
answers = st.one_of(
    st.binary(max_size=8),
    st.builds(
        lambda data, status_word: data + bytes.fromhex(status_word),
        st.one_of(objects, st.binary(max_size=64), st.just(b"")),
        st.sampled_from(STATUS_WORDS),
    ),
)
profiles = st.sampled_from([PivProfile(), PivProfile(slot=Slot.SIGNATURE)])


class Channel:
    atr = b"\x3b\x00"

    def __init__(self, card: PivCard) -> None:
        self.card = card
        self.hostile: Iterator[bytes | None] = iter(())
        self.commands = 0

    def transmit(self, command: bytes) -> bytes:
        self.commands += 1
        hostile = next(self.hostile, None)
        return self.card.transmit(command) if hostile is None else hostile

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module", params=[False, True], ids=["standard", "yubikey"])
def made(request: pytest.FixtureRequest) -> Iterator[PivCard]:
    with TemporaryDirectory() as folder:
        card = blank_piv_key(Path(folder) / "card.json", "11409355", yubikey=request.param)
        for slot in Slot:
            token = PivToken(Channel(card), PivProfile(slot=slot))
            token.generate_key_pair()
        yield card


def use(token: PivToken) -> None:
    """Call everything, checking that a value that comes back has its form."""
    assert token.serial.isprintable()
    with contextlib.suppress(TokenError):
        assert 0 <= (token.pin_state().tries_left or 0) <= 255
    for read in (token.public_key, token.generate_key_pair):
        with contextlib.suppress(TokenError):
            key = read()
            assert key is None or ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    with contextlib.suppress(TokenError):
        assert token.certificate() != b""
    with contextlib.suppress(TokenError):
        token.verify_pin("123456")
    with contextlib.suppress(TokenError):
        assert all(number > 0 for number in decode_dss_signature(token.sign(b"message")))
    with contextlib.suppress(TokenError):
        assert len(token.random(40)) == 40
    with contextlib.suppress(TokenError):
        token.write_certificate(bytes(1500))
    with contextlib.suppress(TokenError):
        token.change_pin("123456", "123456")
    with contextlib.suppress(TokenError):
        token.unblock_pin(None, "123456")
    with contextlib.suppress(TokenError):
        token.erase()
    token.close()


@settings(max_examples=150, deadline=None)
@given(script=st.lists(st.one_of(st.none(), answers), max_size=30), profile=profiles)
def test_whatever_the_card_answers_only_token_errors_come(
    made: PivCard, script: list[bytes | None], profile: PivProfile
) -> None:
    made.power_on()
    channel = Channel(made)
    channel.hostile = iter(script)
    try:
        token = PivToken(channel, profile)
    except TokenError:
        return
    use(token)
    assert channel.closed


@settings(max_examples=100, deadline=None)
@given(script=st.lists(answers, min_size=1, max_size=3))
def test_whatever_it_answers_a_card_is_recognised_or_not(made: PivCard, script: list[bytes]) -> None:
    channel = Channel(made)
    channel.hostile = iter(script)
    with contextlib.suppress(TokenError):
        assert select(channel) in (True, False)


@pytest.mark.parametrize(
    "answer", ["9000", "6100", "6101", "6C01", "AB" * 256 + "6100", "53820FFF6100", "6A9E", ""]
)
def test_a_card_that_always_answers_the_same_is_given_up_in_bounded_time(made: PivCard, answer: str) -> None:
    made.power_on()
    channel = Channel(made)
    token = PivToken(channel)

    class Endless:
        def __next__(self) -> bytes:
            return bytes.fromhex(answer)

        def __iter__(self) -> Endless:
            return self

    channel.hostile = Endless()
    use(token)
    assert channel.commands < 20_000


class CuttingChannel(Channel):
    """Passes on the first bytes of every answer; `last` stands for the two bytes that then are its last."""

    cut: int | None = None
    last = b""

    def transmit(self, command: bytes) -> bytes:
        whole = super().transmit(command)
        if self.cut is None:
            return whole
        piece = whole[: min(self.cut, len(whole) - 1)]
        return piece[:-2] + self.last if self.last and len(piece) > len(self.last) else piece


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(min_value=0, max_value=80), signing=st.booleans())
def test_an_answer_cut_anywhere_is_never_taken(made: PivCard, cut: int, *, signing: bool) -> None:
    made.power_on()
    channel = CuttingChannel(made)
    token = PivToken(channel)
    token.generate_key_pair()
    token.verify_pin("123456")
    channel.cut = cut
    with pytest.raises(TokenError):
        token.sign(b"message") if signing else token.public_key()


@pytest.mark.parametrize("last", ["6A82", "6A88", "6D00", "6982", "6F00"])
def test_an_answer_cut_where_its_bytes_say_that_there_is_nothing_is_not_taken_for_nothing(
    made: PivCard, last: str
) -> None:
    made.power_on()
    channel = CuttingChannel(made)
    token = PivToken(channel)
    token.generate_key_pair()
    channel.cut, channel.last = 69, bytes.fromhex(last)
    with pytest.raises(TokenError):
        token.public_key()
