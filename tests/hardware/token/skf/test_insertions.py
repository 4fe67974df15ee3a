"""Insertion and removal, by events and by looking often, with libraries that tell a removal in their own ways."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hardware.ports import TokenPresence, TokenRemoved
from hardware.token.skf import watch
from hardware.token.skf.devices import SkfDevices
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.token import SkfToken
from hardware.traffic import LEVEL
from tests.support.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource
    from hardware.token.skf.wire import Answer

    Profiles = Callable[..., SkfProfile]
    Sources = Callable[..., SkfTokenSource]


class Keys:
    """The keys that are in, as the library's file tells them."""

    def __init__(self, file: Path, waits: Path) -> None:
        self._file = file
        self._waits = waits
        self.put()

    def await_reports(self) -> None:
        """Wait until the library reports what comes and goes: what was before it began to wait, it does not."""
        wait_until(self._waits.exists)

    def put(self, *names: str) -> None:
        """Have these keys in, and no others, from one moment to the next."""
        new = self._file.with_suffix(".new")
        new.write_text("".join(f"{name}\n" for name in names))
        new.replace(self._file)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    monkeypatch.setenv("ODD_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("ODD_WAITS", str(tmp_path / "waits"))
    return Keys(tmp_path / "keys", tmp_path / "waits")


class Noticed:
    """Counts the calls of a watch, and keeps what was in at the last."""

    def __init__(self, source: SkfTokenSource) -> None:
        self._source = source
        self._told: tuple[TokenPresence, ...] = ()
        self.calls = 0

    def __call__(self) -> None:
        self._told = self._source.present()
        self.calls += 1

    def told_of(self, *readers: str) -> tuple[TokenPresence, ...]:
        """Wait until just these keys are told to be in, by the watch and when asked."""

        def both() -> tuple[TokenPresence, ...] | None:
            present = self._source.present()
            alike = [each.reader for each in present] == list(readers) and present == self._told
            return present if alike and self.calls else None

        return wait_for(both, f"{readers} are noticed")


@pytest.mark.parametrize(
    ("oddity", "events"),
    [("", False), ("", True), ("has-no-events", True), ("does-not-wait", True)],
    ids=["looking", "events", "no events", "events without end"],
)
def test_insertion_and_removal_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
    keys: Keys,
    odd_profile: Profiles,
    skf_source: Sources,
    oddity: str,
    *,
    events: bool,
) -> None:
    # Beside events nobody looks for so long that nothing but an event can tell.
    monkeypatch.setattr(watch, "_SAFETY", 60.0)
    monkeypatch.setattr(watch, "_SETTLING", 0.0)
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    source = skf_source(odd_profile(events=events))
    noticed = Noticed(source)
    stop = source.watch(noticed)
    if events and not oddity:
        keys.await_reports()
    keys.put("First")
    (first,) = noticed.told_of("First")
    assert (first.atr, noticed.calls) == (b"", 1)
    keys.put("First", "Second")
    assert noticed.told_of("First", "Second")[0] == first
    keys.put("Second")
    noticed.told_of("Second")
    keys.put("First", "Second")
    again = noticed.told_of("First", "Second")[0]
    assert again.insertion != first.insertion
    stop()
    calls = noticed.calls
    keys.put()
    time.sleep(0.4)
    assert noticed.calls == calls, "a stopped watch calls no more"


