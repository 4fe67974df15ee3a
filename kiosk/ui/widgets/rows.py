"""The rows of every screen: title, steps, status, function keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from kiosk.desk.views.status import DeskStatus, Network, PrinterState, TokenStatus
from kiosk.domain.nights import ALARMING
from kiosk.text.catalogue import N_
from kiosk.text.times import minute
from kiosk.ui.widgets.lines import Line
from kiosk.ui.widgets.steady import SteadyText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from kiosk.text.wording import Text

_DRIVER = {
    TokenStatus.NO_DRIVER: N_("未加载"),
    TokenStatus.ABSENT: N_("正常"),
    TokenStatus.PRESENT: N_("正常"),
    TokenStatus.SEVERAL: N_("正常"),
}
_TOKEN = {
    TokenStatus.NO_DRIVER: "--",
    TokenStatus.ABSENT: N_("未插"),
    TokenStatus.PRESENT: N_("已插"),
    TokenStatus.SEVERAL: N_("不止一把"),
}
_PRINTER = {
    PrinterState.READY: N_("正常"),
    PrinterState.PAPER_OUT: N_("缺纸"),
    PrinterState.UNAVAILABLE: N_("不可用"),
}
NETWORKS = {
    Network.ONLINE: N_("在线"),
    Network.OFFLINE: N_("离线"),
    Network.REFUSED: N_("中心拒绝"),
    Network.NOT_ENROLLED: N_("未登记"),
    Network.AWAITING_ROOT: N_("等待根证书签发"),
}
NOT_RUNNING = N_("未同步")
_FINE = {N_("正常"), N_("已插"), N_("未插"), N_("在线"), "--"}


def network_light(status: DeskStatus) -> str:
    """What the row says of the network, in Chinese: also whether the agent that would ask the centre runs."""
    if status.network is Network.OFFLINE and not status.agent_runs:
        return NOT_RUNNING
    return NETWORKS[status.network]


class TitleRow(Horizontal):
    """The names of the system and the exchange; at the right whether staff were called."""

    DEFAULT_CSS = """
    TitleRow { height: 1; background: $bar; padding: 0 1; }
    TitleRow .system { width: auto; text-style: bold; color: $bar-text; }
    TitleRow .exchange { width: auto; margin-left: 2; color: $bar-muted; }
    TitleRow .called { width: 1fr; text-align: right; color: $bar-called; text-style: bold; }
    """

    def __init__(self, system: str, exchange: str, called: str) -> None:
        super().__init__(
            Static(system, classes="system", markup=False),
            Static(exchange, classes="exchange", markup=False),
            Static(called, classes="called", markup=False),
        )


class StepRow(SteadyText):
    """「① 缴费须知 ② 验证信息 ③ 缴纳费用」 with the current step highlighted; the same columns on every page."""

    DEFAULT_CSS = "StepRow { height: 1; width: 38; }"

    def __init__(self, t: Text, steps: Sequence[str], current: int) -> None:
        super().__init__(self._content(t, steps, current), markup=False)

    @staticmethod
    def _content(t: Text, steps: Sequence[str], current: int) -> Content:
        parts: list[Content | str | tuple[str, str]] = []
        for number, step in enumerate(steps):
            style = "bold $accent" if number == current % len(steps) else "$muted"
            parts.extend([("  " if number else "", ""), (t(step), style)])
        return Content.assemble(*parts)

    def show(self, t: Text, steps: Sequence[str], current: int) -> None:
        """Show other steps."""
        self.update(self._content(t, steps, current))


class HeadRow(Horizontal):
    """The page's title at the left and its flow's steps at the right, both where they are on every page."""

    DEFAULT_CSS = """
    HeadRow { height: 1; padding-left: 1; }
    HeadRow > Line { width: 1fr; height: 1; text-style: bold; color: $accent; }
    """

    def __init__(self, t: Text, title: str, steps: Sequence[str], current: int) -> None:
        super().__init__(Line(title, id="heading"), StepRow(t, steps, current))


class StatusRow(SteadyText):
    """Driver, key, printer, network, backlog and clock; or a countdown or notice instead."""

    DEFAULT_CSS = """
    StatusRow { height: 1; width: 1fr; padding: 0 1; background: $surface; }
    StatusRow.-notice { background: $accent; color: $ink; text-style: bold; }
    """

    def show_status(self, t: Text, status: DeskStatus | None) -> None:
        """Show the state of the devices."""
        self.remove_class("-notice")
        if status is None:
            self.update("")
            return
        pairs = [
            (t("驱动"), _DRIVER[status.token]),
            (t("key盘"), _TOKEN[status.token]),
            (t("打印机"), _PRINTER[status.printer]),
            (t("网络"), network_light(status)),
        ]
        parts: list[Content | str | tuple[str, str]] = []
        for name, value in pairs:
            style = "bold $foreground" if value in _FINE else "bold $accent"
            parts.extend([(f"{name} ", "$muted"), (t(value), style), "  "])
        backlog = t("待传")
        parts.extend([(f"{backlog} ", "$muted"), (str(status.backlog), "bold $foreground"), "  "])
        mark = t("时钟不准") if status.clock is not None else ""
        if not mark and status.nights_missed >= ALARMING:
            mark = t("夜检未做")
        style = "bold $error" if mark else "$foreground"
        parts.append(
            (f"{mark} {minute(status.now)}".lstrip(), style)
        )  # where the row is too long, the time is cut
        self.update(Content.assemble(*parts))

    def show_notice(self, text: str) -> None:
        """Show a notice instead of the status."""
        self.add_class("-notice")
        self.update(Content(text))


class KeyHint(Static):
    """A function key and its label; a touch runs its action."""

    DEFAULT_CSS = """
    KeyHint { width: auto; margin-right: 2; color: $muted; }
    KeyHint:hover { color: $accent; }
    """

    def __init__(self, key: str, text: str, action: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(Content.assemble((key, "bold $primary"), " ", text), markup=False, id=id)
        self._press = action

    async def on_click(self, event: events.Click) -> None:
        """Run the key's action."""
        event.stop()
        await self.run_action(self._press)


class KeyRow(Horizontal):
    """The function keys; `in_visit` where there is a visit to set aside."""

    DEFAULT_CSS = "KeyRow { height: 1; padding: 0 1; background: $background; }"

    def __init__(
        self,
        t: Text,
        *,
        other_language: str,
        demo: bool,
        in_visit: bool = True,
        extra: tuple[tuple[str, str, str], ...] = (),
    ) -> None:
        self._t = t
        self._other_language = other_language
        self._demo = demo
        self._in_visit = in_visit
        self._extra = extra
        super().__init__()

    def compose(self) -> ComposeResult:
        """The global keys, then the screen's own."""
        t = self._t
        yield KeyHint("F1", t("帮助"), "screen.help_screen")
        yield KeyHint("F2", self._other_language, "screen.other_language")
        if self._in_visit:
            yield KeyHint("F5", t("暂存"), "screen.set_aside")
        yield KeyHint("F6", t("叫工作人员"), "screen.call_staff")
        for key, text, action in self._extra:
            yield KeyHint(key, text, action, id=key.lower())
        yield KeyHint("Tab", t("下一项"), "app.focus_next")
        if self._demo:
            yield KeyHint("F12", t("演示"), "screen.drawer")
