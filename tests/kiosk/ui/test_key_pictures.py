"""The screens of the key services as pictures, in both languages and at both sizes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.fees import OrderKind
from kiosk.domain.nights import DAY, USUAL_AT, ExpiringKey, Finding, NightReport, StepOutcome, StepRecord
from kiosk.store.agent_state import AgentState, ContactFault
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from kiosk.ui.visit import KeyService
from tests.support.desk import PIN, SUPERVISOR
from tests.support.kiosk import (
    CERTIFICATE,
    NEWCOMER,
    NOW,
    OTHER_SERIAL,
    OWNER,
    SERIAL,
    VALIDITY,
    Kiosk,
    LoginCentre,
    answer_next,
    go,
    lay,
)
from tests.support.pictures import LANGUAGES, SIZES, looks_as_it_did
from tests.support.screens import fill, press, press_button, settle, type_in
from tests.support.walks import lose_the_line, tick

Way: TypeAlias = Callable[[KeydeskApp, Pilot[None], Kiosk], Awaitable[None]]
SMALL = (80, 24)


async def service(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, chosen: KeyService) -> None:
    app.visit.service = chosen
    await go(app, pilot, Route.KEY_SERVICES, kiosk.session(OWNER))


async def staff(app: KeydeskApp, pilot: Pilot[None], chosen: str = "") -> None:
    await lay(app, pilot, StaffDeskScreen(SUPERVISOR))
    await press(pilot, "shift+tab", "left", "tab")
    if chosen:
        rows = app.screen.query_one("#rows", OptionList)
        rows.highlighted = rows.get_option_index(chosen)
        await press(pilot, "enter")


async def menu(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await go(app, pilot, Route.KEY_SERVICES)


async def status(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await service(app, pilot, kiosk, KeyService.STATUS)


async def blocked(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    kiosk.waste_tries(5)
    await service(app, pilot, kiosk, KeyService.STATUS)


async def several(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    first = kiosk.service.read_token()
    assert isinstance(first, TokenView)
    second = replace(first, serial=OTHER_SERIAL, reader="Other reader")
    answer_next(kiosk.service, "key_status", TokenRefused(TokenRefusal.SEVERAL, candidates=(first, second)))
    await service(app, pilot, kiosk, KeyService.STATUS)


async def change_pin(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    kiosk.waste_tries(1)
    await service(app, pilot, kiosk, KeyService.CHANGE_PIN)
    await type_in(pilot, "000000", "234567", "234567")


async def login_code(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    LoginCentre(kiosk)
    await service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
    await type_in(pilot, PIN)


async def login_offline(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await lose_the_line(app, pilot, kiosk, 53_700)
    await service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
    await type_in(pilot, PIN)


async def login_refused(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    results = tuple(
        (check, CheckResult.FAILED if check is Check.REVOCATION else CheckResult.PASSED) for check in Check
    )
    view = LoginCheckView(SERIAL, CERTIFICATE, VALIDITY[1], results, "", "138****5678", NOW + 300, 5)
    answer_next(kiosk.service, "login_check", view)
    await service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
    await type_in(pilot, PIN)


async def first_password(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """A code that nobody was sent."""
    LoginCentre(kiosk)
    await go(app, pilot, Route.KEY_SERVICES)
    await press(pilot, "5")
    await type_in(pilot, NEWCOMER, "000000", "Aa#9-_xy", "Aa#9-_xy")


async def loss(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await service(app, pilot, kiosk, KeyService.REPORT_LOSS)


async def loss_offline(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await lose_the_line(app, pilot, kiosk)
    await service(app, pilot, kiosk, KeyService.REPORT_LOSS)
    await press(pilot, "enter")
    await press(pilot, "tab", "enter")


async def staff_menu(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await staff(app, pilot)


async def unblock(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await staff(app, pilot, "key-unblock")


async def erase(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await staff(app, pilot, "key-erase")
    await press_button(app, pilot, "next")
    await press_button(app, pilot, "yes")


async def found(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await staff(app, pilot, "key-found")
    await press(pilot, "enter")


async def lift(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await staff(app, pilot, "key-lift")
    fill(app, account=OWNER)


async def one_number(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    kiosk.setup.paid_order("11000007", OrderKind.NEW, beside=order.reference)
    await lay(app, pilot, StaffDeskScreen(SUPERVISOR))
    app.screen.query_one("#number").focus()
    await pilot.pause()
    await type_in(pilot, order.order_number)


async def network(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    state = AgentState(error="HTTP 407", failure=ContactFault.PROXY_REFUSED, last_contact=NOW - 600)
    with kiosk.setup.database.write() as tx:
        tx.agent.put(replace(state, retry_at=NOW + 240))
    await app._tick()
    await staff(app, pilot)
    await press(pilot, "shift+tab", "left", "tab")


async def nights(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    findings = (
        Finding("centre-not-reached", step="drain", reason="unreachable", detail="ConnectError"),
        Finding("step-failed", step="backup", reason="backup:destination-missing", place="/mnt/backup"),
        Finding("backlog", 12),
    )
    steps = (
        StepRecord("drain", StepOutcome.FAILED, reason="unreachable"),
        StepRecord("verify", StepOutcome.DONE, 113),
        StepRecord("backup", StepOutcome.FAILED, reason="backup:destination-missing"),
        StepRecord("prune", StepOutcome.SKIPPED, reason="not-configured"),
    )
    keys = (ExpiringKey(OWNER, SERIAL, NOW + 7 * DAY),)
    with kiosk.setup.database.write() as tx:
        tx.nights.owe(NOW - 9 * DAY, USUAL_AT)
        tx.nights.add(NightReport(1, NOW - 4 * DAY, NOW - 4 * DAY))
        tx.nights.add(NightReport(2, NOW - 3 * DAY, NOW - 3 * DAY, steps, findings, keys, 1))
    await app._tick()
    await staff(app, pilot)
    await press(pilot, "shift+tab", "left", "left", "tab")


WAYS = [
    pytest.param(way, id=way.__name__)
    for way in (
        menu,
        status,
        blocked,
        several,
        change_pin,
        login_code,
        login_offline,
        login_refused,
        first_password,
        loss,
        loss_offline,
        staff_menu,
        unblock,
        erase,
        found,
        lift,
        one_number,
        network,
        nights,
    )
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_key_screens_look_as_they_did(
    snap_compare: Callable[..., bool], kiosk: Kiosk, size: tuple[int, int], language: Language, way: Way
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(1)
    kiosk.fill_journal(100)

    async def counted(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await way(app, pilot, kiosk)
        await settle(pilot)  # what was put off until the screen was painted, such as where the cursor goes
        kiosk.leave_waiting(12)
        await tick(app, pilot, kiosk)

    assert looks_as_it_did(snap_compare, kiosk, size, language, counted)
