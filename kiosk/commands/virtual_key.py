"""`keydesk virtual-key`: a software key in a real PC/SC reader, until interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from hardware.virtual.gmt_card_blank import open_or_make_key
from hardware.virtual.gmt_card_state import CardFileUnreadable
from hardware.virtual.reader import serve
from kiosk.commands.errors import CommandError

SERIAL = "E8AD652202221F03"


def run(arguments: argparse.Namespace) -> int:
    """Serve the key to vpcd. Raises CommandError."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="keydesk-key-") as folder:
        state: Path = arguments.state or Path(folder) / "key.card"
        try:
            card = open_or_make_key(state, SERIAL)
        except CardFileUnreadable as error:
            raise CommandError(f"{state} is not a virtual key's file; give another --state") from error
        except OSError as error:
            raise CommandError(f"{state} cannot be written: {error.strerror}") from error
        sys.stdout.write(
            f"key {card.serial} in the virtual reader at {arguments.host}:{arguments.port}; Ctrl+C pulls it\n"
        )
        sys.stdout.flush()
        serve(card, arguments.host, arguments.port, stop)
    return 0
