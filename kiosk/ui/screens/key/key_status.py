"""key盘状态: the inserted key, its record, and advice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from kiosk.desk.keys.views import KeyOutcome, KeyView
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.text.catalogue import N_
from kiosk.text.flows import KEY_SERVICE
from kiosk.text.key_wording import key_advice, key_facts, key_is_well, staff_advice
from kiosk.ui.screens.common.key_page import KeyPage
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.key_facts import token_status
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from kiosk.text.wording import LazyText


class KeyStatusScreen(KeyPage):
    """Reads the key when opened and after every insertion or removal."""

    TITLE_TEXT = N_("key盘状态")
    STEPS: ClassVar[tuple[Sequence[str], int]] = (KEY_SERVICE, 2)
    SHOWS_KEY = False
    # The widget to focus after the key was read.
    FIRST: ClassVar[str] = "back"

    def __init__(self, who: Session | StaffSession) -> None:
        super().__init__()
        self.who = who
        self.view: KeyView | None = None
        self.unknown: TokenRefused | None = None
        self._newest = 0

    def content(self) -> ComposeResult:
        """The facts."""
        yield Line(id="facts")

    def actions(self) -> Iterable[Widget]:
        """The back button."""
        yield Action(self.t("Esc  返回"), id="back", main=True)

    def opened(self) -> None:
        """Read the key."""
        super().opened()
        self.focus_on(self.FIRST)
        self._read()

    def token_changed(self) -> None:
        """Read it again."""
        self.serial = None
        self._read()

    def _read(self) -> None:
        self._newest += 1
        number, serial, status = self._newest, self.serial, self.shell.service.key_status

        def arrived(outcome: KeyOutcome) -> None:
            if number == self._newest:
                self._arrived(outcome)

        if self.view is None:
            self.say(lambda t: t("正在读取key盘"))
        self.fetch(lambda: status(self.who, serial), arrived)

    def _arrived(self, outcome: KeyOutcome) -> None:
        self.view, self.unknown = (outcome if isinstance(outcome, KeyView) else None), None
        if isinstance(outcome, KeyView):
            self.say(self.advice(outcome), good=key_is_well(outcome))
            self.focus_on(self.FIRST)
        elif isinstance(outcome, Refused):
            self.refused(outcome)
        elif outcome.reason is TokenRefusal.SEVERAL and outcome.candidates:
            self.say(None)
            self.choose_key(outcome.candidates, self._read)
        else:
            self.key_refused(outcome)

    def advice(self, view: KeyView) -> LazyText:
        """Advice about the key for the member."""
        support = self.shell.settings.support_line
        return lambda t: key_advice(t, view, support)

    def key_refused(self, refused: TokenRefused) -> None:
        """Ask for a key, with the wording of the bind screen, when none is inserted."""
        self.unknown = refused if refused.reason is TokenRefusal.NOT_RECOGNISED else None
        if refused.reason in {TokenRefusal.ABSENT, TokenRefusal.REMOVED}:
            self.say(lambda t: t("请插入key盘，插好后自动显示。"))
        else:
            super().key_refused(refused)

    def update_content(self) -> None:
        """Show the facts."""
        super().update_content()
        facts = self.query_one("#facts", Line)
        if self.view is not None:
            facts.update(key_facts(self.t, self.view))
        else:
            facts.update(token_status(self.t, self.unknown) if self.unknown is not None else "")

    def begin(self) -> None:
        """Do nothing: the screen only displays."""
        self.action_back()


class StaffKeyStatusScreen(KeyStatusScreen):
    """The same for staff; it stays open when the step beneath changes."""

    ENDS_WITH_STEP = False
    STEPS = ((), 0)

    def __init__(self, staff: StaffSession) -> None:
        super().__init__(staff)
        self.staff = staff

    def advice(self, view: KeyView) -> LazyText:
        """Advice about the key for staff."""
        return lambda t: staff_advice(t, view)
