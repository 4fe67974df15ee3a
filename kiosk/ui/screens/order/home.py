"""Home: six tiles, and below them 「继续办理」 and 「不知道选哪个？」 as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.widgets import Button

from kiosk.desk.views import Network
from kiosk.domain.fees import OrderKind
from kiosk.labels import ORDER_KINDS
from kiosk.text.catalogue import N_
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.visit import Purpose, Visit
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult

TILES = (
    ("new", ORDER_KINDS[OrderKind.NEW], N_("第一次办理")),
    ("replacement", ORDER_KINDS[OrderKind.REPLACEMENT], N_("丢失补办")),
    ("renewal", ORDER_KINDS[OrderKind.RENEWAL], N_("快到期或已到期")),
    ("bind", N_("绑定key盘"), N_("已缴费，key盘在手")),
    ("query", N_("查询"), N_("key盘和订单")),
    ("key-services", N_("key盘服务"), N_("状态、修改PIN、登录验证、挂失")),
)
LINES = (("continue", N_("继续办理")), ("adviser", N_("不知道选哪个？")))
_NAMES = (*(name for name, _, _ in TILES), *(name for name, _ in LINES))
_COLUMNS = 2


class HomeScreen(Page[None]):
    """The first screen; every choice begins a new visit."""

    CSS_PATH = "home.tcss"
    NEVER_IDLE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, len(_NAMES) + 1)),
        Binding("up", f"move({-_COLUMNS})", show=False, priority=True),
        Binding("down", f"move({_COLUMNS})", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """The tiles and the lines in two columns, all numbered."""
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t("请选择要办理的业务"), classes="question")
            yield Line(self._how(), id="how", classes="muted how")
            with Grid(id="menu"):
                for number, (name, title, hint) in enumerate(TILES, start=1):
                    yield Action(f"{number}  {self.t(title)}\n   {self.t(hint)}", id=name)
            with Horizontal(id="more"):
                for number, (name, title) in enumerate(LINES, start=len(TILES) + 1):
                    yield Action(f"{number}  {self.t(title)}", id=name, line=True)
            support = self.shell.settings.support_line
            yield Line(self.t("客服电话 {support}", support=support), classes="muted support")
        yield from self.last_rows(("F3", self.t("高对比"), "screen.other_colours"))

    def _how(self) -> str:
        """How to choose; or, while the centre's root has to sign first, the fingerprint that its staff compare."""
        status = self.shell.status
        if status is not None and status.network is Network.AWAITING_ROOT:
            return self.t(
                "本机正在登记：等待根证书签发，申请指纹 {fingerprint}", fingerprint=status.fingerprint
            )
        return self.t("按数字键；或用方向键选好后按 Enter；也可以点击")

    def status_changed(self) -> None:
        """Show whether the machine is being enrolled."""
        for line in self.query("#how").results(Line):  # none on a screen that is being closed
            line.update(self._how())

    def action_move(self, step: int) -> None:
        """Move up or down one row of the menu."""
        chain = self.focus_chain
        if self.focused not in chain:
            return
        chain[(chain.index(self.focused) + step) % len(chain)].focus()

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        self._choose(_NAMES[index])

    @on(Button.Pressed, ".column Action")
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
            case _:
                desk.go(Route.ADVISER)
