"""The status row: devices, network, clock, and what waits for people."""

from __future__ import annotations

import enum

import msgspec

from hardware import ports
from kiosk.store.agent_state import ContactFault, LinkFault

# The screens may not import the devices; they take the printer's states from here.
PrinterState = ports.PrinterState


class Network(enum.StrEnum):
    """Whether the agent reached the centre lately."""

    ONLINE = "online"
    OFFLINE = "offline"
    REFUSED = "refused"
    """It was reached, and refused what this machine asked."""
    NOT_ENROLLED = "not-enrolled"
    AWAITING_ROOT = "awaiting-root"


class TokenStatus(enum.StrEnum):
    """驱动未加载 / 驱动已加载，请插入KEY / key盘已插入 / more than one, so that the member has to choose."""

    NO_DRIVER = "no-driver"
    ABSENT = "absent"
    PRESENT = "present"
    SEVERAL = "several"


class ClockFault(enum.StrEnum):
    """Why nothing is issued at present."""

    BEHIND_LAST_ENTRY = "behind-last-entry"
    FAR_FROM_SERVER = "far-from-server"
    SERVER_TIME_TOO_OLD = "server-time-too-old"


class Contact(msgspec.Struct, frozen=True):
    """Why the last attempt to reach the centre failed, as in AgentState; all empty when it did not."""

    error: str = ""
    failure: ContactFault | None = None
    trouble: LinkFault | None = None
    retry_at: int | None = None
    refusal: str = ""


class DeskStatus(msgspec.Struct, frozen=True):
    """The status row: `backlog` counts entries the centre has not yet; `feed_as_of` when the feed was last current.

    `nights_missed` counts the nights in a row without a nightly run. `fingerprint` is that of the machine's key while the
    centre's root, or its staff, have to look at it; `out_of_use` once the centre took this machine out of use.
    `version` changes with every commit to the database, whoever makes it. `key_to_take` while a key is in that no visit left
    there, `key_left` while one that was left waits for staff.
    """

    token: TokenStatus
    printer: PrinterState
    network: Network
    backlog: int
    now: int
    feed_as_of: int | None
    version: int
    clock: ClockFault | None = None
    receipts_waiting: int = 0
    matters: int = 0
    unapplied_rows: int = 0
    contact: Contact = Contact()
    agent_runs: bool = True
    nights_missed: int = 0
    fingerprint: str = ""
    out_of_use: bool = False
    key_to_take: bool = False
    key_left: bool = False


class KeyAnswer(enum.StrEnum):
    """Whether the key that is to be taken away is in a reader: told by the key itself, where it can be reached."""

    IN = "in"
    GONE = "gone"
    UNKNOWN = "unknown"
    """The readers say that one is in, or say nothing, and none answers: it is broken, or away and nobody noticed."""
