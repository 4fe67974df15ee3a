"""What the launcher refuses before it starts anything."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from kiosk.demo.launcher import MARKER, NETWORK_SWITCH, DemoError, Steps, _Demo, _free_port, _only_one, run
from kiosk.text.catalogue import Catalogue, Language


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> _Screen:
    screen = _Screen()
    monkeypatch.setattr("kiosk.demo.launcher.sys", SimpleNamespace(stdin=screen, stdout=screen))
    return screen


class _Screen:
    """Says that it is a terminal, and keeps what is written."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("fresh", [False, True])
def test_a_directory_of_something_else_is_left_alone(tmp_path: Path, fresh: bool) -> None:  # noqa: FBT001 - a case
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoError, match="不是演示数据"):
        run(tmp_path, fresh=fresh, language="zh")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_fresh_does_not_take_the_data_from_a_demo_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiosk.demo.launcher.ENDING_SECONDS", 0.2)
    (tmp_path / "keydesk.db").write_text("data")
    (tmp_path / NETWORK_SWITCH).touch()
    with (tmp_path / MARKER).open("a+b") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        with pytest.raises(DemoError, match="已有一个演示在运行"):
            run(tmp_path, fresh=True, language="zh")
        with pytest.raises(DemoError, match="已有一个演示在运行"):
            run(tmp_path, fresh=False, language="zh")
    assert (tmp_path / NETWORK_SWITCH).exists()
    assert (tmp_path / "keydesk.db").read_text() == "data"


def test_a_demo_that_is_just_ending_is_waited_for_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, screen: _Screen
) -> None:
    before = (tmp_path / MARKER).open("a+b")
    fcntl.flock(before, fcntl.LOCK_EX)
    waits = 0

    def sleep(_: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            before.close()

    monkeypatch.setattr("kiosk.demo.launcher.time.sleep", sleep)
    with _only_one(tmp_path, str), (tmp_path / MARKER).open("a+b") as later, pytest.raises(BlockingIOError):
        fcntl.flock(later, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert waits == 3
    assert screen.written.count("正在等它") == 1


def _ended(place: Path) -> int:
    """The port of a demo that is over."""
    port = _free_port(place, str)
    port.holder.close()
    return port.number


def test_the_port_is_kept_while_it_is_free_and_replaced_when_it_is_not(tmp_path: Path) -> None:
    first = _ended(tmp_path)
    assert _ended(tmp_path) == first
    with socket.socket() as busy:
        # connections that ended lately may still hold the port of another demo
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind(("127.0.0.1", first))
        busy.listen()
        second = _ended(tmp_path)
    assert second != first
    assert _ended(tmp_path) == second


def test_two_demos_that_start_at_one_moment_take_a_port_each(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    one, two = (_free_port(place, str) for place in places)  # neither serves there yet
    assert one.number != two.number
    one.holder.close()
    two.holder.close()


@pytest.mark.parametrize(("language", "took"), [(Language.CHINESE, "2.5 秒"), (Language.ENGLISH, "2.5 s")])
def test_each_step_is_named_before_it_begins_and_timed_when_it_ends(
    screen: _Screen, language: Language, took: str
) -> None:
    times = iter((10.0, 12.5, 20.0, 21.0))
    steps = Steps(2, Catalogue(language).text, lambda: next(times))
    with steps.step("keys"):
        assert screen.written == "  1/2 keys ... "
    assert screen.written == f"  1/2 keys ... {took}\n"
    with steps.step("members"):
        pass
    assert "\n  2/2 members ... 1.0" in screen.written


def test_a_step_that_fails_ends_its_line(screen: _Screen) -> None:
    steps = Steps(1, str, lambda: 0.0)
    with pytest.raises(ValueError, match="no centre"), steps.step("centre"):
        raise ValueError("no centre")
    assert screen.written == "  1/1 centre ... \n"


def test_a_centre_that_is_too_slow_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine its log is empty: it says nothing to go by."""
    monkeypatch.setattr("kiosk.demo.launcher.READY_SECONDS", 0.0)
    centre = SimpleNamespace(log=tmp_path / "centre.log")
    demo = SimpleNamespace(text=Catalogue(Language.CHINESE).text, address="http://127.0.0.1:1")
    with pytest.raises(DemoError, match="请再启动一次"):
        _Demo._await_centre(demo, centre)  # type: ignore[arg-type]
