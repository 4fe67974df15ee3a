from __future__ import annotations

import pytest
import qrcode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_ALPHA_NUM, QRData

from kiosk.domain.payment_codes import (
    ORDER_CODE_LENGTH,
    CodeFieldOutOfRange,
    ConfirmationError,
    ConfirmationMalformed,
    ConfirmationOfAnotherOrder,
    ConfirmationWrong,
)
from kiosk.domain.scanned_confirmations import (
    PREFIX,
    encode_scanned,
    is_scanned_confirmation,
    order_code_identity,
    read_scanned,
    require_scanned,
    scanned_message,
)

CENTRE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TOKENS = st.binary(min_size=ORDER_CODE_LENGTH, max_size=ORDER_CODE_LENGTH)
TOKEN = bytes(range(ORDER_CODE_LENGTH))
AMOUNT = 34_000


def verify(message: bytes, signature: bytes) -> bool:
    try:
        CENTRE.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return True


def confirm(token: bytes, amount: int) -> str:
    return encode_scanned(token, amount, CENTRE.sign(scanned_message(token, amount)))


@given(token=TOKENS, amount=st.integers(0, 0xFFFF_FFFF))
def test_a_confirmation_completes_its_own_order(token: bytes, amount: int) -> None:
    text = confirm(token, amount)
    assert is_scanned_confirmation(text)
    assert read_scanned(text).identity == order_code_identity(token)
    for scan in (text, text.lower(), text + "\r\n"):
        assert require_scanned(scan, token, amount, verify).amount == amount


def test_it_has_129_characters_of_alphanumeric_mode() -> None:
    text = confirm(TOKEN, AMOUNT)
    assert len(text) == 129
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M)
    content = QRData(text)
    assert content.mode == MODE_ALPHA_NUM
    code.add_data(content)
    code.make(fit=True)
    assert code.version <= 6


@settings(max_examples=50)
@given(token=TOKENS)
def test_another_orders_confirmation_is_told_apart(token: bytes) -> None:
    if token == TOKEN:
        return
    with pytest.raises(ConfirmationOfAnotherOrder):
        require_scanned(confirm(token, AMOUNT), TOKEN, AMOUNT, verify)


def test_another_amount_is_refused() -> None:
    with pytest.raises(ConfirmationWrong):
        require_scanned(confirm(TOKEN, AMOUNT - 1), TOKEN, AMOUNT, verify)


def test_a_signature_by_anybody_else_is_refused() -> None:
    forged = Ed25519PrivateKey.generate().sign(scanned_message(TOKEN, AMOUNT))
    with pytest.raises(ConfirmationWrong):
        require_scanned(encode_scanned(TOKEN, AMOUNT, forged), TOKEN, AMOUNT, verify)


@given(position=st.integers(len(PREFIX), 128), other=st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_every_changed_character_is_refused(position: int, other: str) -> None:
    text = confirm(TOKEN, AMOUNT)
    if text[position] == other:
        return
    with pytest.raises(ConfirmationError):
        require_scanned(text[:position] + other + text[position + 1 :], TOKEN, AMOUNT, verify)


@given(scan=st.text(max_size=140) | st.text(max_size=140).map(PREFIX.__add__))
def test_whatever_is_scanned_is_answered_by_a_confirmation_error(scan: str) -> None:
    with pytest.raises(ConfirmationMalformed):
        require_scanned(scan, TOKEN, AMOUNT, verify)


@pytest.mark.parametrize(("amount", "signature"), [(-1, bytes(64)), (1 << 32, bytes(64)), (1, bytes(63))])
def test_what_does_not_fit_is_not_encoded(amount: int, signature: bytes) -> None:
    with pytest.raises(CodeFieldOutOfRange):
        encode_scanned(TOKEN, amount, signature)


def test_the_centre_signs_the_token_and_eight_bytes_of_the_amount_under_a_label_of_their_own() -> None:
    assert scanned_message(TOKEN, AMOUNT) == (
        b"keydesk scanned confirmation 1\x00" + TOKEN + bytes.fromhex("00000000000084D0")
    )


def test_what_another_code_wraps_is_no_confirmation() -> None:
    text = confirm(TOKEN, AMOUNT)
    with pytest.raises(ConfirmationMalformed):
        read_scanned("X" * len(PREFIX) + text.removeprefix(PREFIX))
