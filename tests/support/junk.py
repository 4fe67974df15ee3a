"""Entries that no honest kiosk writes: every kind, with anything in every field that its type allows."""

from __future__ import annotations

import enum
import time
import types
import typing
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.versions import COUNTER_BITS, Version
from sync.central.examples import SCHEDULE
from sync.central.ledger.rules import Action

KINDS = tuple(kind for kind in typing.get_args(AnyBody) if kind is not EpochBegan)
"""All but the one that the chain itself has a rule for."""
_NUMBERS = (0, 1, 2, 3, 4, 34000, -1, 2**31, 2**62, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
_TEXTS = ("", "x", "甲", "\x00", "字" * 70, "3-0147-6.6e6f6e636536", "11000001 ", "0003000000000001")


class Junk:
    """Makes bodies; names are mostly those that exist, of whomever they are."""

    def __init__(self, random: Random, accounts: tuple[str, ...], feed: Callable[[], list[str]]) -> None:
        """`feed` tells the keys of the rows that the kiosk that writes was told."""
        self.random = random
        self.accounts = accounts
        self.orders: list[str] = []
        self.certificates: list[str] = []
        self.serials: list[str] = ["E8AD652202221F03"]
        self._feed = feed

    def body(self) -> AnyBody:
        """The body of one entry."""
        kind = self.random.choice(KINDS)
        hints = typing.get_type_hints(kind)
        fields = {name: self.value(name, hints[name]) for name in kind.__struct_fields__}
        return kind(**fields)  # type: ignore[no-any-return]  # made from the union's own members

    def value(self, name: str, hint: Any) -> Any:  # noqa: PLR0911 - one case a type
        """A value of a field of that name and type."""
        choose = self.random.choice
        if typing.get_origin(hint) in {types.UnionType, typing.Union}:
            hint = choose(typing.get_args(hint))
        if hint is types.NoneType:
            return None
        if hint is str:
            return self._text(name)
        if hint is int:
            return self._number(name)
        if hint is bool:
            return choose((False, True))
        if hint is bytes:
            return choose((b"", b"DER", b"\x04" + bytes(64)))
        if hint is KeyOnRecord:
            return self.key()
        if hint is Version:
            return Version(
                choose((0, 1, 1, 2, -1)), choose((*_NUMBERS, int(time.time() * 1000) << COUNTER_BITS))
            )
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return choose(list(hint))
        return self._lines()

    def key(self) -> KeyOnRecord:
        """A key as somebody may say that it is."""
        choose = self.random.choice
        return KeyOnRecord(
            self._text("certificate"),
            choose(self.serials),
            choose(_NUMBERS),
            choose(_NUMBERS),
            lost=choose((False, True)),
            holds=choose((0, 1, 2, 3, 4, -1, 10**6, 2**63)),
            revoked=choose((False, False, True)),
        )

    def _text(self, name: str) -> str:
        known = {
            "order": self.orders,
            "account": self.accounts,
            "certificate": self.certificates,
            "number": self.certificates,
            "predecessor": self.certificates,
            "token_serial": self.serials,
            "subject": [*self.orders, *self.certificates],
            "rule": [reason.value for reason in RemarkReason],
            "action": [action.value for action in Action],
            "feed": self._feed() if name == "feed" else (),
        }.get(name, _TEXTS)
        often = bool(known) and self.random.random() < 0.9
        return self.random.choice(known if often else _TEXTS)

    def _number(self, name: str) -> int:
        if name in {"policy", "attempt", "handover", "new_owner"}:
            return self.random.choice((0, 1, 1, 2, 3, 4, 5, 2**33, 2**64 - 1))
        return self.random.choice(_NUMBERS)

    def _lines(self) -> tuple[PriceLine, ...]:
        lines = SCHEDULE.lines(self.random.choice(list(OrderKind)))
        odd = tuple(msgspec.structs.replace(line, amount=self.random.choice(_NUMBERS)) for line in lines)
        return self.random.choice((lines, (), odd))
