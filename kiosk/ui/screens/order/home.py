"""Home: the key that is in and what it is good for, six tiles, and 「继续办理」 and 「不知道选哪个？」 as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.widgets import Button

from kiosk.desk.keys.views import KeyIntroduced
from kiosk.desk.views.orders import ScanRead
from kiosk.desk.views.people import Field
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import Network
from kiosk.domain.fees import OrderKind
from kiosk.labels import ORDER_KINDS
from kiosk.text.catalogue import N_
from kiosk.text.key_wording import introduction
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService, Purpose, Visit
from kiosk.ui.widgets.actions import Action, Offer
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from kiosk.desk.keys.views import IntroducedOutcome
    from kiosk.text.wording import LazyText

TILES = (
    ("new", ORDER_KINDS[OrderKind.NEW], N_("第一次办理")),
    ("replacement", ORDER_KINDS[OrderKind.REPLACEMENT], N_("丢失补办")),
    ("renewal", ORDER_KINDS[OrderKind.RENEWAL], N_("快到期或已到期")),
    ("bind", N_("绑定key盘"), N_("已缴费，key盘在手")),
    ("query", N_("查询"), N_("用户中心、订单、添加交易员")),
    ("key-services", N_("key盘服务"), N_("改PIN码、登录验证、挂失、设密码")),
)
LINES = (("continue", N_("继续办理")), ("adviser", N_("不知道选哪个？")))
OFFERS = (
    ("a", "renew-it", N_("续期")),
    ("b", "check-it", N_("登录验证")),
    ("c", "change-its-pin", N_("改PIN")),
)
_NAMES = (*(name for name, _, _ in TILES), *(name for name, _ in LINES))
_OFFERED = {"check-it": KeyService.LOGIN_CHECK, "change-its-pin": KeyService.CHANGE_PIN}
_COLUMNS = 2
_MESSAGE_SECONDS = 12.0


class HomeScreen(Page[None]):
    """The first screen; every choice begins a new visit. What stands there of a key has a place that is always kept for it."""

    CSS_PATH = "home.tcss"
    NEVER_IDLE = True
    IN_VISIT = False
    HEARS_SCANNER = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, len(_NAMES) + 1)),
        *(Binding(letter, f"accept('{name}')", show=False) for letter, name, _ in OFFERS),
        Binding("up", f"move({-_COLUMNS})", show=False, priority=True),
        Binding("down", f"move({_COLUMNS})", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.key: IntroducedOutcome | None = None
        self._looks = 0
        self.message: LazyText | None = None
        self._said = 0

    def compose(self) -> ComposeResult:
        """The key, then the tiles and the lines in two columns, all numbered."""
        yield self.title_row()
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Line(self.t("请选择要办理的业务"), classes="question")
            yield Line(self._how(), id="how", classes="muted how")
            yield Prose(id="key", classes="muted")
            with Horizontal(id="offers"):
                for letter, name, title in OFFERS:
                    yield Offer(f"{letter.upper()}  {self.t(title)}", id=name)
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
        """How to choose; while the centre's root has to sign first, the fingerprint that its staff compare."""
        status = self.shell.status
        if status is not None and status.network is Network.AWAITING_ROOT:
            return self.t(
                "本机正在登记：等待根证书签发，申请指纹 {fingerprint}", fingerprint=status.fingerprint
            )
        return self.t("按数字键；或用方向键选好后按 Enter；也可以点击")

    def opened(self) -> None:
        """Read the key that is in."""
        self.token_changed()

    def token_changed(self) -> None:
        """Read the key that was put in, and forget the one before at once."""
        self._looks += 1
        look = self._looks

        def arrived(outcome: IntroducedOutcome) -> None:
            if look == self._looks:
                self.key = outcome
                self.update_content()

        self.key = None
        self.update_content()
        self.fetch(self.shell.service.introduce, arrived)

    def status_changed(self) -> None:
        """Show whether the machine is being enrolled, and whether a key was left."""
        for line in self.query("#how").results(Line):  # none on a screen that is being closed
            line.update(self._how())
        self.update_content()

    def update_content(self) -> None:
        """Show what is wrong with a scan, or what the key is and is good for; or ask for one that was left, which flashes."""
        left = self.shell.status is not None and self.shell.status.key_left
        for line in self.query("#key").results(Prose):  # none on a screen that is being closed
            line.say(self._of_key(left=left))
            line.set_class(left or self.message is not None, "left")
            line.set_class(left and int(self.shell.monotonic) % 2 == 0, "bright")
        account = self._account()
        for offer in self.query(Offer):
            offer.offered = account is not None

    def _of_key(self, *, left: bool) -> str:
        if left:
            return self.t("请取走key盘：读卡器里有一把没取走，已叫工作人员。不是您的请别动，或交给工作人员。")
        if self.message is not None:
            return self.localized(self.message)
        return "" if self.key is None else introduction(self.t, self.key)

    def _account(self) -> str | None:
        """Whose forms the key fills in; None where it offers nothing."""
        return self.key.account if isinstance(self.key, KeyIntroduced) else None

    def scanned(self, text: str) -> None:
        """Look for the order of a receipt or a key's label."""
        read = self.shell.service.read_scan
        self.ask(lambda: read(text), lambda outcome: self._read(text, outcome), self.t("正在查找订单"))

    def _read(self, text: str, outcome: ScanRead | Refused) -> None:
        """Ask for the account and the password: whoever scans something has no right to what is behind it."""
        if isinstance(outcome, Refused):
            self.message = self.refusal(outcome)
            self.update_content()
            self._said += 1
            said = self._said
            self.set_timer(_MESSAGE_SECONDS, lambda: self._forget(said))
            return
        self.shell.visit = Visit(scan=text, scanned_number=outcome.order_number)
        self.shell.go(Route.SIGN_IN)

    def _forget(self, said: int) -> None:
        """Say how to choose again, unless something else was said since."""
        if said == self._said:
            self.message = None
            self.update_content()

    def action_move(self, step: int) -> None:
        """Move up or down one row; the offers stand in a row of their own above the others."""
        offers = [each for each in self.focus_chain if isinstance(each, Offer)]
        others = [each for each in self.focus_chain if not isinstance(each, Offer)]
        rows: list[list[Widget]] = [[*offers]] if offers else []
        rows += [others[first : first + _COLUMNS] for first in range(0, len(others), _COLUMNS)]
        for place, row in enumerate(rows):
            if self.focused in row:
                target = rows[(place + (1 if step > 0 else -1)) % len(rows)]
                target[min(row.index(self.focused), len(target) - 1)].focus()
                return
        if others:  # an offer that was marked went with its key
            others[0].focus()

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        self._choose(_NAMES[index])

    def action_accept(self, name: str) -> None:
        """Take an offer by its letter, if it stands there."""
        self.query_one(f"#{name}", Offer).press()

    @on(Button.Pressed, "#offers Offer")
    def accept_pressed(self, event: Button.Pressed) -> None:
        """Take an offer, with the key's account filled in."""
        event.stop()
        account, name = self._account(), str(event.button.id)
        if account is None:
            return
        desk = self.shell
        desk.visit = Visit(typed={Field.ACCOUNT: account})
        if name in _OFFERED:
            desk.visit.purpose, desk.visit.service = Purpose.KEY_SERVICE, _OFFERED[name]
            desk.go(Route.SIGN_IN)
        else:
            desk.visit.kind = OrderKind.RENEWAL
            desk.go(Route.NOTICE)

    @on(Button.Pressed, "#menu Action, #more Action")
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
