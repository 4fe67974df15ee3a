"""The screens of the key services as pictures, in both languages and at both sizes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import pytest
from textual.widgets import Input, OptionList

from kiosk.desk.keys.views import Check, CheckResult
from kiosk.desk.views import Network, TokenRefused, TokenTrouble
from kiosk.settings import Display
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp

if TYPE_CHECKING:
    from textual.pilot import Pilot

# The fake desk of conftest.py, which cannot be imported by name.
Desk: TypeAlias = Any
Way: TypeAlias = "Callable[[Pilot[None], Desk], Awaitable[None]]"

replace = msgspec.structs.replace
SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 36), id="120x36")]
LANGUAGES = [pytest.param(language, id=language.value) for language in Language]


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def type_in(pilot: Pilot[None], *values: str) -> None:
    for value in values:
        field = pilot.app.focused
        assert isinstance(field, Input)
        field.value = value
        await pilot.press("enter")
    await settle(pilot)


async def service(pilot: Pilot[None], number: str) -> None:
    await pilot.press("9")
    await settle(pilot)
    await pilot.press(number)
    await settle(pilot)
    await type_in(pilot, "11000002", "Keydesk-2")


async def staff(pilot: Pilot[None], chosen: str = "") -> None:
    await pilot.press("f6")
    await settle(pilot)
    await type_in(pilot, "林涛", "Super-1")
    await pilot.press("shift+tab", "left", "tab")
    await settle(pilot)
    if chosen:
        rows = pilot.app.screen.query_one("#rows", OptionList)
        rows.highlighted = rows.get_option_index(chosen)
        await pilot.press("enter")
        await settle(pilot)


async def menu(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await pilot.press("9")
    await settle(pilot)


async def status(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await service(pilot, "1")


async def blocked(pilot: Pilot[None], desk: Desk) -> None:
    desk.insert(replace(desk.token, pin_blocked=True, tries_left=0))
    await service(pilot, "1")


async def several(pilot: Pilot[None], desk: Desk) -> None:
    second = replace(desk.token, serial="E8AD652202221F09", reader="Other reader")
    desk.outcomes["key_status"] = [TokenRefused(TokenTrouble.SEVERAL, candidates=(desk.token, second))]
    await service(pilot, "1")


async def change_pin(pilot: Pilot[None], desk: Desk) -> None:
    desk.outcomes["change_pin"] = [TokenRefused(TokenTrouble.PIN_WRONG, tries_left=3)]
    await service(pilot, "2")
    await type_in(pilot, "000000", "234567", "234567")


async def login_code(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await service(pilot, "3")
    await type_in(pilot, "123456")


async def login_offline(pilot: Pilot[None], desk: Desk) -> None:
    left_out = {Check.REGISTER, Check.SMS}
    results = tuple(
        (check, CheckResult.NOT_CHECKED if check in left_out else CheckResult.PASSED) for check in Check
    )
    desk.network = Network.OFFLINE
    desk.login = replace(desk.login, results=results, check="", feed_as_of=desk.now - 53_700)
    await login_code(pilot, desk)


async def login_refused(pilot: Pilot[None], desk: Desk) -> None:
    results = tuple(
        (check, CheckResult.FAILED if check is Check.REVOCATION else CheckResult.PASSED) for check in Check
    )
    desk.login = replace(desk.login, results=results, check="")
    await login_code(pilot, desk)


async def loss(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await service(pilot, "4")


async def loss_offline(pilot: Pilot[None], desk: Desk) -> None:
    desk.network, desk.loss_reaches_centre = Network.OFFLINE, False
    await service(pilot, "4")
    await pilot.press("enter")
    await settle(pilot)
    await pilot.press("tab", "enter")
    await settle(pilot)


async def staff_menu(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await staff(pilot)


async def unblock(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await staff(pilot, "key-unblock")


async def erase(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await staff(pilot, "key-erase")
    await pilot.press("tab", "enter")
    await settle(pilot)
    await pilot.press("tab", "enter")
    await settle(pilot)


async def found(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await staff(pilot, "key-found")
    await pilot.press("enter")
    await settle(pilot)


async def lift(pilot: Pilot[None], desk: Desk) -> None:
    del desk
    await staff(pilot, "key-lift")
    pilot.app.screen.query_one("#account", Input).value = "11000002"


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
        loss,
        loss_offline,
        staff_menu,
        unblock,
        erase,
        found,
        lift,
    )
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_key_screens_look_as_they_did(
    snap_compare: Callable[..., bool],
    desk: Desk,
    ticker: Any,
    used: Any,
    cut_off: Callable[..., list[str]],
    size: tuple[int, int],
    language: Language,
    way: Way,
) -> None:
    desk.token = used
    app = KeydeskApp(desk, display=Display(language), monotonic=ticker)

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await way(pilot, desk)
        assert cut_off(pilot.app) == []

    assert snap_compare(app, terminal_size=size, run_before=show)
