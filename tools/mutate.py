"""Whether the tests notice a broken rule: `python -m tools.mutate [--count N] [--seed N] [--jobs N] [FILE[:LINE] ...]`.

Takes a sample of the mutants of kiosk/domain and kiosk/desk (or of the files named; `--count 0` takes all), and runs
for each the tests of those two that execute the line, the fastest first, until one fails. A mutant that none fails is
a survivor: a rule without a test, or one that tools/mutate_accepted.txt explains, a line each:

    kiosk/desk/example.py: the line before => the line after # why no test can or need tell them apart

Exit status 1: there are survivors that nothing explains. Nothing in the work tree is written: a mutant is compiled in
memory, in a process forked after the tests were imported; what runs at import is imported anew. Which test executes
which lines, and how long it takes, is recorded first. A test that takes TIMES as long as recorded counts as failed.
Tests that need a PC/SC service, a terminal or a browser are left out, and of a mutant's tests the slowest, beyond
`--share` of the time of all: the report says which survivors were spared some.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from tools.mutant_runs import ROOT, Outcome, Plan, Recorded, deterministic, judge, record
from tools.mutants import Mutant, enums_of, mutants_of

SOURCES = ("kiosk/domain", "kiosk/desk")
TESTS = ("tests/kiosk/domain", "tests/kiosk/desk")
ENUMS = ("kiosk", "hardware")
ACCEPTED = Path(__file__).with_name("mutate_accepted.txt")
NO_MUTANT = -1
UNNOTICED = ("survived", "not executed", "not judged")

T = TypeVar("T")


def _below(places: Iterable[str]) -> list[str]:
    """The Python files of these folders, files themselves included."""
    found = (
        [ROOT / each] if (ROOT / each).is_file() else sorted((ROOT / each).rglob("*.py")) for each in places
    )
    return [str(path.relative_to(ROOT)) for path in itertools.chain.from_iterable(found)]


def population(sources: Iterable[str] = SOURCES) -> list[Mutant]:
    """Every mutant of these files or folders; of `FILE:LINE`, those that begin on that line."""
    enums = {}
    for path in _below(ENUMS):
        enums.update(enums_of((ROOT / path).read_bytes()))
    found: list[Mutant] = []
    for place, _, line in (each.partition(":") for each in sources):
        for path in _below([place]):
            source = (ROOT / path).read_bytes()
            mutants = mutants_of(path, source, enums)
            found += [each for each in mutants if not line or each.line(source) == int(line)]
    return found


def key_of(mutant: Mutant) -> str:
    """How a mutant is named in the list of those that are accepted."""
    before, after = mutant.change((ROOT / mutant.path).read_bytes())
    return f"{mutant.path}: {before} => {after}"


def accepted() -> dict[str, str]:
    """The survivors that are explained, each with its reason."""
    lines = ACCEPTED.read_text(encoding="utf-8").splitlines()
    return dict(each.rsplit(" # ", 1) for each in lines if each and not each.startswith("#"))


def _imports(path: str) -> set[str]:
    """What a file imports, as paths."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update((node.module, *(f"{node.module}.{each.name}" for each in node.names)))
        elif isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
    return {each.replace(".", "/") + ".py" for each in found}


def _plans(sample: Sequence[Mutant], recorded: Sequence[Recorded], share: float) -> list[Plan]:
    """The mutants that any test meets, those that need an import first."""
    fastest = sorted(recorded, key=lambda each: each.processor)
    files = {each.test.partition("::")[0] for each in recorded}
    imports = {path: _imports(path) for path in (*_below(SOURCES), *files)}
    limit = share * sum(each.processor for each in recorded)
    plans = [Plan(NO_MUTANT, Mutant(sample[0].path, 0, 0, "", (), None), *_within(fastest, limit))]
    for index, mutant in enumerate(sample):
        lines, users = set(mutant.lines), {path for path in imports if mutant.path in imports[path]}
        users.add(mutant.path)
        meeting = [
            each
            for each in fastest
            if (lines & each.lines.get(mutant.path, set()))
            or (mutant.function is None and users & {each.test.partition("::")[0], *each.lines})
        ]
        if meeting:
            plans.append(Plan(index, mutant, *_within(meeting, limit)))
    return sorted(plans, key=lambda plan: plan.mutant.function is not None)


def _within(fastest: Sequence[Recorded], limit: float) -> tuple[tuple[Recorded, ...], int]:
    """Of tests in order as many as take `limit` seconds, and how many are left out."""
    spent = itertools.accumulate(each.processor for each in fastest)
    chosen = tuple(each for each, until in zip(fastest, spent, strict=True) if until <= limit)
    return chosen, len(fastest) - len(chosen)


