"""The staff's key services: their rows in the staff's view and their screens."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, assert_never

from kiosk.text.catalogue import N_
from kiosk.text.cells import pad

if TYPE_CHECKING:
    from kiosk.desk.views.people import StaffSession
    from kiosk.text.wording import Text
    from kiosk.ui.screens.common.key_page import KeyPage


class StaffKeyService(enum.StrEnum):
    """The staff's key services, in the order of the list."""

    STATUS = "key-status"
    UNBLOCK = "key-unblock"
    ERASE = "key-erase"
    FOUND = "key-found"
    LIFT = "key-lift"


_ROWS = {
    StaffKeyService.STATUS: (N_("key盘状态"), N_("插着的key盘是谁的、到期日、PIN码还可试几次")),
    StaffKeyService.UNBLOCK: (N_("解锁PIN码"), N_("会员忘了或锁死了PIN码，由会员自己输新的")),
    StaffKeyService.ERASE: (N_("清空key盘"), N_("清成空白，或初始化没有初始化的key盘")),
    StaffKeyService.FOUND: (N_("拾获key盘登记"), N_("有人交来捡到的key盘")),
    StaffKeyService.LIFT: (N_("解除挂失"), N_("会员找到了key盘，凭密码和PIN码恢复使用")),
}
_FOR_SUPERVISORS = {StaffKeyService.UNBLOCK}
_NAME_CELLS = 24


def may(staff: StaffSession, service: StaffKeyService) -> bool:
    """Whether that member of staff may use the service."""
    return staff.supervisor or service not in _FOR_SUPERVISORS


def row(t: Text, staff: StaffSession, service: StaffKeyService) -> str:
    """The row in the staff's view, with the reason when it cannot be chosen."""
    title, hint = _ROWS[service]
    return pad(t(title), _NAME_CELLS) + (t(hint) if may(staff, service) else t("（要由主管登录后办理）"))


def page(service: StaffKeyService, staff: StaffSession) -> KeyPage:
    """The screen of a service, imported on first use."""
    match service:
        case StaffKeyService.STATUS:
            from kiosk.ui.screens.key.key_status import StaffKeyStatusScreen  # noqa: PLC0415 - imported on first use

            return StaffKeyStatusScreen(staff)
        case StaffKeyService.UNBLOCK:
            from kiosk.ui.screens.staff.unblock_pin import UnblockPinScreen  # noqa: PLC0415 - imported on first use

            return UnblockPinScreen(staff)
        case StaffKeyService.ERASE:
            from kiosk.ui.screens.staff.erase_key import EraseKeyScreen  # noqa: PLC0415 - imported on first use

            return EraseKeyScreen(staff)
        case StaffKeyService.FOUND:
            from kiosk.ui.screens.staff.found_key import FoundKeyScreen  # noqa: PLC0415 - imported on first use

            return FoundKeyScreen(staff)
        case StaffKeyService.LIFT:
            from kiosk.ui.screens.staff.lift_hold import LiftHoldScreen  # noqa: PLC0415 - imported on first use

            return LiftHoldScreen(staff)
        case _:
            assert_never(service)
