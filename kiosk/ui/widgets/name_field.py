"""A person's name for a desk without an input method: letters are spelt, and a digit takes one of the characters offered.

What has an input method, pastes or scans types characters as into any field.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical

from kiosk.text.pinyin import meant_by, surnames_first
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import Text

OFFERED = 9
"""Characters at a time, one for each digit."""
_NEXT, _BEFORE = ".", "-"
# Small letters at the beginning or after a character; names in other scripts are written in capitals.
_SPELT = re.compile(r"(?:\A|(?<=[^\x00-\x7f]))[a-z]+")


class NameField(Field):
    """The field: while something is spelt, digits choose and `.` and `-` turn the pages."""

    _page = 0
    _of = ""

    def insert_text_at_cursor(self, text: str) -> None:
        """Take the character of a digit, turn the page, or insert what was typed or pasted."""
        offered = self.offered()
        if offered and text in {_NEXT, _BEFORE}:
            self._page += 1 if text == _NEXT else -1
            self.post_message(self.Changed(self, self.value))
        elif offered and text.isascii() and text.isdigit() and 0 < int(text) <= len(offered):
            self._take(offered[int(text) - 1])
        else:
            super().insert_text_at_cursor(text)

    def _take(self, character: str) -> None:
        found = _SPELT.search(self.value)
        if found is not None:
            syllable, _ = meant_by(found[0])
            begin = found.start()
            self.replace(character, begin, begin + len(syllable))
            self.cursor_position = len(self.value)

    def offered(self) -> str:
        """The characters to choose from now; none where nothing is spelt."""
        found = _SPELT.search(self.value)
        syllable, characters = meant_by(found[0]) if found is not None else ("", "")
        if found is None or not characters:
            return ""
        if self._of != syllable:
            self._of, self._page = syllable, 0
        if found.start() == 0:
            characters = surnames_first(characters)
        pages = -(-len(characters) // OFFERED)
        begin = self._page % pages * OFFERED
        return characters[begin : begin + OFFERED]


class NameRow(Vertical):
    """The field with its label and error, and below it what may be meant, or how it is typed."""

    DEFAULT_CSS = """
    NameRow { height: 3; }
    NameRow > FieldRow { margin-bottom: 0; }
    NameRow > .offered { height: 1; padding-left: 23; color: $muted; }
    NameRow > .offered.-some { color: $accent; text-style: bold; }
    """
    LABEL: ClassVar[str] = "row-of-"

    def __init__(self, label: str, field: NameField, t: Text) -> None:
        self._label = label
        self._t = t
        self.field = field
        super().__init__(id=f"{self.LABEL}{field.id}")

    def compose(self) -> ComposeResult:
        """The field, and the line below."""
        yield FieldRow(self._label, self.field)
        yield Line(self._t("不用输入法也行：输拼音，按数字选字；找不到的字按 F6"), classes="offered")

    def on_input_changed(self) -> None:
        """Offer what is spelt by now."""
        offered = self.field.offered()
        said = " ".join(f"{number}{each}" for number, each in enumerate(offered, start=1))
        more = self._t("{characters}   . - 翻页", characters=said)
        line = self.query_one(".offered", Line)
        line.update(more if offered else self._t("不用输入法也行：输拼音，按数字选字；找不到的字按 F6"))
        line.set_class(bool(offered), "-some")
