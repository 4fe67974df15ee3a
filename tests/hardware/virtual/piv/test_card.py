"""The virtual PIV card by its bytes: what it understands, and when."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.virtual.card import Fault, FaultKind
from tests.support.piv_terminal import PivTerminal

PIN, PUK = b"123456\xff\xff".hex(), b"12345678".hex()


@pytest.mark.parametrize("name", ["A000000308", "A00000030800001000", "A000000308000010000100"])
def test_the_application_is_selected_by_its_name_whole_or_shortened(piv: PivTerminal, name: str) -> None:
    piv.card.power_on()
    assert piv.send("00A40400", name) == piv.TEMPLATE
    assert piv.send("00200080") == "63C3"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "6700"),
        ("002000", "6700"),
        ("00200080081234", "6700"),  # less data than Lc says
        ("002000800031", "6700"),
        ("80200080", "6E00"),
        ("0C200080", "6882"),
        ("01200080", "6881"),
        ("00FD000000", "6D00"),  # Yubico's commands on a card that is none of theirs
        ("00F8000000", "6D00"),
        ("00F7008000", "6D00"),
        ("00FB0000", "6D00"),
        ("00C0000000", "6D00"),  # nothing waits
        ("00A4040007D2760001240102", "6A82"),
        ("00A4040006A00000030900", "6A82"),
        ("00200000", "6A88"),  # a global piv.PIN
        ("00200180", "6A86"),
        ("0020008006313233343536", "6A80"),  # not filled to 8 bytes
        ("00200080083132333435FFFFFF", "6A80"),
        ("0020008008313233343536FF37", "6A80"),
        ("10200080083132333435", "6700"),
        ("1020008008313233343536FFFF", "6884"),
        ("002400800831323334353637", "6700"),
        ("0024008008" + PIN, "6700"),
        ("0024009A10" + PIN + PIN, "6A88"),
        ("002C008110" + PUK + PIN, "6A88"),
        ("0047009A05AC0380011100", "6982"),
        ("0047009B05AC0380011100", "6A86"),
        ("00DB3FFF075C035FC1055300", "6982"),
        ("00CB3FFF055C035FC10500", "6A82"),
        ("00CB3FFF055C035FC1FF00", "6A82"),
        ("00CB3F00055C035FC10200", "6A86"),
        ("00CB3FFF045C035FC100", "6A80"),
        ("00CB3FFF025C0000", "6A80"),
        ("0087119A047C02820000", "6A86"),  # no key pair in the slot
        ("0087069A047C02820000", "6A86"),
        ("0087119B047C02810000", "6A86"),
        ("00870A9B047C02810000", "6A86"),  # its management key is for 3DES
        ("0087039B047C02830000", "6A80"),
        ("0087039B027C0000", "6A80"),
    ],
)
def test_what_is_wrong_gets_the_status_word_that_says_so(piv: PivTerminal, command: str, answer: str) -> None:
    assert piv.send(command) == answer


def test_without_the_application_nothing_is_known(piv: PivTerminal) -> None:
    piv.card.power_on()
    assert [piv.send(f"00{each}0000") for each in ("20", "CB", "87", "47")] == ["6D00"] * 4


def test_another_name_leaves_the_application_and_its_session_open(piv: PivTerminal) -> None:
    piv.verify()
    assert piv.send("00A4040007D2760001240102") == "6A82"
    assert piv.select() == piv.TEMPLATE
    assert piv.send("00200080") == "9000"


@pytest.mark.parametrize("command", ["00A4040008A000000151000000", "00A40400", "00A4040000"])
def test_another_application_ends_the_session(piv: PivTerminal, command: str) -> None:
    piv.verify()
    piv.let_in()
    assert piv.send(command).startswith("6F")
    assert piv.send("00200080") == "6D00"
    piv.select()
    assert (piv.send("00200080"), piv.make_key()) == ("63C3", "6982")


def test_power_begins_a_new_session(piv: PivTerminal) -> None:
    piv.verify()
    piv.let_in()
    piv.card.power_on()
    assert piv.verify() == "6D00"
    piv.select()
    assert (piv.send("00200080"), piv.make_key()) == ("63C3", "6982")


def test_the_answer_to_reset_says_what_it_is_and_is_well_formed(
    piv: PivTerminal, yubikey: PivTerminal
) -> None:
    for atr, historical in (
        (piv.card.atr, "80F9A00000030800001000"),
        (yubikey.card.atr, "8057597562694B6579"),
    ):
        assert atr[3:-1].hex().upper() == historical
        assert atr[1] & 0x0F == len(historical) // 2
        check = 0
        for byte in atr[1:]:
            check ^= byte
        assert check == 0


def test_a_fault_card_fails_around_it_as_planned(piv: PivTerminal) -> None:
    faults = (FaultKind.INTERNAL_ERROR, FaultKind.TRUNCATED, FaultKind.SILENT)
    faulty = piv.around(*(Fault(kind, at, instruction=0xCB) for at, kind in enumerate(faults, 1)))
    whole = piv.get("5FC102")
    assert [faulty.get("5FC102") for _ in range(4)] == ["6F00", whole[: len(whole) // 4 * 2], "", whole]
    assert faulty.transport.atr == piv.card.atr


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.builds(
                lambda cla, instruction, p2, data: bytes((cla, instruction, 0, p2, len(data))) + data,
                st.sampled_from((0x00, 0x10)),
                st.sampled_from((0x20, 0x24, 0x2C, 0x47, 0x87, 0xA4, 0xC0, 0xCB, 0xDB)),
                st.sampled_from((0x80, 0x81, 0x9A, 0x9B, 0xFF)),
                st.binary(max_size=40),
            ),
        ),
        max_size=8,
    )
)
def test_whatever_comes_it_answers_a_status_word_and_nobody_gets_in(
    piv: PivTerminal, commands: list[bytes]
) -> None:
    for command in commands:
        answer = piv.card.transmit(command)
        assert len(answer) >= 2
        assert answer[-2] in (0x90, 0x61) or (len(answer) == 2 and 0x62 <= answer[0] <= 0x6F)
    assert not piv.card.session.administrator
    assert piv.card.record.keys == ()
