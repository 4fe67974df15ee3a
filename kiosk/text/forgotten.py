"""What to do about an account, a password or a PIN that was forgotten: one sentence each."""

from __future__ import annotations

import enum

from kiosk.text.catalogue import N_


class Forgotten(enum.Enum):
    """What a member does not know any more."""

    ACCOUNT = enum.auto()
    PASSWORD = enum.auto()
    PIN = enum.auto()


FORGOTTEN = {
    Forgotten.ACCOUNT: (
        N_("忘了登录账号？"),
        N_(
            "登录账号在网站「用户中心」-「企业账户信息」-「交易代表信息」里；上不了网站的，工作人员可以帮您查。"
        ),
    ),
    Forgotten.PASSWORD: (
        N_("忘了登录密码？"),
        N_("密码谁也看不到。工作人员核对您的身份后，会把重新设置的链接发到您绑定的手机。"),
    ),
    Forgotten.PIN: (
        N_("忘了PIN码？"),
        N_("没改过的是 {pin}；改过又忘了的请不要再试，工作人员可以帮您解锁。"),
    ),
}
