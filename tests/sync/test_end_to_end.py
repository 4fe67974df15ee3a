from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from kiosk.domain.entries.orders import OrderCancelled, RefundGranted
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH, OrderReference, number_in, parse_order_reference
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.payment_codes import confirmation_key, confirmation_matches
from kiosk.store.vault import VaultItem
from kiosk.store.verify import verify
from sync.agent.night.running import NightExit
from tests.support.processes import CentreProcess, KioskProcess, NewKiosk, open_to_others
from tests.support.values import present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")


def status(kiosk: KioskProcess, number: str) -> OrderStatus:
    return present(kiosk.order(number)).status


def page(address: str) -> dict[str, Any]:
    """What the payer's page says."""
    shown: dict[str, Any] = httpx2.get(
        address.replace("HTTP", "http"), headers={"accept": "application/json"}
    ).json()
    return shown


def test_a_payment_on_the_page_reaches_the_kiosk_and_its_order_the_centre(
    kiosk: KioskProcess, pay: Callable[[str], Any]
) -> None:
    kiosk.start()
    wait_until(lambda: kiosk.state().last_contact is not None)
    number, address = kiosk.place("11000002")  # nobody else's, or the night tells of a matter
    wait_until(lambda: kiosk.backlog() == 0)
    assert pay(address)["state"] == "paid"
    wait_until(lambda: status(kiosk, number) is OrderStatus.PAID)
    (payment,) = present(kiosk.order(number)).payments
    assert payment.how is PaidHow.FEED
    assert payment.transaction
    wait_until(lambda: kiosk.backlog() == 0)
    wait_until(lambda: all(applied for _, _, applied in kiosk.centre_entries()))
    assert {"order-placed", "order-paid"} <= {kind for _, kind, _ in kiosk.centre_entries()}
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()
    night = kiosk.sync("nightly", "--json")
    report = json.loads(night.stdout)
    assert (night.returncode, report["troubles"], report["same_tip"]) == (0, [], True)
    kiosk.stop()


def test_while_the_network_is_cut_the_backlog_waits_and_then_drains_by_itself(
    kiosk: KioskProcess, pay: Callable[[str], Any]
) -> None:
    kiosk.switch.touch()
    kiosk.start()
    wait_until(lambda: kiosk.state().error != "")
    number, address = kiosk.place("11000007")
    cancelled, cancelled_address = kiosk.place("11000003")
    kiosk.append(OrderCancelled(cancelled, "member"))
    assert pay(address)["confirmation"]
    pay(cancelled_address)
    assert kiosk.backlog() >= 3
    failed = kiosk.sync("once")
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "没有连上中心" in failed.stderr
    kiosk.switch.unlink()
    wait_until(lambda: status(kiosk, number) is OrderStatus.PAID)
    wait_until(lambda: status(kiosk, cancelled) is not OrderStatus.CANCELLED)
    assert status(kiosk, cancelled) in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}
    wait_until(lambda: kiosk.backlog() == 0)
    assert kiosk.state().error == ""
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()


def test_a_centre_that_is_killed_and_comes_back_loses_nothing(
    kiosk: KioskProcess, central: CentreProcess
) -> None:
    kiosk.start()
    wait_until(lambda: kiosk.backlog() == 0)
    central.kill()
    kiosk.place("11000001")
    wait_until(lambda: kiosk.state().error != "")
    central.start()
    wait_until(lambda: kiosk.backlog() == 0)
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_agent_ends_within_a_second_of_a_signal(kiosk: KioskProcess, number: int) -> None:
    kiosk.start()
    wait_until(lambda: "started" in (kiosk.directory / "log" / "sync.log").read_text())
    agent = kiosk.running
    kiosk.stop(number)
    assert agent.returncode == 0


def test_the_agent_ends_with_its_parent(kiosk: KioskProcess) -> None:
    kiosk.start()
    agent = kiosk.running
    wait_until(lambda: kiosk.state().last_contact is not None)
    present(agent.stdin).close()
    wait_until(lambda: agent.poll() is not None)
    assert agent.returncode == 0
    kiosk.agent = None


