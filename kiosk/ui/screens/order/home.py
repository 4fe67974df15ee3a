"""Home: the services, 「继续办理」, 「不知道选哪个？」 and 「key盘服务」."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.widgets import Button

from kiosk.domain.fees import OrderKind
from kiosk.labels import ORDER_KINDS
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.visit import Purpose, Visit
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult

MENU = (
    ("new", ORDER_KINDS[OrderKind.NEW], N_("第一次办理")),
    ("replacement", ORDER_KINDS[OrderKind.REPLACEMENT], N_("丢失补办")),
    ("renewal", ORDER_KINDS[OrderKind.RENEWAL], N_("快到期或已到期")),
    ("bind", N_("绑定key盘"), N_("已缴费，key盘在手")),
    ("query", N_("查询"), N_("key盘和订单")),
    ("help", N_("帮助"), N_("常见问题")),
    ("continue", N_("继续办理"), N_("上次没办完的")),
    ("adviser", N_("不知道选哪个？"), N_("答几个小问题")),
    ("key-services", N_("key盘服务"), N_("状态、修改PIN、登录验证、挂失")),
)
_COLUMNS = 2
_NAME_CELLS = 15


class HomeScreen(Page[None]):
    """The first screen; every choice begins a new visit."""

    CSS_PATH = "home.tcss"
    NEVER_IDLE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, len(MENU) + 1)),
        Binding("up", f"move({-_COLUMNS})", show=False, priority=True),
        Binding("down", f"move({_COLUMNS})", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """The menu in two columns."""
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t("请选择要办理的业务"), classes="question")
            yield Line(self.t("按数字键；或用方向键选好后按 Enter；也可以点击"), classes="muted how")
            with Grid(id="menu"):
                for number, (name, title, hint) in enumerate(MENU, start=1):
                    label = f"{number} {pad(self.t(title), _NAME_CELLS)}{self.t(hint)}"
                    yield Action(label, id=name)
            support = self.shell.settings.support_line
            yield Line(self.t("客服电话 {support}", support=support), classes="muted support")
        yield from self.last_rows()

    def action_move(self, step: int) -> None:
        """Move up or down one row of the menu."""
        chain = self.focus_chain
        if self.focused not in chain:
            return
        place, last = chain.index(self.focused), len(chain) - 1
        onto_last = place < last < place + step
        chain[last if onto_last else (place + step) % len(chain)].focus()

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        self._choose(MENU[index][0])

    @on(Button.Pressed, "#menu Action")
    def pick_pressed(self, event: Button.Pressed) -> None:
        """Choose by Enter or touch."""
        self._choose(str(event.button.id))

    def _choose(self, name: str) -> None:
        desk = self.shell
        desk.visit = Visit()
        match name:
            case "new" | "replacement" | "renewal":
                desk.visit.kind = OrderKind(name)
                desk.go(Route.NOTICE)
            case "bind":
                desk.go(Route.BIND)
            case "query" | "continue":
                desk.visit.purpose = Purpose(name)
                desk.go(Route.SIGN_IN)
            case "key-services":
                desk.go(Route.KEY_SERVICES)
            case "adviser":
                desk.go(Route.ADVISER)
            case _:
                self.action_help_screen()
