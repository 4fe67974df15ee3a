"""The places in the middle of a visit where the demo may start."""

from __future__ import annotations

import enum

from kiosk.text.catalogue import N_


class Scene(enum.StrEnum):
    """The places to start at."""

    NEW_ORDER = "new-order"
    OFFLINE = "offline"
    PAID_ORDER = "paid-order"
    PULLED_KEY = "pulled-key"
    RENEWAL = "renewal"


SCENES = {
    Scene.NEW_ORDER: N_("刚下单，付款码在屏上"),
    Scene.OFFLINE: N_("没有网络，凭手机上的确认码付款"),
    Scene.PAID_ORDER: N_("已付款，还没有绑定"),
    Scene.PULLED_KEY: N_("绑定到一半，key盘被拔出"),
    Scene.RENEWAL: N_("续期已付款，key盘已插入，等PIN码"),
}
