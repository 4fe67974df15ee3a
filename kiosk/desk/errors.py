"""How a verb ends early inside the desk; the service turns them into outcomes.

    DeskError
    ├── DeskRefused         the desk refuses (reason, rests_on_feed)
    └── TokenUnusable       the token cannot be used, or the binding stopped there (refused)

Raised inside a transaction they roll it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kiosk.desk.views.refusals import Refusal
    from kiosk.desk.views.tokens import TokenRefused


class DeskError(Exception):
    """A verb ended early."""


class DeskRefused(DeskError):
    """The desk refuses; `rests_on_feed` when what it lacks may still come with the feed."""

    def __init__(self, reason: Refusal, *, rests_on_feed: bool = False) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.rests_on_feed = rests_on_feed


class TokenUnusable(DeskError):
    """The token cannot be used, or the binding stopped there."""

    def __init__(self, refused: TokenRefused) -> None:
        super().__init__(refused.reason.value)
        self.refused = refused
