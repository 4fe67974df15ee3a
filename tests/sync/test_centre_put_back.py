"""A centre is copied, works on, and is put back under kiosks that work: what they hold comes back, and who is told what."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kiosk.domain.ledger import OrderStatus
from kiosk.domain.members import Role
from tests.support.processes import CentreProcess, KioskProcess
from tests.support.values import present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("centre-put-back")
NAME = "陈晓"
SAY = """
from sync.central.members.models import DeskStaff
from sync.central.members.publishing import publish_staff
row, _ = DeskStaff.objects.update_or_create(name={name!r}, defaults={{"role": {role!r}}})
publish_staff(row, now)
"""
CONFIRM = """
from sync.central.fleet.models import Machine, MachineState
from sync.central.ledger.deciding_strands import confirm_machine
waiting = Machine.objects.filter(state=MachineState.UNCONFIRMED)
print(sum(confirm_machine(each, "boss", "telephoned", now) for each in waiting))
"""


@pytest.fixture
def centre(tmp_path: Path, template: Path) -> Iterator[CentreProcess]:
    made = CentreProcess.begin(tmp_path / "centre", template)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def enrolled(centre: CentreProcess, tmp_path: Path) -> Iterator[Callable[[int], KioskProcess]]:
    """Enrol a kiosk of that number, and start its agent."""
    with ExitStack() as stack:

        def enrol(number: int) -> KioskProcess:
            directory = tmp_path / f"kiosk-{number}"
            directory.mkdir()
            made = KioskProcess(directory, number, centre, centre.tokens[number])
            stack.callback(made.close)
            made.start()
            return made

        yield enrol


def say(centre: CentreProcess, role: Role) -> None:
    centre.django(SAY.format(name=NAME, role=role.value))


def role_at(kiosk: KioskProcess) -> Role | None:
    with kiosk.database.read() as tx:
        return next((each.role for each in tx.members.all_staff() if each.name == NAME), None)


def has_role(kiosk: KioskProcess, role: Role) -> bool:
    return role_at(kiosk) is role


def applied(centre: CentreProcess, order: str) -> bool:
    return bool(centre.rows("SELECT 1 FROM ledger_ledgerorder WHERE reference = ?", order))


def sent(kiosk: KioskProcess) -> bool:
    return kiosk.backlog() == 0 and not kiosk.state().error


def reports(kiosk: KioskProcess, words: str) -> bool:
    return words in kiosk.sync("status").stdout


def is_paid(kiosk: KioskProcess, order: str) -> bool:
    return present(kiosk.order(order)).status is OrderStatus.PAID


def copied(centre: CentreProcess, to: Path) -> None:
    """Copy the centre's data while it stands still."""
    centre.stop()
    shutil.copytree(centre.directory, to, ignore=shutil.ignore_patterns("applier.wake"))  # a pipe
    centre.start()


def put_back(centre: CentreProcess, copy: Path, lost: list[str]) -> None:
    """Let the centre have no more than the copy has, which lacks these orders."""
    centre.stop()
    shutil.rmtree(centre.directory)
    shutil.copytree(copy, centre.directory)
    assert not any(applied(centre, order) for order in lost)
    centre.start()


def ordered(centre: CentreProcess, *bought: tuple[KioskProcess, str]) -> list[str]:
    """Orders of those accounts at those kiosks, once the centre has entered them."""
    orders = [kiosk.place(account)[0] for kiosk, account in bought]
    for order in orders:
        wait_until(partial(applied, centre, order))
    return orders


def agreed(role: Role, *kiosks: KioskProcess) -> None:
    """Each kiosk has been told that role, and has sent everything."""
    for each in kiosks:
        wait_until(partial(has_role, each, role))
        wait_until(partial(sent, each))


def require_told(centre: CentreProcess, known: tuple[KioskProcess, ...], forgotten: KioskProcess) -> None:
    """What was said since the copy stands again, and staff at the kiosks and in the console are told what happened."""
    wait_until(
        lambda: (
            centre.rows("SELECT role FROM members_deskstaff WHERE name = ?", NAME) == [(Role.STAFF.value,)]
        ),
        "a demotion that was lost stands again",
    )
    for each in known:
        wait_until(partial(reports, each, "中心从备份恢复过"))
        assert has_role(each, Role.STAFF)
    assert "还没有确认本机" in forgotten.sync("status").stdout
    kinds = {kind for (kind,) in centre.rows("SELECT kind FROM journal_alarm WHERE cleared_at IS NULL")}
    assert {"put-back", "unconfirmed"} <= kinds


def incarnation(centre: CentreProcess) -> int:
    ((number,),) = centre.rows("SELECT max(number) FROM fleet_incarnation")
    return int(number)


def test_a_centre_that_is_put_back_under_kiosks_that_work_goes_on(
    centre: CentreProcess,
    enrolled: Callable[[int], KioskProcess],
    tmp_path: Path,
    pay: Callable[[str], Any],
) -> None:
    first, second = enrolled(11), enrolled(12)
    kept, address = first.place("11000001")
    pay(address)
    wait_until(partial(is_paid, first, kept))
    say(centre, Role.SUPERVISOR)
    agreed(Role.SUPERVISOR, first, second)
    wait_until(partial(applied, centre, kept))

    copied(centre, tmp_path / "copy")
    lost = ordered(centre, (first, "11000002"), (second, "11000003"))
    say(centre, Role.STAFF)
    late = enrolled(13)
    lost += ordered(centre, (late, "11000004"))
    agreed(Role.STAFF, first, second, late)

    put_back(centre, tmp_path / "copy", lost)
    for order in lost[:2]:
        wait_until(partial(applied, centre, order), "the kiosks upload again what was lost")
    wait_until(lambda: late.state().unconfirmed)
    assert not applied(centre, lost[2])
    require_told(centre, (first, second), late)
    assert incarnation(centre) == 2

    assert centre.django(CONFIRM).strip() == "1"
    wait_until(partial(applied, centre, lost[2]))
    wait_until(lambda: not late.state().unconfirmed)
    for each, account in (first, "11000005"), (second, "11000006"), (late, "11000003"):
        order, address = each.place(account)
        wait_until(partial(sent, each))
        pay(address)
        wait_until(partial(is_paid, each, order), "what is paid now arrives")
    assert is_paid(first, kept)
    assert incarnation(centre) == 2
