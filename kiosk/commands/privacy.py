"""`keydesk privacy export|erase --account`: what is kept of an account's personal facts here, and erasing it."""

from __future__ import annotations

import argparse

from kiosk.commands.output import document, line
from kiosk.commands.store import open_store
from kiosk.desk.requests.privacy import erase, exported
from kiosk.store.system_clock import SystemClock
from kiosk.text.command_line import spoken

_BY = "keydesk privacy"


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises CommandError, ConfigurationError, StoreError."""
    database = open_store(arguments)
    if arguments.verb == "export":
        document(exported(database, arguments.account))
        return 0
    count = erase(database, SystemClock(), arguments.account, _BY)
    line(
        spoken().text(
            "已删除账号 {account} 在本机的 {count} 份个人资料；联网后中心也会删除。日志里只留下删除的记录",
            account=arguments.account,
            count=count,
        )
    )
    return 0
