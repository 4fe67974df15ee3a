"""A binding whose process is killed right after every entry of the journal, and goes on in the next process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.terminal import Demo
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]

# The app without its screens: the same desk over the same database and card file. It ends itself with the signal that
# nothing can catch, as soon as the journal has grown.
BINDER = """
import os, signal, sys
from pathlib import Path
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.assembly import make_desk
from kiosk.store.location import open_database
from kiosk.configuration import Configuration
from kiosk.desk.service import DeskService
from kiosk.store.system_clock import SystemClock

directory, account, password, card = Path(sys.argv[1]), *sys.argv[2:5]
database, source = open_database(directory), VirtualTokenSource()
source.insert(GmtCard(directory / "cards" / f"{card}.card"))
printer = VirtualPrinter(directory / "receipts")
service = DeskService(make_desk(Configuration(), database, SystemClock(), source, printer, None))

def length():
    with database.read() as tx:
        return tx.journal.count()

def killed(progress):
    if length() > before:
        os.kill(os.getpid(), signal.SIGKILL)

session = service.sign_in(account, password).session
(order,) = service.open_orders(session)
before = length()
print(service.bind(session, order.reference, None, False, killed))
"""


def test_a_new_process_after_every_step_ends_in_one_certificate_and_one_charge(
    demo: Demo, openssl: Callable[..., Any]
) -> None:
    demo.home()
    steps = []
    while demo.orders_of("11000006")[0]["status"] == "paid":
        command = [sys.executable, "-c", BINDER, str(demo.directory), "11000006", "Keydesk-6", "blank-3"]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        assert ran.returncode == -9, ran.stdout + ran.stderr
        (order,) = demo.orders_of("11000006")
        steps.append(order["bindings"][-1]["step"])
    assert steps == ["started", "key-pair-made", "issued", "written", "proved", "bound"]
    (order,) = demo.orders_of("11000006")
    (key,) = demo.keys_of("11000006")
    assert len(order["payments"]) == len(order["bindings"]) == 1
    assert (key["status"], key["token_serial"]) == ("valid", "E8AD652202221F05")
    assert openssl(demo).accepts(key["number"])
    assert demo.told("journal", "verify", "--rebuild")["sound"]
    wait_until(lambda: demo.backlog() == 0, "the journal is sent up")
