from __future__ import annotations

import queue
import threading
import time

import pytest

from tests.support import waiting
from tests.support.waiting import Patience, ended, slowness, take, wait_event, wait_for, wait_until


def test_a_wait_ends_with_what_it_waits_for() -> None:
    looks = iter([False, None, 0, True])
    wait_until(lambda: next(looks))
    found = iter([None, None, "it"])
    assert wait_for(lambda: next(found)) == "it"


def test_a_wait_in_vain_says_for_what() -> None:
    with pytest.raises(AssertionError, match="waited in vain: the sun rises"):
        wait_until(lambda: False, "the sun rises", seconds=0.05)


def test_events_queues_and_threads_are_waited_for() -> None:
    event, items = threading.Event(), queue.Queue[str]()

    def work() -> None:
        items.put("done")
        event.set()

    thread = threading.Thread(target=work)
    thread.start()
    wait_event(event)
    assert take(items) == "done"
    ended(thread)


def test_patience_lasts_longer_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(waiting, "slowness", lambda: 4.0)
    patience = Patience(2.0)
    for _ in range(15):
        now += 0.5
        assert not patience.ended()
    now += 0.5
    assert patience.ended()


def test_a_machine_that_stood_still_costs_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(waiting, "slowness", lambda: 1.0)
    patience = Patience(2.0)
    now += 3600
    assert not patience.ended()


def test_slowness_follows_the_work_and_those_who_want_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slowness() >= 1.0
    monkeypatch.setattr(waiting, "_work", lambda: 3 * waiting._REFERENCE_SECONDS)
    monkeypatch.setattr(waiting, "_wanted", lambda: 0.5)
    assert slowness() == pytest.approx(3.0)
    monkeypatch.setattr(waiting, "_wanted", lambda: 7.0)
    assert slowness() == pytest.approx(21.0)
