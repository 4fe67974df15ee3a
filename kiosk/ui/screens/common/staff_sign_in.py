"""A staff member signs in over the step, by name and password; also a supervisor who is to allow something."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, assert_never

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ScreenResultType
from textual.widgets import Button, Input

from kiosk.desk.views.people import (
    LockedOut,
    StaffSession,
    StaffSignedIn,
    StaffSignInOutcome,
    WrongCredentials,
)
from kiosk.desk.views.refusals import Refused
from kiosk.text.wording import locked_out, wrong_credentials
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.fields import Field, FieldRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import LazyText


class StaffSignIn(Overlay[ScreenResultType]):
    """A banner for the member; name and password for staff; subclasses define what follows."""

    CSS_PATH = "staff_sign_in.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]
    message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """Banner and fields."""
        support = self.shell.settings.support_line
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.banner(), id="banner")
            yield Prose(
                self.t("刚才办到的一步还在，按 Esc 返回。急事请打 {support}。", support=support),
                classes="muted",
            )
            yield Line(self.t("工作人员登录"), classes="strong", id="label")
            yield FieldRow(self.t("*姓名"), Field(id="staff-name"))
            yield FieldRow(self.t("*密码"), Field(id="staff-password", password=True))
            yield Prose(id="message", classes="alert")
        with ActionRow():
            yield Action(self.t("Esc  返回"), id="back")
            yield Action(self.t("Enter  登录"), id="enter", main=True)
        yield from self.last_rows()

    @abstractmethod
    def banner(self) -> str:
        """What the member reads."""

    @abstractmethod
    def welcome(self, staff: StaffSession) -> None:
        """Continue after the right password."""

    def update_content(self) -> None:
        """Show the message."""
        self.query_one("#message", Prose).say(self.localized(self.message))

    @on(Button.Pressed, "#back")
    def go_back(self) -> None:
        """Close."""
        self.dismiss(None)

    @on(Button.Pressed, "#enter")
    @on(Input.Submitted)
    def sign_in(self) -> None:
        """Check the password with the desk, unless a field is empty."""
        name = self.query_one("#staff-name", Field).value.strip()
        password = self.query_one("#staff-password", Field).value
        self.query_one("#row-staff-name", FieldRow).show_error("" if name else self.t("请填写"))
        self.query_one("#row-staff-password", FieldRow).show_error("" if password else self.t("请填写"))
        if name and password:
            ask = self.shell.service.staff_sign_in
            self.ask(lambda: ask(name, password), self._signed_in, self.t("正在核对，请稍候"))

    def _signed_in(self, outcome: StaffSignInOutcome) -> None:
        self.query_one("#staff-password", Field).value = ""
        support = self.shell.settings.support_line
        match outcome:
            case StaffSignedIn(staff):
                self.shell.staff_came()
                self.welcome(staff)
                return
            case WrongCredentials():
                self.message = lambda t: wrong_credentials(t, outcome)
            case LockedOut():
                self.message = lambda t: locked_out(t, outcome, support)
            case Refused():
                self.message = self.refusal(outcome)
            case _:
                assert_never(outcome)
        self.update_content()


class SupervisorScreen(StaffSignIn[StaffSession | None]):
    """Returns the supervisor who signed in, or None."""

    def banner(self) -> str:
        """What the member reads."""
        return self.t("请主管来登录")

    def welcome(self, staff: StaffSession) -> None:
        """Return the supervisor; other staff may not allow it."""
        if staff.supervisor:
            self.dismiss(staff)
            return
        self.message = lambda t: t("这一步要主管同意，请主管登录。")
        self.update_content()
        self.focus_on("staff-name")
