"""The virtual keys of the demo: blank ones, and those that example members bound elsewhere before."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hardware.ports import PinBlocked, WrongPin
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.token.piv.profile import PivProfile
from hardware.virtual.card import VirtualCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key, unprepared_key
from hardware.virtual.piv.factory import open_or_make_piv_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.text.catalogue import N_

PIN_TRIES = 6


class CardKind(enum.StrEnum):
    """What a key of the demo is."""

    GMT = "gmt"
    UNPREPARED = "unprepared"
    """A GM/T key without the desk's application: staff prepare it."""
    PIV = "piv"


class DemoCard(msgspec.Struct, frozen=True):
    """One key of the demo: its file, serial number, what to call it, and whose it is."""

    file: str
    serial: str
    name: str
    account: str | None = None
    blocked: bool = False
    kind: CardKind = CardKind.GMT

    @property
    def pin(self) -> str:
        """The PIN that it came with."""
        profile = PivProfile() if self.kind is CardKind.PIV else GmtProfile()
        return profile.factory_pin


CARDS = (
    DemoCard("blank-1", "E8AD652202221F03", N_("空白key盘 1")),
    DemoCard("blank-2", "E8AD652202221F04", N_("空白key盘 2")),
    DemoCard("blank-3", "E8AD652202221F05", N_("空白key盘 3")),
    DemoCard("member-2", "E8AD652104170A12", N_("11000002 的key盘（快到期）"), "11000002"),
    DemoCard("member-3", "E8AD652009280B23", N_("11000003 的key盘（已过期）"), "11000003"),
    DemoCard("member-4", "E8AD652201052D44", N_("11000004 的key盘（已挂失）"), "11000004"),
    DemoCard("member-7", "E8AD652203110C37", N_("11000007 的key盘（有效）"), "11000007"),
    DemoCard("blocked", "E8AD652202221FFF", N_("PIN码已锁的key盘"), blocked=True),
    DemoCard("piv-1", "PIV-2026-0001", N_("空白 PIV key盘"), kind=CardKind.PIV),
    DemoCard("unprepared", "E8AD652202221FEE", N_("没有初始化的key盘"), kind=CardKind.UNPREPARED),
)


class MadeCertificate(msgspec.Struct, frozen=True):
    """A certificate (DER in hex) that the centre issued for a key bound elsewhere."""

    account: str
    certificate: str


class Examples(msgspec.Struct, frozen=True):
    """The part of `keydesk-central examples` that the demo uses."""

    enrol_token: str
    certificates: tuple[MadeCertificate, ...]


def make(folder: Path) -> bytes:
    """Make all the keys; returns the centre's JSON of those that are bound elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = GmtProfile()
    bound: dict[str, dict[str, str]] = {}
    for card in CARDS:
        if card.kind is not CardKind.GMT:
            open_card(folder, card)
            continue
        token = _open(blank_key(path(folder, card), card.serial, profile, pin_tries=PIN_TRIES))
        try:
            if card.account is not None:
                token.verify_pin(profile.factory_pin)
                bound[card.account] = {"serial": card.serial, "public_key": token.generate_key_pair().hex()}
            if card.blocked:
                for _ in range(PIN_TRIES):
                    with contextlib.suppress(WrongPin, PinBlocked):
                        token.verify_pin("999999")
        finally:
            token.close()
    return msgspec.json.encode(bound)


def complete(folder: Path, certificates: Iterable[MadeCertificate]) -> None:
    """Write the certificates that the centre issued onto the keys bound elsewhere."""
    by_account = {card.account: card for card in CARDS if card.account is not None}
    for made in certificates:
        token = _open(GmtCard(path(folder, by_account[made.account])))
        try:
            token.verify_pin(GmtProfile().factory_pin)
            token.write_certificate(bytes.fromhex(made.certificate))
        finally:
            token.close()


def open_card(folder: Path, card: DemoCard) -> VirtualCard:
    """The key's contents; an unbound key is made when it is first used."""
    file = path(folder, card)
    match card.kind:
        case CardKind.PIV:
            return open_or_make_piv_key(file, card.serial)
        case CardKind.UNPREPARED if not file.exists():
            return unprepared_key(file, card.serial)
        case _:
            return GmtCard(file)


def path(folder: Path, card: DemoCard) -> Path:
    """The file with a key's contents."""
    return folder / f"{card.file}.card"


def _open(card: GmtCard) -> GmtToken:
    source = VirtualTokenSource()
    token = source.open(source.insert(card))
    if not isinstance(token, GmtToken):
        raise TypeError(card)
    return token
