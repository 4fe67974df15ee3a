"""The six steps of a binding, the one of the moment marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from kiosk.text.catalogue import N_

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = (
    N_("读取key盘"),
    N_("在key盘内生成密钥"),
    N_("签发证书"),
    N_("写入证书"),
    N_("读回并验证签名"),
    N_("绑定完成"),
)
# From this step on the key must not be pulled and the member cannot leave.
FIRST_STEP_TO_WAIT_FOR = 3


class Progress(Static):
    """A list of `[v]`, `[>]` and `[ ]`."""

    DEFAULT_CSS = "Progress { width: 1fr; height: 6; }"

    def show(self, t: Callable[..., str], *, done: int, current: int) -> None:
        """Mark the steps up to `done`, and `current` (0 for none)."""
        parts: list[Content | str | tuple[str, str]] = []
        for number, step in enumerate(STEPS, start=1):
            name = f"{number} {t(step)}"
            if number <= done:
                parts.append((f"[v] {name}", "$success"))
            elif number == current:
                parts.append((f"[>] {name}", "bold $accent"))
            else:
                parts.append((f"[ ] {name}", "$muted"))
            parts.append("\n" if number < len(STEPS) else "")
        self.update(Content.assemble(*parts))
