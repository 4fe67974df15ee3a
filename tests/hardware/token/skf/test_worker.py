"""The worker's process: what is seen of it from outside, and that it does not outlive the app."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hardware.ports import VendorLibraryFailed, WrongPin
from hardware.token.skf import library, wire
from hardware.token.skf.layout import PROTOTYPES, Kind
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.token import SkfToken
from hardware.traffic import LEVEL
from tests.support.waiting import ended, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource

_PIN = "Pin-of-1379"
_SIZED = {Kind.HANDLE, Kind.NUMBER, Kind.FILLED, Kind.NEW_STRUCTURE, Kind.BUFFER}
_TAKING = {*_SIZED, Kind.TEXT, Kind.DATA, Kind.STRUCTURE}


def _runs(process_id: int) -> bool:
    """Whether a process is there and no mere entry that nobody has collected yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process_id}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _gone(process_id: int) -> None:
    wait_until(lambda: not _runs(process_id), "the process ends")


def _await_work(process: SkfProcess) -> None:
    """Wait until another thread is at work with it."""

    def works() -> bool:
        with process.if_idle() as idle:
            return not idle

    wait_until(works)


def _await_child(worker: int | None) -> None:
    """Wait until the library has started a process, beside the worker's own guard."""
    wait_until(lambda: len(_in_session(worker)) >= 3)


def _in_session(session: int | None) -> list[int]:
    """The processes of a session that are no mere entries."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5): after the name in brackets come state, parent, group and session
            state, _, _, number = file.read_text().rpartition(")")[2].split()[:4]
            if int(number) == session and state != "Z":
                found.append(int(file.parent.name))
    return found


_PARENT = """
import sys, threading, time
from hardware.token.skf.process import SkfProcess
process = SkfProcess(sys.argv[1])
def start():
    process.start()
    print(process.process_id, flush=True)
    {work}
