"""Running tests: recorded line by line, or against one mutant, in a process forked for it.

A mutant inside a function is swapped in after the tests were imported; what runs at import is imported anew.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.util
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import msgspec
import pytest
from _pytest.runner import runtestprotocol

from tools.mutants import Function, Mutant

if TYPE_CHECKING:
    from _typeshed import TraceFunction

ROOT = Path.cwd()
MARKS = "not pcsc and not terminal and not browser"
SWEEPS = "*pulls*"  # a pull at every exchange: the same lines a hundred times over
TIMES = 20
OVERDUE = (signal.SIGALRM, signal.SIGPROF)


class Recorded(msgspec.Struct, frozen=True):
    """A test that passes: its seconds by the clock and of the processor, and the lines of each file that it executes.

    One without a name is the start, until all were collected.
    """

    test: str
    seconds: float
    processor: float
    lines: dict[str, set[int]]


class Outcome(msgspec.Struct, frozen=True):
    """What became of the mutant at that place of the sample, and how many of its tests were not run.

    `killed`, `timed out`, `survived`, `not executed` by any test, or `not judged` because of a fault of this program.
    """

    place: int
    became: str
    spared: int = 0


class Plan(NamedTuple):
    """A mutant, its place in the sample, the tests that may notice it, fastest first, and how many were spared."""

    place: int
    mutant: Mutant
    tests: tuple[Recorded, ...]
    spared: int


def deterministic() -> None:
    """Let hypothesis draw the same examples each time, and not shrink those that fail."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutate", database=None, deadline=None, derandomize=True, phases=phases
    )
    hypothesis.settings.load_profile("mutate")


class _Loop:
    """A pytest plugin that hands over what was collected, instead of running it."""

    def __init__(self, run: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._run = run

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:  # a file that cannot be imported
            self._run({item.nodeid: item for item in session.items})
        return True


def _collected(tests: Iterable[str], run: Callable[[dict[str, pytest.Item]], None]) -> int:
    plugins = ("xdist", "cacheprovider", "django")
    off = itertools.chain.from_iterable(("-p", f"no:{each}") for each in plugins)
    return pytest.main(
        ["-q", "-s", "-m", MARKS, f"--ignore-glob={SWEEPS}", *off, "--timeout=0", *tests],
        plugins=[_Loop(run)],
    )


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    try:
        return all(each.passed for each in runtestprotocol(item, log=False, nextitem=following))
    except (KeyboardInterrupt, pytest.exit.Exception):  # a test's own, which nothing caught
        return False


def record(sources: Sequence[str], tests: Sequence[str], worker: int, jobs: int) -> list[Recorded]:
    """Run this worker's part of the tests and note what each executes of the files below `sources`."""
    found: list[Recorded] = []
    places = tuple(str(ROOT / each) for each in sources)

    began = time.perf_counter()

    def run(items: dict[str, pytest.Item]) -> None:
        found.append(Recorded("", time.perf_counter() - began, time.process_time(), {}))
        mine = list(items.values())[worker::jobs]
        for item, following in itertools.zip_longest(mine, mine[1:]):
            lines: dict[str, set[int]] = {}
            before = time.perf_counter(), time.process_time()
            trace = _tracer(places, lines)
            threading.settrace(trace)
            sys.settrace(trace)
            passes = _passes(item, following)
            sys.settrace(None)
            threading.settrace(None)
            if passes:
                relative = {str(Path(path).relative_to(ROOT)): seen for path, seen in lines.items()}
                took = time.perf_counter() - before[0], time.process_time() - before[1]
                found.append(Recorded(item.nodeid, *took, relative))

    if _collected(tests, run) == pytest.ExitCode.INTERNAL_ERROR:
        raise ChildProcessError("pytest gave up")
    return found


def _tracer(sources: tuple[str, ...], lines: dict[str, set[int]]) -> TraceFunction:
    """A trace function that notes the lines executed in files below `sources`."""

    def called(frame: FrameType, _event: str, _value: object) -> TraceFunction | None:
        path = frame.f_code.co_filename
        if not path.startswith(sources):
            return None
        seen = lines.setdefault(path, set())

        def executed(frame: FrameType, _event: str, _value: object) -> TraceFunction:
            seen.add(frame.f_lineno)
            return executed

        return executed

    return called


def _swap(mutant: Mutant, function: Function) -> None:
    """Give the function that holds the mutant the code with the fault, wherever it is referred to."""
    file = str(ROOT / mutant.path)
    code = _code_of(
        compile(mutant.applied(Path(file).read_bytes()), file, "exec", dont_inherit=True), function
    )
    gc.unfreeze()  # what is frozen is not among the objects
    changed = [
        each
        for each in gc.get_objects()
        if isinstance(each, FunctionType)
        and each.__code__.co_filename == file
        and (each.__code__.co_name, each.__code__.co_firstlineno) == function
    ]
    for each in changed:
        each.__code__ = code
    if not changed:
        raise LookupError(f"{file}: {function.name} is not there")


def _code_of(module: CodeType, function: Function) -> CodeType:
    waiting = [module]
    for code in waiting:
        if (code.co_name, code.co_firstlineno) == function:
            return code
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
    raise LookupError(function.name)


class _Importer(importlib.abc.MetaPathFinder):
    """Imports the one module with its fault."""

    def __init__(self, mutant: Mutant) -> None:
        self._module = mutant.path.removesuffix(".py").replace("/", ".")
        self._file, self._mutant = ROOT / mutant.path, mutant

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        file, source = str(self._file), self._mutant.applied(self._file.read_bytes())
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(fullname, file, source))


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: bytes) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, _fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


