"""What the staff's services on a key have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.ui.screens.common.key_page import KeyPage

if TYPE_CHECKING:
    from kiosk.desk.views.people import StaffSession
    from kiosk.desk.views.tokens import TokenOutcome


class StaffKeyPage(KeyPage):
    """A service that staff see to; it stays open when the step beneath changes."""

    ENDS_WITH_STEP = False

    def __init__(self, staff: StaffSession) -> None:
        super().__init__()
        self.staff = staff

    def read_token(self) -> TokenOutcome:
        """Read the inserted key, be it one that an earlier visit left."""
        return self.shell.service.read_token(by_staff=True)
