"""Making a history of a seed, running it, and cutting one that fails down to what it takes."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import msgspec

from kiosk.domain.nights import NightlyFinding
from sync.agent.night.running import nightly
from tests.support.histories import steps
from tests.support.histories.promises import PROMISES, PROVED, broken
from tests.support.histories.quiet import come_to_rest
from tests.support.histories.staff import forget_lost_cash, left_open, settle_everything
from tests.support.histories.template import template
from tests.support.histories.world import NOTHING, World, chance

LENGTH = (10, 45)
OVER_SOCKETS = 10
"""One seed in so many has real sockets."""
_NOT_ENDED = {NightlyFinding.RECEIPTS_WAITING, NightlyFinding.UNAPPLIED, NightlyFinding.MATTERS}
"""What a night may find: nobody printed here, and a person looks at the rest."""


class Planned(msgspec.Struct, frozen=True):
    """A step to be taken, and the chance that it chooses by."""

    name: str
    chance: int


class Outcome(msgspec.Struct, frozen=True):
    """What a history came to: what happened, and what is wrong."""

    log: tuple[str, ...]
    wrong: tuple[str, ...]


def planned(seed: int) -> tuple[Planned, ...]:
    """The steps of a seed."""
    random = chance(seed)
    names = list(steps.WEIGHTS)
    chosen = random.choices(names, weights=list(steps.WEIGHTS.values()), k=random.randint(*LENGTH))
    return tuple(Planned(each.__name__, random.getrandbits(48)) for each in chosen)


def run(
    plan: Sequence[Planned], seed: int = 0, database: str = "", after: Callable[[World], str] | None = None
) -> Outcome:
    """Take these steps, come to rest, and see what is wrong; an error is wrong too.

    The centre's tables are in the PostgreSQL of that address, in a file without one. `after` is done after each step.
    """
    with new_world(sockets=seed % OVER_SOCKETS == 0, database=database) as world:
        return _run(world, plan, seed, after)


@contextmanager
def new_world(*, sockets: bool = False, database: str = "") -> Iterator[World]:
    """A world in which nothing happened yet, gone afterwards; with `sockets` its lines are real ones."""
    folder = Path(tempfile.mkdtemp(prefix="keydesk-history-", dir=_memory()))
    try:
        with World(folder, template(database), sockets=sockets).at_work() as world:
            yield world
    finally:
        shutil.rmtree(folder)


def _memory() -> Path | None:
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there
    return memory if memory.is_dir() else None


def _run(
    world: World, plan: Sequence[Planned], seed: int, after: Callable[[World], str] | None = None
) -> Outcome:
    by_name = {each.__name__: each for each in steps.WEIGHTS}
    try:
        for number, each in enumerate(plan):
            world.random = chance(each.chance)
            world.time.now += world.random.randint(1, 40)
            came = by_name[each.name](world)
            world.log.append(f"{number:3d} {each.name} {came}")
            if after is not None:
                world.log.append(f"    {after(world)}")
        world.random = chance(seed)
        come_to_rest(world)
        forget_lost_cash(world)
        wrong = broken(world)
        if not wrong:
            settle_everything(world)
            wrong = [*left_open(world), *_nights(world), *broken(world, (*PROMISES, *PROVED))]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        world.trace = error
        wrong = [f"{type(error).__name__}: {error}"]
    return Outcome(tuple(world.log), tuple(wrong))


def _nights(world: World) -> Iterator[str]:
    """What the machines' nightly runs find: they check the journals, and nothing is left to be told."""
    for machine in world.live:
        if not machine.works:
            continue
        night = nightly(machine.agent)
        if night.sent or night.received:
            yield f"nightly: {machine.label} sent {night.sent} and received {night.received}"
        for finding in night.troubles:
            if finding not in _NOT_ENDED:
                yield f"nightly: {machine.label} {finding.value} {night.journal_problem}".rstrip()


def steps_taken(outcome: Outcome) -> Iterator[str]:
    """The names of the steps of a history that found something to do, as often as they did."""
    for line in outcome.log:
        number, _, rest = line.strip().partition(" ")
        name, _, came = rest.partition(" ")
        if number.isdigit() and came != NOTHING:
            yield name


def shrunk(plan: Sequence[Planned], seed: int = 0) -> tuple[Planned, ...]:
    """The steps that it takes to fail alike: without any of them the first thing that is wrong is another."""
    kind = _kind(run(plan, seed))
    kept = list(plan)
    size = max(1, len(kept) // 2)
    while size:
        place = len(kept)
        while place > 0:
            fewer = kept[: max(0, place - size)] + kept[place:]
            if _kind(run(fewer, seed)) == kind:
                kept = fewer
            place -= size
        size //= 2
    return tuple(kept)


def _kind(outcome: Outcome) -> str:
    """What went wrong, without names."""
    return outcome.wrong[0].partition(":")[0] if outcome.wrong else ""


class Runs(msgspec.Struct):
    """How many seeds were run, and which failed."""

    count: int
    failed: list[int]


def run_for(seconds: float, first: int) -> Runs:
    """Run one seed after the other, on every core, for so long."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_run_some, [(seconds, first + core, cores) for core in range(cores)]))
    return Runs(sum(part.count for part in parts), sorted(seed for part in parts for seed in part.failed))


def _run_some(asked: tuple[float, int, int]) -> Runs:
    seconds, seed, step = asked
    logging.disable(logging.CRITICAL)
    runs, until = Runs(0, []), time.monotonic() + seconds
    while time.monotonic() < until:
        runs.failed += [seed] if run(planned(seed), seed).wrong else []
        runs.count, seed = runs.count + 1, seed + step
    return runs


def report(seed: int) -> str:
    """What there is to say of a seed that failed: its shortest history, and how to run it again."""
    return told(seed, run(shrunk(planned(seed), seed), seed))


def told(seed: int, outcome: Outcome) -> str:
    """A history in words, a line a step."""
    again = f"seed {seed}: python -m tests.support.histories --seed {seed} --shrink"
    return "\n".join([again, *outcome.log, *(f"WRONG {each}" for each in outcome.wrong)])
