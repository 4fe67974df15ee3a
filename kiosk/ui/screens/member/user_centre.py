"""用户中心: until when the key is valid at a glance, and the four pages of what is on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button

from kiosk.desk.member.views import UserCentreView
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad, truncate
from kiosk.text.flows import QUERYING
from kiosk.text.user_centre import enterprise_summary, money_summary, orders_summary, validity_words
from kiosk.text.wording import feed_age, surplus_notes
from kiosk.ui.page import Page
from kiosk.ui.screens.member.enterprise import EnterprisePage
from kiosk.ui.screens.member.facts import OperatorPage
from kiosk.ui.screens.member.lists import OrdersPage, PaymentsPage
from kiosk.ui.screens.member.order_page import OrderPage
from kiosk.ui.screens.member.orders_on_phone import OrdersOnPhoneScreen
from kiosk.ui.widgets.actions import Action, ActionRow
from kiosk.ui.widgets.lines import Prose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from kiosk.desk.member.views import UserCentreOutcome
    from kiosk.text.wording import LazyText
    from kiosk.ui.screens.member.member_page import MemberPage

PAGES = (
    ("enterprise", N_("企业账户信息")),
    ("key", N_("key盘和有效期")),
    ("payments", N_("会员缴费记录")),
    ("orders", N_("我的订单")),
)
_NAME_CELLS = 20
_LABEL_CELLS = 72


class UserCentreScreen(Page[None]):
    """The signed-in member's centre; its pages lie over it."""

    CSS_PATH = "user_centre.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("f7,ctrl+r", "on_phone", show=False, priority=True),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, len(PAGES) + 1)),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.view: UserCentreView | None = None
        self.message: LazyText | None = None

    def compose(self) -> ComposeResult:
        """Who is signed in, the pages, and what is not here."""
        yield self.title_row()
        yield self.head_row(self.t("用户中心"), QUERYING, 1)
        with Vertical(classes="body"), Vertical(classes="column"):
            yield Prose(self._who(), id="who", classes="strong")
            yield Prose(id="message", classes="notable")
            for name, label in self._labels():
                yield Action(label, id=name)
            yield Prose(self._elsewhere(), id="platform", classes="muted")
        with ActionRow():
            yield Action(self.t("Esc  回首页"), id="back")
            yield Action(self.t("F7  地址和发票"), id="phone")
        yield from self.last_rows()

    def _who(self) -> str:
        session = self.shell.visit.session
        return "" if session is None else f"{session.account}  {session.operator}  {session.enterprise}"

    def _elsewhere(self) -> str:
        site = self.shell.settings.site or self.t("网站")
        return self.t("银行卡、资金、合同和企业资料不在本机，请在{site}的「用户中心」查看和修改。", site=site)

    @on(Button.Pressed, "#phone")
    def action_on_phone(self) -> None:
        """F7: show the phone's way to address and invoice."""
        self.app.push_screen(OrdersOnPhoneScreen())

    def opened(self) -> None:
        """Read everything that the pages show."""
        session, read = self.shell.visit.session, self.shell.service.user_centre
        if session is not None:
            self.seen()
            self.ask(lambda: read(session), self._arrived, self.t("正在查询，请稍候"))

    def _arrived(self, outcome: UserCentreOutcome) -> None:
        if isinstance(outcome, UserCentreView):
            self.view, self.message = outcome, None
            self.update_content()
            self.focus_on(PAGES[0][0])
            self._open_scanned(outcome)
        else:
            self.message = self.refusal(outcome)
            self.update_content()
            self.focus_on("back")

    def _open_scanned(self, view: UserCentreView) -> None:
        """Open the order that was scanned at home; all of them where its number is that of several."""
        visit = self.shell.visit
        scanned, visit.scanned_orders = visit.scanned_orders, ()
        if scanned:
            self.focus_on("orders")
            self.app.push_screen(OrderPage(view, scanned[0]) if len(scanned) == 1 else OrdersPage(view))

    def update_content(self) -> None:
        """Show each page's summary, and what is notable."""
        view = self.view
        for name, label in self._labels():
            self.query_one(f"#{name}", Action).label = label
        message = self.query_one("#message", Prose)
        message.set_class(self.message is not None, "alert")
        text = self.localized(self.message) if view is None else self._notable(view)
        message.say(f"{text}\n" if text else "")

    def _labels(self) -> Iterator[tuple[str, str]]:
        """Each page's name with its button's label."""
        for number, (name, title) in enumerate(PAGES, start=1):
            label = f" {number}  {pad(self.t(title), _NAME_CELLS)}{self._summary(name)}"
            yield name, truncate(label, _LABEL_CELLS)

    def _summary(self, name: str) -> str:
        view = self.view
        if view is None:
            return ""
        match name:
            case "enterprise":
                return enterprise_summary(self.t, view.enterprise)
            case "key":
                return validity_words(self.t, view.key.validity)
            case "payments":
                return money_summary(self.t, view.money)
            case _:
                return orders_summary(self.t, view)

    def _notable(self, view: UserCentreView) -> str:
        surplus = surplus_notes(self.t, (each.order for each in view.orders))
        age = "" if view.feed_as_of is None else feed_age(self.t, view.feed_as_of)
        return "\n".join(filter(None, (surplus, age)))

    def status_changed(self) -> None:
        """Read everything again once something was written."""
        session, read = self.shell.visit.session, self.shell.service.user_centre
        if session is not None and self.view is not None:
            self.look_again(lambda: read(session), self._looked)

    def _looked(self, outcome: UserCentreOutcome) -> bool:
        if not isinstance(outcome, UserCentreView):
            return False
        if outcome != self.view:
            self.view = outcome
            self.update_content()
        return True

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        self._open(PAGES[index][0])

    @on(Button.Pressed, ".column Action")
    def pick_pressed(self, event: Button.Pressed) -> None:
        """Choose by Enter or touch."""
        self._open(str(event.button.id))

    def _open(self, name: str) -> None:
        if self.view is not None:
            self.focus_on(name)
            self.app.push_screen(_page(name, self.view))

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go home."""
        self.shell.go_home()


def _page(name: str, view: UserCentreView) -> MemberPage:
    match name:
        case "enterprise":
            return EnterprisePage(view)
        case "key":
            return OperatorPage(view, view.session.account)
        case "payments":
            return PaymentsPage(view)
        case _:
            return OrdersPage(view)
