"""The screen of each step and overlay, imported on first use so that the app starts fast."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from kiosk.ui.routes import Layer, Route

if TYPE_CHECKING:
    from kiosk.text.forgotten import Forgotten
    from kiosk.ui.page import Overlay, Page


def screen_of(route: Route) -> Page[None]:  # noqa: C901, PLR0912 - a table, which mypy holds complete
    """A new screen for that step."""
    Screen: type[Page[None]]  # noqa: N806 - whichever class is imported
    match route:
        case Route.HOME:
            from kiosk.ui.screens.order.home import HomeScreen as Screen
        case Route.ADVISER:
            from kiosk.ui.screens.order.adviser import AdviserScreen as Screen
        case Route.NOTICE:
            from kiosk.ui.screens.order.notice import NoticeScreen as Screen
        case Route.VERIFY:
            from kiosk.ui.screens.order.verify import VerifyScreen as Screen
        case Route.PAY:
            from kiosk.ui.screens.order.pay import PayScreen as Screen
        case Route.DELIVERY:
            from kiosk.ui.screens.order.delivery import DeliveryScreen as Screen
        case Route.SLIP:
            from kiosk.ui.screens.order.slip import SlipScreen as Screen
        case Route.BIND:
            from kiosk.ui.screens.binding.bind import BindScreen as Screen
        case Route.DONE:
            from kiosk.ui.screens.order.done import DoneScreen as Screen
        case Route.SIGN_IN:
            from kiosk.ui.screens.order.sign_in import SignInScreen as Screen
        case Route.ACCOUNT:
            from kiosk.ui.screens.order.account import AccountScreen as Screen
        case Route.USER_CENTRE:
            from kiosk.ui.screens.member.user_centre import UserCentreScreen as Screen
        case Route.KEY_SERVICES:
            from kiosk.ui.screens.key.key_services import KeyServicesScreen as Screen
        case Route.TAKE_KEY:
            from kiosk.ui.screens.common.take_key import TakeKeyScreen as Screen
        case Route.NEXT_OPERATOR:
            from kiosk.ui.screens.member.next_operator import NextOperatorScreen as Screen
        case Route.ERROR:
            from kiosk.ui.screens.common.error import ErrorScreen as Screen
        case _:
            assert_never(route)
    return Screen()


def layer_of(layer: Layer) -> Overlay[None]:
    """A new screen for that overlay."""
    Screen: type[Overlay[None]]  # noqa: N806 - whichever class is imported
    match layer:
        case Layer.HELP:
            from kiosk.ui.screens.common.help import HelpScreen as Screen
        case Layer.STAFF:
            from kiosk.ui.screens.staff.staff_desk import StaffScreen as Screen
        case Layer.PRIVACY:
            from kiosk.ui.screens.common.privacy import PrivacyScreen as Screen
        case Layer.TOO_SMALL:
            from kiosk.ui.screens.common.too_small import TooSmallScreen as Screen
        case _:
            assert_never(layer)
    return Screen()


def question_about(what: Forgotten, pin: str) -> Overlay[bool]:
    """Say what to do about something forgotten, and ask whether to call staff; `pin` is what keys come with."""
    from kiosk.ui.screens.common.confirm import ConfirmScreen, forgotten_question

    return ConfirmScreen(partial(forgotten_question, what=what, pin=pin))


def question_before_leaving() -> Overlay[bool]:
    """Ask whether to leave the demo."""
    from kiosk.ui.screens.common.confirm import ConfirmScreen, leave_question

    return ConfirmScreen(leave_question)
