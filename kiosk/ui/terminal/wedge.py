"""A scanner that acts as a keyboard, told from a person by how fast it types: where nobody types a text, its keys mean nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual import events

GAP_SECONDS = 0.05
"""Between two characters of a scan at most. Nobody at a page of buttons presses two keys so fast."""
SHORTEST = 6
_STALE_SECONDS = 4 * GAP_SECONDS


class WedgeScanner:
    """Keeps the characters that come where only single keys mean something, until it is known what they are.

    `pressed` gets a key that a person pressed after all, `scanned` a whole scan; `aside` runs a coroutine beside the keys, and
    `later` calls something after those that came already.
    """

    def __init__(
        self,
        pressed: Callable[[events.Key], Awaitable[None]],
        scanned: Callable[[str], None],
        aside: Callable[[Coroutine[None, None, None]], object],
        later: Callable[[Callable[[], Awaitable[None]]], object],
    ) -> None:
        self._pressed = pressed
        self._scanned = scanned
        self._aside = aside
        self._later = later
        self._kept: list[events.Key] = []
        self._late: list[events.Key] = []
        self._counted = 0
        self._waiting = False

    async def takes(self, key: events.Key, *, listening: bool) -> bool:
        """Whether the key was kept, or ended a scan; else it is to be handled as ever."""
        if self._kept and key.time - self._kept[-1].time > _STALE_SECONDS:
            await self.settle()
        if not listening:
            self._kept.clear()
            return False
        late, self._late = self._late, []
        if key.key == "enter" and late and key.time - late[-1].time <= _STALE_SECONDS:
            self._kept = late  # the machine was busy, and the scan's own end came a little after the wait
        if key.key == "enter" and self._kept:
            await self._end()
            return True
        if not (_is_of_a_scan(key) if self._kept else _begins_a_scan(key)):
            await self.settle()
            return False
        self._keep(key)
        return True

    def _keep(self, key: events.Key) -> None:
        repeated = bool(self._kept) and (key.key, key.time) == (self._kept[-1].key, self._kept[-1].time)
        self._kept.append(key)
        self._counted += not repeated  # a key that is held down does not put off what it does
        if not self._waiting:
            self._waiting = True
            self._aside(self._wait())

    async def _wait(self) -> None:
        """Wait until no more comes."""
        counted = -1
        while counted != self._counted:
            counted = self._counted
            await asyncio.sleep(GAP_SECONDS)
        self._later(self._waited)

    async def _waited(self) -> None:
        self._waiting = False
        await self.settle()

    async def settle(self) -> None:
        """No more comes: one key was a person's, several are a scan without an end."""
        kept, self._kept = self._kept, []
        if kept and _is_one_key(kept):
            await self._pressed(kept[0])
        else:
            self._late = kept

    async def _end(self) -> None:
        """An Enter that came so fast ends a scan; after a single key it is nobody's."""
        kept = self._kept
        if _is_one_key(kept):
            await self.settle()
            return
        self._kept = []
        text = "".join(key.character or "" for key in kept).strip()
        if len(text) >= SHORTEST:
            self._scanned(text)


def _is_of_a_scan(key: events.Key) -> bool:
    return key.character is not None and key.character.isascii() and key.character.isprintable()


def _begins_a_scan(key: events.Key) -> bool:
    """All that is looked for begins with a letter or a digit: an address, a number, a serial."""
    return _is_of_a_scan(key) and (key.character or "").isalnum()


def _is_one_key(keys: list[events.Key]) -> bool:
    return len({key.key for key in keys}) == 1
