"""The names of the steps and of the overlays."""

from __future__ import annotations

import enum

from kiosk.desk.views.orders import OrderView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.ui.visit import Visit


class Route(enum.Enum):
    """A step of a visit."""

    HOME = enum.auto()
    ADVISER = enum.auto()
    NOTICE = enum.auto()
    VERIFY = enum.auto()
    PAY = enum.auto()
    DELIVERY = enum.auto()
    SLIP = enum.auto()
    BIND = enum.auto()
    DONE = enum.auto()
    SIGN_IN = enum.auto()
    ACCOUNT = enum.auto()
    USER_CENTRE = enum.auto()
    KEY_SERVICES = enum.auto()
    TAKE_KEY = enum.auto()
    NEXT_OPERATOR = enum.auto()
    ERROR = enum.auto()


class Layer(enum.Enum):
    """An overlay that the app itself shows over a step."""

    HELP = enum.auto()
    STAFF = enum.auto()
    PRIVACY = enum.auto()
    TOO_SMALL = enum.auto()


def step_of(order: OrderView) -> Route:
    """The step where an order continues."""
    if order.status is OrderStatus.PAID:
        begun = order.binding_step is not None
        return Route.BIND if begun or order.kind is OrderKind.RENEWAL else Route.DELIVERY
    return Route.PAY


def beginning(visit: Visit) -> Route:
    """Where a visit begins, once the key of the one before was taken."""
    return Route.HOME if visit.party is None else Route.NEXT_OPERATOR
