"""The steps of each flow, as the line at the top of its pages names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDERING = (N_("① 缴费须知"), N_("② 验证信息"), N_("③ 缴纳费用"))
_FIRST_BINDING = (N_("④ 领取key盘"), N_("⑤ 绑定key盘"), N_("⑥ 办理完成"))
_RENEWAL = (N_("④ 绑定key盘"), N_("⑤ 办理完成"))
CONTINUING = (N_("① 登录"), N_("② 接着办理"))
QUERYING = (N_("① 登录"), N_("② 查询结果"))
KEY_SERVICE = (N_("① 选择服务"), N_("② 登录"), N_("③ 办理"))
PROPOSING = (N_("① 填写资料"), N_("② 交易所审核"), N_("③ 审核结果"))
FOLLOWING = (N_("① 取走key盘"), N_("② 选择业务"))
FIRST_PASSWORD = (N_("① 选择服务"), N_("② 设置密码"))
ADVISING = (N_("① 缴费情况"), N_("② key盘情况"))

RECEIVE, BIND, DONE = -3, -2, -1
"""The steps of `binding`, counted from the end: a renewal receives no key."""


def binding(kind: OrderKind) -> Sequence[str]:
    """The steps that follow the payment of an order of that kind."""
    return _RENEWAL if kind is OrderKind.RENEWAL else _FIRST_BINDING
