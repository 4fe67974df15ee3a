"""会员缴费记录 and 我的订单: what was paid at this kiosk and what went back, and the orders; each row leads to an order's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets.option_list import Option

from kiosk.domain.identifiers import number_in
from kiosk.text.cells import columns
from kiosk.text.user_centre import elsewhere_row, money_row, order_row
from kiosk.ui.screens.member.member_page import MemberPage
from kiosk.ui.screens.member.order_page import OrderPage

if TYPE_CHECKING:
    from collections.abc import Sequence


class PaymentsPage(MemberPage):
    """The account's money, the newest first."""

    def heading(self) -> str:
        """As on the web site."""
        return self.t("会员缴费记录")

    def label(self) -> str:
        """How to go on."""
        if not self.view.money:
            return self.t("没有缴费记录")
        return self.t("共 {count} 条（选中按 Enter 看订单）", count=len(self.view.money))

    def rows(self) -> Sequence[Option]:
        """Two lines each."""
        return [
            Option("\n".join(money_row(self.t, line)), id=f"{place}-{line.reference}")
            for place, line in enumerate(self.view.money)
        ]

    def said(self) -> str:
        """What is not here."""
        return self.t("这里是本机办理的缴费；在网站或别的终端机缴的，请在网站「用户中心」查看。")

    def choose(self, option: str) -> None:
        """Open its order."""
        _, _, reference = option.partition("-")
        self.app.push_screen(OrderPage(self.view, reference))


class OrdersPage(MemberPage):
    """The orders, the newest first."""

    def heading(self) -> str:
        """The page's title."""
        return self.t("我的订单")

    def label(self) -> str:
        """How to go on."""
        if not self.view.orders:
            return self.t("没有订单")
        return self.t("共 {count} 笔（选中按 Enter 查看、补打凭条、继续办理）", count=len(self.view.orders))

    def rows(self) -> Sequence[Option]:
        """An order a row, and a second line where something was asked for it."""
        found = [order_row(self.t, each) for each in self.view.orders]
        lines = columns([first for first, _ in found], self.room, gap=2) if found else []
        rows = [
            Option("\n    ".join((line, *below)), id=shown.order.reference)
            for line, (_, below), shown in zip(lines, found, self.view.orders, strict=True)
        ]
        others = [
            Option(elsewhere_row(self.t, each, number_in(each.order)), disabled=True)
            for each in self.view.elsewhere
        ]
        return [*rows, *others]

    def said(self) -> str:
        """Where address and invoice are asked for."""
        return self.t(
            "填收件地址、申请发票：微信公众号「{account}」-「我的订单」-「华商订单」。",
            account=self.shell.settings.official_account,
        )

    def choose(self, option: str) -> None:
        """Open the order."""
        self.app.push_screen(OrderPage(self.view, option))
