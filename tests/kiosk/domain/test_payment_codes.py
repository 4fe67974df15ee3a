from __future__ import annotations

import hashlib
import hmac
import re

import pytest
import qrcode
from hypothesis import given, settings
from hypothesis import strategies as st
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M
from qrcode.util import MODE_ALPHA_NUM, QRData

from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import OrderNumber
from kiosk.domain.payment_codes import (
    LINK_LENGTH,
    ORDER_CODE_LENGTH,
    CodeFieldOutOfRange,
    ConfirmationCheckDigitWrong,
    ConfirmationMalformed,
    ConfirmationWrong,
    LinkTooLong,
    OrderCode,
    OrderCodeForged,
    OrderCodeMalformed,
    PaymentCodeError,
    check_digit_ok,
    confirmation_digits,
    confirmation_key,
    confirmation_matches,
    encode_order_code,
    group_confirmation,
    link,
    normalise,
    order_code_key,
    parse_link,
    read_order_code_unverified,
    require_confirmation,
    verify_order_code,
)

SECRET = bytes(range(32))
KEY, CONFIRMATION_KEY = order_code_key(SECRET), confirmation_key(SECRET)
TOKENS = st.builds(
    OrderCode,
    order=st.builds(
        OrderNumber,
        kiosk=st.integers(1, 0x7FFF),
        epoch=st.integers(0, 0xFF_FFFF),
        sequence=st.integers(0, 0xFFFF_FFFF),
    ),
    account=st.integers(1, 10**12 - 1).map(str),
    kind=st.sampled_from(OrderKind),
    fee_schedule=st.integers(0, 0xFFFF),
    placed_at=st.integers(0, 0xFFFF_FFFF),
    nonce=st.binary(min_size=6, max_size=6),
)
TOKEN = OrderCode(
    order=OrderNumber(3, 1, 147),
    account="11000001",
    kind=OrderKind.NEW,
    fee_schedule=1,
    placed_at=1_795_000_000,
    nonce=bytes.fromhex("a1b2c3d4e5f6"),
)
DATA = encode_order_code(TOKEN, KEY)
AMOUNT = 34_000


def other_digit(text: str, data: st.DataObject) -> str:
    """Change one digit of a text."""
    position = data.draw(st.sampled_from([place for place, sign in enumerate(text) if sign.isdigit()]))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[position]]))
    return text[:position] + digit + text[position + 1 :]


@given(token=TOKENS)
def test_a_token_comes_back(token: OrderCode) -> None:
    data = encode_order_code(token, KEY)
    assert len(data) == ORDER_CODE_LENGTH
    assert verify_order_code(data, KEY) == token
    assert read_order_code_unverified(data) == token


def test_a_code_names_its_order_by_number_and_nonce() -> None:
    assert str(TOKEN.reference) == f"{TOKEN.order}.a1b2c3d4e5f6"


def test_the_layout_is_the_documented_one() -> None:
    claims = "01 0003 000001 00000093 0000a7d8c1 01 0001 6afd86c0 a1b2c3d4e5f6"
    expected = bytes.fromhex(claims)
    mac = hmac.new(KEY, b"order token\0" + expected, hashlib.sha256).digest()[:10]
    assert expected + mac == DATA


@given(token=TOKENS, bit=st.integers(0, ORDER_CODE_LENGTH * 8 - 1))
def test_every_flipped_bit_is_refused(token: OrderCode, bit: int) -> None:
    changed = bytearray(encode_order_code(token, KEY))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((OrderCodeForged, OrderCodeMalformed)):
        verify_order_code(bytes(changed), KEY)


def test_a_token_of_another_kiosk_is_forged() -> None:
    with pytest.raises(OrderCodeForged):
        verify_order_code(DATA, order_code_key(bytes(32)))
    with pytest.raises(OrderCodeForged):
        verify_order_code(DATA, CONFIRMATION_KEY)


@given(data=st.binary(max_size=50))
def test_rubbish_is_no_token(data: bytes) -> None:
    with pytest.raises((OrderCodeMalformed, OrderCodeForged)):
        verify_order_code(data, KEY)


