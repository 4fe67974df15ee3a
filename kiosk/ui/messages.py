"""The messages that other threads post to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from kiosk.desk.views import DeskStatus, Refused


class StatusArrived(Message):
    """The desk's status, read in a thread, or why it could not be read."""

    def __init__(self, status: DeskStatus | Refused) -> None:
        super().__init__()
        self.status = status


class TokensChanged(Message):
    """A token was inserted or removed."""


class Scanned(Message):
    """The scanner read something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
