"""Choose one of several inserted keys by serial number, reader and contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, OptionList
from textual.widgets.option_list import Option

from kiosk.text.cells import pad, truncate
from kiosk.text.times import day
from kiosk.ui.page import Overlay
from kiosk.ui.widgets.actions import Action
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.desk.views.tokens import TokenView

_SERIAL = 18
_READER = 18


class KeyChoiceScreen(Overlay[str | None]):
    """Returns the serial number, or None; the keys 1 to 9 choose too."""

    CSS_PATH = "key_choice.tcss"
    ENDS_WITH_STEP = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, candidates: tuple[TokenView, ...]) -> None:
        super().__init__()
        self.candidates = candidates
        self.about_keys = True

    def compose(self) -> ComposeResult:
        """The question and the keys."""
        with Vertical(id="box"):
            yield Line(
                self.t("插了 {count} 把key盘，要用哪一把？", count=len(self.candidates)), classes="heading"
            )
            yield Prose(self.t("按数字键，或用方向键选好后按 Enter；拔掉其他的也行。"), classes="muted")
            yield OptionList(
                *(
                    Option(f"{number} {self._row(token)}", id=token.serial)
                    for number, token in enumerate(self.candidates, start=1)
                ),
                id="keys",
                markup=False,
            )
            with Horizontal(id="answers"):
                yield Action(self.t("Esc  返回"), id="back")

    def _row(self, token: TokenView) -> str:
        if not token.prepared:
            holds = self.t("没有初始化")
        elif token.blank:
            holds = self.t("空白")
        elif token.certificate is None:
            holds = self.t("有密钥，没有证书")
        else:
            ends = f"  {self.t('至 {day}', day=day(token.not_after))}" if token.not_after is not None else ""
            holds = f"{token.certificate}{ends}"
        return f"{pad(token.serial, _SERIAL)}{pad(truncate(token.reader, _READER - 1), _READER)}{holds}"

    def on_mount(self) -> None:
        """Highlight the first key."""
        keys = self.query_one("#keys", OptionList)
        self.focus_on("keys")
        keys.action_first()

    def action_pick(self, index: int) -> None:
        """Choose by number."""
        if index < len(self.candidates):
            self.dismiss(self.candidates[index].serial)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose by Enter or touch."""
        self.dismiss(event.option.id)

    @on(Button.Pressed, "#back")
    def choose_none(self) -> None:
        """Close without a choice."""
        self.dismiss(None)