def _noticed(plan: Plan, items: dict[str, pytest.Item], start: Recorded) -> bool:
    """Whether a test fails. Ends the process by a signal when one takes too long.

    What loops is told by the processor's time, which a busy machine does not stretch; what only waits, by the clock.
    """
    for test, following in itertools.zip_longest(plan.tests, plan.tests[1:]):
        signal.setitimer(signal.ITIMER_PROF, TIMES * test.processor + start.processor)
        signal.setitimer(signal.ITIMER_REAL, TIMES * (test.seconds + start.seconds))
        if not _passes(items[test.test], items[following.test] if following else None):
            return True
    return False


def _forked(notices: Callable[[], bool]) -> str:
    """What became of a mutant, judged in a process of its own."""
    scratch = tempfile.mkdtemp()
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            os.setsid()
            os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = scratch
            for each in OVERDUE:
                signal.signal(each, signal.SIG_DFL)
            code = int(notices())
        except BaseException:  # noqa: BLE001 - the parent tells, and this process goes no further
            traceback.print_exc()
        finally:
            os._exit(code)
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)
    if os.WIFSIGNALED(status):
        return "timed out" if os.WTERMSIG(status) in OVERDUE else "killed"
    return {0: "survived", 1: "killed"}.get(os.WEXITSTATUS(status), "not judged")


def judge(
    plans: Sequence[Plan], turns: Iterator[int], tests: Sequence[str], start: Recorded
) -> list[Outcome]:
    """What became of the mutants that are this worker's turn; those that need an import come first."""
    found: list[Outcome] = []

    def judged(plan: Plan, notices: Callable[[], bool]) -> None:
        found.append(Outcome(plan.place, _forked(notices), plan.spared))
        print(found[-1], flush=True)

    def run(waiting: Iterable[Plan], items: dict[str, pytest.Item]) -> None:
        for plan in waiting:
            judged(plan, partial(_changed, plan, items, start))

    for plan in (plans[each] for each in turns):
        if plan.mutant.function is not None:
            waiting = itertools.chain([plan], (plans[each] for each in turns))
            if _collected(tests, partial(run, waiting)) == pytest.ExitCode.INTERNAL_ERROR:
                raise ChildProcessError("pytest gave up")
            break
        judged(plan, partial(_imported, plan, tests, start))
    return found


def _changed(plan: Plan, items: dict[str, pytest.Item], start: Recorded) -> bool:
    if plan.mutant.function is not None:
        _swap(plan.mutant, plan.mutant.function)
    return _noticed(plan, items, start)


def _imported(plan: Plan, tests: Sequence[str], start: Recorded) -> bool:
    noticed = [True]  # also where a file cannot be imported any more
    sys.meta_path.insert(0, _Importer(plan.mutant))
    _collected(tests, lambda items: noticed.append(_noticed(plan, items, start)))
    return noticed[-1]
