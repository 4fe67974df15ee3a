"""Done: what was bound, until when, and the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from kiosk.desk.views import BoundView, Network, PrintOutcome
from kiosk.text.cells import pad
from kiosk.text.times import day, period
from kiosk.ui.page import Page
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose
from kiosk.ui.wording import KINDS, PRINTED

if TYPE_CHECKING:
    from textual.app import ComposeResult

_NAME = 16
# Online the centre has the entry within a tenth of a second; the member is not kept for more than two.
_LOOKS = 8
_LOOK_SECONDS = 0.25


class DoneScreen(Page[None]):
    """The end of a visit with a bound key."""

    CSS_PATH = "done.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._looks_left = 0

    def compose(self) -> ComposeResult:
        """What was bound."""
        bound = self.desk.visit.bound
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            if bound is not None:
                yield Line(self.t("绑定完成：{kind}", kind=self.t(KINDS[bound.order.kind])), id="title")
                yield Line("\n".join(self._facts(bound)), id="facts")
                yield Prose(id="registered")
                yield Prose(id="printed")
                yield Prose(self.t("请拔出key盘，收好。key盘收到并绑定之后不退款。"), classes="muted")
        with ActionRow():
            yield Action(self.t("Enter  回首页"), id="home", main=True)
        yield from self.last_rows()

    def _facts(self, bound: BoundView) -> list[str]:
        facts = [
            (self.t("账号"), bound.order.account),
            (self.t("企业"), bound.order.enterprise),
            (self.t("操作员"), bound.order.operator),
            (self.t("序列号"), bound.serial),
            (self.t("证书"), bound.certificate),
            (self.t("有效期"), period(bound.not_before, bound.not_after)),
        ]
        if bound.order.previous is not None:
            facts.append((self.t("原到期日"), day(bound.order.previous.not_after)))
        return [pad(name, _NAME) + value for name, value in facts]

    def on_mount(self) -> None:
        """Print the receipt; online, once the centre lists the certificate or was given the time to."""
        super().on_mount()
        bound = self.desk.visit.bound
        if bound is None or self.desk.visit.printed is not None:
            return
        online = self.desk.status is not None and self.desk.status.network is Network.ONLINE
        if bound.registered or not online:
            self._print(bound)
        else:
            self._looks_left = _LOOKS
            self._look(bound)

    def _look(self, bound: BoundView) -> None:
        """See whether the centre lists the certificate; print when it does, or after the last look."""
        number = bound.order.number
        self._looks_left -= 1

        def seen(registered: bool) -> None:  # noqa: FBT001 - the desk's own answer
            if registered:
                self.desk.visit.bound = replace(bound, registered=True)
                self.fill()
            if registered or self._looks_left == 0:
                self._print(bound)
            else:
                self.set_timer(_LOOK_SECONDS, lambda: self._look(bound))

        self.fetch(lambda: self.desk.service.registered(number), seen)

    def _print(self, bound: BoundView) -> None:
        number = bound.order.number
        self.fetch(lambda: self.desk.service.print_receipt(number), self._printed)

    def _printed(self, outcome: PrintOutcome) -> None:
        self.desk.visit.printed = outcome
        self.fill()

    def fill(self) -> None:
        """Say whether the key works already, and what became of the receipt."""
        bound, printed = self.desk.visit.bound, self.desk.visit.printed
        text = self.t(PRINTED[printed]) if printed is not None else self.t("正在打印凭条")
        for line in self.query("#printed").results(Prose):
            line.say(text)
        for line in self.query("#registered").results(Prose):
            registered = bound is not None and bound.registered
            line.say(self.t("证书已登记，现在就可以登录。") if registered else self.t("联网登记后可登录"))
            line.set_class(not registered, "alert")

    def action_back(self) -> None:
        """Home."""
        self.desk.go_home()

    def on_button_pressed(self) -> None:
        """Home."""
        self.desk.go_home()
