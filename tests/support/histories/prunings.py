"""Pruning in the middle of a history: at any entry that the centre has, whatever its age, and cut short anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kiosk.store.verify import verify
from sync.agent.context import Agent
from sync.agent.night import pruning
from sync.agent.night.pruning import PruningOutcome, prune_journal
from sync.central.journal import snapshots
from sync.central.journal.snapshot_checks import SnapshotChecker
from tests.support.histories.machines import Machine
from tests.support.histories.running import Planned, planned
from tests.support.histories.world import NOTHING, World
from tests.support.snapshots import shown

ONE_IN = 3
UNSOUND = {PruningOutcome.REFUSED, PruningOutcome.UNSOUND, PruningOutcome.MISSING}


def long_plan(seed: int) -> tuple[Planned, ...]:
    """Steps enough for journals of some length."""
    return tuple(each for part in range(3) for each in planned(3 * seed + part))


@contextmanager
def at_any_age() -> Iterator[None]:
    """Let the centre acknowledge what it has just received."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshots, "SETTLED", -1)
        patched.setattr(snapshots, "DAY", -1)
        patched.setattr(pruning, "PORTION", 3)
        yield


def prune_somewhere(world: World) -> str:
    """Now and then prune a machine's journal; what it shows stays the same, and it verifies."""
    machines = [each for each in world.live if each.works and each.strand]
    if not machines or world.random.randrange(ONE_IN):
        return NOTHING
    machine = world.random.choice(machines)
    if world.random.randrange(4):
        world.exchange(machine)
    before = shown(machine.database)
    came = machine.work(lambda agent: _pruned(world, machine, agent))
    found = verify(machine.database)
    if shown(machine.database) != before:
        world.notes.wrong.append(f"{machine.label} shows something else after it was pruned")
    if not found.sound:
        world.notes.wrong.append(f"{machine.label} pruned: {found.flaw or found.differences[:3]}")
    return f"prune {machine.label} {came}"


def _pruned(world: World, machine: Machine, agent: Agent) -> str:
    with machine.database.read() as tx:
        kept, state, tip = tx.snapshots.in_force(), tx.agent.get(), tx.journal.tip()
    first = 1 if kept is None else kept.sequence + 1
    last = 0 if tip is None else min(state.high_water, tip.sequence - 1)
    due = max(world.random.randint(first, last) for _ in range(2)) if first <= last else 0
    stops = world.random.choice((1, 2, 3, 1000))
    looks = 0

    def stopped() -> bool:
        nonlocal looks
        looks += 1
        return looks > stops

    def pause(_seconds: float) -> None:
        checker = SnapshotChecker()
        while checker.step(world.centre.now):
            pass

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pruning, "_due", lambda *_: pruning._Due(due))
        report = prune_journal(agent, world.random.choice((0, 1, 1000)), stopped, pause)
    if report.outcome in UNSOUND:
        world.notes.wrong.append(f"{machine.label} at {due}: {report}")
    return f"{report.outcome.value} {report.snapshot} {report.deleted}"
