"""The virtual card by its bytes, without the driver."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.ports import DeviceKeyRefused, TokenFull
from hardware.token.gmt.commands import Instruction
from hardware.token.gmt.profile import GmtProfile
from hardware.virtual import card_file
from hardware.virtual.card_file import CardFileUnreadable
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import add_application, blank_key, open_or_make_key, unprepared_key

if TYPE_CHECKING:
    from pathlib import Path


def send(card: GmtCard, command: str) -> str:
    return card.transmit(bytes.fromhex(command)).hex().upper()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "6700"),
        ("800400", "6700"),
        ("00A4040000", "6E00"),
        ("80FF0000", "6D00"),
        ("8050000008", "6700"),  # a short Le
        ("80260000074B455944455 34B".replace(" ", ""), "6700"),  # a short Lc
        ("802600000000074B4559", "6700"),  # less data than Lc says
        ("80260000000003585858", "6A88"),
        ("802800000000020001", "6A88"),  # not opened
        ("80420000000005000141424 3".replace(" ", ""), "6A88"),
        ("8018000100001200010000000000000000000000000000000 0".replace(" ", ""), "6A88"),
        ("80100000000010" + "00" * 16, "6985"),  # no challenge was asked for
    ],
)
def test_what_is_wrong_gets_the_status_word_that_says_so(card: GmtCard, command: str, answer: str) -> None:
    assert send(card, command) == answer


def test_the_application_opens_by_its_name(card: GmtCard) -> None:
    assert send(card, "80260000000007" + b"KEYDESK".hex() + "000A") == "00000010081000000001" + "9000"


def test_the_random_bytes_are_as_many_as_asked_for_and_differ(card: GmtCard) -> None:
    first, second = (send(card, "80500000000010") for _ in range(2))
    assert len(first) == len(second) == 2 * 18
    assert first != second


def test_a_challenge_of_another_length_proves_nothing(card: GmtCard) -> None:
    send(card, "80260000000007" + b"KEYDESK".hex() + "000A")
    send(card, "80500000000004")
    assert send(card, "801800010000120001" + "00" * 16) == "6985"


def test_a_link_of_another_command_breaks_the_chain(card: GmtCard) -> None:
    assert send(card, "904C010000000100") == "9000"
    assert send(card, "80260000000003585858") == "6985"
    assert send(card, "80260000000003585858") == "6A88"


def test_an_application_is_made_only_by_who_knows_the_device_key(card: GmtCard) -> None:
    stranger = GmtProfile(application="OTHER", device_key="00" * 16)
    before = card.record
    with pytest.raises(DeviceKeyRefused):
        add_application(card, stranger)
    assert send(card, "8020000000002B" + "00" * 38 + b"OTHER".hex()) == "6982"
    assert card.record == before


def test_the_applications_are_enumerated_without_a_pin(card: GmtCard) -> None:
    assert send(card, "80220000000000") == (b"KEYDESK\0\0".hex() + "9000").upper()
    add_application(card, GmtProfile(application="BANK"))
    assert send(card, "80220000000000") == (b"KEYDESK\0BANK\0\0".hex() + "9000").upper()


def test_an_application_is_deleted_only_by_who_knows_the_device_key(card: GmtCard) -> None:
    assert send(card, "80240000000007" + b"KEYDESK".hex()) == "6982"
    assert [each.name for each in card.record.applications] == ["KEYDESK"]


def test_a_full_card_takes_no_application(tmp_path: Path) -> None:
    card = unprepared_key(tmp_path / "card.json", "1", room=100)
    add_application(card, GmtProfile(application="BANK"))
    with pytest.raises(TokenFull):
        add_application(card, GmtProfile())
    assert [each.name for each in card.record.applications] == ["BANK"]


def test_the_try_is_counted_before_the_answer_goes_out(card: GmtCard, tmp_path: Path) -> None:
    send(card, "80260000000007" + b"KEYDESK".hex() + "000A")
    send(card, "80500000000008")
    assert send(card, "801800010000120001" + "00" * 16) == "63C9"
    again = GmtCard(tmp_path / "card.json")
    send(again, "80260000000007" + b"KEYDESK".hex() + "000A")
    assert send(again, "801400010000020001" + "0000") == "0A09019000"


def test_only_its_owner_can_read_the_card_file(card: GmtCard, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "card.json").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["card.json"]


def test_a_disk_that_refuses_is_a_memory_failure_and_nothing_changed(
    card: GmtCard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    send(card, "80260000000007" + b"KEYDESK".hex() + "000A")
    send(card, "80500000000008")
    before = (tmp_path / "card.json").read_bytes()

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(card_file, "write_durably", full)
    assert send(card, "801800010000120001" + "00" * 16) == "6581"
    assert (tmp_path / "card.json").read_bytes() == before
    assert send(card, "801400010000020001" + "0000") == "0A0A019000"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"serial": "1"}'])
def test_a_damaged_card_file_is_named_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(CardFileUnreadable) as refused:
        open_or_make_key(path, "1")
    assert refused.value.path == path
    assert path.read_bytes() == content


def test_a_card_file_that_is_there_is_opened_and_not_made_anew(card: GmtCard, tmp_path: Path) -> None:
    assert open_or_make_key(tmp_path / "card.json", "other").serial == card.serial
    assert open_or_make_key(tmp_path / "second.json", "other").serial == "other"


@pytest.mark.parametrize("serial", ["", "1" * 33, "密钥"])
def test_a_serial_number_that_no_key_can_have_is_refused(tmp_path: Path, serial: str) -> None:
    with pytest.raises(ValueError, match="serial number"):
        blank_key(tmp_path / "card.json", serial)


def test_the_answer_to_reset_has_the_form_of_a_t1_card(card: GmtCard) -> None:
    atr = card.atr
    assert atr[0] == 0x3B
    assert atr[1] == 0x80 | len(atr[3:-1])
    assert atr[2] == 0x01
    check = 0
    for byte in atr[1:]:
        check ^= byte
    assert check == 0


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(["80", "90"]),
    code=st.sampled_from([f"{code:02X}" for code in Instruction]),
    rest=st.binary(max_size=60),
)
def test_whatever_the_bytes_the_answer_ends_in_a_status_word(
    card: GmtCard, head: str, code: str, rest: bytes
) -> None:
    for command in (bytes.fromhex(head + code) + rest, bytes.fromhex(head + code + "0100") + framed(rest)):
        answer = card.transmit(command)
        assert len(answer) >= 2
        assert answer[-2] in (0x63, 0x65, 0x67, 0x69, 0x6A, 0x6D, 0x6E, 0x90)


def framed(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(2) + data
