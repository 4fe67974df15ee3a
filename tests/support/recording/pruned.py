"""A chapter of journals that begin with a snapshot, or wait for the centre to acknowledge one."""

from __future__ import annotations

from tests.support.recording.story import Story  # isort: split

import pytest

from sync.agent.context import Agent
from sync.agent.night import pruning
from sync.agent.night.pruning import PruningOutcome, prune_journal
from sync.central.journal.snapshot_checks import SnapshotChecker
from tests.support.histories.machines import Machine
from tests.support.histories.prunings import at_any_age
from tests.support.values import present

LEFT = 2
"""How many entries stay behind the snapshot at least."""


def prune(story: Story, machine: Machine) -> None:
    """Most of a journal is deleted behind a snapshot."""
    report = _pruned(story, machine, checked=True)
    assert report.startswith(PruningOutcome.DONE.value), report


def show(story: Story, machine: Machine) -> None:
    """A snapshot is shown, and nobody has checked it yet."""
    report = _pruned(story, machine, checked=False)
    assert report.startswith(PruningOutcome.WAITING.value), report


def _pruned(story: Story, machine: Machine, *, checked: bool) -> str:
    due = pruning._Due(present(machine.tip()).sequence - LEFT)

    def pause(_seconds: float) -> None:
        checker = SnapshotChecker()
        while checked and checker.step(story.world.centre.now):
            pass

    def work(agent: Agent) -> str:
        report = prune_journal(agent, pause=pause)
        return f"{report.outcome.value} {report.reason}"

    with at_any_age(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(pruning, "_due", lambda *_: due)
        return machine.work(work)
