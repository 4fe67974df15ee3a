"""A field whose Chinese value is chosen by typing pinyin initials, for a desk without an input method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.text.cells import width
from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual import events

Meanings = Callable[[str], tuple[str, ...]]


class PickField(Field):
    """Small letters are offered what they mean; a digit takes one of these, Enter the first."""

    def __init__(
        self,
        meanings: Meanings,
        value: str = "",
        *,
        id: str,  # noqa: A002 - Textual's own name
        placeholder: str = "",
        maximum: int = 60,
    ) -> None:
        super().__init__(value, id=id, placeholder=placeholder, maximum=maximum)
        self._meanings = meanings

    @property
    def offered(self) -> tuple[str, ...]:
        """What the letters in the field may mean; nothing once anything else stands there."""
        letters = self.value.strip().lower()
        return self._meanings(letters) if letters.isascii() and letters.isalpha() else ()

    def on_key(self, event: events.Key) -> None:
        """Take what has that number. Textual calls the base class's handler too, unless that is prevented."""
        offered = self.offered
        number = int(event.character) if event.character and event.character in "123456789" else 0
        if 0 < number <= len(offered):
            event.prevent_default()
            event.stop()
            self._take(offered[number - 1])

    async def action_next_or_submit(self) -> None:
        """Take the first that is offered, and stay, so that more can be typed behind it; else go on."""
        offered = self.offered
        if offered:
            self._take(offered[0])
        else:
            await super().action_next_or_submit()

    def _take(self, value: str) -> None:
        self.value = value
        self.cursor_position = len(value)


class Offered(Line):
    """What the letters in a field may mean, numbered, none broken; its place stays empty meanwhile."""

    DEFAULT_CSS = "Offered { height: 3; color: $accent; }"

    def show(self, offered: tuple[str, ...]) -> None:
        """Number them."""
        rows = [""]
        for number, each in enumerate(offered, start=1):
            row = f"{rows[-1]}  {number} {each}".lstrip()
            if rows[-1] and width(row) > self.content_size.width:
                rows.append(f"{number} {each}")
            else:
                rows[-1] = row
        self.update("\n".join(rows))
