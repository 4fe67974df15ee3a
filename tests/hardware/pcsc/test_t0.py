from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.apdu import Command, Form
from hardware.pcsc.t0 import units


@pytest.mark.parametrize(
    ("command", "transmitted"),
    [
        ("00200080", "0020008000"),
        ("00F8000004", "00F8000004"),
        ("80500000000008", "8050000008"),
        ("80040000000000", "8004000000"),
        ("80040000000100", "8004000000"),
        ("00CB3FFF055C035FC10500", "00CB3FFF055C035FC105"),
        ("00CB3FFF055C035FC105", "00CB3FFF055C035FC105"),
        ("802600000000024142000A", "80260000024142"),
        ("80280000000002AABB", "8028000002AABB"),
    ],
)
def test_a_command_is_transmitted_without_le_after_data(command: str, transmitted: str) -> None:
    assert [each.hex().upper() for each in units(bytes.fromhex(command))] == [transmitted]


def test_data_longer_than_one_byte_can_say_goes_in_envelopes() -> None:
    command = Command(0x4C, 1, data=bytes(range(256)) * 2, expected=10).encode()
    pieces = units(command)
    assert [piece[:4].hex().upper() for piece in pieces] == ["80C20000"] * 3
    assert all(len(piece) == 5 + piece[4] for piece in pieces)
    assert b"".join(piece[5:] for piece in pieces) == command


@given(
    data=st.binary(max_size=255), expected=st.none() | st.integers(1, 65536), form=st.sampled_from(list(Form))
)
def test_what_is_transmitted_once_has_its_length_in_the_header(
    data: bytes, expected: int | None, form: Form
) -> None:
    (unit,) = units(Command(0x18, data=data, expected=expected, form=form).encode())
    assert unit[:4] == bytes((0x80, 0x18, 0, 0))
    assert unit[5:] == data
    assert not data or unit[4] == len(data)
