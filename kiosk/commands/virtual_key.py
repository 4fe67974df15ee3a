"""`keydesk virtual-key`: a software key in a real PC/SC reader, until interrupted."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
import threading
from pathlib import Path

from hardware.crypto.sm2 import sm2
from hardware.virtual.card_file import CardFileUnreadable
from hardware.virtual.files import KeyProfile, OtherProfile, open_or_make
from hardware.virtual.reader import serve
from kiosk.commands.failures import CommandError
from kiosk.commands.output import line
from kiosk.text.command_line import spoken

_SERIAL_BYTES = 8
_LAST_PORT = 0xFFFF


def run(arguments: argparse.Namespace) -> int:
    """Serve the key to vpcd: a new one with a serial number of its own, or the file's. Raises CommandError, LibcryptoUnusable."""
    sm2()  # here, where a missing library can still be said
    text = spoken().text
    if not 0 < arguments.port <= _LAST_PORT:
        raise CommandError(text("没有 {port} 这个端口", port=arguments.port))
    profile = None if arguments.profile is None else KeyProfile(arguments.profile)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="keydesk-key-") as folder:
        state: Path = arguments.state or Path(folder) / "key.card"
        try:
            card = open_or_make(state, secrets.token_hex(_SERIAL_BYTES).upper(), profile)
        except OtherProfile as error:
            sentence = text(
                "{file} 里是 {found} 类的虚拟key盘；请改用 --profile {found}，或用 --state 另指一个",
                file=state,
                found=error.found,
            )
            raise CommandError(sentence) from error
        except CardFileUnreadable as error:
            raise CommandError(
                text("{file} 不是虚拟key盘的文件；请用 --state 另指一个", file=state)
            ) from error
        except OSError as error:
            sentence = text("{file} 不能写入：{reason}", file=state, reason=error.strerror)
            raise CommandError(sentence) from error
        place = f"{arguments.host}:{arguments.port}"
        inserted = text(
            "key盘 {serial} 插入虚拟读卡器 {place}；按 Ctrl+C 拔出", serial=card.serial, place=place
        )
        waiting = text(
            "{place} 没有虚拟读卡器（pcscd 和 vsmartcard-vpcd），等它出现；按 Ctrl+C 结束", place=place
        )

        def tell(there: bool) -> None:  # noqa: FBT001 - the reader calls it so
            line(inserted if there else waiting)
            sys.stdout.flush()

        serve(card, arguments.host, arguments.port, stop, tell)
    return 0