def test_two_kiosks_keep_apart(new_kiosk: NewKiosk, pay: Callable[[str], Any]) -> None:
    one, other = new_kiosk(), new_kiosk()
    first, address = one.place("11000001")
    second, _ = other.place("11000003")
    pay(address)
    for each in (one, other):
        each.sync("once")
    assert status(one, first) is OrderStatus.PAID
    assert status(other, second) is OrderStatus.PLACED
    assert other.order(first) is None
    for each in (one, other):
        assert [entry[0] for entry in each.centre_entries()] == each.hashes()


def test_a_revoked_kiosk_is_told_and_what_it_sends_is_kept_apart(kiosk: KioskProcess) -> None:
    kiosk.centre.django(
        "from sync.central.fleet.models import Kiosk, KioskState\n"
        f"Kiosk.objects.filter(number={kiosk.number}).update(state=KioskState.REVOKED)"
    )
    kiosk.place("11000001")
    refused = kiosk.sync("once")
    assert refused.returncode == 1
    assert "kiosk-revoked" in refused.stderr
    assert kiosk.state().quarantined
    assert kiosk.backlog() == 0
    stray = kiosk.centre.rows("SELECT hash FROM journal_strayentry WHERE kiosk = ?", kiosk.number)
    assert [each[0] for each in stray] == kiosk.hashes()[-1:]
    night = kiosk.sync("nightly")
    assert night.returncode == NightExit.STEP_FAILED
    assert "停用" in night.stdout


def test_no_secret_is_in_the_log(kiosk: KioskProcess) -> None:
    kiosk.place("11000001")
    kiosk.sync("once")
    text = (kiosk.directory / "log" / "sync.log").read_text()
    with kiosk.database.read() as tx:
        secrets = [present(tx.vault.get(item)) for item in (VaultItem.DEVICE_KEY, VaultItem.PAYMENT_SECRET)]
        verifier = present(tx.members.operator("11000001")).verifier
    assert verifier not in text
    assert all(secret.hex() not in text for secret in secrets)
    assert (kiosk.directory / "keydesk.db").stat().st_mode & 0o077 == 0


def _backed_up(kiosk: KioskProcess, copy: Path) -> Path:
    """A backup that was made while the desk had its database open."""
    done = kiosk.keydesk("backup", copy)
    assert done.returncode == 0, done.stderr
    return copy


def test_a_kiosk_restored_from_a_copy_gets_its_entries_back_and_goes_on_in_a_new_epoch(
    kiosk: KioskProcess, tmp_path: Path, pay: Callable[[str], Any]
) -> None:
    kiosk.sync("once")
    copied = _backed_up(kiosk, tmp_path / "copy")
    placed = [kiosk.place(account) for account in ("11000006", "11000007")]
    lost = [order for order, _ in placed]
    kiosk.sync("once")
    before = kiosk.hashes()
    kiosk.restore(copied)
    assert all(kiosk.order(number) is None for number in lost)
    assert pay(placed[0][1])["state"] == "paid"
    assert kiosk.sync("once").returncode == 0
    assert kiosk.hashes()[: len(before)] == before
    assert [status(kiosk, number) for number in lost] == [OrderStatus.PAID, OrderStatus.PLACED]
    number, _ = kiosk.place("11000003")
    assert number.startswith(f"{kiosk.number}-2-")
    assert json.loads(kiosk.sync("nightly", "--json").stdout)["same_tip"]
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()
    assert not kiosk.centre_entries(strand=2)


def test_nothing_is_restored_while_the_agent_runs(kiosk: KioskProcess, tmp_path: Path) -> None:
    kiosk.sync("once")
    copied = _backed_up(kiosk, tmp_path / "copy")
    kiosk.start()
    wait_until(lambda: "started" in (kiosk.directory / "log" / "sync.log").read_text())
    kiosk.database.close()
    refused = kiosk.keydesk("restore", copied)
    assert refused.returncode == 1
    assert "keydesk-sync run" in refused.stderr
    kiosk.stop()
    assert kiosk.keydesk("restore", copied).returncode == 0


def test_a_lost_machine_is_replaced_by_another_with_a_new_token(
    kiosk: KioskProcess, new_kiosk: NewKiosk
) -> None:
    number, _ = kiosk.place("11000006")
    kiosk.sync("once")
    again = kiosk.sync("enrol", "--token", kiosk.centre.tokens[kiosk.number], "--json")
    assert json.loads(again.stdout)["before"]
    other = new_kiosk(kiosk.number, kiosk.centre.command("enrol-token", "--kiosk", str(kiosk.number)).strip())
    assert other.order(number) == kiosk.order(number)
    assert other.hashes()[: len(kiosk.hashes())] == kiosk.hashes()
    assert [each[0] for each in other.centre_entries()] == other.hashes()
    refused = kiosk.sync("once")
    assert refused.returncode == 1