@pytest.mark.parametrize(
    ("position", "value"),
    [(0, b"\x02"), (1, b"\0\0"), (1, b"\xff\xff"), (10, b"\xff" * 5), (15, b"\0"), (15, b"\x04")],
)
def test_a_field_that_cannot_be_is_malformed_whatever_the_mac(position: int, value: bytes) -> None:
    claims = DATA[:position] + value + DATA[position + len(value) : -10]
    mac = hmac.new(KEY, b"order token\0" + claims, hashlib.sha256).digest()[:10]
    with pytest.raises(OrderCodeMalformed):
        verify_order_code(claims + mac, KEY)


@pytest.mark.parametrize(
    ("field", "token"),
    [
        ("account", OrderCode(TOKEN.order, "", TOKEN.kind, 1, 1, TOKEN.nonce)),
        ("account", OrderCode(TOKEN.order, "0", TOKEN.kind, 1, 1, TOKEN.nonce)),
        ("account", OrderCode(TOKEN.order, "011", TOKEN.kind, 1, 1, TOKEN.nonce)),
        ("account", OrderCode(TOKEN.order, "1" * 13, TOKEN.kind, 1, 1, TOKEN.nonce)),
        ("account", OrderCode(TOKEN.order, "１", TOKEN.kind, 1, 1, TOKEN.nonce)),
        ("fee_schedule", OrderCode(TOKEN.order, "1", TOKEN.kind, 0x10000, 1, TOKEN.nonce)),
        ("placed_at", OrderCode(TOKEN.order, "1", TOKEN.kind, 1, -1, TOKEN.nonce)),
        ("nonce", OrderCode(TOKEN.order, "1", TOKEN.kind, 1, 1, b"12345")),
    ],
)
def test_a_field_that_does_not_fit_is_named(field: str, token: OrderCode) -> None:
    with pytest.raises(CodeFieldOutOfRange) as refused:
        encode_order_code(token, KEY)
    assert refused.value.field == field


def test_keys_differ_by_purpose_and_secret() -> None:
    assert len({KEY, CONFIRMATION_KEY, order_code_key(bytes(32)), confirmation_key(bytes(32)), SECRET}) == 5
    with pytest.raises(ValueError, match="32 bytes"):
        order_code_key(SECRET[:-1])


@given(token=TOKENS)
def test_a_link_comes_back_in_either_case(token: OrderCode) -> None:
    data = encode_order_code(token, KEY)
    address = link("https://pay.example.cn/", data)
    assert len(address) <= LINK_LENGTH
    assert parse_link(address) == data
    assert parse_link(address.lower()) == data
    assert parse_link(address.rsplit("/", maxsplit=1)[1]) == data


@settings(max_examples=10, deadline=None)
@given(token=TOKENS)
def test_the_longest_link_fits_version_4_in_alphanumeric_mode(token: OrderCode) -> None:
    address = link("http://127.0.0.1:18000", encode_order_code(token, KEY))
    assert len(address) == LINK_LENGTH
    for correction in (ERROR_CORRECT_L, ERROR_CORRECT_M):
        code = qrcode.QRCode(error_correction=correction)
        content = QRData(address)
        assert content.mode == MODE_ALPHA_NUM
        code.add_data(content)
        code.make(fit=True)
        assert code.version <= 4


@pytest.mark.parametrize(
    "base_url", ["https://payments.example.cn", "https://p.cn/a?b=", "ftp://a.cn", "https://支付.cn", ""]
)
def test_an_address_that_the_code_cannot_hold_is_refused(base_url: str) -> None:
    with pytest.raises(LinkTooLong):
        link(base_url, DATA)


@pytest.mark.parametrize("text", ["", "https://pay.example.cn/", "U" * 61, "0" * 60, "Z" * 61])
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(OrderCodeMalformed):
        parse_link(text)


