from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from kiosk.domain import feed
from kiosk.domain.ledger import OrderStatus
from kiosk.store.agent_state import ContactFault
from sync.agent import loop as loop_module
from sync.agent.line.network_switch import NetworkSwitch, SwitchedTransport
from sync.agent.loop import Loop
from sync.protocol.records import PATH_FEED, PATH_JOURNAL
from tests.support.memory_desk import Desk
from tests.support.waiting import ended, wait_until


@contextmanager
def running(desk: Desk) -> Iterator[Loop]:
    switch = NetworkSwitch(desk.directory / "cut")
    desk.line = SwitchedTransport(desk.line, switch)
    made = Loop(desk.agent(), switch, lambda: 0.5)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        ended(thread)


def state(desk: Desk) -> Any:
    with desk.database.read() as tx:
        return tx.agent.get()


def drained(desk: Desk) -> bool:
    return bool(desk.centre_hashes() == desk.hashes())


def test_an_entry_goes_up_at_once_and_a_payment_comes_down_at_once(desk: Desk) -> None:
    with running(desk):
        wait_until(lambda: drained(desk))
        number = desk.place()
        wait_until(lambda: drained(desk))
        desk.centre.publish(
            3, feed.PaymentConfirmed(order=number, amount=50_000, transaction="T1", paid_at=desk.clock.now)
        )
        wait_until(lambda: desk.order(number).status is OrderStatus.PAID)
        wait_until(lambda: drained(desk))


def test_the_line_is_cut_and_whole_again(desk: Desk) -> None:
    cut: Path = desk.directory / "cut"
    with running(desk):
        wait_until(lambda: drained(desk))
        cut.touch()
        wait_until(lambda: state(desk).error != "")
        desk.place()
        time.sleep(0.4)
        assert not drained(desk)
        cut.unlink()
        wait_until(lambda: drained(desk))
        wait_until(lambda: state(desk).error == "")


def test_every_failure_is_survived(desk: Desk) -> None:
    desk.faulty.faults = ["lost", "garbage", "cut"]
    with running(desk):
        desk.place()
        wait_until(lambda: drained(desk))


@pytest.mark.parametrize("end", ["time", "hand"])
def test_a_busy_centre_is_left_alone_until_the_time_comes_or_somebody_asks(
    end: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "TICK_SECONDS", 0.02)
    desk.faulty.faults = ["busy"]
    with running(desk):
        wait_until(lambda: state(desk).failure is ContactFault.BUSY)
        assert desk.clock.wall() + 7 <= state(desk).retry_at <= desk.clock.wall() + 9
        asked = len(desk.centre.requests)
        time.sleep(1.5)
        assert len(desk.centre.requests) == asked
        if end == "time":
            desk.clock.advance(9)
        else:
            with desk.database.write() as tx:
                tx.agent.forget_retry()
        wait_until(lambda: drained(desk))


def test_both_threads_wait_when_the_feed_alone_was_asked_to(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "TICK_SECONDS", 0.02)
    busy = threading.Event()
    handle = desk.centre.handle

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == PATH_FEED and not busy.is_set():
            busy.set()
            return httpx2.Response(429, headers={"retry-after": "100000"})
        return handle(request)

    monkeypatch.setattr(desk.centre, "handle", answer)
    with running(desk):
        wait_until(lambda: state(desk).retry_at is not None)
        assert state(desk).retry_at <= desk.clock.wall() + 300
        asked = len(desk.centre.requests)
        desk.place()
        time.sleep(1.5)
        assert len(desk.centre.requests) <= asked + 1, "at most what was under way"
        desk.clock.advance(301)
        wait_until(lambda: drained(desk))


def test_an_upload_is_not_gone_on_with_once_the_other_thread_was_asked_to_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "TICK_SECONDS", 0.02)
    handle, came = desk.centre.handle, threading.Event()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == PATH_JOURNAL and request.method == "POST" and not came.is_set():
            came.set()
            desk.place()  # so that there is another batch
            with desk.database.write() as tx:
                tx.agent.put(replace(tx.agent.get(), retry_at=desk.clock.wall() + 60))
        return handle(request)

    monkeypatch.setattr(desk.centre, "handle", answer)
    desk.place()
    with running(desk):
        wait_until(came.is_set)
        wait_until(lambda: state(desk).retry_at is not None)
        time.sleep(0.5)
        assert not drained(desk)
        desk.clock.advance(61)
        wait_until(lambda: drained(desk))


def test_a_breakdown_ends_the_run_instead_of_half_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(loop_module, "heartbeat", broken)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    made = Loop(desk.agent(), NetworkSwitch(), lambda: 0.5)
    assert made.run() is False
    assert "ZeroDivisionError" in (desk.directory / "log" / "sync.log").read_text()


def test_a_revoked_kiosk_goes_on_sending(desk: Desk) -> None:
    desk.memory.revoked = True
    with running(desk):
        desk.place()
        wait_until(lambda: set(desk.memory.stray) == set(desk.hashes()))


def test_a_clock_that_is_set_is_reported_at_once(desk: Desk) -> None:
    with running(desk):
        wait_until(lambda: drained(desk))
        wait_until(lambda: len(desk.memory.heartbeats) >= 1)
        desk.clock.now += 3600
        wait_until(lambda: desk.memory.heartbeats[-1].wall == desk.clock.now)


def test_a_centre_that_lets_nobody_wait_is_not_asked_without_a_pause(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "FEED_WAIT_SECONDS", 0)
    with running(desk):
        began = time.monotonic()
        wait_until(lambda: drained(desk))
        time.sleep(1.5)
    paced = (time.monotonic() - began) / loop_module.FEED_PACE_SECONDS
    asked = [each for each in desk.centre.requests if each.endswith(PATH_FEED)]
    assert 1 <= len(asked) <= paced + 2
