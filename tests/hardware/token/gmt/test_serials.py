"""What a GM/T key calls itself: whatever stands in its field, what is shown is short, printable and its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.ports import MalformedAnswer, SerialMissing, TokenError
from hardware.token.gmt.commands import LAYOUTS, Instruction
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.session import GmtSession
from hardware.token.gmt.token import read_serial

FIELDS = LAYOUTS[Instruction.GET_DEVICE_INFORMATION].answer
LENGTH = 32
ODD = (
    b"",
    bytes(LENGTH),
    b" " * LENGTH,
    b"\x1b[2J\x1b[31mKEY",
    b"\x9b2J",
    b"A\rB",
    b"A\nB",
    b"A\tB",
    b"A\0B",
    b"A\x7f",
    "\u202e4321".encode(),
    "\u200b1234".encode(),
    "钥匙".encode(),
    "钥匙".encode("gb18030"),
    b"\xa01234",
    b"\xff" * LENGTH,
)


def information(serial: bytes) -> bytes:
    """Make an answer of GetDevInfo with that serial number's field; the other fields are zeros."""
    return b"".join(
        serial if field.name == "serial" else bytes(field.length if isinstance(field.length, int) else 0)
        for field in FIELDS
    )


class Told:
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def transmit(self, _command: bytes) -> bytes:
        return self._answer


def name_of(serial: bytes) -> str:
    return read_serial(GmtSession(Told(information(serial) + b"\x90\x00"), GmtProfile()))


@pytest.mark.parametrize("serial", ODD)
def test_a_serial_number_that_cannot_be_shown_is_malformed_and_not_in_the_message(serial: bytes) -> None:
    with pytest.raises(MalformedAnswer) as refused:
        name_of(serial.ljust(LENGTH, b"\0"))
    assert str(refused.value).isprintable()
    assert str(refused.value).isascii()


@pytest.mark.parametrize("serial", [b"", b" " * LENGTH])
def test_a_blank_serial_number_is_told_from_an_odd_one(serial: bytes) -> None:
    with pytest.raises(SerialMissing):
        name_of(serial.ljust(LENGTH, b"\0"))


fields = st.one_of(
    st.binary(min_size=LENGTH, max_size=LENGTH),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=LENGTH).map(
        lambda text: text.encode().ljust(LENGTH, b"\0")
    ),
    st.text(max_size=10).map(lambda text: text.encode()[:LENGTH].ljust(LENGTH, b"\0")),
)


@settings(max_examples=300, deadline=None)
@given(first=fields, second=fields)
def test_a_name_is_printable_and_tells_its_field_apart_from_any_other(first: bytes, second: bytes) -> None:
    names = []
    for field in (first, second):
        try:
            name = name_of(field)
        except MalformedAnswer:
            continue
        assert 1 <= len(name) <= LENGTH
        assert name.isascii()
        assert name.isprintable()
        # nothing but what fills the field is left out
        assert field.startswith(name.encode())
        assert not field[len(name) :].strip(b"\0 ")
        names.append(name)
    if len(names) == 2 and names[0] == names[1]:
        assert first.rstrip(b"\0 ") == second.rstrip(b"\0 ")


@settings(max_examples=200, deadline=None)
@given(answer=st.binary(max_size=400))
def test_any_answer_names_the_key_printably_or_is_an_error(answer: bytes) -> None:
    try:
        name = read_serial(GmtSession(Told(answer), GmtProfile()))
    except TokenError:
        return
    assert name.isascii()
    assert name.isprintable()
    assert len(name) <= LENGTH
