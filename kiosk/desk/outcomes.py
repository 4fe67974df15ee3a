"""How a verb's early end becomes the outcome that the screens are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, assert_never

import structlog
from msgspec.structs import replace

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.network import feed_age
from kiosk.desk.views import Refusal, Refused, TokenRefused, TokenTrouble
from kiosk.domain.errors import EntryRefused
from kiosk.store.errors import DatabaseError, DiskFull, NotEnrolled, StoreBusy

if TYPE_CHECKING:
    from kiosk.desk.context import Desk

_LOG = structlog.get_logger()
_Outcome = TypeVar("_Outcome")

# Whose key a token is, and whether it is on hold, is what the feed told, unless this kiosk bound it.
_RESTS_ON_FEED = {TokenTrouble.NOT_THE_KEY_ON_RECORD, TokenTrouble.ANOTHER_MEMBERS, TokenTrouble.NOT_ON_HOLD}


class Outcomes:
    """The desk, and its verbs' early ends as outcomes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _outcome(self, verb: Callable[[], _Outcome]) -> _Outcome | Refused:
        """What the verb gives, or why it did not go on: a full disk fails it whole."""
        try:
            return verb()
        except DeskRefused as refused:
            return Refused(refused.reason, self._feed_age() if refused.rests_on_feed else None)
        except (EntryRefused, NotEnrolled, DatabaseError) as error:
            reason = _reason(error)
            _LOG.warning("refused", reason=reason.value, problem=str(error))
            return Refused(reason)

    def _token_outcome(
        self, name: str, verb: Callable[[], _Outcome], **facts: str
    ) -> _Outcome | TokenRefused | Refused:
        """The same for a verb on a token; the log is told what it was and which trouble ended it."""
        try:
            return self._outcome(verb)
        except TokenUnusable as unusable:
            _LOG.info("stopped", verb=name, trouble=unusable.refused.trouble.value, **facts)
            return self._token_refused(unusable)

    def _token_refused(self, unusable: TokenUnusable) -> TokenRefused:
        """What is wrong with the token, with the feed's age where it rests on that."""
        refused = unusable.refused
        return replace(refused, feed_as_of=self._feed_age()) if refused.trouble in _RESTS_ON_FEED else refused

    def _feed_age(self) -> int | None:
        with self._desk.database.read() as tx:
            return feed_age(tx, self._desk.clock.wall())


def _reason(error: EntryRefused | NotEnrolled | DatabaseError) -> Refusal:
    match error:
        case EntryRefused():
            return Refusal.RECORD_DISAGREES
        case NotEnrolled():
            return Refusal.NOT_ENROLLED
        case DiskFull():
            return Refusal.DISK_FULL
        case StoreBusy():
            return Refusal.STORE_BUSY
        case DatabaseError():
            return Refusal.STORE_UNREADABLE
        case _:
            assert_never(error)
