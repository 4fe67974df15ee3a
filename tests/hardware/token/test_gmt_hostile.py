"""A card that answers anything: the driver gives values of the right form or TokenError, never another error."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import gmssl_pyx  # type: ignore[import-untyped]  # the package has stubs for its extension but no py.typed
import pytest
from asn1crypto.algos import DSASignature  # type: ignore[import-untyped]  # the package has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.ports import TokenError
from hardware.token.gmt import GmtToken
from hardware.token.gmt_layout import LAYOUTS, Instruction
from hardware.token.registry import gmt_driver, open_token
from hardware.virtual.gmt_card_blank import blank_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.ports import Token
    from hardware.virtual.gmt_card import GmtCard

STATUS_WORDS = (
    "9000",
    "6A9E",
    "6101",
    "6C20",
    "63C3",
    "6300",
    "6982",
    "6983",
    "6A82",
    "6A84",
    "6A94",
    "6A95",
    "6F00",
)
LENGTHS = sorted(
    {sum(field.length for field in row.answer if isinstance(field.length, int)) for row in LAYOUTS.values()}
    | {132}
)

answers = st.one_of(
    st.binary(max_size=8),
    st.builds(
        lambda data, status_word: data + bytes.fromhex(status_word),
        st.sampled_from(LENGTHS).flatmap(lambda length: st.binary(min_size=length, max_size=length)),
        st.sampled_from(STATUS_WORDS),
    ),
)


class Channel:
    atr = b"\x3b\x00"

    def __init__(self, card: GmtCard) -> None:
        self.card = card
        self.hostile: Iterator[bytes | None] = iter(())

    def transmit(self, command: bytes) -> bytes:
        hostile = next(self.hostile, None)
        return self.card.transmit(command) if hostile is None else hostile

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def bound() -> Iterator[GmtCard]:
    with TemporaryDirectory() as folder:
        card = blank_key(Path(folder) / "card.json", "E8AD652202221F03")
        token = GmtToken(Channel(card))
        token.verify_pin("111111")
        token.generate_key_pair()
        token.write_certificate(bytes(1000))
        yield card


def use(token: Token) -> None:
    """Call everything, checking that a value that comes back has its form."""
    assert token.serial.isprintable()
    with contextlib.suppress(TokenError):
        assert 0 <= (token.pin_state().tries_left or 0) <= 255
    with contextlib.suppress(TokenError):
        key = token.public_key()
        assert key is None or gmssl_pyx.normalize_sm2_public_key(key) == key[1:]
    with contextlib.suppress(TokenError):
        assert token.certificate() != b""
    with contextlib.suppress(TokenError):
        token.verify_pin("111111")
    with contextlib.suppress(TokenError):
        assert set(DSASignature.load(token.sign(b"message"), strict=True).native) == {"r", "s"}
    with contextlib.suppress(TokenError):
        token.write_certificate(bytes(1500))
    token.close()


@settings(max_examples=150, deadline=None)
@given(script=st.lists(st.one_of(st.none(), answers), max_size=20))
def test_whatever_the_card_answers_only_token_errors_come(bound: GmtCard, script: list[bytes | None]) -> None:
    bound.power_on()
    channel = Channel(bound)
    channel.hostile = iter(script)
    try:
        token = open_token(channel, (gmt_driver(),))
    except TokenError:
        assert channel.closed
        return
    use(token)


@settings(max_examples=150, deadline=None)
@given(
    instruction=st.sampled_from([Instruction.EXPORT_PUBLIC_KEY, Instruction.ECC_SIGN_DATA]),
    cut=st.integers(min_value=0, max_value=69),
)
def test_an_answer_cut_anywhere_is_never_taken(bound: GmtCard, instruction: Instruction, cut: int) -> None:
    bound.power_on()
    channel = Channel(bound)
    token = GmtToken(channel)
    token.verify_pin("111111")
    whole = {
        Instruction.EXPORT_PUBLIC_KEY: b"\0\0\1\0" + (token.public_key() or b"")[1:] + b"\x90\0",
        Instruction.ECC_SIGN_DATA: b"\0\0\1\0" + bytes(31) + b"\1" + bytes(31) + b"\1\x90\0",
    }[instruction]
    assert len(whole) == 70
    channel.hostile = iter([whole[:cut]])
    with pytest.raises(TokenError):
        token.sign(b"message") if instruction is Instruction.ECC_SIGN_DATA else token.public_key()


@settings(max_examples=300, deadline=None)
@given(bit=st.integers(min_value=0, max_value=68 * 8 - 1))
def test_a_public_key_with_a_flipped_bit_is_refused(bound: GmtCard, bit: int) -> None:
    bound.power_on()
    channel = Channel(bound)
    token = GmtToken(channel)
    whole = bytearray(b"\0\0\1\0" + (token.public_key() or b"")[1:] + b"\x90\0")
    whole[bit // 8] ^= 1 << bit % 8
    channel.hostile = iter([bytes(whole)])
    with pytest.raises(TokenError):
        token.public_key()
