"""No password and no PIN stays on a screen once it was refused, or once another key may be in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from kiosk.desk.views.people import Field, LockedOut, SignedIn, StaffSession, WrongCredentials
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Page
from kiosk.ui.routes import Layer, Route
from kiosk.ui.screen_table import layer_of, screen_of
from kiosk.ui.screens.common.staff_sign_in import SupervisorScreen
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from kiosk.ui.screens.key.first_password import FirstPasswordScreen
from kiosk.ui.screens.key.login_check import LoginCheckScreen
from kiosk.ui.screens.staff.lift_hold import LiftHoldScreen
from kiosk.ui.screens.staff.unblock_pin import UnblockPinScreen
from tests.support.desk import PIN, SUPERVISOR
from tests.support.kiosk import NEWCOMER, OTHER_SERIAL, OWNER, SERIAL, Kiosk, answer_next, go, until
from tests.support.screens import fill, focused, press, press_button, settle, shown, text_of
from tests.support.walks import SIZE, TYPED, verify

Made = Callable[[Kiosk], Page[None] | Page[bool] | Page[StaffSession | None]]

# Every screen that takes a secret, and the verb that its "next" asks.
SCREENS: dict[str, tuple[Made, str]] = {
    "verify": (lambda _: screen_of(Route.VERIFY), "verify"),
    "sign-in": (lambda _: screen_of(Route.SIGN_IN), "sign_in"),
    "bind": (lambda _: screen_of(Route.BIND), "sign_in"),
    "privacy": (lambda _: layer_of(Layer.PRIVACY), "sign_in"),
    "staff": (lambda _: layer_of(Layer.STAFF), "staff_sign_in"),
    "supervisor": (lambda _: SupervisorScreen(), "staff_sign_in"),
    "change-pin": (lambda kiosk: ChangePinScreen(kiosk.session(OWNER)), "change_pin"),
    "login-check": (lambda kiosk: LoginCheckScreen(kiosk.session(OWNER)), "login_check"),
    "first-password": (lambda _: FirstPasswordScreen(), "choose_first_password"),
    "lift-hold": (lambda _: LiftHoldScreen(SUPERVISOR), "sign_in"),
    "unblock": (lambda _: UnblockPinScreen(SUPERVISOR), "unblock_pin"),
}
ANSWERS = {
    "verify": (WrongCredentials(3), LockedOut(0), Refused(Refusal.STORE_UNREADABLE)),
    "sign_in": (WrongCredentials(3), LockedOut(0), Refused(Refusal.STORE_UNREADABLE)),
    "staff_sign_in": (WrongCredentials(3), Refused(Refusal.STORE_UNREADABLE)),
    "change_pin": (
        TokenRefused(TokenRefusal.PIN_WRONG, tries_left=3),
        TokenRefused(TokenRefusal.REMOVED),
        Refused(Refusal.STORE_UNREADABLE),
    ),
    "login_check": (
        TokenRefused(TokenRefusal.PIN_WRONG, tries_left=3),
        Refused(Refusal.STORE_UNREADABLE),
    ),
    "choose_first_password": (Refused(Refusal.STORE_UNREADABLE),),
    "unblock_pin": (
        TokenRefused(TokenRefusal.UNBLOCKING_PIN_WRONG, tries_left=3),
        TokenRefused(TokenRefusal.PIN_UNCHANGED),
    ),
}
# The pages that belong to a member who has signed in.
SESSIONS: dict[str, type[Page[bool]]] = {"change-pin": ChangePinScreen, "login-check": LoginCheckScreen}
# These refuse the old PIN, or the administrator's; the new one need not be typed again.
OTHER_SECRETS_STAND = {TokenRefusal.PIN_WRONG, TokenRefusal.UNBLOCKING_PIN_WRONG}


# What else each of them asks before it is through, once the secret was right; the way there as the desk goes it.
ASKED_LATER: dict[str, tuple[str, ...]] = {
    "verify": ("place_order",),
    "sign-in": ("open_orders",),
    "bind": ("bindable", "bind"),
    "privacy": ("open_orders",),
    "lift-hold": ("lift_hold",),
}
# Several whose reason lies in the store or the system, and one that the desk's rules give.
REFUSALS = (
    Refusal.DISK_FULL,
    Refusal.STORE_BUSY,
    Refusal.STORE_UNREADABLE,
    Refusal.DISK_READ_ONLY,
    Refusal.INODES_USED_UP,
    Refusal.DESCRIPTORS_USED_UP,
    Refusal.CLOCK_BEHIND,
)
BUTTONS = {"bind": "bind", "staff": "enter", "supervisor": "enter"}


async def open_screen(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, name: str) -> None:
    await settle(pilot)
    page = SCREENS[name][0](kiosk)
    await app.push_screen(page)
    await settle(pilot)


def fields(app: KeydeskApp) -> list[Input]:
    """The fields that a person sees."""
    return [field for field in app.screen.query(Input) if field.region.size]


def type_everywhere(app: KeydeskApp) -> list[Input]:
    """Fill everything in; the fields of secrets."""
    for field in fields(app):
        field.value = (TYPED | {"old": "111111"}).get(str(field.id).replace("-", "_"), "654321")
    secret = [field for field in fields(app) if field.password]
    assert secret
    assert all(field.value for field in secret)
    return secret


def typed_secrets(app: KeydeskApp) -> list[str]:
    return [field.value for field in fields(app) if field.password]


@pytest.mark.parametrize("name", SCREENS)
async def test_a_key_that_goes_in_or_out_takes_every_secret_along(
    app: KeydeskApp, kiosk: Kiosk, name: str
) -> None:
    key = kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await open_screen(app, pilot, kiosk, name)
        for move in (lambda: kiosk.source.insert(key), kiosk.source.remove):
            type_everywhere(app)
            move()
            await until(pilot, lambda: not any(typed_secrets(app)))
            await settle(pilot)
            assert "请重新输入" in text_of(app)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param(name, answer, id=f"{name}-{type(answer).__name__}-{getattr(answer, 'reason', '')}")
        for name, (_, verb) in SCREENS.items()
        for answer in ANSWERS[verb]
    ],
)
async def test_no_refused_secret_stays_for_the_next_to_be_typed_behind_it(
    app: KeydeskApp, kiosk: Kiosk, name: str, answer: object
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    asked = answer_next(kiosk.service, SCREENS[name][1], answer)
    async with app.run_test(size=SIZE) as pilot:
        await open_screen(app, pilot, kiosk, name)
        spared = (
            {"new", "again"} if getattr(answer, "reason", None) in OTHER_SECRETS_STAND else frozenset[str]()
        )
        secret = [field for field in type_everywhere(app) if field.id not in spared]
        await press_button(app, pilot, BUTTONS.get(name, "next"))
        assert len(asked) == 1
        assert [field.value for field in secret] == [""] * len(secret)


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        pytest.param(name, each, id=f"{name}-{each}")
        for name, (_, verb) in SCREENS.items()
        for each in (verb, *ASKED_LATER.get(name, ()))
    ],
)
async def test_whatever_the_desk_refuses_for_takes_every_secret_along(
    app: KeydeskApp, kiosk: Kiosk, name: str, verb: str
) -> None:
    if name != "privacy":  # which takes nobody over whose key is still in
        kiosk.source.insert(kiosk.owners_key())
    if name in {"bind", "lift-hold"}:
        signed_in = [SignedIn(kiosk.session(OWNER))] * len(REFUSALS)
        answer_next(kiosk.service, "sign_in", *signed_in)
    if verb == "bind":
        kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    asked = answer_next(kiosk.service, verb, *map(Refused, REFUSALS))
    async with app.run_test(size=SIZE) as pilot:
        await open_screen(app, pilot, kiosk, name)
        page = app.screen
        for count in range(1, len(REFUSALS) + 1):
            if name == "privacy":
                app.visit.session = None  # it is nobody's step that is hidden
            secret = type_everywhere(app)
            await press_button(app, pilot, BUTTONS.get(name, "next"))
            assert app.screen is page
            assert len(asked) == count
            assert [field.value for field in secret] == [""] * len(secret)


async def test_an_open_order_that_cannot_be_read_takes_the_password_along(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.place(NEWCOMER, OrderKind.NEW)
    answer_next(kiosk.service, "order", Refused(Refusal.DISK_FULL), None)
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(2):
            await verify(app, pilot)
            assert shown(app) == "VerifyScreen"
            assert typed_secrets(app) == [""]


def test_every_page_with_a_field_for_a_secret_is_walked_here() -> None:
    """By the modules that make such fields: each is that of a page above, or of what one is made of."""
    made = {type(make(Kiosk.__new__(Kiosk))) for name, (make, _) in SCREENS.items() if name not in SESSIONS}
    modules = {each.__module__ for page in made | set(SESSIONS.values()) for each in page.__mro__}
    screens = Path(inspect.getfile(Page)).with_name("screens")
    root = screens.parents[2]
    found = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in screens.rglob("*.py")
        if "password=" in path.read_text()
    }
    assert found
    assert found <= modules


async def test_after_a_wrong_password_the_right_one_is_typed_alone(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, password="Keydesk-")
        assert focused(app) == "password"
        await pilot.press(*"Keydesk-1", "enter")
        await settle(pilot)
        assert shown(app) == "PayScreen"
    assert Field.PASSWORD not in app.visit.typed


async def test_a_password_is_not_kept_for_the_way_back(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY)
        fill(app, **TYPED)
        await press(pilot, "escape")
        assert shown(app) == "NoticeScreen"
        await press(pilot, "enter")
        assert app.screen.query_one("#account", Input).value == NEWCOMER
        assert app.screen.query_one("#password", Input).value == ""


async def test_no_pin_goes_to_the_key_that_came_while_the_last_try_was_asked_about(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    key = kiosk.owners_key()
    kiosk.source.insert(key)
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    pages: tuple[Callable[[], object], ...] = (
        lambda: app.go(Route.BIND),
        lambda: app.push_screen(LoginCheckScreen(kiosk.session(OWNER))),
    )
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for verb, begin in zip(("bind", "login_check"), pages, strict=True):
            asked = answer_next(kiosk.service, verb, TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1))
            app.visit.session, app.visit.order, app.visit.kind = kiosk.session(OWNER), order, order.kind
            begin()
            await settle(pilot)
            fill(app, pin=PIN)
            await press_button(app, pilot, "bind" if verb == "bind" else "next")
            assert shown(app) == "ConfirmScreen"
            kiosk.source.swap(kiosk.blank(OTHER_SERIAL))
            await until(pilot, lambda: shown(app) != "ConfirmScreen")
            await settle(pilot)
            await press(pilot, "enter")
            assert all(PIN not in given for given in asked[1:])
            kiosk.source.swap(key)
            await settle(pilot)


@pytest.mark.parametrize("name", ["change-pin", "login-check"])
async def test_a_pin_is_for_the_key_on_display_also_before_the_screen_heard_of_another(
    app: KeydeskApp, kiosk: Kiosk, name: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    asked = answer_next(kiosk.service, SCREENS[name][1])
    async with app.run_test(size=SIZE) as pilot:
        await open_screen(app, pilot, kiosk, name)
        type_everywhere(app)
        fill(app, **({"new": "234567", "again": "234567"} if name == "change-pin" else {}))
        await press_button(app, pilot, "next")
    assert [given[-1] for given in asked] == [SERIAL]
