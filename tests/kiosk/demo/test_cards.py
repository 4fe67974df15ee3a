"""The demo's virtual keys, and the drawer's hand on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from hardware.ports import PinBlocked, PrinterState
from hardware.token.gmt.token import GmtToken
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import VirtualScanner
from hardware.virtual.source import VirtualTokenSource
from kiosk.demo.cards import CARDS, MadeCertificate, complete, make
from kiosk.demo.controls import Controls
from kiosk.demo.members import ACCOUNTS
from kiosk.store.system_clock import SystemClock
from kiosk.text.catalogue import Catalogue, Language


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("demo") / "cards"
    return folder, json.loads(make(folder))


@pytest.fixture
def source() -> VirtualTokenSource:
    return VirtualTokenSource()


@pytest.fixture
def controls(
    bound: tuple[Path, dict[str, dict[str, str]]], source: VirtualTokenSource, tmp_path: Path
) -> Controls:
    shift = tmp_path / "clock-shift"
    return Controls(
        source,
        VirtualPrinter(tmp_path / "receipts"),
        VirtualScanner(),
        SystemClock(shift),
        cards=bound[0],
        network_switch=tmp_path / "network-cut",
        clock_shift=shift,
        traders=tmp_path / "traders.json",
        centre_address="http://127.0.0.1:1",
    )


def _open(source: VirtualTokenSource) -> GmtToken:
    (presence,) = source.present()
    token = source.open(presence)
    assert isinstance(token, GmtToken)
    return token


def test_the_keys_of_the_example_members_are_told_to_the_centre_with_their_public_keys(
    bound: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    _, keys = bound
    assert set(keys) == {card.account for card in CARDS if card.account}
    assert set(keys) < {account.account for account in ACCOUNTS}
    for key in keys.values():
        assert len(bytes.fromhex(key["public_key"])) == 65
    assert len({card.serial for card in CARDS}) == len(CARDS)


def test_a_key_bound_elsewhere_carries_its_certificate_and_a_blank_one_nothing(
    bound: tuple[Path, dict[str, dict[str, str]]], source: VirtualTokenSource, controls: Controls
) -> None:
    folder, keys = bound
    complete(folder, [MadeCertificate("11000002", b"\x30\x03DER".hex())])
    controls.insert("11000002 的key盘（快到期）")
    member = _open(source)
    assert (member.serial, member.certificate()) == (keys["11000002"]["serial"], b"\x30\x03DER")
    public_key = member.public_key()
    assert public_key is not None
    assert public_key.hex() == keys["11000002"]["public_key"]
    controls.swap()
    assert controls.inserted() == "11000003 的key盘（已过期）"
    controls.insert("空白key盘 1")
    blank = _open(source)
    assert (blank.serial, blank.certificate()) == ("E8AD652202221F03", None)
    controls.remove()
    assert (controls.inserted(), source.present()) == (None, ())


def test_the_blocked_key_is_blocked(controls: Controls, source: VirtualTokenSource) -> None:
    controls.insert("PIN码已锁的key盘")
    with pytest.raises(PinBlocked):
        _open(source).verify_pin("111111")


def test_paper_network_and_clock_are_moved_and_moved_back(controls: Controls, tmp_path: Path) -> None:
    controls.paper_out()
    assert controls.paper_is_out
    controls.paper_in()
    assert not controls.paper_is_out
    assert VirtualPrinter(tmp_path / "receipts").state() is PrinterState.READY
    controls.cut_network()
    assert controls.network_cut
    controls.restore_network()
    controls.restore_network()
    assert not controls.network_cut
    controls.shift_clock(86_400)
    controls.shift_clock(86_400)
    controls.shift_clock(-86_400)
    assert controls.clock_shift == 86_400
    assert SystemClock(tmp_path / "clock-shift").wall() - SystemClock().wall() in {86_399, 86_400}


@pytest.mark.parametrize("language", list(Language))
def test_the_drawer_has_a_line_for_each_key_and_its_pin(language: Language) -> None:
    """Of 50 cells the border, the paddings and the scroll bar leave 43: a longer line broke before its PIN."""
    text = Catalogue(language).text
    for card in CARDS:
        assert cell_len(f"1 * {text(card.name)}  PIN {card.pin}") <= 43
