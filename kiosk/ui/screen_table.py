"""The screen of each step and overlay, imported on first use so that the app starts fast."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from kiosk.ui.routes import Layer, Route

if TYPE_CHECKING:
    from kiosk.text.forgotten import Forgotten
    from kiosk.ui.page import Overlay, Page


def screen_of(route: Route) -> Page[None]:  # noqa: C901, PLR0911, PLR0912 - a table, which mypy holds complete
    """A new screen for that step."""
    match route:
        case Route.HOME:
            from kiosk.ui.screens.order.home import HomeScreen

            return HomeScreen()
        case Route.ADVISER:
            from kiosk.ui.screens.order.adviser import AdviserScreen

            return AdviserScreen()
        case Route.NOTICE:
            from kiosk.ui.screens.order.notice import NoticeScreen

            return NoticeScreen()
        case Route.VERIFY:
            from kiosk.ui.screens.order.verify import VerifyScreen

            return VerifyScreen()
        case Route.PAY:
            from kiosk.ui.screens.order.pay import PayScreen

            return PayScreen()
        case Route.DELIVERY:
            from kiosk.ui.screens.order.delivery import DeliveryScreen

            return DeliveryScreen()
        case Route.SLIP:
            from kiosk.ui.screens.order.slip import SlipScreen

            return SlipScreen()
        case Route.BIND:
            from kiosk.ui.screens.binding.bind import BindScreen

            return BindScreen()
        case Route.DONE:
            from kiosk.ui.screens.order.done import DoneScreen

            return DoneScreen()
        case Route.SIGN_IN:
            from kiosk.ui.screens.order.sign_in import SignInScreen

            return SignInScreen()
        case Route.ACCOUNT:
            from kiosk.ui.screens.order.account import AccountScreen

            return AccountScreen()
        case Route.USER_CENTRE:
            from kiosk.ui.screens.member.user_centre import UserCentreScreen

            return UserCentreScreen()
        case Route.KEY_SERVICES:
            from kiosk.ui.screens.key.key_services import KeyServicesScreen

            return KeyServicesScreen()
        case Route.TAKE_KEY:
            from kiosk.ui.screens.common.take_key import TakeKeyScreen

            return TakeKeyScreen()
        case Route.NEXT_OPERATOR:
            from kiosk.ui.screens.member.next_operator import NextOperatorScreen

            return NextOperatorScreen()
        case Route.ERROR:
            from kiosk.ui.screens.common.error import ErrorScreen

            return ErrorScreen()
        case _:
            assert_never(route)


def layer_of(layer: Layer) -> Overlay[None]:
    """A new screen for that overlay."""
    match layer:
        case Layer.HELP:
            from kiosk.ui.screens.common.help import HelpScreen

            return HelpScreen()
        case Layer.STAFF:
            from kiosk.ui.screens.staff.staff_desk import StaffScreen

            return StaffScreen()
        case Layer.PRIVACY:
            from kiosk.ui.screens.common.privacy import PrivacyScreen

            return PrivacyScreen()
        case Layer.TOO_SMALL:
            from kiosk.ui.screens.common.too_small import TooSmallScreen

            return TooSmallScreen()
        case _:
            assert_never(layer)


def question_about(what: Forgotten, pin: str) -> Overlay[bool]:
    """Say what to do about something forgotten, and ask whether to call staff; `pin` is what keys come with."""
    from kiosk.ui.screens.common.confirm import ConfirmScreen, forgotten_question

    return ConfirmScreen(partial(forgotten_question, what=what, pin=pin))


def question_before_leaving() -> Overlay[bool]:
    """Ask whether to leave the demo."""
    from kiosk.ui.screens.common.confirm import ConfirmScreen, leave_question

    return ConfirmScreen(leave_question)
