"""Ways through the screens to where a test begins."""

from __future__ import annotations

from textual.pilot import Pilot

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.status import Network
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService
from tests.support.desk import FIRM
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, go, until
from tests.support.screens import fill, press_button, settle, shown, text_of

SIZE = (80, 24)
TYPED = {
    "legal_person": "王建国",
    "enterprise": FIRM,
    "account": NEWCOMER,
    "operator": "李晓梅",
    "password": "Keydesk-1",
}


async def verify(
    app: KeydeskApp, pilot: Pilot[None], kind: OrderKind = OrderKind.NEW, **changes: str
) -> None:
    """To the answer of ② with what TYPED says, changed."""
    await go(app, pilot, Route.VERIFY, kind=kind)
    typed = TYPED | changes
    fill(app, **{name: typed[name] for name in typed if app.screen.query(f"#{name.replace('_', '-')}")})
    await press_button(app, pilot, "next")


async def tick(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, seconds: float = 0) -> None:
    """So much time passes, and the app looks round."""
    kiosk.ticker.seconds += seconds
    app.call_later(app._tick)
    await settle(pilot)


async def lose_the_line(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, seconds: int = 600) -> None:
    """The line is down since so long, and the screens know it: they read the status once a second."""
    kiosk.go_offline(seconds)
    app.call_later(app._tick)
    await until(pilot, lambda: app.status is not None and app.status.network is not Network.ONLINE)
    await settle(pilot)


async def to_pay(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> OrderView:
    """Where a new order waits for its payment."""
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    await go(app, pilot, Route.PAY, kiosk.session(NEWCOMER), order)
    return order


async def to_binding(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> OrderView:
    """Where a new order that was paid is bound."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    await go(app, pilot, Route.BIND, kiosk.session(NEWCOMER), order)
    return order


async def bind_blank(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, serial: str) -> None:
    """Where a paid order is bound: a blank key is put in and bound."""
    kiosk.source.insert(kiosk.blank(serial))
    await until(pilot, lambda: serial in text_of(app))
    await settle(pilot)
    await press_button(app, pilot, "bind")
    assert shown(app) == "DoneScreen"


async def take_key(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """From the page that waits for the key to be taken to the first screen."""
    assert shown(app) == "TakeKeyScreen"
    kiosk.source.remove()
    await until(pilot, lambda: shown(app) == "HomeScreen")
    await settle(pilot)


async def open_service(
    app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, service: KeyService, account: str = OWNER
) -> None:
    """The service as it opens once the password was right."""
    await settle(pilot)
    app.visit.service = service
    await go(app, pilot, Route.KEY_SERVICES, kiosk.session(account))
