"""The applier as processes: whatever is stopped, killed or doubled, each entry enters the books once."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from kiosk.domain.entries.orders import DeliveryChosen, OrderPaid
from kiosk.domain.ledger import Delivery, PaidHow
from tests.support.kiosk_double import KioskDouble, http_send
from tests.support.processes import FIRST_KIOSK, CentreProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")

CHECK = "from sync.central.ledger.replaying import differences; print(differences())\n"
APPLY = "from sync.central.ledger.applier import apply_pending; apply_pending(now)\n"


@pytest.fixture
def still(tmp_path: Path, template: Path) -> Iterator[CentreProcess]:
    """A centre that applies nothing by itself."""
    made = CentreProcess.begin(tmp_path, template)
    made.start("--no-applier")
    yield made
    made.stop()


def _kiosk(centre: CentreProcess, number: int) -> KioskDouble:
    return KioskDouble(number, send=http_send, base=centre.address).enrol(centre.tokens[number])


def _worker(centre: CentreProcess, code: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "sync.central.settings",
        "KEYDESK_CENTRAL_DATA": str(centre.directory),
    }
    prelude = "import django, os, signal, time; django.setup(); now = int(time.time())\n"
    command = [sys.executable, "-c", prelude + code]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _pending(centre: CentreProcess) -> int:
    """How many entries are not applied."""
    ((count,),) = centre.rows(
        "SELECT count(*) FROM journal_entry e LEFT JOIN ledger_strandcursor c ON c.strand = e.kiosk * 65536 + e.strand "
        "WHERE e.sequence > coalesce(c.applied, 0)"
    )
    return int(count)


def _positions(centre: CentreProcess) -> list[tuple[int, int, int, int]]:
    return [
        (position, strand, first, last)
        for position, strand, first, last in centre.rows(
            'SELECT position, strand, "first", "last" FROM ledger_appliedportion ORDER BY position'
        )
    ]


def _is_gapless(centre: CentreProcess) -> bool:
    """Whether every position, and every strand's every entry, was given once."""
    portions = _positions(centre)
    ends = [position + last - first + 1 for position, _, first, last in portions]
    strands: dict[int, int] = {}
    for _, strand, first, last in portions:
        if first != strands.get(strand, 0) + 1:
            return False
        strands[strand] = last
    return [position for position, *_ in portions] == [1, *ends[:-1]]


def test_an_applier_that_slept_in_mid_batch_doubles_nothing(still: CentreProcess) -> None:
    kiosk = _kiosk(still, FIRST_KIOSK)
    kiosk.feed()
    kiosk.place()
    kiosk.pushed()
    sleeper = _worker(
        still,
        "from sync.central.ledger import applier\n"
        "write = applier._write\n"
        "def asleep(*arguments):\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)\n"
        "    return write(*arguments)\n"
        "applier._write = asleep\n"
        "applier.apply_batch(now)\n",
    )
    os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    kiosk.place(account="11000007")
    kiosk.pushed()
    still.django(APPLY)
    before = _positions(still)
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.wait() == 0
    assert _positions(still) == before
    assert _pending(still) == 0
    assert _is_gapless(still)
    assert still.django(CHECK) == "[]\n"


def test_an_entry_that_kills_the_applier_is_set_aside_and_the_others_go_on(still: CentreProcess) -> None:
    kiosks = [_kiosk(still, number) for number in (FIRST_KIOSK, FIRST_KIOSK + 1)]
    for kiosk in kiosks:
        kiosk.feed()
        for account in ("11000001", "11000007", "11000003"):
            kiosk.place(account=account)
        kiosk.pushed()
    applier = _worker(
        still,
        "from sync.central.ledger import folding, process\n"
        "fold = folding.Folder.fold\n"
        "def deadly(self, each):\n"
        f"    if each.entry is not None and (each.row.kiosk, each.row.sequence) == ({FIRST_KIOSK}, 3):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    fold(self, each)\n"
        "folding.Folder.fold = deadly\n"
        "process.keep_applying(lambda parent: None)\n",
    )
    try:
        wait_until(lambda: _pending(still) == 0)
    finally:
        applier.terminate()
        applier.wait()
    assert _is_gapless(still)
    matters = still.rows("SELECT rule, kiosk, sequence FROM ledger_matter WHERE rule = 'unreadable'")
    assert matters == [("unreadable", FIRST_KIOSK, 3)]
    orders = still.rows(
        "SELECT owner, count(*) FROM ledger_ledgerorder WHERE owner > 10 GROUP BY owner ORDER BY owner"
    )
    assert orders == [(FIRST_KIOSK, 2), (FIRST_KIOSK + 1, 3)]
    assert still.django(CHECK) == "[]\n"


def _uploaded(kiosk: KioskDouble) -> None:
    """Upload as an agent does, again when the centre is busy."""
    while (status := kiosk.upload().status) != HTTPStatus.OK:
        assert status == HTTPStatus.SERVICE_UNAVAILABLE


def test_many_kiosks_that_come_back_at_once_raise_no_matter(tmp_path: Path, template: Path) -> None:
    """40 kiosks with 49 entries each: 12 orders that are paid, cancelled or left, after the first entry."""
    centre = CentreProcess.begin(tmp_path, template)
    centre.start()
    try:
        numbers = range(FIRST_KIOSK, FIRST_KIOSK + 40)
        kiosks = [_kiosk(centre, number) for number in numbers]
        for kiosk, order in itertools.product(kiosks, range(12)):
            placed = kiosk.place(account=str(20_000_000 + kiosk.number * 100 + order))
            amount = sum(line.amount for line in placed.lines)
            kiosk.append(OrderPaid(placed.order, PaidHow.DESK, amount, kiosk.now(), supervisor="林涛"))
            kiosk.append(DeliveryChosen(placed.order, Delivery.COUNTER))
            kiosk.append(DeliveryChosen(placed.order, Delivery.MAIL))
        with concurrent.futures.ThreadPoolExecutor(40) as at_once:
            list(at_once.map(_uploaded, kiosks))
        wait_until(lambda: _pending(centre) == 0)
        assert centre.rows("SELECT rule, subject FROM ledger_matter") == []
        ((paid,),) = centre.rows(
            "SELECT count(*) FROM ledger_ledgerorder WHERE status = 'paid' AND owner > 10"
        )
        assert paid == 480
        assert _is_gapless(centre)
        assert centre.django(CHECK) == "[]\n"
    finally:
        centre.stop()