def test_of_two_enrolments_of_one_directory_at_once_the_loser_is_told_what_happened(
    central: CentreProcess, tmp_path: Path
) -> None:
    tokens = [central.command("enrol-token", "--kiosk", number).strip() for number in ("901", "902")]
    words = ("enrol", "--data", str(tmp_path / "new"), "--centre", central.address, "--token")
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", "sync.agent.command", *words, token],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        for token in tokens
    ]
    told = {each.returncode: wrong for each in begun for _, wrong in (each.communicate(),)}
    assert set(told) == {0, 1}, told
    # It came while the other was at it, or after that.
    assert "正由另一个 keydesk-sync enrol 登记" in told[1] or "这个数据目录已是" in told[1], told


def _cloned(kiosk: KioskProcess, place: Path) -> KioskProcess:
    """A copy of a kiosk's data directory that works beside it."""
    kiosk.database.close()
    shutil.copytree(kiosk.directory, place)
    kiosk.open()
    clone = copy.copy(kiosk)
    clone.directory, clone.agent = place, None
    clone.open()
    return clone


def _epochs(kiosk: KioskProcess) -> list[int]:
    with kiosk.database.read() as tx:
        return [each.entry.epoch for each in tx.journal.entries()]


def test_a_clone_goes_on_as_a_strand_and_both_know_both_orders(kiosk: KioskProcess, tmp_path: Path) -> None:
    clone = _cloned(kiosk, tmp_path / "clone")
    ours, _ = kiosk.place("11000006")
    theirs, _ = clone.place("11000007")
    for each in (kiosk, clone, kiosk, clone, kiosk):
        done = each.sync("once")
        assert done.returncode == 0, done.stderr
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()
    assert [each[0] for each in kiosk.centre_entries(strand=2)] == clone.hashes()[1:]
    assert set(_epochs(kiosk)) & set(_epochs(clone)) == {1}
    for each, other in ((kiosk, theirs), (clone, ours)):
        assert each.order(other) is not None
        assert verify(each.database).sound
        assert len(set(_epochs(each))) == 2
    alarms = kiosk.centre.rows("SELECT kind, detail FROM journal_alarm WHERE kiosk = ?", kiosk.number)
    assert {"fork", "two-alive"} <= {kind for kind, _ in alarms}
    night = json.loads(clone.sync("nightly", "--json").stdout)
    assert "matters" in night["troubles"]
    assert night["same_tip"]
    clone.close()


def test_of_two_clones_one_is_enrolled_anew_and_the_other_may_only_upload(
    kiosk: KioskProcess, tmp_path: Path
) -> None:
    clone = _cloned(kiosk, tmp_path / "clone")
    for each, account in ((kiosk, "11000006"), (clone, "11000007")):
        each.place(account)
        each.sync("once")
    kiosk.centre.django(
        "from sync.central.fleet.machines import end, machine_of\n"
        "from sync.central.fleet.models import MachineState\n"
        f"end(machine_of({kiosk.number}, 1), MachineState.RETIRED, 'admin', 'two', now)"
    )
    clone.place("11000003")
    for each in (kiosk, clone):
        refused = each.sync("once")
        assert (refused.returncode, "machine-retired" in refused.stderr) == (1, True)
        assert each.state().retired
        assert each.backlog() == 0
    token = kiosk.centre.command("enrol-token", "--kiosk", str(kiosk.number)).strip()
    enrolled = kiosk.sync("enrol", "--token", token, "--json")
    assert not json.loads(enrolled.stdout)["before"]
    kiosk.place("11000001")
    assert kiosk.sync("once").returncode == 0
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()
    assert clone.sync("once").returncode == 1
    clone.close()


