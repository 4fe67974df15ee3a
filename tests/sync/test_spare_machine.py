"""A spare machine takes a lost one's place: with a token alone, with its backup, with its old disk, and without the network."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH, parse_order_number
from kiosk.domain.ledger import OrderStatus
from tests.support.homes import Home
from tests.support.processes import FIRST_KIOSK, CentreProcess
from tests.support.values import present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")

KIOSK = FIRST_KIOSK
PAID, BOUND, PLACED = OrderStatus.PAID, OrderStatus.BOUND, OrderStatus.PLACED


class Site:
    """A centre of its own, a stick, and the recovery key that is kept elsewhere; machines of one kiosk come and go."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        self.centre = CentreProcess.begin(folder / "centre", template)
        self.centre.start()
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.identity = folder / "recovery.txt"
        self.recipient = ""
        self.homes: list[Home] = []

    def machine(self) -> Home:
        """A machine on which nothing is but the program and its configuration."""
        number = len(self.homes) + 1
        home = Home(self.folder / f"home-{number}", self.centre, recipient=self.recipient, stick=self.stick)
        self.homes.append(home)
        return home

    def token(self) -> str:
        return self.centre.command("enrol-token", "--kiosk", str(KIOSK)).strip()

    def newest(self) -> Path:
        return max(self.stick.iterdir())

    def numbers(self) -> list[str]:
        """The order numbers that the centre has, one for each order that was placed."""
        rows = self.centre.rows(
            "SELECT subject FROM journal_entry WHERE kind = 'order-placed' AND kiosk = ?", KIOSK
        )
        return [reference for (reference,) in rows]

    def status(self, reference: str) -> str:
        rows = self.centre.rows("SELECT status FROM ledger_ledgerorder WHERE reference = ?", reference)
        return str(rows[0][0]) if rows else ""

    def strands(self) -> int:
        ((count,),) = self.centre.rows(
            "SELECT count(DISTINCT strand) FROM journal_entry WHERE kiosk = ?", KIOSK
        )
        return int(count)

    def listed(self) -> set[str]:
        """The accounts' keys."""
        rows = self.centre.rows("SELECT key_number FROM ledger_ledgeraccount WHERE key_number <> ''")
        return {number for (number,) in rows}


@pytest.fixture
def site(tmp_path: Path, template: Path) -> Iterator[Site]:
    made = Site(tmp_path, template)
    keeper = Home(tmp_path / "keeper", made.centre)
    made.recipient = json.loads(keeper.did("keydesk", "backup-key", made.identity, "--json"))["recipient"]
    yield made
    for home in made.homes:
        home.stop_agent()
    made.centre.stop()


@pytest.fixture
def lost(site: Site) -> Home:
    """A machine that is enrolled and has heard the centre; a test loses it later."""
    home = site.machine()
    home.did("keydesk-sync", "enrol", "--token", site.centre.tokens[KIOSK])
    home.did("keydesk-sync", "once")
    return home


