"""What a transaction tells the kiosks so far; of rows with the same audience and key the last one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kiosk.domain.feed import FeedBody, KeyedBody, Removed
from kiosk.domain.feed_keys import row_key_of

Rows = dict[tuple[int, str], FeedBody]
Later = Callable[[], None]


class Telling:
    """What a transaction tells so far; `now` is UTC seconds."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.rows: Rows = {}
        self.echoed: set[tuple[int, int]] = set()
        self.later: list[Later] = []

    def tell(self, audiences: int | Iterable[int], body: KeyedBody) -> None:
        """Tell an audience, or several, what holds."""
        key = row_key_of(body)
        for audience in (audiences,) if isinstance(audiences, int) else audiences:
            self._put(audience, key, body)

    def remove(self, audience: int, key: str) -> None:
        """Tell an audience that nothing holds under a key any more."""
        self._put(audience, key, Removed())

    def of_members(self, tell: Later) -> None:
        """Tell of members, or of their money, what is read as the last step, one transaction after the other.

        Several transactions write what their rows say, and for whom these are: the last to commit reads what all of them
        wrote.
        """
        self.later.append(tell)

    def close_echoed(self, audience: int, row: int) -> None:
        """Close the row of that id: its kiosk entered what it says."""
        self.echoed.add((audience, row))

    def _put(self, audience: int, key: str, body: FeedBody) -> None:
        self.rows.pop((audience, key), None)
        self.rows[audience, key] = body
