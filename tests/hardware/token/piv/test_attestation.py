"""Where a key pair was made: what a card's attestation is worth, and what it is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from hardware.ports import AttestationRefused, Attesting, KeyOrigin
from hardware.token.piv.attestation import authorities_in, judge
from hardware.token.piv.commands import KeyReference, ObjectIdentifier, Slot
from hardware.token.piv.objects import encode, read_container
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.session import PivSession
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel
from tests.support.piv_attestation import Maker, certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.piv.token import PivToken
    from hardware.virtual.piv.card import PivCard

    Opened = Callable[..., PivToken]

SERIAL = "17345678"


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker()


def trusting(*makers: Maker, slot: Slot = Slot.AUTHENTICATION) -> PivProfile:
    return PivProfile(attestation_authorities="".join(each.pem for each in makers), slot=slot)


@pytest.mark.parametrize("between", [0, 2])
@pytest.mark.parametrize("slot", list(Slot))
def test_a_key_pair_made_on_a_card_of_a_trusted_maker_is_told_to_be(
    opened: Opened, made: Callable[[PivToken], bytes], tmp_path: Path, between: int, slot: Slot
) -> None:
    maker = Maker(between)
    token = opened(maker.card(tmp_path / "card", SERIAL), trusting(Maker(), maker, slot=slot))
    assert isinstance(token, Attesting)
    origin = token.key_origin(made(token))
    assert isinstance(origin, KeyOrigin)
    assert origin.root == maker.root.fingerprint(SHA256()).hex()
    arc = "1.3.6.1.4.1.41482.3"
    assert [identifier for identifier, _ in origin.statements] == [f"{arc}.{each}" for each in (3, 7, 8, 9)]
    assert dict(origin.statements)[f"{arc}.7"] == bytes.fromhex("0204") + int(SERIAL).to_bytes(4)


def test_nobody_says_anything_where_no_maker_is_trusted_or_the_card_does_not_attest(
    opened: Opened, made: Callable[[PivToken], bytes], maker: Maker, tmp_path: Path
) -> None:
    untrusting = opened(maker.card(tmp_path / "one"))
    assert untrusting.key_origin(made(untrusting)) is None
    for number, yubikey in enumerate((True, False)):
        card = blank_piv_key(tmp_path / str(number), SERIAL, yubikey=yubikey)
        token = opened(card, trusting(maker))
        assert token.key_origin(made(token)) is None


def test_an_unknown_makers_word_is_not_taken(
    opened: Opened, made: Callable[[PivToken], bytes], maker: Maker, tmp_path: Path
) -> None:
    token = opened(Maker(name="Maker").card(tmp_path / "card"), trusting(maker))
    with pytest.raises(AttestationRefused, match="root"):
        token.key_origin(made(token))


def test_a_root_alone_is_not_enough_where_there_is_something_between(
    opened: Opened, made: Callable[[PivToken], bytes], tmp_path: Path
) -> None:
    maker = Maker(2)
    root = maker.pem[: maker.pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    token = opened(maker.card(tmp_path / "card"), PivProfile(attestation_authorities=root))
    with pytest.raises(AttestationRefused, match="root"):
        token.key_origin(made(token))


def test_what_is_about_another_key_pair_or_card_is_refused(
    opened: Opened, made: Callable[[PivToken], bytes], maker: Maker, tmp_path: Path
) -> None:
    card = maker.card(tmp_path / "one", SERIAL)
    token = opened(card, trusting(maker))
    point = made(token)
    other = opened(maker.card(tmp_path / "other"), trusting(maker))
    with pytest.raises(AttestationRefused, match="key pair"):
        token.key_origin(made(other))
    said = PivSession(DirectChannel(card))
    assert said.select()
    statement = said.attest(KeyReference.AUTHENTICATION)
    device = read_container(said.read(ObjectIdentifier.ATTESTATION_CERTIFICATE)).certificate
    assert statement is not None
    assert device is not None
    known = authorities_in(maker.pem)
    assert judge(statement, device, known, point, SERIAL).root == maker.root.fingerprint(SHA256()).hex()
    with pytest.raises(AttestationRefused, match="another card"):
        judge(statement, device, known, point, "17345679")


def test_a_statement_that_another_cards_key_signed_is_refused(
    opened: Opened, made: Callable[[PivToken], bytes], maker: Maker, tmp_path: Path
) -> None:
    card = maker.card(tmp_path / "card")
    _, certificate = maker.device()
    value = encode(0x70, certificate)
    card.store(card.record.with_value(ObjectIdentifier.ATTESTATION_CERTIFICATE, value))
    token = opened(card, trusting(maker))
    with pytest.raises(AttestationRefused, match="did not sign"):
        token.key_origin(made(token))


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_refused(statement: bytes, device: bytes) -> None:
    with pytest.raises(AttestationRefused):
        judge(statement, device, (), b"", SERIAL)


@pytest.mark.parametrize("text", ["x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_authorities_that_are_none_are_refused_in_the_configuration(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        PivProfile(attestation_authorities=text)


class Odd:
    """A card that answers its own way to commands with those bytes in them."""

    def __init__(self, card: PivCard, asked: bytes, answer: bytes) -> None:
        self._card, self._asked, self._answer = card, asked, answer

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def power_on(self) -> None:
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        return self._answer if self._asked in command else self._card.transmit(command)


FAILURES = ("6F00", "6400", "6982", "6983", "6985", "6A80", "6A86", "6A88", "6D00", "FF9000", "4142 6A80")
ATTEST, READ_DEVICE = bytes.fromhex("00F9"), bytes.fromhex("5C035FFF01")


@pytest.mark.parametrize("asked", [ATTEST, READ_DEVICE], ids=["statement", "device"])
@pytest.mark.parametrize("answer", FAILURES)
def test_a_card_that_fails_at_telling_is_refused_as_nothing_else(
    opened: Opened, made: Callable[[PivToken], bytes], maker: Maker, tmp_path: Path, asked: bytes, answer: str
) -> None:
    """Whatever else came out would end a binding each time that it is tried, and the order is paid."""
    card = Odd(maker.card(tmp_path / "card", SERIAL), asked, bytes.fromhex(answer))
    token = opened(card, trusting(maker))
    point = made(token)
    try:
        assert token.key_origin(point) is None
    except AttestationRefused:
        token.sign(b"it works")


def test_a_statement_that_names_no_card_is_refused(maker: Maker) -> None:
    """Other applications of a maker's cards state too, under the same root: none of those is about a PIV key."""
    key = ec.generate_private_key(ec.SECP256R1())
    scalar, device = maker.device()
    signer = ec.derive_private_key(int.from_bytes(scalar), ec.SECP256R1())
    said = certificate("statement", key, "Yubico PIV Attestation", signer).public_bytes(Encoding.DER)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with pytest.raises(AttestationRefused, match="names no card"):
        judge(said, device, authorities_in(maker.pem), point, SERIAL)