def test_with_a_token_alone_a_spare_machine_goes_on_with_all_that_was_sent(
    site: Site, lost: Home, pay: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    times: dict[str, float] = {}
    lost.start_agent()
    with lost.desk() as desk:
        order = desk.place("11000001")
        wait_until(lambda: order.reference in site.numbers())
        assert pay(order.link)["state"] == "paid"
        wait_until(lambda: present(lost.order(order.reference)).status is PAID)
    lost.lose()
    token = site.token()
    with _timed(times, "whole"):
        spare = site.machine()
        with _timed(times, "enrol"):
            spare.did("keydesk-sync", "enrol", "--token", token)
        with _timed(times, "first exchange"):
            spare.did("keydesk-sync", "once")
        spare.start_agent()
        assert present(spare.order(order.reference)).status is PAID
        with spare.desk() as desk, _timed(times, "order found and bound"):
            bound = desk.bind("11000001", order.reference)
        with _timed(times, "listed at the centre"):
            wait_until(lambda: bound.certificate in site.listed())
    _told(times, capsys)
    with spare.desk() as desk:
        again = desk.place("11000007")
    assert parse_order_number(again.order_number).epoch == 2
    wait_until(lambda: again.reference in site.numbers())
    assert len(site.numbers()) == len(set(site.numbers())) == 2


def test_what_the_lost_machine_had_not_sent_comes_from_its_backup(site: Site, lost: Home) -> None:
    sent, unsent, bound = _offline(site, lost)
    lost.did("keydesk", "backup")
    lost.lose()
    spare = site.machine()
    done = spare.run(
        "keydesk-sync", "enrol", "--token", site.token(), "--from", site.newest(), "--identity", site.identity
    )
    assert done.returncode == 0, done.stderr
    assert "11 号终端机第 1 台" in done.stderr
    spare.did("keydesk-sync", "once")
    assert [present(spare.order(each)).status for each in (sent, unsent, bound)] == [PAID, PAID, BOUND]
    with spare.desk() as desk:
        for account, reference in (("11000001", sent), ("11000007", unsent)):
            desk.bind(account, reference)
    spare.did("keydesk-sync", "once")
    wait_until(lambda: {site.status(each) for each in (sent, unsent, bound)} == {"bound"})
    wait_until(lambda: len(site.listed()) == 3)
    assert site.strands() == 1
    assert len(site.numbers()) == len(set(site.numbers())) == 3


def test_an_old_disk_that_turns_up_later_is_uploaded_as_the_machine_that_it_was(
    site: Site, lost: Home, tmp_path: Path
) -> None:
    sent, unsent, bound = _offline(site, lost)
    disk = shutil.copytree(lost.data, tmp_path / "disk")
    lost.lose()
    before = _files(disk)
    spare = site.machine()
    spare.did("keydesk-sync", "enrol", "--token", site.token())
    spare.did("keydesk-sync", "once")
    with spare.desk() as desk:
        new = desk.place("11000003")
    assert [spare.order(each) is None for each in (sent, unsent, bound)] == [False, True, True]
    uploaded = json.loads(spare.did("keydesk-sync", "upload", disk, "--json"))
    assert (uploaded["kiosk"], uploaded["machine"], uploaded["quarantined"]) == (KIOSK, 1, False)
    assert 0 < uploaded["lacked"] <= uploaded["sent"]
    assert _files(disk) == before
    spare.did("keydesk-sync", "once")
    assert [present(spare.order(each)).status for each in (sent, unsent, bound)] == [PAID, PAID, BOUND]
    assert "中心原来都有" in spare.did("keydesk-sync", "upload", disk)  # again, which changes nothing
    spare.did("keydesk-sync", "once")
    assert site.strands() == 2
    assert sorted(site.numbers()) == sorted({sent, unsent, bound, new.reference})


def test_without_the_network_the_backup_is_put_back_and_works_at_once(site: Site, lost: Home) -> None:
    sent, unsent, bound = _offline(site, lost)
    lost.did("keydesk", "backup")
    with lost.desk() as desk:
        after = desk.place("11000003")  # which nobody hears of
    lost.lose()
    spare = site.machine()
    spare.switch.touch()
    spare.did("keydesk", "restore", site.newest(), "--identity", site.identity)
    assert [present(spare.order(each)).status for each in (sent, unsent, bound)] == [PAID, PAID, BOUND]
    with spare.desk() as desk:
        desk.bind("11000007", unsent)
        new = desk.place("11000003")
    assert parse_order_number(new.order_number).epoch >= FIRST_RANDOM_EPOCH
    assert new.order_number != after.order_number
    spare.switch.unlink()
    for _ in range(2):
        spare.did("keydesk-sync", "once")
    site.centre.wait_applied()
    assert {site.status(each) for each in (sent, unsent, bound, new.reference)} <= {"paid", "bound", "placed"}
    wait_until(lambda: site.status(unsent) == "bound")
    assert len(site.numbers()) == len(set(site.numbers())) == 4


def test_what_cannot_be_taken_from_a_backup_is_said_and_the_token_stays_good(
    site: Site, lost: Home, tmp_path: Path
) -> None:
    lost.did("keydesk", "backup")
    file = site.newest()
    other = tmp_path / "other.txt"
    lost.did("keydesk", "backup-key", other)
    lost.lose()
    spare = site.machine()
    wrong = site.centre.tokens[KIOSK + 1]
    token = site.token()
    cases: list[tuple[str, tuple[str | Path, ...], str]] = [
        (token, ("--from", file), "加 --identity"),
        (token, ("--from", file, "--identity", other), "这把密钥打不开备份"),
        (token, ("--from", tmp_path / "none.age"), "没有备份"),
        (
            wrong,
            ("--from", file, "--identity", site.identity),
            f"是 {KIOSK} 号终端机的，本机是 {KIOSK + 1} 号",
        ),
    ]
    for given, arguments, said in cases:
        told = spare.run("keydesk-sync", "enrol", "--token", given, *arguments)
        assert (told.returncode, told.stdout, told.stderr.count("\n")) == (1, "", 1), told.stderr
        assert said in told.stderr
        assert not spare.data.exists()
    spare.switch.touch()
    told = spare.run("keydesk-sync", "enrol", "--token", token, "--from", file, "--identity", site.identity)
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "没有连上中心" in told.stderr
    spare.switch.unlink()
    spare.did("keydesk-sync", "enrol", "--token", token, "--from", file, "--identity", site.identity)


def test_what_a_revoked_machine_left_is_kept_apart_until_staff_decide(site: Site, lost: Home) -> None:
    sent, unsent, bound = _offline(site, lost)
    lost.did("keydesk", "backup")
    lost.lose()
    site.centre.django(
        "from sync.central.fleet.machines import end, present_machine\n"
        "from sync.central.fleet.models import MachineState\n"
        f"end(present_machine({KIOSK}), MachineState.REVOKED, 'boss', 'stolen', now)"
    )
    spare = site.machine()
    spare.did("keydesk-sync", "enrol", "--token", site.token())
    told = spare.did("keydesk-sync", "upload", site.newest(), "--identity", site.identity)
    assert "请中心在「机器」里决定" in told
    spare.did("keydesk-sync", "once")
    assert [spare.order(each) is None for each in (sent, unsent, bound)] == [False, True, True]
    ((kept,),) = site.centre.rows("SELECT count(*) FROM journal_strayentry WHERE kiosk = ?", KIOSK)
    assert kept > 0


def test_a_centre_put_back_to_before_the_enrolment_takes_the_rest_of_a_backup(
    site: Site, tmp_path: Path
) -> None:
    site.centre.stop()
    shutil.copytree(site.centre.directory, tmp_path / "before", ignore=shutil.ignore_patterns("*.wake"))
    site.centre.start()
    lost = site.machine()
    lost.did("keydesk-sync", "enrol", "--token", site.centre.tokens[KIOSK])
    lost.did("keydesk-sync", "once")
    sent, unsent, bound = _offline(site, lost)
    lost.did("keydesk", "backup")
    lost.lose()
    site.centre.stop()
    shutil.rmtree(site.centre.directory)
    shutil.copytree(tmp_path / "before", site.centre.directory)
    site.centre.start()
    spare = site.machine()
    uploaded = json.loads(
        spare.did("keydesk-sync", "upload", site.newest(), "--identity", site.identity, "--json")
    )
    assert uploaded["sent"] == uploaded["entries"]
    assert set(site.numbers()) == {sent, unsent, bound}


def _offline(site: Site, home: Home) -> tuple[str, str, str]:
    """An order that is paid and sent, and two that the centre does not hear of: one paid, one bound."""
    with home.desk() as desk:
        sent = desk.place("11000001").reference
        desk.vouch(sent)
    home.did("keydesk-sync", "once")
    with home.desk() as desk:
        unsent = desk.place("11000007").reference
        desk.vouch(unsent)
        bound = desk.place("11000002").reference
        desk.vouch(bound)
        desk.bind("11000002", bound)
    assert site.numbers() == [sent]
    return sent, unsent, bound


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def _timed(times: dict[str, float], what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    times[what] = time.monotonic() - began


def _told(times: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    """Show how long each step took; nothing depends on it."""
    with capsys.disabled():
        steps = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in times.items())
        print(f"\nspare machine after installation: {steps}")  # noqa: T201 - that is what is measured
