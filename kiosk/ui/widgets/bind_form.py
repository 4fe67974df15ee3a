"""The left side of the bind screen: account, password, PIN, and what the key holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical

from kiosk.ui.widgets.fields import Field
from kiosk.ui.widgets.key_facts import KeyFacts
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

LONGEST_PIN = 16


class BindForm(Vertical):
    """The fields with what is wrong beneath each; a member who has signed in types only the PIN."""

    def __init__(self, t: Callable[..., str], account: str) -> None:
        super().__init__(id="form")
        self._t = t
        self._account = account

    def compose(self) -> ComposeResult:
        """Three fields and the key's facts."""
        t = self._t
        with Horizontal(classes="row"):
            yield Line(t("*账号"), classes="label")
            yield Field(self._account, id="account", maximum=20)
        with Horizontal(classes="row"):
            yield Line(t("*密码"), classes="label")
            yield Field(id="password", password=True)
        yield Prose(id="password-problem", classes="problem")
        with Horizontal(classes="row"):
            yield Line(t("PIN 码"), classes="label")
            yield Field(id="pin", password=True, maximum=LONGEST_PIN)
            yield Line(id="pin-hint", classes="muted")
        yield Prose(id="pin-problem", classes="problem")
        yield KeyFacts(t)

    def show(self, *, known: bool, running: bool, pin_hint: str) -> None:
        """Say what can be typed now."""
        self.query_one("#account", Field).disabled = known or running
        password = self.query_one("#password", Field)
        password.disabled = known or running
        password.placeholder = self._t("已登录") if known else ""
        self.query_one("#pin", Field).disabled = running
        self.query_one("#pin-hint", Line).update(pin_hint)

    def complain(self, password: str, pin: str) -> None:
        """Say what is wrong with the password and with the PIN."""
        self.query_one("#password-problem", Prose).say(password)
        self.query_one("#pin-problem", Prose).say(pin)
