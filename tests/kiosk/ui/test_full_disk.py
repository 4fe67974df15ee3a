"""Log and data on one disk that is full: the desk says so, and goes on by itself once there is room."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from kiosk.desk.service import DeskService
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import OrderKind
from kiosk.store.log_file import LogFile
from kiosk.ui.routes import Route
from tests.support.disks import disk_of
from tests.support.kiosk import NEWCOMER, Kiosk, go, until
from tests.support.screens import fill as type_again
from tests.support.screens import press, press_button, sentence, settle, shown, text_of, type_in
from tests.support.walks import SIZE, TYPED

FULL = "本机存储空间已满"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    with disk_of(8, tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def one_disk(disk: Path) -> Iterator[Kiosk]:
    """A kiosk whose log lies on the disk with its data, as `keydesk run` has it."""
    kiosk = Kiosk(disk)
    usual = structlog.get_config()
    log = LogFile(disk / "log" / "desk.log")
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(log),  # type: ignore[arg-type]  # a text stream
    )
    yield kiosk
    structlog.configure(**usual)
    log.close()
    kiosk.setup.close()


def fill(kiosk: Kiosk) -> None:
    """Leave no room for anything, not even in SQLite's log."""
    for database in (kiosk.setup.database, kiosk.desk.database):
        with database._connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (
        contextlib.suppress(OSError),
        (kiosk.setup.folder / "filler").open("wb", buffering=0) as file,
    ):
        while True:
            file.write(bytes(4096))


def make_room(kiosk: Kiosk) -> None:
    (kiosk.setup.folder / "filler").unlink()


def placed(kiosk: Kiosk) -> int:
    return sum(isinstance(body, OrderPlaced) for body in kiosk.setup.bodies())


def before(service: DeskService, verb: str, happens: Callable[[], None]) -> None:
    """Let something happen once, just before that verb."""
    method = getattr(service, verb)

    def call(*values: object) -> object:
        delattr(service, verb)
        happens()
        return method(*values)

    setattr(service, verb, call)


async def test_an_order_that_finds_the_disk_full_is_placed_once_there_is_room(one_disk: Kiosk) -> None:
    app = one_disk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "1")
        await press(pilot, "enter")
        before(one_disk.service, "place_order", lambda: fill(one_disk))
        await type_in(pilot, *TYPED.values())
        await until(pilot, lambda: FULL in sentence(app))
        assert "正在下单" not in text_of(app)
        assert placed(one_disk) == 0
        make_room(one_disk)
        type_again(app, password=TYPED["password"])
        await press_button(app, pilot, "next")
        await until(pilot, lambda: shown(app) == "PayScreen")
        await settle(pilot)
    assert placed(one_disk) == 1
    assert app.error_code == ""
    structlog.get_logger().info("there is room")
    assert "lines were lost" in (one_disk.setup.folder / "log" / "desk.log").read_text()


async def test_the_screens_that_wait_go_on_by_themselves(one_disk: Kiosk) -> None:
    order = one_disk.place(NEWCOMER, OrderKind.NEW)
    app = one_disk.app()
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.PAY, one_disk.session(NEWCOMER), order)
        fill(one_disk)
        one_disk.clock.advance(3600)
        for _ in range(3):
            one_disk.ticker.seconds += 30  # the upkeep, which expires what is overdue
            app.call_later(app._tick)
            await settle(pilot)
        make_room(one_disk)
        one_disk.clock.advance(-3600)
        one_disk.setup.pay(order.reference)
        await until(pilot, lambda: shown(app) == "DeliveryScreen")
        await settle(pilot)
    assert app.error_code == ""


async def test_an_error_that_nobody_expects_is_shown_under_its_number_although_it_cannot_be_logged(
    one_disk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("not foreseen")

    app = one_disk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "1")
        await press(pilot, "enter")
        fill(one_disk)
        monkeypatch.setattr(one_disk.service, "verify", broken)
        await type_in(pilot, *TYPED.values())
        await until(pilot, lambda: shown(app) == "ErrorScreen")
        await settle(pilot)
        assert app.error_code in text_of(app)
        make_room(one_disk)
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"
