"""Showing the screens over a desk, until somebody leaves or the process is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable

from kiosk.configuration import Configuration
from kiosk.desk.context import Desk
from kiosk.desk.demo_controls import DemoControls
from kiosk.desk.service import DeskService
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.settings import ScreenSettings


def show(
    desk: Desk,
    configuration: Configuration,
    demo: DemoControls | None = None,
    leave_when: Callable[[Callable[[], None]], None] | None = None,
) -> int:
    """Run the app; its exit status. `leave_when` is given the function that closes the app, from any thread."""
    exchange, screen = configuration.exchange, configuration.screen
    settings = ScreenSettings(
        system_name=exchange.system,
        exchange_name=exchange.name,
        payee=exchange.payee,
        support=exchange.support,
        official_account=exchange.official_account,
        idle=screen.idle,
        countdown=screen.countdown,
    )
    app = KeydeskApp(DeskService(desk), demo, Language(screen.language.value), settings)

    def leave() -> None:
        app.call_from_thread(app.exit)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: app.exit())
    if leave_when is not None:
        leave_when(leave)
    app.run()
    return app.return_code or 0
