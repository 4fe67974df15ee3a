"""The field for the eleven digits from the payer's phone, grouped 4-4-3 while typing."""

from __future__ import annotations

from kiosk.domain.payment_codes import CONFIRMATION_DIGITS, group_confirmation
from kiosk.domain.scanned_confirmations import PREFIX
from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.touch_boards import Board

_LONGEST_SCAN = 200


class CodeEntry(Field):
    """Groups digits; leaves the input of a scanner, which begins with a letter, unchanged."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, placeholder="____-____-___", maximum=_LONGEST_SCAN, board=Board.DIGITS)

    @property
    def is_scan(self) -> bool:
        """Whether the value came from a scanner that acts as a keyboard."""
        return self.value.strip().upper().startswith(PREFIX)

    def group_digits(self) -> None:
        """Group the digits typed so far."""
        if self.value[:1].isalpha():
            return
        digits = "".join(character for character in self.value if character.isdigit())[
            : CONFIRMATION_DIGITS + 1
        ]
        grouped = group_confirmation(digits)
        if grouped != self.value:
            at_end = self.cursor_position >= len(self.value)
            self.value = grouped
            if at_end:
                self.cursor_position = len(grouped)

    def on_input_changed(self) -> None:
        """Group the digits again. Textual calls the base class's handler as well."""
        self.group_digits()
