from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hardware.pcsc.library import SystemLibrary
from kiosk.commands.cli import main
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.bindings import BindingStarted, CertificateIssued, KeyPairMade
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.identifiers import OrderNumber, OrderReference
from kiosk.domain.ledger import PaidHow
from kiosk.domain.versions import NO_VERSION
from kiosk.store.database import Database
from kiosk.store.keyfile import load_or_create
from kiosk.store.location import DATABASE, KEY_FILE
from kiosk.store.transaction import Transaction
from tests.support.commands import Keydesk, Told

NOW = 1_795_000_000
YEAR = 365 * 24 * 3600
LINES = (
    PriceLine(FeeItem.TOKEN, 11_000),
    PriceLine(FeeItem.CERTIFICATE, 8_000),
    PriceLine(FeeItem.SERVICE, 15_000),
)


@pytest.fixture
def no_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's own readers alone: another test may have a card in one, and be refused it meanwhile."""
    monkeypatch.setattr(
        "kiosk.commands.doctor.devices.SystemLibrary", lambda: SystemLibrary("libpcsclite-none.so.1")
    )


@pytest.fixture
def keydesk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Keydesk:
    """Run a command in this process, away from the machine's own configuration."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))

    def run(*arguments: str | Path) -> Told:
        monkeypatch.setattr(sys, "argv", ["keydesk", *map(str, arguments)])
        try:
            status = main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        captured = capsys.readouterr()
        return Told(status, captured.out, captured.err)

    return run


def _place(tx: Transaction, account: str, clock: FixedClock) -> str:
    order = str(OrderReference(OrderNumber(*tx.next_tip()), bytes(6)))
    names = ("北京示例粮油贸易有限公司", "李晓梅")
    deadline = clock.wall() + 900
    tx.append(
        OrderPlaced(
            order, account, *names, OrderKind.NEW, LINES, 1, bytes(8), 1, NO_VERSION, deadline, bytes(38)
        ),
        clock,
    )
    return order


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The data directory of kiosk 3: an order that waits for money, and one whose certificate is issued."""
    place = tmp_path / "desk"
    place.mkdir()
    clock = FixedClock(NOW)
    database = Database.create(place / DATABASE, load_or_create(place / KEY_FILE))
    with database.write() as tx:
        tx.enrol(3, 1, clock)
        order = _place(tx, "11000001", clock)
        tx.append(OrderPaid(order, PaidHow.CODE, 34_000, NOW), clock)
        tx.append(BindingStarted(order, 1, "E8AD652202221F03", "gmt", "sm2"), clock)
        tx.append(KeyPairMade(order, 1, b"\x04" + bytes(64)), clock)
        tx.append(CertificateIssued(order, 1, "0003000001000006", b"DER", NOW, NOW + YEAR, 1), clock)
        _place(tx, "11000007", clock)
    database.close()
    return place
