"""The keys that work on every screen: help, language, set aside, staff, and in the demo the drawer and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import structlog
from textual.binding import Binding, BindingType
from textual.screen import Screen, ScreenResultType

if TYPE_CHECKING:
    from kiosk.text.wording import Text
    from kiosk.ui.app import KeydeskApp


class Keys(Screen[ScreenResultType], inherit_bindings=False):
    """A screen with those keys; each function key has a Ctrl twin. Textual's own keys are left out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the field sees them, so that what is typed right behind Tab goes to the next field.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("f1,ctrl+g", "help_screen", show=False, priority=True),
        Binding("f2,ctrl+l", "other_language", show=False, priority=True),
        Binding("f5,ctrl+s", "set_aside", show=False, priority=True),
        Binding("f6,ctrl+t", "call_staff", show=False, priority=True),
        Binding("f12,ctrl+d", "drawer", show=False, priority=True),
        Binding("ctrl+q", "leave_demo", show=False, priority=True),
    ]

    @property
    def desk(self) -> KeydeskApp:
        """The app that shows this screen."""
        return cast("KeydeskApp", self.app)

    def t(self, message: str, /, **parameters: object) -> str:
        """The sentence in the language of the moment."""
        return self.desk.text(message, **parameters)

    def _push_once(self, overlay: type[Screen[Any]]) -> None:
        shown = any(isinstance(screen, overlay) for screen in self.app.screen_stack)
        if not shown and not self.desk.covered and self.desk.fits:
            self.app.push_screen(overlay())

    def action_help_screen(self) -> None:
        """F1: help over the step."""
        from kiosk.ui.screens.common.help import HelpScreen  # noqa: PLC0415 - screens are loaded when first wanted

        self._push_once(HelpScreen)

    def action_other_language(self) -> None:
        """F2: the other language, keeping what was typed."""
        self.desk.change_language()

    def action_set_aside(self) -> None:
        """F5: leave without cancelling anything."""
        self.desk.set_aside()

    def action_call_staff(self) -> None:
        """F6: call the staff; they can sign in over the step."""
        from kiosk.ui.screens.staff.staff import StaffScreen  # noqa: PLC0415 - screens are loaded when first wanted

        if not self.desk.staff_called:
            self.desk.staff_called = True
            self.app.bell()
            structlog.get_logger().info("staff called")
        self._push_once(StaffScreen)

    def action_drawer(self) -> None:
        """F12: the demo's drawer, where there is one."""
        if self.desk.demo is None:
            return
        from kiosk.demo.drawer import DrawerScreen  # noqa: PLC0415 - screens are loaded when first wanted

        self._push_once(DrawerScreen)

    def action_leave_demo(self) -> None:
        """Ctrl+Q: leave the demo, after a question; a real kiosk has no such key."""
        if self.desk.demo is None:
            return
        from kiosk.ui.screens.common.confirm import ConfirmScreen, Question  # noqa: PLC0415 - loaded when first wanted

        def leave(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if answer:
                self.app.exit()

        def question(t: Text) -> Question:
            return Question(
                title=t("退出演示"),
                text=t("要退出演示吗？数据会保留，下次接着用。"),
                yes=t("退出"),
                no=t("不退出"),
            )

        if self.desk.fits and not isinstance(self.app.screen, ConfirmScreen):
            self.app.push_screen(ConfirmScreen(question), leave)