def _parallel(jobs: int, work: Callable[[int], list[T]], kind: type[list[T]]) -> list[T]:
    """What `work` gives in so many processes, for the number of each. Raises ChildProcessError with their output."""
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch) / str(worker) for worker in range(jobs)]
        workers = {}
        for worker, file in enumerate(files):
            pid = os.fork()
            if pid == 0:
                _run(file, partial(work, worker))
            workers[pid] = file
        for pid in workers:
            os.waitpid(pid, 0)
        failed = [each.with_suffix(".log").read_text(errors="replace") for each in files if not each.exists()]
        if failed:
            raise ChildProcessError("\n".join(failed))
        return [each for file in files for each in msgspec.json.decode(file.read_bytes(), type=kind)]


def _run(file: Path, work: Callable[[], list[T]]) -> NoReturn:
    """Write to the file what `work` gives, beside it what is printed, and end the process."""
    try:
        log = os.open(file.with_suffix(".log"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for each in (sys.stdout, sys.stderr):
            os.dup2(log, each.fileno())
        file.write_bytes(msgspec.json.encode(work()))
    except BaseException:  # noqa: BLE001 - whatever it was, the parent tells, and this process goes no further
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0)


def _turns(count: int) -> Iterator[int]:
    """The numbers below `count`, each given once to one of the processes that share the iterator."""
    following = multiprocessing.get_context("fork").Value("i", 0)

    def turns() -> Iterator[int]:
        while True:
            with following.get_lock():
                index = following.value
                following.value += 1
            if index >= count:
                return
            yield index

    return turns()


def survivors(sample: Sequence[Mutant], tests: Sequence[str], jobs: int, share: float) -> list[Outcome]:
    """What became of each mutant of the sample. Raises ChildProcessError where the tests fail without any."""
    sources = sorted({*SOURCES, *(each.path for each in sample)})
    found = _parallel(jobs, lambda worker: record(sources, tests, worker, jobs), list[Recorded])
    recorded = [each for each in found if each.test]
    start = max((each for each in found if not each.test), key=lambda each: each.processor)
    plans = _plans(sample, recorded, share)
    seconds = sum(each.processor for each in recorded)
    print(f"{len(recorded)} tests, {seconds:.0f} s of the processor while recorded", flush=True)
    turns = _turns(len(plans))
    outcomes = _parallel(jobs, lambda _worker: judge(plans, turns, tests, start), list[Outcome])
    if next(each for each in outcomes if each.place == NO_MUTANT).became != "survived":
        raise ChildProcessError(
            "the tests fail without a mutant, run one after the other in a forked process"
        )
    met = {each.place for each in plans}
    return [
        *(each for each in outcomes if each.place != NO_MUTANT),
        *(Outcome(index, "not executed") for index in range(len(sample)) if index not in met),
    ]


def main() -> int:
    """Run a sample and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="*", default=SOURCES, metavar="FILE[:LINE]")
    parser.add_argument("--count", type=int, default=500, help="how many mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="tests to run, in place of all")
    parser.add_argument("--share", type=float, default=0.2, help="of the time of all tests, for one mutant")
    options = parser.parse_args()
    began, load = time.monotonic(), os.getloadavg()[0]
    mutants = population(options.sources)
    count = min(options.count or len(mutants), len(mutants))
    sample = random.Random(options.seed).sample(mutants, count)  # noqa: S311 - a sample is no secret
    print(f"{count} of {len(mutants)} mutants, seed {options.seed}", flush=True)
    deterministic()
    outcomes = survivors(sample, options.tests, options.jobs, options.share)
    unexplained = _report(sample, outcomes)
    minutes = (time.monotonic() - began) / 60
    print(
        f"{minutes:.0f} minutes with {options.jobs} jobs; load {load:.1f} at first, {os.getloadavg()[0]:.1f} at last"
    )
    return 1 if unexplained else 0


def _report(sample: Sequence[Mutant], outcomes: Iterable[Outcome]) -> int:
    """Print the survivors that nothing explains, and the figures. The number of the former."""
    explained, figures = accepted(), Counter[str]()
    for outcome in sorted(outcomes, key=lambda each: sample[each.place][:4]):
        mutant = sample[outcome.place]
        known = outcome.became in UNNOTICED and key_of(mutant) in explained
        figures["accepted" if known else outcome.became] += 1
        if known or outcome.became == "killed":
            continue
        source = (ROOT / mutant.path).read_bytes()
        before, after = mutant.change(source)
        spared = f", {outcome.spared} slow tests spared" if outcome.spared else ""
        print(f"{mutant.path}:{mutant.line(source)} {outcome.became}{spared}\n  - {before}\n  + {after}")
    print(", ".join(f"{figures[each]} {each}" for each in sorted(figures)))
    return sum(figures[each] for each in UNNOTICED)


if __name__ == "__main__":
    sys.exit(main())