def test_a_removal_by_event_is_told_while_the_library_is_busy(
    monkeypatch: pytest.MonkeyPatch, keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setattr(watch, "_SETTLING", 0.0)
    source = skf_source(odd_profile(events=True))
    noticed = Noticed(source)
    source.watch(noticed)
    keys.await_reports()
    keys.put("First")
    noticed.told_of("First")
    calls = noticed.calls
    with source._libraries[0].process.exclusively():
        keys.put()
        wait_until(lambda: noticed.calls > calls)
        noticed.told_of()


def _waits(caplog: pytest.LogCaptureFixture) -> int:
    """How many waits for an event have ended."""
    return sum("SKF_WaitForDevEvent" in record.getMessage() for record in list(caplog.records))


@pytest.mark.parametrize(("oddity", "calls"), [("has-no-events", 1), ("does-not-wait", 20)])
def test_a_library_that_cannot_wait_is_looked_at_instead(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    odd_profile: Profiles,
    skf_source: Sources,
    oddity: str,
    calls: int,
) -> None:
    caplog.set_level(LEVEL, "keydesk.traffic")
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    source = skf_source(odd_profile(events=True, poll_seconds=1.0))  # what ends within a second was no wait
    source.watch(lambda: None)
    (watching,) = source._watches.values()
    wait_until(lambda: watching._events is None)
    time.sleep(0.1)
    assert _waits(caplog) == calls, "it is not asked for ever"


def test_waits_that_the_library_limits_are_begun_again(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    odd_profile: Profiles,
    skf_source: Sources,
) -> None:
    caplog.set_level(LEVEL, "keydesk.traffic")
    monkeypatch.setenv("ODD_LIBRARY", "limits-its-waits")
    source = skf_source(odd_profile(events=True, poll_seconds=0.05))
    source.watch(lambda: None)
    wait_until(lambda: _waits(caplog) > 5)


def test_without_a_watch_every_question_looks(keys: Keys, odd_profile: Profiles, skf_source: Sources) -> None:
    source = skf_source(odd_profile())
    assert source.present() == ()
    keys.put("First")
    (first,) = source.present()
    assert source.present() == (first,)
    keys.put()
    assert source.present() == ()
    keys.put("First")
    (again,) = source.present()
    assert again.insertion != first.insertion
    with pytest.raises(TokenRemoved):
        source.open(first)


def test_a_watched_question_costs_no_call(
    monkeypatch: pytest.MonkeyPatch, keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    source = skf_source(odd_profile())
    keys.put("First")
    noticed = Noticed(source)
    source.watch(noticed)
    noticed.told_of("First")
    callers: list[int] = []
    call = SkfProcess.call

    def noted(*arguments: Any) -> Answer:
        callers.append(threading.get_ident())
        return call(*arguments)

    monkeypatch.setattr(SkfProcess, "call", noted)
    for _ in range(1000):
        source.present()
    assert threading.get_ident() not in callers


def test_two_watches_are_told_apart(keys: Keys, odd_profile: Profiles, skf_source: Sources) -> None:
    source = skf_source(odd_profile())
    noticed = Noticed(source)
    stops = [source.watch(noticed), source.watch(noticed)]
    keys.put("First")
    wait_until(lambda: noticed.calls == 2)
    stops[0]()
    stops[0]()
    keys.put()
    noticed.told_of()
    time.sleep(0.1)
    assert noticed.calls == 3


def test_a_watch_that_is_stopped_at_once_leaves_no_process(
    keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    source = skf_source(odd_profile(events=True))
    for wait in (0.0, 0.0, 0.001, 0.01, 0.03, 0.05, 0.1):
        stop = source.watch(lambda: None)
        time.sleep(wait)
        stop()
    source.close()
    wait_until(lambda: _workers() == [])


def test_a_look_that_comes_after_the_stop_starts_no_process(odd_profile: Profiles) -> None:
    devices = SkfDevices(odd_profile(), itertools.count(1))
    assert devices.look_if_idle(lambda: True) is None
    assert devices.process.generation == 0


def _workers() -> list[int]:
    """The workers of this process, by whichever of its threads they were started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{os.getpid()}\n" not in status.read_text():
                continue
            if b"skf.worker" in status.with_name("cmdline").read_bytes():
                found.append(int(status.parent.name))
    return found


@pytest.mark.parametrize("code", ["0A000023", "0A000005", "0A000001", "FFFFFFFF"])
@pytest.mark.parametrize("verb", ["pin_state", "public_key", "random", "erase"])
def test_a_removal_is_known_whatever_the_library_calls_it(
    monkeypatch: pytest.MonkeyPatch,
    keys: Keys,
    odd_profile: Profiles,
    skf_source: Sources,
    code: str,
    verb: str,
) -> None:
    monkeypatch.setenv("ODD_REMOVED", code)
    keys.put("First")
    source = skf_source(odd_profile())
    token = source.open(source.present()[0])
    keys.put()
    arguments = {"random": (8,)}.get(verb, ())
    with pytest.raises(TokenRemoved):
        getattr(token, verb)(*arguments)
    keys.put("First")
    with pytest.raises(TokenRemoved):  # also when it is in again: that is another insertion
        getattr(token, verb)(*arguments)
    token.close()
    (again,) = source.present()
    source.open(again).close()


def test_a_connection_ends_with_the_insertion_even_if_the_library_does_not_mind(
    keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    source = skf_source(odd_profile())
    noticed = Noticed(source)
    source.watch(noticed)
    keys.put("First")
    token = source.open(noticed.told_of("First")[0])
    assert isinstance(token, SkfToken)
    assert len(token.random(8)) == 8
    keys.put()
    noticed.told_of()
    keys.put("First")
    noticed.told_of("First")
    with pytest.raises(TokenRemoved):
        token.random(8)


def test_a_handle_that_died_makes_another_insertion_of_a_key_that_is_listed(
    monkeypatch: pytest.MonkeyPatch, keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    """Pulled and put in again between two looks: the list looks the same."""
    monkeypatch.setenv("ODD_REMOVED", "0A000005")
    keys.put("First")
    source = skf_source(odd_profile())
    (first,) = source.present()
    token = source.open(first)
    keys.put()
    with pytest.raises(TokenRemoved):
        token.random(8)
    keys.put("First")
    (again,) = source.present()
    assert again.insertion != first.insertion


def test_keys_of_several_libraries_are_told_apart(
    keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    keys.put("First")
    source = skf_source(odd_profile(name="one"), odd_profile(name="two"))
    one, two = source.present()
    assert one.reader == two.reader
    assert one.insertion != two.insertion
    assert [source.open(each).driver for each in (two, one)] == ["two", "one"]


def test_a_library_that_crashes_while_it_is_watched_comes_back(
    keys: Keys, odd_profile: Profiles, skf_source: Sources
) -> None:
    keys.put("First")
    source = skf_source(odd_profile())
    noticed = Noticed(source)
    source.watch(noticed)
    noticed.told_of("First")
    worker = source._libraries[0].process.process_id
    assert worker is not None
    os.kill(worker, 11)
    wait_until(lambda: source._libraries[0].process.process_id not in (None, worker))
    noticed.told_of("First")
    wait_until(lambda: source.problems() == ())
