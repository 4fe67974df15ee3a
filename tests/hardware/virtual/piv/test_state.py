"""The virtual PIV card's file: what lasts, and what is no card."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from hardware.virtual import card_file
from hardware.virtual.card_file import CardFileUnreadable
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key, open_or_make_piv_key
from tests.support.piv_terminal import PivTerminal

if TYPE_CHECKING:
    from pathlib import Path


def test_its_contents_last(piv: PivTerminal) -> None:
    piv.let_in()
    piv.make_key()
    piv.put("5FC105", "7003300100")
    piv.send("00240080", piv.PIN + piv.OTHER_PIN)
    again = piv.restarted()
    assert (again.card.record, again.card.serial, again.card.atr) == (
        piv.card.record,
        piv.card.serial,
        piv.card.atr,
    )
    assert (again.verify(piv.OTHER_PIN), again.sign()[-4:]) == ("9000", "9000")


def test_the_file_is_its_owner_s_alone(piv: PivTerminal, tmp_path: Path) -> None:
    piv.verify()
    assert stat.S_IMODE(piv.path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [piv.path.name]


def test_a_full_disk_is_told_and_nothing_is_taken_as_done(
    piv: PivTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    piv.let_in()
    monkeypatch.setattr(card_file, "write_durably", full)
    before = piv.card.record
    assert (piv.verify(), piv.make_key(), piv.put("5FC105", "00")) == ("6581", "6581", "6581")
    assert piv.card.record == before


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"{}", b'{"profile":"piv"}', b'{"profile":"gmt"}'])
def test_a_file_that_is_no_piv_card_s_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CardFileUnreadable):
        open_or_make_piv_key(path, "1")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b'"tries_left": 3', b'"tries_left": -1'),
        (b'"algorithm": 3', b'"algorithm": 8'),
        (b'"value": "MTIzNDU2//8="', b'"value": "MTIzNDU2"'),
        (b'"profile": "piv"', b'"profile": "gmt"'),
        (b'"room"', b'"space"'),
    ],
)
def test_a_file_that_no_card_can_have_is_not_read(piv: PivTerminal, there: bytes, instead: bytes) -> None:
    content = piv.path.read_bytes()
    assert there in content
    piv.path.write_bytes(content.replace(there, instead))
    with pytest.raises(CardFileUnreadable):
        PivCard(piv.path)


def test_impossible_cards_are_not_made(tmp_path: Path) -> None:
    path = tmp_path / "card"
    for serial in ("", "é", "x" * 33):
        with pytest.raises(ValueError, match="serial number"):
            blank_piv_key(path, serial)
    for serial in ("12a", "4294967296"):
        with pytest.raises(ValueError, match="YubiKey"):
            blank_piv_key(path, serial, yubikey=True)
    with pytest.raises(ValueError, match="PIN"):
        blank_piv_key(path, "1", pin="12345")
    with pytest.raises(ValueError, match="tries"):
        blank_piv_key(path, "1", puk_tries=16)
    with pytest.raises(ValueError, match="24 bytes"):
        blank_piv_key(path, "1", management_key=bytes(16))
    with pytest.raises(ValueError, match="9"):
        blank_piv_key(path, "1", management_algorithm=9)
    assert not path.exists()
