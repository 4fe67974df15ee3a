"""A key that holds a stranger's certificate: refused for a new order, left as it is, and none of its PIN tries used."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from hardware.token.piv.commands import ObjectIdentifier
from hardware.token.piv.objects import encode
from hardware.token.piv.token import PivToken
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import KeyRecord
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.fitness import factory_pin_fits
from kiosk.desk.tokens.reading import TokenFacts
from kiosk.desk.views.people import Session
from kiosk.desk.views.tokens import FOREIGN_CONTENTS, BoundView, TokenRefusal, TokenRefused, TokenView
from kiosk.domain.entries.bindings import BindingStarted
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Order
from tests.support.odd_certificates import root_without_key_parameters


def _certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Stranger")])
    began = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, began, began + dt.timedelta(30))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


STRANGERS = {
    "RSA": _certificate(rsa.generate_private_key(65537, 2048)),
    "P-384": _certificate(ec.generate_private_key(ec.SECP384R1())),
    "P-256 of another authority, expired": _certificate(ec.generate_private_key(ec.SECP256R1())),
    "an elliptic curve's key that does not say which curve": root_without_key_parameters(),
    "no certificate at all": b"\x30\x82\x01\x00garbage",
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_strangers_key_is_refused_and_keeps_its_certificate_and_its_tries(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
    stranger: str,
) -> None:
    card = blank_piv_key(tmp_path / "piv.card", "17345678", yubikey=True)
    source.insert(card)
    token = source.open(source.present()[0])
    assert isinstance(token, PivToken)
    token.generate_key_pair()
    token.write_certificate(STRANGERS[stranger])
    before = token.pin_state().tries_left
    token.close()
    number = paid_order("11000001", OrderKind.NEW)
    refused = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the port's order
    assert isinstance(refused, TokenRefused)
    assert (refused.reason, refused.detail) == (TokenRefusal.ANOTHER_MEMBERS, FOREIGN_CONTENTS)
    again = source.open(source.present()[0])
    assert (again.certificate(), again.pin_state().tries_left) == (STRANGERS[stranger], before)
    again.close()


GENERATOR = bytes.fromhex(
    "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
    "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
)
OBJECTS = {
    "a certificate without its tag": STRANGERS["P-256 of another authority, expired"],
    "the same, padded": STRANGERS["RSA"] + bytes(900),
    "gzip with the mark of older programs": encode(0x70, gzip.compress(STRANGERS["RSA"]))
    + encode(0x71, b"\x80"),
    "gzip without a mark": encode(0x70, gzip.compress(STRANGERS["P-384"])) + bytes(300),
    "an unknown tag": encode(0x99, b"somebody's"),
    "an unknown tag beside no certificate": encode(0x70, b"") + encode(0x72, b"card 17"),
    "no such objects at all": b"\x5f",
    "packed in an unknown way": encode(0x70, b"certificate") + encode(0x71, b"\x02"),
}
"""Values of the certificate object that this program does not write."""


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_of_a_form_unknown_here_is_not_blank_and_costs_no_try(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
    kind: str,
) -> None:
    card = blank_piv_key(tmp_path / "piv.card", "17345678", yubikey=True)
    slot = ObjectIdentifier.AUTHENTICATION_CERTIFICATE
    card.store(card.record.with_value(slot, OBJECTS[kind]))
    before = card.record
    source.insert(card)
    seen = service.read_token()
    assert not (isinstance(seen, TokenView) and seen.blank)
    number = paid_order("11000001", OrderKind.NEW)
    for pin in (None, "123456", "000000"):
        refused = service.bind(session, number, pin, False, lambda _progress: None)  # noqa: FBT003 - the port's order
        assert isinstance(refused, TokenRefused)
        assert refused.reason in {TokenRefusal.ANOTHER_MEMBERS, TokenRefusal.FAULT}
    assert card.record == before


def test_padding_alone_is_a_blank_token(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
) -> None:
    card = blank_piv_key(tmp_path / "piv.card", "17345678", yubikey=True)
    card.store(card.record.with_value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE, bytes(2000)))
    source.insert(card)
    number = paid_order("11000001", OrderKind.NEW)
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the port's order
    assert isinstance(bound, BoundView)


def test_the_factory_pin_is_not_for_a_key_with_a_certificate_whose_public_key_cannot_be_told() -> None:
    order = Order("1", 1, OrderKind.NEW, "11000001", "", "", (), 1, 0, 1, 1)
    assert factory_pin_fits(order, TokenFacts("7", None, None))
    assert not factory_pin_fits(order, TokenFacts("7", None, STRANGERS["RSA"]))


@pytest.mark.parametrize("pin", [None, "000000", "123456"])
def test_an_imported_key_on_a_card_that_does_not_tell_of_it_is_never_overwritten(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    bodies: Callable[[], list[AnyBody]],
    tmp_path: Path,
    pin: str | None,
) -> None:
    card = blank_piv_key(tmp_path / "piv.card", "17345678")
    card.store(card.record.with_key(KeyRecord(0x9A, (1).to_bytes(32), GENERATOR)))
    before = card.record
    source.insert(card)
    number = paid_order("11000001", OrderKind.NEW)
    refused = service.bind(session, number, pin, False, lambda _progress: None)  # noqa: FBT003 - the port's order
    assert isinstance(refused, TokenRefused)
    expected = {
        None: TokenRefusal.PIN_WANTED,
        "000000": TokenRefusal.PIN_WRONG,
        "123456": TokenRefusal.ANOTHER_MEMBERS,
    }
    assert refused.reason is expected[pin]
    assert card.record.keys == before.keys
    assert card.record.objects == before.objects
    assert card.record.pin.tries_left == before.pin.tries_left - (pin == "000000")
    assert not [body for body in bodies() if isinstance(body, BindingStarted)]


def test_a_blank_card_that_does_not_tell_is_bound(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
) -> None:
    source.insert(blank_piv_key(tmp_path / "piv.card", "17345678"))
    number = paid_order("11000001", OrderKind.NEW)
    bound = service.bind(session, number, "123456", False, lambda _progress: None)  # noqa: FBT003 - the port's order
    assert isinstance(bound, BoundView)
