"""What the desk's verbs work with."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from hardware.ports import ReceiptPrinter, Scanner, TokenSource
from kiosk.desk.settings import DeskSettings
from kiosk.domain.clock import Clock
from kiosk.store.database import Database


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
