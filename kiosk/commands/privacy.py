"""`keydesk privacy export|erase --account`: what is kept of an account's personal facts here, and erasing it."""

from __future__ import annotations

import argparse

from kiosk.commands.failures import CommandError
from kiosk.commands.output import document, line
from kiosk.commands.store import open_store
from kiosk.desk.requests.privacy import erase, exported, is_known
from kiosk.domain.identifiers import is_account
from kiosk.store.system_clock import SystemClock
from kiosk.text.command_line import agreed, spoken

_BY = "keydesk privacy"


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises CommandError, ConfigurationError, StoreError."""
    text, account = spoken().text, arguments.account
    if not is_account(account):
        raise CommandError(
            text("{account} 不是登录账号：账号是 1 至 12 位数字，不以 0 开头", account=account)
        )
    database = open_store(arguments)
    if not is_known(database, account):
        raise CommandError(text("本机没有账号 {account} 的任何记录；请核对账号", account=account))
    if arguments.verb == "export":
        document(exported(database, account))
        return 0
    if not arguments.yes:
        _require_agreement(account)
    erased = erase(database, SystemClock(), account, _BY)
    line(
        text(
            "已删除账号 {account} 在本机的 {count} 份个人资料；联网后中心也会删除。日志里只留下删除的记录",
            account=account,
            count=erased.count,
        )
    )
    if not erased.forgotten:
        line(
            text(
                "另一个程序正在用数据库，它的预写日志里可能还留着一份；夜间检查会清掉，也可以停下终端机后再执行一次本命令"
            )
        )
    return 0


def _require_agreement(account: str) -> None:
    """Have somebody agree at the terminal, since nothing brings the records back. Raises CommandError."""
    text = spoken().text
    question = text(
        "将删除账号 {account} 在本机和中心的个人资料，不能恢复。确定请输入 yes：", account=account
    )
    match agreed(question):
        case True:
            return
        case False:
            raise CommandError(text("没有确认，什么都没有改动"))
        case None:
            raise CommandError(text("没有终端可以确认，什么都没有改动。确定要做，请加 --yes"))
