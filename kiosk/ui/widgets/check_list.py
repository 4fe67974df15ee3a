"""The list of checks of 登录验证 with their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from kiosk.desk.keys.views import Check, CheckResult
from kiosk.text.cells import pad
from kiosk.text.key_wording import CHECKS, RESULTS
from kiosk.ui.widgets.steady import SteadyText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kiosk.text.wording import Text

_NAME_CELLS = 22
_MARKS = {
    CheckResult.PASSED: ("[v]", "$success"),
    CheckResult.FAILED: ("[x]", "bold $error"),
    CheckResult.NOT_CHECKED: ("[-]", "$accent"),
    CheckResult.WAITS: ("[>]", "bold $accent"),
}


class CheckList(SteadyText):
    """`[v]` passed, `[x]` failed, `[-]` not checked, `[>]` waiting; `[ ]` not started, `[.]` running."""

    DEFAULT_CSS = f"CheckList {{ width: 1fr; height: {len(Check)}; }}"

    def show(self, t: Text, results: Mapping[Check, CheckResult], *, working: bool) -> None:
        """Show the results so far."""
        parts: list[Content | str | tuple[str, str]] = []
        for check in Check:
            name = pad(t(CHECKS[check]), _NAME_CELLS)
            if check in results:
                mark, style = _MARKS[results[check]]
                parts.append((f"{mark} {name}{t(RESULTS[results[check]])}", style))
            else:
                parts.append((f"{'[.]' if working else '[ ]'} {name}", "$muted"))
            parts.append("\n")
        self.update(Content.assemble(*parts[:-1]))
