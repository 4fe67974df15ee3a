"""What the demo's drawer lists: each row with its name, its text, and the letter that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kiosk.demo.ports import DemoControls
    from kiosk.text.wording import Text

DAY = 24 * 3600
YEAR = 365 * DAY

# The letter that runs each row; the virtual keys have digits.
_HOTKEYS = {
    "remove": "x",
    "swap": "s",
    "pay": "p",
    "decline": "d",
    "scan": "c",
    "messages": "m",
    "approve": "a",
    "refuse": "r",
    "network": "n",
    "paper": "t",
    f"clock:{DAY}": "+",
    f"clock:{YEAR}": "y",
    f"clock:{-DAY}": "-",
    "clock:0": "0",
    "slow": "w",
    "leave": "q",
}
_DIGITS = "123456789"
KEY_NAMES = {
    **{key: key for key in (*_HOTKEYS.values(), *_DIGITS) if key.isalnum()},
    "plus": "+",
    "equals_sign": "+",
    "minus": "-",
}
"""Those letters by Textual's names of the keys."""

Row = tuple[str, str]
"""A row's name and its text."""


class Offered(NamedTuple):
    """What the step beneath and the payer's phone have to offer: the order's link, and the confirmation to scan."""

    link: str
    knows_member: bool
    scan: str


def sections(t: Text, demo: DemoControls, offered: Offered) -> list[tuple[str, list[Row]]]:
    """The rows of now, below their titles."""
    return [
        (t("key盘"), _keys(t, demo)),
        (t("付款人的手机"), _phone(t, offered)),
        (t("网络、打印纸、时钟、快慢"), _around(t, demo)),
        (t("交易所：审核新交易员"), [("approve", t("通过最早的申请")), ("refuse", t("不通过，写明原因"))]),
        (t("账号和密码"), _accounts(t, demo)),
        (t("工作人员"), _staff(t, demo)),
        (t("演示"), [("leave", t("退出演示"))]),
    ]


def key_of(identity: str, demo: DemoControls) -> str:
    """The letter that runs a row; a space where there is none."""
    if not identity.startswith("insert:"):
        return _HOTKEYS.get(identity, " ")
    place = [f"insert:{token.name}" for token in demo.tokens()].index(identity)
    return _DIGITS[place] if place < len(_DIGITS) else " "


def _keys(t: Text, demo: DemoControls) -> list[Row]:
    inserted = demo.inserted()
    rows = [
        (
            f"insert:{token.name}",
            ("* " if token.name == inserted else "  ") + f"{t(token.name)}  PIN {token.pin}",
        )
        for token in demo.tokens()
    ]
    if inserted is not None:
        rows.append(("remove", t("拔出key盘")))
        rows.append(("swap", t("换成下一把")))
    return rows


def _phone(t: Text, offered: Offered) -> list[Row]:
    messages = [("messages", t("看会员手机的短信"))] if offered.knows_member else []
    if not offered.link:
        return [*messages, ("no-order", t("（下单后才有付款码可扫）"))]
    rows = [*messages, ("pay", t("扫码并付款")), ("decline", t("扫码后不付"))]
    if offered.scan:
        rows.append(("scan", t("把手机上的确认码给扫码器扫")))
    return rows


def _around(t: Text, demo: DemoControls) -> list[Row]:
    shift, slow = demo.clock_shift // DAY, demo.keys_are_slow
    return [
        ("network", t("接上网络") if demo.network_cut else t("断开网络")),
        ("paper", t("装上打印纸") if demo.paper_is_out else t("拿走打印纸")),
        (f"clock:{DAY}", t("时钟 +1 天（已移 {days} 天）", days=shift)),
        (f"clock:{YEAR}", t("时钟 +1 年")),
        (f"clock:{-DAY}", t("时钟 -1 天")),
        ("clock:0", t("时钟复位")),
        ("slow", t("key盘快起来") if slow else t("key盘慢下来，好在中途拔出")),
    ]


def _accounts(t: Text, demo: DemoControls) -> list[Row]:
    return [
        (f"account:{index}", f"{account.account} {account.password} {t(account.remark)}")
        for index, account in enumerate(demo.accounts())
    ]


def _staff(t: Text, demo: DemoControls) -> list[Row]:
    return [
        (f"staff:{index}", f"{one.name} {one.password} " + (t("主管") if one.supervisor else t("工作人员")))
        for index, one in enumerate(demo.staff())
    ]
