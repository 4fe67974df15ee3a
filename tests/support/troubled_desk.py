"""`keydesk run` that writes beside its log what goes wrong in it: `python -m tests.support.troubled_desk CRASH ERRORS run …`.

CRASH gets the stacks of all threads when a signal ends it; ERRORS gets what it reports as an unexpected error, and what it says
of its end. Its own log may lie on a disk that is full.
"""

from __future__ import annotations

import faulthandler
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiosk.commands.cli import main
from kiosk.ui.app import KeydeskApp


def _write_down(errors: Path) -> None:
    """Have the app's reports written to a file as well."""
    report, panic, ended = KeydeskApp.report, KeydeskApp.panic, KeydeskApp.ended

    def tell(write: Callable[[], str]) -> None:
        with errors.open("a", encoding="utf-8") as file:
            file.write(write() + "\n")

    def reported(app: KeydeskApp, error: BaseException) -> None:
        tell(lambda: "".join(traceback.format_exception(error)))
        report(app, error)

    def panicked(app: KeydeskApp, *said: Any) -> None:
        tell(lambda: f"panic: {said}\n{''.join(traceback.format_stack())}")
        panic(app, *said)

    def over(app: KeydeskApp) -> int:
        status = ended(app)
        tell(lambda: f"ended by {app._ended_by or 'nobody knows'}, status {status}")
        return status

    KeydeskApp.report = reported  # type: ignore[assignment, method-assign]
    KeydeskApp.panic = panicked  # type: ignore[assignment, method-assign]
    KeydeskApp.ended = over  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    crash = Path(sys.argv.pop(1)).open("a", encoding="utf-8")  # noqa: SIM115 - as long as the process lives
    faulthandler.enable(crash)
    _write_down(Path(sys.argv.pop(1)))
    sys.exit(main())
