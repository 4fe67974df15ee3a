"""Cards that are in although the service says that their reader is empty.

pcscd looks at a reader every 0.4 s and counts what came and went. A reset that fails because the card is away at that
moment makes the reader empty at once, uncounted (pcsc-lite 1.9.9, winscard.c, SCardDisconnect); a card that is back
before the next look is then nowhere: the look finds what it found before (eventhandler.c), and the reader stays empty
until the card is pulled out for longer. A reader that fell empty without a removal being counted, for longer than a
look takes, has such a card.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from hardware.pcsc.calls import PcscFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hardware.pcsc.calls import PcscCalls, ReaderState

_LOOKS_TAKE: Final = 1.0
"""Seconds within which pcscd has surely looked at a reader once more (PCSCLITE_STATUS_POLL_RATE is 0.4)."""


class Absences:
    """What is known of readers that fell empty; not safe for several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last_in: dict[bytes, int] = {}
        self._since: dict[bytes, float] = {}

    @property
    def doubted(self) -> bool:
        """Whether a reader has to be looked at again soon."""
        return bool(self._since)

    def seen(self, service: PcscCalls, context: int) -> tuple[tuple[ReaderState, ...], frozenset[str]]:
        """Ask for the readers' states, resetting cards that are overlooked; which readers show one since. Raises PcscFailed."""
        try:
            states = service.states(context)
        except PcscFailed:
            self._forget()  # a service that is begun anew counts anew
            raise
        overlooked = self.due(states)
        if not overlooked:
            return states, frozenset()
        for name in overlooked:
            service.reset(context, name)
        states = service.states(context)
        return states, frozenset(each.reader for each in states if each.present and each.name in overlooked)

    def due(self, states: Sequence[ReaderState]) -> tuple[bytes, ...]:
        """The names of readers that have a card in spite of what they say; each is named once an absence."""
        return tuple(each.name for each in states if self._has_a_card(each))

    def _forget(self) -> None:
        self._last_in.clear()
        self._since.clear()

    def _has_a_card(self, state: ReaderState) -> bool:
        if state.present:
            self._last_in[state.name] = state.events
            self._since.pop(state.name, None)
            return False
        if self._last_in.get(state.name) != state.events:
            self._since.pop(state.name, None)
            return False
        since = self._since.setdefault(state.name, self._monotonic())
        if self._monotonic() - since < _LOOKS_TAKE:
            return False
        del self._since[state.name], self._last_in[state.name]
        return True
