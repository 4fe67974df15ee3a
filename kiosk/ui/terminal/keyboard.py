"""Bytes from a terminal as the messages of keys, pastes and clicks.

A terminal sends more than a keyboard should: bytes of another encoding, a paste whose end never comes, sequences that
cannot be. What cannot be read costs nothing but itself.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

PASTE_SECONDS = 1.0
"""How long a paste may last; a field's worth takes a moment, and meanwhile every key is a part of it."""
HELD_SECONDS = 0.12
"""Between two repeats of a key that is held down: Linux's own console repeats the slowest, each 92 ms."""
DELAY_SECONDS = 1.0
"""Before the first repeat of a key that is held down: 250 ms on Linux's own console, 500 or 660 ms on desktops."""
_STEPPING = frozenset(("enter", "escape"))
_MEANT = (events.Key, events.Paste, events.MouseDown)
"""What people do; a terminal reports on itself besides."""
_MARKER_LENGTH = len(BRACKETED_PASTE_START)
_CONTROLS = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""All but the ends of lines: in a field they would be written to the terminal, which takes them for commands."""


class Keyboard:
    """Reads what a terminal sends. Repeats of a key that is held down bear the time of its press.

    Enter or Escape that comes again within `DELAY_SECONDS` may be another press or the first repeat. The next repeat tells,
    so it waits for that, `HELD_SECONDS` at most.
    """

    def __init__(self, monotonic: Callable[[], float], odd: Callable[[Exception], None]) -> None:
        self._monotonic = monotonic
        self._odd = odd
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parser = XTermParser()
        self._last = ""
        self._paste_began: float | None = None
        self._held = ""
        self._pressed = self._repeated = 0.0
        self._doubted: events.Key | None = None

    def read(self, data: bytes) -> Iterator[Message]:
        """The messages of some bytes; those that are no UTF-8 are U+FFFD."""
        yield from self._end_paste()
        for character in self._decoder.decode(data):
            self._note_marker(character)
            yield from self._parsed(partial(self._parser.feed, character))

    def tick(self) -> Iterator[Message]:
        """The messages that come of waiting: an Escape that begins nothing, a paste that is over, a press that was one."""
        yield from self._end_paste()
        yield from self._parsed(self._parser.tick)
        if self._doubted is not None and self._monotonic() - self._doubted.time >= HELD_SECONDS:
            yield from self._settle(None)

    def _note_marker(self, character: str) -> None:
        self._last = (self._last + character)[-_MARKER_LENGTH:]
        if self._last == BRACKETED_PASTE_START and self._paste_began is None:
            self._paste_began = self._monotonic()
        elif self._last == BRACKETED_PASTE_END:
            self._paste_began = None

    def _end_paste(self) -> Iterator[Message]:
        """End a paste that lasts too long: what was typed since is its text."""
        if self._paste_began is None or self._monotonic() - self._paste_began < PASTE_SECONDS:
            return
        self._paste_began = None
        for character in BRACKETED_PASTE_END:
            yield from self._parsed(partial(self._parser.feed, character))

    def _parsed(self, step: Callable[[], Iterable[Message]]) -> Iterator[Message]:
        """What the parser makes of it; one that failed is replaced."""
        try:
            messages = list(step())
        except (ValueError, ArithmeticError, RuntimeError) as error:
            self._odd(error)
            self._parser, self._paste_began = XTermParser(), None
            return
        for message in messages:
            if isinstance(message, _MEANT):
                yield from self._settle(message)
            if isinstance(message, events.Paste):
                message.text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", message.text)
            if not isinstance(message, events.Key):
                yield message
            elif self._is_doubtful(message):
                self._doubted = message
            else:
                yield self._timed(message)

    def _is_doubtful(self, key: events.Key) -> bool:
        pause = key.time - self._repeated
        return key.key in _STEPPING and key.key == self._held and HELD_SECONDS <= pause < DELAY_SECONDS

    def _settle(self, following: Message | None) -> Iterator[Message]:
        """The key that was in doubt, now that it is known what came next: it was a repeat if that is its next one."""
        doubted, self._doubted = self._doubted, None
        if doubted is None:
            return
        repeated = (
            isinstance(following, events.Key)
            and following.key == doubted.key
            and following.time - doubted.time < HELD_SECONDS
        )
        if repeated:
            self._repeated, doubted.time = doubted.time, self._pressed
            yield doubted
        else:
            yield self._timed(doubted)

    def _timed(self, key: events.Key) -> events.Key:
        if key.key != self._held or key.time - self._repeated >= HELD_SECONDS:
            self._held, self._pressed = key.key, key.time
        self._repeated, key.time = key.time, self._pressed
        return key
