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
    NEW_TRADER = "new-trader"
    USER_CENTRE = "user-centre"


SCENES = {
    Scene.NEW_ORDER: N_("刚下单，付款码在屏上"),
    Scene.OFFLINE: N_("没有网络，凭手机上的确认码付款"),
    Scene.PAID_ORDER: N_("已付款，还没有绑定"),
    Scene.PULLED_KEY: N_("绑定到一半，key盘被拔出"),
    Scene.RENEWAL: N_("续期已付款，key盘已插入，等PIN码"),
    Scene.NEW_TRADER: N_("添加交易员已提交，等交易所审核"),
    Scene.USER_CENTRE: N_("用户中心，几笔订单的邮寄和发票各到一步"),
}
