"""What a virtual YubiKey understands besides the standard."""

from __future__ import annotations

from tests.support.piv_terminal import PivTerminal


def test_a_yubikey_tells_its_version_and_serial_number(yubikey: PivTerminal) -> None:
    assert yubikey.send("00FD000000") == "0507019000"
    assert yubikey.send("00F8000000") == f"{14159265:08X}9000"
    assert yubikey.card.serial == "14159265"


def test_a_yubikey_tells_what_its_pins_and_keys_are(yubikey: PivTerminal) -> None:
    assert yubikey.send("00F7008000") == "0101FF05010106020303" + "9000"
    yubikey.verify(yubikey.WRONG_PIN)
    yubikey.send("00240081", yubikey.PUK + yubikey.WRONG_PUK)
    assert yubikey.send("00F7008000") == "0101FF05010106020302" + "9000"
    assert yubikey.send("00F7008100") == "0101FF05010006020303" + "9000"
    assert yubikey.send("00F7009B00") == "01010A020200010501019000"
    assert yubikey.send("00F7009C00") == "6A88"
    yubikey.let_in(0x0A)
    made = yubikey.make_key("9C")
    assert yubikey.send("00F7009C00") == "01011102020301030101" + yubikey.tlv("04", made[6:-4]) + "9000"


def test_a_yubikey_is_reset_once_pin_and_puk_are_blocked(yubikey: PivTerminal) -> None:
    yubikey.let_in(0x0A)
    yubikey.make_key()
    yubikey.send("00240080", yubikey.PIN + yubikey.OTHER_PIN)
    assert yubikey.send("00FB0000") == "6985"
    empty = "FF" * 8
    assert [yubikey.verify(empty) for _ in range(4)] == ["63C2", "63C1", "63C0", "6983"]
    assert yubikey.send("00FB0000") == "6985"
    assert [yubikey.send("002C0080", empty + empty) for _ in range(3)] == ["63C2", "63C1", "63C0"]
    assert yubikey.send("00FB0000") == "9000"
    assert (yubikey.make_key(), yubikey.get("5FC102")) == ("6982", "6A82")
    assert (yubikey.verify(), yubikey.sign()) == ("9000", "6A86")


def test_a_yubikey_keeps_yubico_s_objects(yubikey: PivTerminal) -> None:
    yubikey.let_in(0x0A)
    assert yubikey.put("5FFF00", "8000") == "9000"
    assert yubikey.get("5FFF00") == "530280009000"
