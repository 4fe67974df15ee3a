"""A real kiosk prunes its journal at a real centre, and a centre that then loses the entries is told what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.feed import MISSING_RULE
from kiosk.domain.policy import DAY
from kiosk.store.verify import verify
from sync.agent.exchanging import exchange
from sync.agent.night.pruning import PruningOutcome, PruningReport, prune_journal
from sync.agent.opening import AgentSettings, open_agent
from tests.support.processes import CentreProcess, KioskProcess
from tests.support.snapshots import shown

pytestmark = pytest.mark.xdist_group("pruning-over-http")
LONG_AGO = 500 * DAY
RECEIVED = """
from sync.central.journal.models import Entry
Entry.objects.filter(kiosk={kiosk}).update(received_at=now - {age})
"""
PUT_BACK = """
from sync.central.journal.models import Entry, Strand
Entry.objects.filter(kiosk={kiosk}, sequence__gt=2).delete()
last = Entry.objects.get(kiosk={kiosk}, sequence=2)
Strand.objects.filter(kiosk={kiosk}).update(high_sequence=2, high_epoch=last.epoch, high_hash=last.hash)
"""


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[CentreProcess]:
    """A centre of these tests' own: one that lost entries begins another incarnation, and its tokens are void."""
    made = CentreProcess.begin(tmp_path_factory.mktemp("forgetful"), template)
    made.start()
    yield made
    made.stop()


def _lived(kiosk: KioskProcess) -> None:
    """Two orders that were given up, and everything told."""
    for _ in range(2):
        number, _address = kiosk.place("11000001")
        with kiosk.database.write() as tx:
            tx.append(OrderCancelled(number, "member"), kiosk.clock)
    with open_agent(AgentSettings(kiosk.directory, kiosk.centre.address)) as agent:
        exchange(agent)


def _pruned(kiosk: KioskProcess) -> PruningReport:
    with open_agent(AgentSettings(kiosk.directory, kiosk.centre.address)) as agent:
        return prune_journal(agent)


@pytest.fixture
def aged(kiosk: KioskProcess, central: CentreProcess) -> KioskProcess:
    """A kiosk whose first entries are old, at both ends."""
    _lived(kiosk)
    with kiosk.database.write() as tx:
        tx.ledger._connection.execute("UPDATE journal SET wall = wall - ?", (LONG_AGO,))
    _lived(kiosk)
    early = _pruned(kiosk)
    assert (early.outcome, early.reason, early.deleted) == (PruningOutcome.WAITING, "settling", 0)
    central.django(RECEIVED.format(kiosk=kiosk.number, age=91 * DAY))
    return kiosk


def test_a_kiosk_prunes_at_a_real_centre_and_goes_on(aged: KioskProcess) -> None:
    before = shown(aged.database)
    done = _pruned(aged)
    assert (done.outcome, done.snapshot, done.deleted) == (PruningOutcome.DONE, 5, 4), done
    assert shown(aged.database) == before
    verified = aged.keydesk("journal", "verify", "--rebuild")
    assert (verified.returncode, "快照" in verified.stdout) == (0, True), verified.stdout
    _lived(aged)
    assert verify(aged.database).sound
    assert _pruned(aged).outcome is PruningOutcome.NOT_DUE


def test_a_centre_that_loses_what_was_deleted_says_so_in_the_console(
    aged: KioskProcess, central: CentreProcess
) -> None:
    assert _pruned(aged).deleted == 4
    central.django(PUT_BACK.format(kiosk=aged.number))
    for _ in range(2):
        assert aged.sync("once").returncode == 0
    with aged.database.read() as tx:
        (matter,) = (each for each in tx.feed.matters() if each.rule == MISSING_RULE)
        assert (matter.subject, tx.agent.get().lacks_until) == ("3-4", 4)
    found = central.rows(
        "SELECT subject FROM journal_alarm WHERE kiosk = ? AND kind = 'missing'", aged.number
    )
    assert found == [("3-5",)]