threading.Thread(target=start).start()
time.sleep(60)
"""


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("work", ["pass", "process.call('SKF_EnumDev', (1, 0), 60)"])
def test_a_worker_dies_with_the_app(
    monkeypatch: pytest.MonkeyPatch, odd_library: str, work: str, *, stopped: bool
) -> None:
    if work != "pass":
        monkeypatch.setenv("ODD_LIBRARY", "hangs")
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(work=work), odd_library], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.2)  # a worker that wrongly ended with the thread that asked for it would be gone by now
    assert _runs(worker), "it outlives the thread that asked for it"
    if stopped:
        os.kill(worker, signal.SIGSTOP)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _gone(worker)


def test_what_a_library_started_dies_with_the_app(monkeypatch: pytest.MonkeyPatch, odd_library: str) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "leaves-a-child")
    work = "process.call('SKF_WaitForDevEvent', (64,), 60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT.format(work=work), odd_library], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    _await_child(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not _in_session(worker), "nothing is left")


def test_a_worker_ends_when_it_is_let_go(odd_library: str) -> None:
    process = SkfProcess(odd_library)
    process.start()
    worker = process.process_id
    assert worker is not None
    process.stop()
    _gone(worker)


def test_a_call_that_waits_for_ever_is_ended_by_stop(
    monkeypatch: pytest.MonkeyPatch, odd_library: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "hangs")
    process = SkfProcess(odd_library)
    process.start()
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            process.call("SKF_EnumDev", (1, 0), None)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test looks at it
            failures.append(failure)

    thread = threading.Thread(target=wait)
    thread.start()
    _await_work(process)
    process.stop()
    ended(thread)
    assert [type(failure).__name__ for failure in failures] == ["VendorLibraryFailed"]


def test_a_wait_for_an_event_is_ended_though_the_library_left_a_process_with_the_connection(
    monkeypatch: pytest.MonkeyPatch, odd_library: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "leaves-a-child")
    process = SkfProcess(odd_library)
    generation = process.start()
    failures: list[str] = []

    def wait() -> None:
        try:
            process.call("SKF_WaitForDevEvent", (64,), None, generation)
        except VendorLibraryFailed as failure:
            failures.append(failure.failure)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    _await_work(process)
    _await_child(process.process_id)
    process.stop()
    ended(thread)
    assert failures == ["crashed"]


def test_a_worker_has_no_terminal(odd_library: str) -> None:
    process = SkfProcess(odd_library)
    process.start()
    worker = process.process_id
    assert worker is not None
    assert os.getsid(worker) == worker, "in a session of its own, which begins without one"
    process.stop()


def test_the_pin_is_nowhere_to_be_seen(
    odd_profile: Callable[..., SkfProfile],
    skf_source: Callable[..., SkfTokenSource],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(1)
    source = skf_source(odd_profile())
    (presence,) = source.present()
    token = source.open(presence)
    with pytest.raises(WrongPin) as caught:
        token.verify_pin(_PIN)
    shown = [str(caught.value), repr(caught.value), *(repr(record.__dict__) for record in caplog.records)]
    shown += capfd.readouterr()
    assert isinstance(token, SkfToken)
    worker = Path(f"/proc/{token.session.process.process_id}")
    command = (worker / "cmdline").read_text()
    assert "skf.worker" in command
    shown.append(command)
    with contextlib.suppress(PermissionError):  # only root may look: the worker is not dumpable
        shown.append((worker / "environ").read_text(errors="replace"))
    secrets = (_PIN, token.session.profile.device_key, token.session.profile.administrator_pin)
    assert not any(secret in text for text in shown for secret in secrets)


def test_the_traffic_log_names_function_code_and_time(
    odd_profile: Callable[..., SkfProfile],
    skf_source: Callable[..., SkfTokenSource],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(LEVEL, "keydesk.traffic")
    source = skf_source(odd_profile())
    (presence,) = source.present()
    with pytest.raises(WrongPin):
        source.open(presence).verify_pin(_PIN)
    lines = [record.getMessage() for record in caplog.records if record.name == "keydesk.traffic"]
    assert {record.levelno for record in caplog.records} == {LEVEL}
    (line,) = (line for line in lines if "VerifyPIN" in line)
    function, code, duration, unit = line.split()
    assert (function, code, unit) == ("SKF_VerifyPIN", "0A000024", "ms")
    assert 0 <= float(duration) < 2000


def test_the_worker_leaves_no_core_file(odd_library: str) -> None:
    process = SkfProcess(odd_library)
    process.start()
    limits = Path(f"/proc/{process.process_id}/limits").read_text()
    process.stop()
    (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


def test_messages_are_bounded_on_both_sides() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(wire.Malformed):
            wire.send(ours, 1, wire.Call("SKF_Digest", (b"x" * wire.LONGEST,)))
        theirs.sendall(struct.pack(">II", wire.LONGEST + 1, 1))
        with pytest.raises(wire.Malformed):
            wire.receive_answer(ours, 1, 1)


@pytest.mark.parametrize("data", [b"\xc1", b"\x80", b"\x81\xa4type\xa4call", b"\x93\x01\x02\x03"])
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">II", len(data), 1) + data)
        with pytest.raises(wire.Malformed):
            wire.receive_answer(ours, 1, 1)


def test_the_answer_to_another_request_is_not_taken() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for number in (1, 1, 2):
            wire.send(theirs, number, wire.Answer(0, ()))
        assert wire.receive_answer(ours, 1, 1) == wire.Answer(0, ())
        with pytest.raises(wire.Malformed):
            wire.receive_answer(ours, 2, 1)


@pytest.mark.parametrize("function", PROTOTYPES)
def test_only_what_a_function_gives_is_its_answer(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    process = SkfProcess("libodd.so")
    answers: list[tuple[int | bytes, ...]] = []
    monkeypatch.setattr(process, "start", lambda: 1)
    monkeypatch.setattr(process, "_exchange", lambda *_: wire.Answer(0, answers[-1]))
    parts: tuple[int | bytes, ...] = (1, b"data")
    possible = [each for length in range(5) for each in itertools.product(parts, repeat=length)]
    taken = []
    for results in possible:
        answers.append(results)
        with contextlib.suppress(VendorLibraryFailed):
            taken.append(process.call(function, (), 1).results)
    (only,) = taken
    assert only == tuple(1 if each is int else b"data" for each in _given(function))


def _given(function: str) -> list[type]:
    """The types of what a call of the library's function gives."""
    arguments = [0 if kind in _SIZED else b"" for kind in PROTOTYPES[function].parameters if kind in _TAKING]
    call = library._Call(PROTOTYPES[function].parameters, arguments, 4)
    return [type(each) for each in call.results()]


def test_half_a_message_times_out_or_ends() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(struct.pack(">II", 10, 1) + b"half")
        with pytest.raises(wire.TimedOut):
            wire.receive_answer(ours, 1, 0.05)
        theirs.close()
        with pytest.raises(wire.Ended):
            wire.receive_answer(ours, 1, 1)
