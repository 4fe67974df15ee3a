"""The sync agent's state: its position at the centre and the last contact; the screens show it."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.domain.policy import SignedTime
from kiosk.store.rows import Codec, Singleton

if TYPE_CHECKING:
    from sqlite3 import Connection


class LinkFault(enum.StrEnum):
    """Why the other end is not accepted as the centre."""

    UNKNOWN_AUTHORITY = "unknown-authority"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    ANOTHER_HOST = "another-host"
    NO_TLS = "no-tls"
    REFUSED = "refused"


class ContactFault(enum.StrEnum):
    """Why the last attempt to reach the centre failed."""

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    ANSWER_UNUSABLE = "answer-unusable"
    NETWORK_LOGIN = "network-login"
    PROXY_REFUSED = "proxy-refused"
    PROXY_UNREACHABLE = "proxy-unreachable"
    UPLOAD_BLOCKED = "upload-blocked"
    REFUSED = "refused"
    FORKED = "forked"


class AgentState(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `high_water` is the last sequence that the centre has, `strand` the one that it is on there.

    `quarantined` when this machine was revoked, `retired` when it may only upload any more, `unconfirmed` when that is so until
    staff of a centre that was put back confirm it. `incarnation` is that of the centre to which it showed its deed last;
    `held` up to which position it then uploaded what it holds of other strands, None where that is done.

    `awaiting_root` while the machine is not enrolled yet, since the centre's root has to sign first.

    `error` is why the last attempt failed, in English; `failure` the same for programs, `trouble` when it was the
    centre's certificate, and `refusal` the centre's own code when it refused.
    `lacks_until` is the last of the entries that this machine keeps no more and a centre that was put back lacks: until it has
    them it takes none (0: it lacks none). `retry_at` is until when the other end asked to be left alone.
    `signed_time_monotonic` (milliseconds) and `signed_time_boot` say when this machine received `signed_time`.
    """

    high_water: int = 0
    last_contact: int | None = None
    last_attempt: int | None = None
    signed_time: SignedTime | None = None
    signed_time_monotonic: int = 0
    signed_time_boot: str = ""
    error: str = ""
    trouble: LinkFault | None = None
    quarantined: bool = False
    failure: ContactFault | None = None
    refusal: str = ""
    strand: int = 0
    retired: bool = False
    retry_at: int | None = None
    unconfirmed: bool = False
    incarnation: int = 0
    lacks_until: int = 0
    held: int | None = None
    awaiting_root: bool = False

    @property
    def is_out_of_use(self) -> bool:
        """Whether the centre said that this machine was retired, reported lost or revoked."""
        return self.retired or self.quarantined


_STATE = Codec(AgentState)
_TEXT = Codec(str)


class AgentTable:
    """The agent's state, one record, and the centre's newest receipt."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._state = Singleton(connection, path, "agent-state", _STATE)
        self._receipt = Singleton(connection, path, "centre-receipt", _TEXT)

    def get(self) -> AgentState:
        """The state; the empty one before the first contact."""
        return self._state.get() or AgentState()

    def put(self, state: AgentState) -> None:
        """Replace it."""
        self._state.put(state)

    def receipt(self) -> str:
        """The newest receipt of the centre, as it came; empty before the first."""
        return self._receipt.get() or ""

    def put_receipt(self, text: str) -> None:
        """Replace it; whoever does checks its signature."""
        self._receipt.put(text)

    def forget_retry(self) -> None:
        """Forget until when the centre wants to be left alone: somebody asks now."""
        if (state := self.get()).retry_at is not None:
            self.put(replace(state, retry_at=None))