def test_a_confirmation_is_shown_4_4_3() -> None:
    shown = confirmation_digits(DATA, AMOUNT, CONFIRMATION_KEY)
    assert re.fullmatch(r"\d{4}-\d{4}-\d{3}", shown)
    assert check_digit_ok(shown)
    assert confirmation_matches(shown, DATA, AMOUNT, CONFIRMATION_KEY)


def test_digits_are_grouped_while_they_are_typed() -> None:
    assert [group_confirmation("48210917335"[:count]) for count in (0, 3, 4, 5, 8, 9, 11)] == [
        "", "482", "4821", "4821-0", "4821-0917", "4821-0917-3", "4821-0917-335",
    ]  # fmt: skip


@given(token=TOKENS, amount=st.integers(0, 10**9))
def test_a_confirmation_is_its_own_orders_and_amounts(token: OrderCode, amount: int) -> None:
    data = encode_order_code(token, KEY)
    shown = confirmation_digits(data, amount, CONFIRMATION_KEY)
    require_confirmation(shown, data, amount, CONFIRMATION_KEY)
    # One in ten thousand million may agree by chance; these examples do not.
    assert not confirmation_matches(shown, data, amount + 1, CONFIRMATION_KEY)
    assert not confirmation_matches(shown, data, amount, KEY)
    assert not confirmation_matches(shown, DATA[:-1] + b"\0", amount, CONFIRMATION_KEY)


@given(data=st.data())
def test_a_single_wrong_digit_costs_no_try(data: st.DataObject) -> None:
    wrong = other_digit(confirmation_digits(DATA, AMOUNT, CONFIRMATION_KEY), data)
    assert not check_digit_ok(wrong)
    with pytest.raises(ConfirmationCheckDigitWrong):
        require_confirmation(wrong, DATA, AMOUNT, CONFIRMATION_KEY)


def test_another_orders_confirmation_is_a_real_try() -> None:
    other = confirmation_digits(DATA, AMOUNT + 1, CONFIRMATION_KEY)
    with pytest.raises(ConfirmationWrong):
        require_confirmation(other, DATA, AMOUNT, CONFIRMATION_KEY)


@pytest.mark.parametrize("form", ["{0}{1}{2}", " {0} {1} {2} ", "{0}–{1}–{2}", "{0}.{1}.{2}"])
def test_a_confirmation_is_taken_however_it_is_typed(form: str) -> None:
    shown = confirmation_digits(DATA, AMOUNT, CONFIRMATION_KEY)
    typed = form.format(*shown.split("-"))
    assert normalise(typed) == shown.replace("-", "")
    wide = typed.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    assert confirmation_matches(wide, DATA, AMOUNT, CONFIRMATION_KEY)


@pytest.mark.parametrize(
    "typed", ["", "4821-0917-33", "4821-0917-3355", "4821-0917-33a", "٤٨٢١٠٩١٧٣٣٥", "-" * 11]
)
def test_what_is_not_eleven_digits_is_malformed(typed: str) -> None:
    with pytest.raises(ConfirmationMalformed):
        require_confirmation(typed, DATA, AMOUNT, CONFIRMATION_KEY)


@given(typed=st.text(max_size=20))
def test_whatever_is_typed_is_answered_by_a_confirmation_error(typed: str) -> None:
    with pytest.raises(PaymentCodeError):
        require_confirmation(typed, DATA, AMOUNT, CONFIRMATION_KEY)


def test_a_confirmation_is_ten_digits_of_the_mac_over_the_code_and_the_amount_in_eight_bytes() -> None:
    key = hmac.digest(SECRET, b"keydesk confirmation key 1", "sha256")
    mac = hmac.digest(key, b"confirm" + DATA + AMOUNT.to_bytes(8, "big"), "sha256")
    digits = normalise(confirmation_digits(DATA, AMOUNT, confirmation_key(SECRET)))
    assert int(digits[:10]) == int.from_bytes(mac[:16], "big") % 10**10


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(LinkTooLong) as caught:
        link("HTTP://AN.ADDRESS.THAT.IS.TOO.LONG", DATA)
    assert (caught.value.address, caught.value.length) == ("HTTP://AN.ADDRESS.THAT.IS.TOO.LONG", 96)