def test_a_copy_put_back_offline_begins_a_random_epoch_and_nothing_stays_beside_the_books(
    kiosk: KioskProcess, tmp_path: Path, pay: Callable[[str], Any]
) -> None:
    kiosk.sync("once")
    copied = _backed_up(kiosk, tmp_path / "copy")
    lost, lost_address = kiosk.place("11000006")
    kiosk.sync("once")
    trunk = kiosk.hashes()
    kiosk.switch.touch()
    kiosk.restore(copied)
    placed, address = kiosk.place("11000007")
    assert number_in(placed) != number_in(lost)
    assert _epochs(kiosk)[-1] >= FIRST_RANDOM_EPOCH
    assert kiosk.sync("once").returncode == 1
    paid = pay(address)
    assert (paid["state"], paid["order_number"]) == ("paid", number_in(placed))
    assert page(lost_address)["state"] == "payable", "one order's money is not the other's"
    kiosk.switch.unlink()
    for _ in range(2):
        assert kiosk.sync("once").returncode == 0
    assert [each[0] for each in kiosk.centre_entries()] == trunk
    assert [each[0] for each in kiosk.centre_entries(strand=2)] == kiosk.hashes()[len(trunk) - 1 :]
    wait_until(lambda: ("epoch-began", 1) in {each[1:] for each in kiosk.centre_entries(strand=2)})
    assert not kiosk.centre.rows("SELECT 1 FROM journal_strayentry WHERE kiosk = ?", kiosk.number)
    assert [status(kiosk, each) for each in (placed, lost)] == [OrderStatus.PAID, OrderStatus.PLACED]
    assert verify(kiosk.database).sound


def test_ten_uploads_of_one_kiosk_at_once_are_one_journal(kiosk: KioskProcess) -> None:
    for account in ("11000006", "11000007", "11000003"):
        kiosk.place(account)
    with ThreadPoolExecutor(10) as threads:
        done = list(threads.map(lambda _: kiosk.sync("once").returncode, range(10)))
    assert 0 in done
    kiosk.sync("once")
    assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()
    assert not kiosk.centre_entries(strand=2)


def test_a_number_that_a_copy_gave_out_again_pays_and_confirms_its_own_order_alone(
    kiosk: KioskProcess, tmp_path: Path, pay: Callable[[str], Any]
) -> None:
    kiosk.database.close()
    shutil.copytree(kiosk.directory, tmp_path / "copy")
    kiosk.open()
    first, first_address = kiosk.place("11000001")
    kiosk.database.close()
    original, kiosk.directory = kiosk.directory, tmp_path / "copy"
    kiosk.open()
    second, second_address = kiosk.place("11000007")
    assert number_in(first) == number_in(second)
    paid = pay(first_address)
    shown = page(second_address)
    assert (paid["state"], shown["state"], shown["confirmation"]) == ("paid", "payable", "")
    assert (paid["order_number"], shown["account"]) == (shown["order_number"], "11000007")
    with kiosk.database.read() as tx:
        key = confirmation_key(present(tx.vault.get(VaultItem.PAYMENT_SECRET)))
    unpaid = present(kiosk.order(second))
    assert not confirmation_matches(paid["confirmation"], unpaid.order_code, unpaid.total, key)
    kiosk.sync("once")
    assert status(kiosk, second) is OrderStatus.PLACED
    assert pay(second_address)["confirmation"] != paid["confirmation"]
    kiosk.sync("once")
    assert status(kiosk, second) is OrderStatus.PAID
    kiosk.database.close()
    kiosk.directory = original
    kiosk.open()
    kiosk.sync("once")
    assert status(kiosk, first) is OrderStatus.PAID
    assert [len(present(kiosk.order(first)).payments), present(kiosk.order(first)).account] == [1, "11000001"]


def _listed(kiosk: KioskProcess, number: str) -> list[tuple[str, str]]:
    """What a typed number finds at a machine: reference and account of each order, by account."""
    done = kiosk.keydesk("orders", number.replace("-", " "), "--json")
    assert done.returncode == 0, done.stderr
    return sorted(
        ((each["reference"], each["account"]) for each in json.loads(done.stdout)), key=lambda at: at[1]
    )


