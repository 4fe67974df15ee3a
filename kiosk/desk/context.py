"""What the desk's verbs work with: database, devices, and what they need of the configuration."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import msgspec

from hardware.ports import ReceiptPrinter, Scanner, TokenPresence, TokenSource
from kiosk.domain.clock import Clock
from kiosk.pki.passwords import DUMMY_VERIFIER
from kiosk.settings import Exchange
from kiosk.store.database import Database


class LeftKeys:
    """The keys that a visit left in a reader: nobody else's visit reads or uses them until they are pulled.

    They are known by their insertions. Every look at the readers has to tell what is in; nothing here talks to a reader,
    so that one that hangs holds nobody up. All methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in: frozenset[TokenPresence] = frozenset()
        self._left: frozenset[TokenPresence] = frozenset()
        self._seen_to = False

    def others(self, present: tuple[TokenPresence, ...]) -> tuple[TokenPresence, ...]:
        """Those of the keys that are in now that nobody left; one that was pulled is forgotten."""
        with self._lock:
            self._in = frozenset(present)
            self._left &= self._in
            return tuple(each for each in present if each not in self._left)

    def leave(self) -> None:
        """Note that every key that was in at the last look was left."""
        with self._lock:
            self._left, self._seen_to = self._in, False

    def see_to(self) -> None:
        """Note that staff know of those that were left, or that nobody need come for them."""
        with self._lock:
            self._seen_to = True

    @property
    def are_missed(self) -> bool:
        """Whether there are any that staff have not seen to."""
        with self._lock:
            return bool(self._left) and not self._seen_to


class DeskSettings(msgspec.Struct, frozen=True):
    """Addresses, names and waiting times of one desk.

    `payment_page` is the base address in QR codes; `challenge_wait` and `judgement_wait` are how long (seconds) a
    login check waits for the centre's two answers; `dummy_verifier` (Argon2id) is checked where an account is
    unknown, so that this takes as long as a wrong password.
    """

    payment_page: str
    exchange: Exchange = Exchange()
    challenge_wait: float = 4.0
    judgement_wait: float = 6.0
    dummy_verifier: str = DUMMY_VERIFIER


@dataclasses.dataclass(frozen=True, slots=True)
class Desk:
    """One desk: its database, clock, randomness (a number of bytes in, the bytes out), devices and settings.

    `agent_runs` tells whether the sync agent runs, `sleep` (seconds) is how a verb waits for it. The locks keep two screen actions from using one device at once.
    """

    database: Database
    clock: Clock
    random: Callable[[int], bytes]
    tokens: TokenSource
    printer: ReceiptPrinter
    scanner: Scanner | None
    settings: DeskSettings
    agent_runs: Callable[[], bool]
    sleep: Callable[[float], None] = time.sleep
    token_lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    printer_lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    left_keys: LeftKeys = dataclasses.field(default_factory=LeftKeys)
