"""Cards that people put in by mistake, told by their answer to reset, so that the desk can say what to do.

VERIFIED rows rest on two independent public sources, ASSUMED rows on one, mostly the public list of answers to
reset (pcsc-tools' smartcard_list.txt, 2023). A row says what a card seems to be: nobody signs an answer to reset.
Nothing here chooses a driver, and no row is asked about a card that a driver recognised.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from hardware.token.gmt.commands import Certainty

_LONGEST: Final = 33
"""The most bytes of an answer to reset, TS counted (ISO/IEC 7816-3, 8.2.1)."""

_CONVENTIONS: Final = (0x3B, 0x3F)
"""TS: direct and inverse convention."""

_GLOBAL_INTERFACE: Final = 15
"""T=15: not a protocol, but interface bytes that hold for all of them."""


class KnownCard(enum.StrEnum):
    """What a card that no driver recognised seems to be."""

    SECURITY_KEY = "security-key"
    """A YubiKey whose PIV application is switched off or missing."""
    OTHER_KEY = "other-key"
    """Another certificate authority's USB key, which at most its vendor's library reaches."""
    BANK_CARD = "bank-card"
    SIM_CARD = "sim-card"
    IDENTITY_CARD = "identity-card"
    TRANSPORT_CARD = "transport-card"
    STORAGE_CARD = "storage-card"
    """A contactless card that only stores: door, canteen, locker."""


class AnswerToReset(msgspec.Struct, frozen=True):
    """What is read of an answer to reset: the protocols T that it names, and its historical bytes."""

    protocols: tuple[int, ...]
    historical: bytes


class Row(msgspec.Struct, frozen=True):
    """One kind of card: its historical bytes begin so (.. stands for any byte), and it names all of `protocols`."""

    card: KnownCard
    historical: str
    source: str
    certainty: Certainty
    protocols: tuple[int, ...] = ()

    def fits(self, answer: AnswerToReset) -> bool:
        """Whether an answer to reset is one of such a card."""
        pattern = self.historical.split()
        return (
            len(answer.historical) >= len(pattern)
            and all(
                expected in ("..", f"{byte:02X}")
                for expected, byte in zip(pattern, answer.historical, strict=False)
            )
            and all(protocol in answer.protocols for protocol in self.protocols)
        )


_LIST: Final = "the public list"

ROWS: Final = (
    Row(
        KnownCard.SECURITY_KEY,
        "59 75 62 69 6B 65 79",
        f"{_LIST} and PIVageant's: 'Yubikey', then NEO or 4",
        Certainty.VERIFIED,
    ),
    Row(
        KnownCard.SECURITY_KEY,
        "80 73 C0 21 C0 57 59 75 62 69 4B 65 79",
        f"{_LIST} and PIVageant's: capabilities, then 'YubiKey'",
        Certainty.VERIFIED,
    ),
    Row(
        KnownCard.OTHER_KEY,
        "00 66 46 53 05",
        f"{_LIST} and OpenSC's card-epass2003: Feitian ePass2003",
        Certainty.VERIFIED,
    ),
    Row(
        KnownCard.OTHER_KEY,
        "00 65 46 53 05",
        f"{_LIST} and OpenSC's card-entersafe: Feitian's PKI card",
        Certainty.VERIFIED,
    ),
    Row(KnownCard.OTHER_KEY, "46 53 05", f"{_LIST}: Feitian ePass3000", Certainty.ASSUMED),
    Row(KnownCard.OTHER_KEY, "65 46 53 05", f"{_LIST}: Feitian ePass3000", Certainty.ASSUMED),
    Row(KnownCard.OTHER_KEY, "00 6A 6D 54 6F 6B 65 6E", f"{_LIST}: Longmai mToken", Certainty.ASSUMED),
    Row(KnownCard.OTHER_KEY, "57 44 36", f"{_LIST}: ten of Watchdata's USB keys", Certainty.ASSUMED),
    Row(
        KnownCard.SIM_CARD,
        "80 31 .. 73",
        f"ETSI TS 102 221, 6.3.3; {_LIST}: 586 of 706 such answers are SIM cards",
        Certainty.VERIFIED,
        protocols=(_GLOBAL_INTERFACE,),
    ),
    Row(KnownCard.SIM_CARD, "80 65 D0", f"{_LIST}: Chinese operators' older SIM cards", Certainty.ASSUMED),
    Row(KnownCard.SIM_CARD, "68 86 8D", f"{_LIST}: China Mobile's older SIM cards", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "00 31 C1 73 C8", f"{_LIST}: 88 of 103 such are bank cards", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "00 31 C1 64 08 60 32", f"{_LIST}: HSBC UnionPay", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "57 69 4C 4C 57", f"{_LIST}: six of six are bank cards", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "47 44", f"{_LIST}: Bank of China, China Merchants Bank", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "86 88 47 48", f"{_LIST}: ICBC", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "86 88 11 02", f"{_LIST}: ICBC UnionPay", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "86 88 55 50", f"{_LIST}: ICBC UnionPay", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "86 88 FF", f"{_LIST}: ICBC, Minsheng Bank", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "FF 86 88", f"{_LIST}: China Merchants Bank UnionPay", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "00 85 00 00 10 86 88", f"{_LIST}: CCB UnionPay", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "00 8C 43 01 01 86 88", f"{_LIST}: ICBC UnionPay", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "33 30 4A 30 33 86 88", f"{_LIST}: Agricultural Bank", Certainty.ASSUMED),
    Row(KnownCard.BANK_CARD, "00 04 D0 84 21 86 64", f"{_LIST}: ABC UnionPay", Certainty.ASSUMED),
    Row(KnownCard.IDENTITY_CARD, "80 4F 03 F0 01 00", f"{_LIST}: 居民身份证", Certainty.ASSUMED),
    Row(KnownCard.IDENTITY_CARD, "D1 03 86 05 00 80 80 00", f"{_LIST}: 居民身份证", Certainty.ASSUMED),
    Row(
        KnownCard.IDENTITY_CARD,
        "80 31 E0 6B",
        f"{_LIST}: Hong Kong's permanent identity card",
        Certainty.ASSUMED,
    ),
    Row(KnownCard.TRANSPORT_CARD, "42 4A", f"{_LIST}: 北京一卡通", Certainty.ASSUMED),
    Row(KnownCard.TRANSPORT_CARD, "47 92", f"{_LIST}: 北京一卡通", Certainty.ASSUMED),
    Row(KnownCard.TRANSPORT_CARD, "48 58", f"{_LIST}: 北京一卡通", Certainty.ASSUMED),
    Row(KnownCard.TRANSPORT_CARD, "4D 54 00", f"{_LIST}: 北京一卡通, Octopus", Certainty.ASSUMED),
    Row(KnownCard.TRANSPORT_CARD, "20 85 00 8B", f"{_LIST}: 上海公共交通卡", Certainty.ASSUMED),
    Row(KnownCard.TRANSPORT_CARD, "86 84 43 54 44 4E", f"{_LIST}: Guangzhou metro", Certainty.ASSUMED),
    Row(KnownCard.TRANSPORT_CARD, "86 38 4D 57", f"{_LIST}: 杭州通", Certainty.ASSUMED),
    Row(
        KnownCard.STORAGE_CARD,
        "80 4F 0C A0 00 00 03 06",
        f"PC/SC part 3, 3.1.3.2.3 (the reader itself makes this answer); {_LIST}",
        Certainty.VERIFIED,
    ),
)
"""The cards, in the order in which they are asked: the first row that fits counts."""


def describe_card(atr: bytes) -> KnownCard | None:
    """Tell what a card that no driver recognised seems to be; None where nobody knows."""
    answer = parse_answer_to_reset(atr)
    if answer is None:
        return None
    return next((row.card for row in ROWS if row.fits(answer)), None)


def parse_answer_to_reset(atr: bytes) -> AnswerToReset | None:
    """Read an answer to reset (ISO/IEC 7816-3, 8.2); None where it has not the form of one.

    TS, then T0 with how many historical bytes there are, then groups of interface bytes TA, TB, TC, TD, each TD
    saying which follow and for which protocol, then the historical bytes, and TCK except for T=0 alone.
    """
    if not 2 <= len(atr) <= _LONGEST or atr[0] not in _CONVENTIONS:  # noqa: PLR2004 - TS and T0 are always there
        return None
    protocols: list[int] = []
    announced, at = atr[1] >> 4, 2
    while announced & 8:
        at += (announced & 7).bit_count() + 1
        if at > len(atr):
            return None
        announced, protocol = divmod(atr[at - 1], 16)
        protocols.append(protocol)
    at += announced.bit_count()
    historical = atr[at : at + atr[1] % 16]
    return AnswerToReset(tuple(protocols), historical) if len(historical) == atr[1] % 16 else None
