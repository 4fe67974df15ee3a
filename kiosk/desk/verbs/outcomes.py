"""How a verb ends early, as an outcome: what the screens get instead of the desk's and the store's exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, assert_never

import structlog
from msgspec.structs import replace

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.status import feed_age
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.errors import EntryRefused
from kiosk.store.errors import (
    DatabaseError,
    DescriptorsUsedUp,
    DiskFull,
    DiskReadOnly,
    InodesUsedUp,
    NotEnrolled,
    StoreBusy,
    StoreUnavailable,
)
from kiosk.store.shortage import refused_by_system

if TYPE_CHECKING:
    from kiosk.desk.context import Desk


_LOG = structlog.get_logger()
_Outcome = TypeVar("_Outcome")

# Whose key a token is, and whether it is on hold, comes from the feed unless this kiosk bound it.
_RESTS_ON_FEED = {TokenRefusal.NOT_THE_KEY_ON_RECORD, TokenRefusal.ANOTHER_MEMBERS, TokenRefusal.NOT_ON_HOLD}


class Outcomes:
    """The desk, and its verbs' early ends as outcomes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _outcome(self, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        """The verb's result, or why it was refused; what the disk or the system lacks fails it whole, wherever that shows."""
        try:
            return self._unless_refused(verb)
        except (EntryRefused, NotEnrolled, DatabaseError) as error:
            return self._failed(error)
        except OSError as error:
            missing = refused_by_system(self._desk.database.path, error)
            if type(missing) is StoreUnavailable:  # no more is known of it
                raise
            return self._failed(missing)

    def _failed(self, error: EntryRefused | NotEnrolled | DatabaseError) -> Refused:
        reason = _reason(error)
        _LOG.warning("refused", reason=reason.value, problem=str(error))
        return Refused(reason)

    def _unless_refused(self, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        try:
            return verb()
        except DeskRefused as refused:
            return Refused(refused.reason, self._feed_age() if refused.rests_on_feed else None)

    def _or(self, nothing: _Outcome, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        """The verb's result, or `nothing` when the desk refuses; failures of the store are reported all the same."""
        outcome = self._outcome(verb)
        refused = isinstance(outcome, Refused) and outcome.reason not in _STORE_FAILS
        return nothing if refused else outcome

    def _token_outcome(
        self, name: str, verb: Callable[[], _Outcome], **facts: str
    ) -> _Outcome | TokenRefused | Refused:
        """The same for a verb on a token, whose end is logged."""

        def unless_unusable() -> _Outcome | TokenRefused:
            try:
                return verb()
            except TokenUnusable as unusable:
                _LOG.info("stopped", verb=name, trouble=unusable.refused.reason.value, **facts)
                return self._token_refused(unusable)

        return self._outcome(unless_unusable)

    def _token_refused(self, unusable: TokenUnusable) -> TokenRefused:
        """What is wrong with the token, with the feed's age where it rests on that."""
        refused = unusable.refused
        return replace(refused, feed_as_of=self._feed_age()) if refused.reason in _RESTS_ON_FEED else refused

    def _feed_age(self) -> int | None:
        with self._desk.database.read() as tx:
            return feed_age(tx, self._desk.clock.wall())


def _reason(error: EntryRefused | NotEnrolled | DatabaseError) -> Refusal:
    match error:
        case EntryRefused():
            return Refusal.RECORD_DISAGREES
        case NotEnrolled():
            return Refusal.NOT_ENROLLED
        case DatabaseError():
            return next(reason for kind, reason in _STORE_REASONS if isinstance(error, kind))
        case _:
            assert_never(error)


# The narrower kind first.
_STORE_REASONS: tuple[tuple[type[DatabaseError], Refusal], ...] = (
    (InodesUsedUp, Refusal.INODES_USED_UP),
    (DiskFull, Refusal.DISK_FULL),
    (DiskReadOnly, Refusal.DISK_READ_ONLY),
    (DescriptorsUsedUp, Refusal.DESCRIPTORS_USED_UP),
    (StoreBusy, Refusal.STORE_BUSY),
    (DatabaseError, Refusal.STORE_UNREADABLE),
)
_STORE_FAILS = {reason for _, reason in _STORE_REASONS}
