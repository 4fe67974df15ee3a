"""「同企业下一位」: what the next operator of an enterprise wants; of those before, the enterprise alone is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.views.people import Field
from kiosk.domain.fees import OrderKind
from kiosk.labels import ORDER_KINDS
from kiosk.text.catalogue import N_
from kiosk.text.flows import FOLLOWING
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.visit import Visit
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

_BIND = "bind"
CHOICES = (
    *((kind.value, title) for kind, title in ORDER_KINDS.items()),
    (_BIND, N_("绑定key盘（已缴费）")),
)


class NextOperatorScreen(Page[None]):
    """The first page of the next one, before anything is typed."""

    CSS_PATH = "member.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, len(CHOICES) + 1)),
    ]

    def compose(self) -> ComposeResult:
        """The enterprise, and what is to be done."""
        yield self.title_row()
        yield self.head_row(self.t("同企业下一位"), FOLLOWING, 1)
        party = self.shell.visit.party
        with Vertical(classes="body"), Vertical(classes="column"):
            if party is not None:
                yield Line(party.enterprise, id="who")
                yield Prose(
                    self.t(
                        "已办好 {count} 把。上一位的账号和密码都已清除，请下一位选择业务：",
                        count=len(party.orders),
                    ),
                    id="why",
                )
            for number, (name, title) in enumerate(CHOICES, start=1):
                yield Action(f"{number}  {self.t(title)}", id=name, main=number == 1)
        with ActionRow():
            yield Action(self.t("Esc  没有下一位了，回首页"), id="back")
        yield from self.last_rows()

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        self._choose(CHOICES[index][0])

    @on(Button.Pressed, ".column Action")
    def pick_pressed(self, event: Button.Pressed) -> None:
        """Choose by Enter or touch."""
        self._choose(str(event.button.id))

    def _choose(self, name: str) -> None:
        """Begin with the enterprise's name filled in."""
        party = self.shell.visit.party
        if party is None:
            self.shell.go_home()
            return
        self.shell.visit = Visit(typed={Field.ENTERPRISE: party.enterprise}, party=party)
        if name == _BIND:
            self.shell.go(Route.BIND)
        else:
            self.shell.visit.kind = OrderKind(name)
            self.shell.go(Route.NOTICE)

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home; of several keys, the slip is printed."""
        self.shell.go_home()
