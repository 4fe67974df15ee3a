"""拾获key盘登记: records a key that was handed in, and puts it on hold when it is in use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kiosk.desk.keys.views import FoundView
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefused
from kiosk.text.catalogue import N_
from kiosk.text.wording import sentences
from kiosk.ui.screens.key.key_status import StaffKeyStatusScreen
from kiosk.ui.widgets.actions import Action

if TYPE_CHECKING:
    from textual.widget import Widget

    from kiosk.text.wording import Text

_NEXT = {
    KeyStatus.IN_USE: N_("请通知操作员来领。"),
    KeyStatus.OUT_OF_STEP: N_("请通知操作员来领。"),
    KeyStatus.ON_HOLD: N_("已是挂失状态。请通知操作员来领，领时办「解除挂失」。"),
    KeyStatus.REVOKED: N_("证书已作废，不用归还：可清空后再用。"),
    KeyStatus.UNDER_WAY: N_("有订单没有绑定完。请通知操作员来接着办。"),
    KeyStatus.BLANK: N_("是空白key盘，没有主人：放回备用。"),
    KeyStatus.UNKNOWN: N_("本机没有它的登记。请封存，并打客服电话查序列号。"),
    KeyStatus.NOT_PREPARED: N_("不是本业务的key盘，或没有初始化。请封存待领。"),
}
_HELD = N_("原来在使用，已替失主挂失。请通知操作员来领，领时办「解除挂失」。")


def what_next(t: Text, found: FoundView) -> str:
    """Advice about a key that was handed in."""
    sentence = t(_HELD) if found.held else t(_NEXT[found.key.status])
    return sentences(t("已登记。"), sentence)


class FoundKeyScreen(StaffKeyStatusScreen):
    """Shows whose the key is before it is recorded."""

    TITLE_TEXT = N_("拾获key盘登记")
    FIRST = "next"

    def actions(self) -> Iterable[Widget]:
        """The back and the confirm button."""
        yield Action(self.t("Esc  返回"), id="back")
        yield Action(self.t("Enter  登记"), id="next", main=True)

    def update_content(self) -> None:
        """Show the key's facts; disable recording without a key."""
        super().update_content()
        self.query_one("#next", Action).disabled = self.view is None or self.finished

    def token_changed(self) -> None:
        """Keep the result on display when the key is removed."""
        if not (self.finished or self.defer_reading()):
            super().token_changed()

    def begin(self) -> None:
        """Record the key."""
        if self.view is None or self.finished:
            return
        service, staff = self.shell.service, self.staff
        shown = self.view.token.serial

        def record(serial: str | None, *, confirmed: bool) -> FoundView | TokenRefused | Refused:
            del confirmed
            return service.key_found(staff, serial or shown)

        self.use_key(record, self._recorded, self.t("正在登记，请稍候"))

    def _recorded(self, found: FoundView) -> None:
        self.view = found.key
        self.finished = True
        self.say(lambda t: what_next(t, found), good=True)
        self.focus_on("back")
