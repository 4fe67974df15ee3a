"""The steps by name, and the screen of each, loaded when it is first shown so that the first one comes up fast."""

from __future__ import annotations

import enum
import importlib
from typing import TYPE_CHECKING

from kiosk.desk.views import OrderView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus

if TYPE_CHECKING:
    from kiosk.ui.page import Page


class Route(enum.StrEnum):
    """A step; the value names the module in kiosk/ui/screens and, before the colon, its class."""

    HOME = "HomeScreen:order.home"
    ADVISER = "AdviserScreen:order.adviser"
    NOTICE = "NoticeScreen:order.notice"
    VERIFY = "VerifyScreen:order.verify"
    PAY = "PayScreen:order.pay"
    DELIVERY = "DeliveryScreen:order.delivery"
    SLIP = "SlipScreen:order.slip"
    BIND = "BindScreen:binding.bind"
    DONE = "DoneScreen:order.done"
    SIGN_IN = "SignInScreen:order.sign_in"
    ACCOUNT = "AccountScreen:order.account"
    KEY_SERVICES = "KeyServicesScreen:key.key_services"
    TROUBLE = "TroubleScreen:common.trouble"


def screen_of(route: Route) -> Page[None]:
    """A new screen for that step."""
    name, module = route.value.split(":")
    screen: Page[None] = getattr(importlib.import_module(f"kiosk.ui.screens.{module}"), name)()
    return screen


def step_of(order: OrderView) -> Route:
    """Where a member goes on with an order."""
    if order.status is OrderStatus.PAID:
        begun = order.binding_step is not None
        return Route.BIND if begun or order.kind is OrderKind.RENEWAL else Route.DELIVERY
    return Route.PAY
