"""What the centre writes to phones: templates with typed parameters, as providers have them registered, never free text.

A provider sends a template by its name with the parameters of `named`; the sandbox words it here.
"""

from __future__ import annotations

import enum
from typing import ClassVar, assert_never

import msgspec

LONGEST_REASON = 60
"""Characters of a reason; what is longer is cut where the message is made."""
LONGEST_TEXT = 500
"""Characters of a message in words."""


class Template(enum.StrEnum):
    """The name under which a provider has a text."""

    CODE = "code"
    OPERATOR_APPROVED = "operator-approved"
    OPERATOR_REFUSED = "operator-refused"
    PASSWORD_LINK = "password-link"  # noqa: S105 - a template's name


class Purpose(enum.StrEnum):
    """What a code is for."""

    LOGIN_CHECK = "login-check"
    ORDERS = "orders"
    CONFIRMATION = "confirmation"


class Code(msgspec.Struct, frozen=True):
    """A code that a member types, good for so many minutes."""

    template: ClassVar[Template] = Template.CODE
    code: str
    minutes: int
    purpose: Purpose


class OperatorApproved(msgspec.Struct, frozen=True):
    """To the new operator: the account, and how the password is set within so many hours: by the link, or with the code at a kiosk."""

    template: ClassVar[Template] = Template.OPERATOR_APPROVED
    account: str
    link: str
    code: str
    hours: int


class OperatorRefused(msgspec.Struct, frozen=True):
    """To who proposed an operator (`name` is masked): why not."""

    template: ClassVar[Template] = Template.OPERATOR_REFUSED
    name: str
    reason: str


class PasswordLink(msgspec.Struct, frozen=True):
    """To an operator: another link and code to set the password with; those before are over."""

    template: ClassVar[Template] = Template.PASSWORD_LINK
    account: str
    link: str
    code: str
    hours: int


Parameters = Code | OperatorApproved | OperatorRefused | PasswordLink

_PURPOSES = {
    Purpose.LOGIN_CHECK: "登录验证",
    Purpose.ORDERS: "查看我的订单",
    Purpose.CONFIRMATION: "查看缴费确认码",
}


def named(parameters: Parameters) -> dict[str, str]:
    """The parameters by their names, as a provider takes them."""
    return {name: str(value) for name, value in msgspec.structs.asdict(parameters).items()}


def worded(system: str, parameters: Parameters) -> str:
    """The message in Chinese, as the providers' registered texts have it; `system` signs it."""
    match parameters:
        case Code(code, minutes, purpose):
            said = f"验证码 {code}，{minutes} 分钟内有效，用于{_PURPOSES[purpose]}，请勿告诉他人。"
        case OperatorApproved(account, link, code, hours):
            said = (
                f"交易员审核已通过，登录账号 {account}。请在 {hours} 小时内设置登录密码："
                f"打开 {link} ，或在服务台终端机「key盘服务」-「设置登录密码」输入验证码 {code}。请勿告诉他人。"
            )
        case OperatorRefused(name, reason):
            said = f"添加交易员 {name} 的申请未通过：{reason}。"
        case PasswordLink(account, link, code, hours):
            said = (
                f"账号 {account} 设置登录密码：请在 {hours} 小时内打开 {link} ，"
                f"或在服务台终端机「key盘服务」-「设置登录密码」输入验证码 {code}。以前的链接已失效。请勿告诉他人。"
            )
        case _:
            assert_never(parameters)
    return f"【{system}】{said}"[:LONGEST_TEXT]
