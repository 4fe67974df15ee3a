"""The virtual PIV card by its bytes: key pairs, signatures, data objects, and long ones in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from hardware.virtual.piv.factory import blank_piv_key
from tests.support.piv_terminal import PivTerminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("slot", ["9A", "9C", "9D", "9E"])
def test_a_signature_verifies_with_the_key_that_was_made(piv: PivTerminal, slot: str) -> None:
    piv.let_in()
    made = piv.make_key(slot)
    public_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(made[10:-4]))
    piv.verify()
    answer = bytes.fromhex(piv.sign(slot))
    assert answer[-2:] == b"\x90\x00"
    assert (answer[0], answer[2]) == (0x7C, 0x82)
    public_key.verify(answer[4:-2], bytes.fromhex(piv.DIGEST), ec.ECDSA(Prehashed(SHA256())))


def test_each_slot_has_its_own_rule_for_the_pin(piv: PivTerminal) -> None:
    piv.let_in()
    for slot in ("9A", "9C", "9D", "9E"):
        piv.make_key(slot)
    assert [piv.sign(slot)[-4:] for slot in ("9A", "9C", "9D", "9E")] == ["6982", "6982", "6982", "9000"]
    piv.verify()
    assert [piv.sign(slot)[-4:] for slot in ("9C", "9C", "9A", "9A", "9D")] == ["9000", "6982"] + ["9000"] * 3
    for other in ("00CB3FFF055C035FC10200", "00CB3FFF", "00200080", "80200080"):
        assert piv.verify() == "9000"
        piv.send(other)
        assert piv.sign("9C") == "6982"
    piv.send("00240080", piv.PIN + piv.PIN)
    assert piv.sign("9C") == "6982"


def test_only_a_whole_digest_is_signed(piv: PivTerminal) -> None:
    piv.let_in()
    piv.make_key()
    piv.verify()
    assert [piv.sign(digest="5A" * length) for length in (0, 31, 33)] == ["6A80"] * 3


def test_only_p256_keys_are_made(piv: PivTerminal) -> None:
    piv.let_in()
    assert [piv.send(f"0047009A05AC038001{each}00") for each in ("07", "14")] == ["6A80"] * 2
    assert piv.card.record.keys == ()


def test_a_new_key_pair_replaces_the_old_one_and_leaves_the_certificate(piv: PivTerminal) -> None:
    piv.let_in()
    first = piv.make_key()
    piv.put("5FC105", "7003300100")
    assert piv.make_key() != first
    assert len(piv.card.record.keys) == 1
    assert piv.get("5FC105") == "530570033001009000"


def test_the_card_names_itself_in_its_objects(piv: PivTerminal) -> None:
    assert piv.get("7E") == "7E124F0BA0000003080000100001005F2F0240009000"
    identifier = piv.get("5FC102")
    assert identifier.startswith(
        "533B3019D4E739DA739CED39CE739D836858210842108421C84210C3EB3410" + piv.card.serial
    )
    assert identifier.endswith("350832303430313233313E00FE009000")
    assert piv.get("5FC107").startswith("5333F015A000000116FF02")
    assert piv.get("5FC10C") == "5308C10100C20100FE009000"


def test_the_guid_follows_the_serial_number(tmp_path: Path) -> None:
    first, again, other = (
        blank_piv_key(tmp_path / f"{index}", serial) for index, serial in enumerate(("1", "1", "2"))
    )
    assert first.serial == again.serial != other.serial
    assert len(first.serial) == 32


@pytest.mark.parametrize("number", ["5FC103", "5FC108", "5FC109", "5FC121", "5FC123"])
def test_what_is_personal_is_read_with_the_pin_only(piv: PivTerminal, number: str) -> None:
    assert piv.get(number) == "6982"
    piv.let_in()
    assert piv.put(number, "0101") == "9000"
    assert piv.get(number) == "6982"
    piv.verify()
    assert piv.get(number) == "530201019000"


def test_a_long_object_goes_in_and_out_in_chains(piv: PivTerminal) -> None:
    piv.let_in()
    content = bytes(range(256)).hex().upper() * 5
    assert piv.put("5FC105", content) == "9000"
    answer = piv.get("5FC105")
    assert (len(answer), answer[-4:]) == (2 * 258, "6100")
    assert piv.whole(answer) == piv.tlv("53", content) + "9000"


def test_the_extended_form_takes_and_gives_it_whole(piv: PivTerminal) -> None:
    piv.let_in()
    content = bytes(range(256)).hex().upper() * 5
    data = piv.tlv("5C", "5FC10A") + piv.tlv("53", content)
    assert piv.send(f"00DB3FFF00{len(data) // 2:04X}" + data) == "9000"
    for le in ("", "0000", "0800"):
        assert piv.send("00CB3FFF0000055C035FC10A" + le) == piv.tlv("53", content) + "9000"
    assert piv.send("00CB3FFF0000055C035FC10A0100")[-4:] == "6100"


def test_the_rest_of_an_answer_comes_in_pieces_of_the_asked_length(piv: PivTerminal) -> None:
    expected = piv.get("5FC102")
    first = piv.send("00CB3FFF055C035FC10210")
    assert (len(first), first[-4:]) == (2 * 18, "612D")
    assert piv.send("00C000002E") == "6C2D"
    second = piv.send("00C0000020")
    assert second[-4:] == "610D"
    assert first[:-4] + second[:-4] + piv.send("00C0000000") == expected


def test_another_command_drops_the_rest(piv: PivTerminal) -> None:
    for other in ("00200080", "0020FF80", "10DB3FFF055C035FC105"):
        assert piv.send("00CB3FFF055C035FC10210")[-4:] == "612D"
        piv.send(other)
        assert piv.send("00C0000000") == "6D00"


def test_a_chain_is_not_left_for_another_command(piv: PivTerminal) -> None:
    piv.let_in()
    assert piv.send("10DB3FFF055C035FC105") == "9000"
    assert piv.send("00200080") == "6883"
    assert piv.send("00DB3FFF025300") == "6A80"
    assert piv.get("5FC105") == "6A82"


def test_an_empty_object_is_none(piv: PivTerminal) -> None:
    piv.let_in()
    piv.put("5FC105", "7000")
    assert piv.put("5FC105", "") == "9000"
    assert piv.get("5FC105") == "6A82"


def test_only_the_objects_of_the_standard_are_kept(piv: PivTerminal) -> None:
    piv.let_in()
    assert [piv.put(number, "00") for number in ("5FC100", "5FC124", "5FFF00", "7E")] == ["6A82"] * 4


def test_a_full_card_says_so_and_keeps_what_it_had(new_piv: Callable[..., PivTerminal]) -> None:
    piv = new_piv(room=500)
    piv.let_in()
    assert piv.put("5FC105", "00" * 300) == "9000"
    assert piv.put("5FC10A", "00" * 300) == "6A84"
    assert piv.make_key() == "6A84"
    assert piv.whole(piv.get("5FC105")) == piv.tlv("53", "00" * 300) + "9000"
    assert (piv.put("5FC105", ""), piv.make_key()[-4:]) == ("9000", "9000")