def test_a_number_that_two_machines_gave_out_finds_both_orders_once_either_heard_of_the_other(
    kiosk: KioskProcess, tmp_path: Path, pay: Callable[[str], Any]
) -> None:
    clone = _cloned(kiosk, tmp_path / "clone")
    ours, address = kiosk.place("11000006")
    theirs, _ = clone.place("11000007")
    number = number_in(ours)
    assert number_in(theirs) == number
    assert _listed(kiosk, number) == [(ours, "11000006")]
    assert _listed(clone, number) == [(theirs, "11000007")]
    assert pay(address)["state"] == "paid"
    for each in (kiosk, clone, kiosk, clone):
        assert each.sync("once").returncode == 0
        kiosk.centre.wait_applied()
    both = [(ours, "11000006"), (theirs, "11000007")]
    for each in (kiosk, clone):
        assert _listed(each, number) == both
        assert [status(each, order) for order in (ours, theirs)] == [OrderStatus.PAID, OrderStatus.PLACED]
        assert verify(each.database).sound
    said = kiosk.keydesk("orders", number).stdout
    assert "这个号有 2 笔订单，请按账号和时间分辨" in said
    rows = kiosk.centre.rows(
        "SELECT reference, account, status FROM ledger_ledgerorder WHERE order_number = ? ORDER BY account",
        number,
    )
    assert rows == [(ours, "11000006", "paid"), (theirs, "11000007", "placed")]
    clone.close()


def test_a_web_order_with_the_number_of_a_kiosk_s_own_is_bound_and_paid_apart_from_it(
    kiosk: KioskProcess, pay: Callable[[str], Any]
) -> None:
    kiosk.switch.touch()
    own, address = kiosk.place("11000006")
    reference = parse_order_reference(own)
    web = str(OrderReference(reference.number, bytes(6)))
    kiosk.centre.django(
        "from kiosk.domain.entries.orders import OrderTakenOver\n"
        "from kiosk.domain.fees import OrderKind\n"
        "from sync.central.members.models import FeeSchedule\n"
        "from sync.central.ledger.settling import enter_and_apply\n"
        "schedule = FeeSchedule.objects.order_by('number').last().record()\n"
        f"enter_and_apply([OrderTakenOver(order={web!r}, account='11000007', enterprise='A', operator='B',\n"
        "    order_kind=OrderKind.NEW, lines=schedule.lines(OrderKind.NEW), schedule=schedule.number,\n"
        "    placed_at=now - 86400, transaction='WEB7', paid_at=now - 86400, handover=1,\n"
        f"    new_owner={kiosk.number}, by='web', remark='')], now)"
    )
    kiosk.switch.unlink()
    for _ in range(2):
        assert kiosk.sync("once").returncode == 0
    assert [status(kiosk, each) for each in (own, web)] == [OrderStatus.PLACED, OrderStatus.PAID]
    assert _listed(kiosk, number_in(own)) == [(own, "11000006"), (web, "11000007")]
    assert pay(address)["account"] == "11000006"
    kiosk.sync("once")
    assert [[each.transaction for each in present(kiosk.order(order)).payments] for order in (own, web)] == [
        [present(kiosk.order(own)).payments[0].transaction],
        ["WEB7"],
    ]
    kiosk.append(RefundGranted(web, "林涛", "wrong"))
    kiosk.sync("once")
    assert [status(kiosk, each) for each in (own, web)] == [OrderStatus.PAID, OrderStatus.REFUNDING]
    wait_until(lambda: all(applied for _, _, applied in kiosk.centre_entries()))
    rows = kiosk.centre.rows(
        "SELECT reference, status FROM ledger_ledgerorder WHERE order_number = ? ORDER BY account",
        number_in(own),
    )
    assert rows == [(own, "paid"), (web, "refunding")]
    assert verify(kiosk.database).sound


def test_whatever_either_end_makes_is_for_its_owner_alone_under_any_umask(
    kiosk: KioskProcess, central: CentreProcess, tmp_path: Path
) -> None:
    kiosk.place("11000001")
    assert kiosk.sync("nightly").returncode in set(NightExit)
    exported, copied = tmp_path / "journal.jsonl", tmp_path / "copy"
    assert kiosk.keydesk("journal", "export", "--output", exported).returncode == 0
    assert kiosk.keydesk("backup", copied).returncode == 0
    made = {each.name for folder in (kiosk.directory, central.directory) for each in folder.rglob("*")}
    assert {"keydesk.db", "keydesk.key", "sync.log", "central.sqlite3", "root.key"} <= made
    assert {f"central.sqlite3-{each}" for each in ("wal", "journal")} & made
    for folder in (kiosk.directory, central.directory, copied):
        assert open_to_others(folder) == []
    assert [each.stat().st_mode & 0o777 for each in (exported, copied)] == [0o600, 0o700]
