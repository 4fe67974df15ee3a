"""Personal facts over real processes: from kiosks to the centre, out of it as an export, and erased from every page at both ends."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from kiosk.desk.requests.views import RequestsView, requests_view
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.entries.requests import DeliveryAsked, InvoiceKind
from kiosk.domain.personal import DeliveryAddress
from kiosk.domain.requests import DeliveryState, InvoiceState
from kiosk.store.verify import verify
from sync.central.backups.copying import copy_database
from sync.central.configuration import SQLITE
from tests.support.centre_pages import readable, sqlite_pages
from tests.support.processes import CentreProcess, KioskProcess, NewKiosk
from tests.support.values import present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("personal-records")
ACCOUNT, OTHER = "11000001", "11000006"
STREET = "花园路1号"


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[CentreProcess]:
    """A centre of these tests' own: its pages are looked through."""
    made = CentreProcess.begin(tmp_path_factory.mktemp("personal"), template)
    made.start()
    yield made
    made.stop()


def ask(kiosk: KioskProcess, account: str, street: str = STREET) -> tuple[str, str]:
    """An order whose key is to be mailed, and the commitment to its address, as hex."""
    address = DeliveryAddress("张三丰", "河南省郑州市金水区", street, "13812345678")
    order, _ = kiosk.place(account)
    with kiosk.database.write() as tx:
        commitment = tx.personal.put(address, account, kiosk.clock.wall())
        tx.append(DeliveryAsked(order, account, commitment, "member"), kiosk.clock)
        tx.append(OrderCancelled(order, "member"), kiosk.clock)  # so that the account may order again
    return order, commitment.hex()


def state(central: CentreProcess, commitment: str) -> str:
    rows = central.rows("SELECT state FROM personal_personalrecord WHERE commitment = ?", commitment)
    return str(rows[0][0]) if rows else ""


def found(central: CentreProcess, commitment: str) -> list[bytes]:
    """What of a record is decrypted out of the centre's pages, with the centre's key."""
    pages = sqlite_pages(central.directory / SQLITE)
    return readable(pages, commitment, (central.directory / "seal.key").read_bytes())


def exported(central: CentreProcess, account: str) -> list[str]:
    document = json.loads(central.command("privacy", "export", "--account", account))
    return sorted(each["record"]["address"] for each in document["facts"])


def test_a_planted_fact_is_in_the_pages_before_it_is_erased_at_the_centre_and_in_none_after(
    kiosk: KioskProcess, central: CentreProcess
) -> None:
    for number in range(30):  # neighbours in the same pages
        ask(kiosk, OTHER, f"{number} 号")
    commitments = [ask(kiosk, ACCOUNT)[1] for _ in range(5)]
    assert kiosk.sync("once").returncode == 0
    assert [state(central, each) for each in commitments] == ["kept"] * 5
    assert exported(central, ACCOUNT) == [STREET] * 5
    for each in commitments:
        records = found(central, each)
        assert records
        assert all(STREET.encode() in record for record in records)
    said = central.command("privacy", "erase", "--yes", "--account", ACCOUNT)
    assert "5" in said
    wait_until(lambda: central.rows("SELECT 1 FROM personal_erasedpages WHERE erased = emptied") != [])
    assert [found(central, each) for each in commitments] == [[]] * 5
    assert [state(central, each) for each in commitments] == ["erased"] * 5
    assert exported(central, ACCOUNT) == []
    assert len(exported(central, OTHER)) == 30
    # The feed has the kiosk erase its own, and the chain goes on proving itself.
    assert kiosk.sync("once").returncode == 0
    with kiosk.database.read() as tx:
        assert tx.personal.of_account(ACCOUNT) == ()
        assert len(tx.personal.of_account(OTHER)) == 30
    assert verify(kiosk.database).sound


def test_an_erasure_at_the_centre_reaches_what_a_kiosk_made_while_its_clock_was_ahead(
    new_kiosk: NewKiosk, central: CentreProcess
) -> None:
    kiosk, account = new_kiosk(), "11000003"
    kiosk.set_clock(7200)
    _, commitment = ask(kiosk, account)
    kiosk.set_clock(0)
    assert kiosk.sync("once").returncode == 0
    assert state(central, commitment) == "kept"
    central.command("privacy", "erase", "--yes", "--account", account)
    wait_until(lambda: state(central, commitment) == "erased")
    assert kiosk.sync("once").returncode == 0
    with kiosk.database.read() as tx:
        assert tx.personal.of_account(account) == ()


def test_an_erasure_at_the_kiosk_erases_at_the_centre_and_at_the_other_kiosk(
    new_kiosk: NewKiosk, central: CentreProcess
) -> None:
    kiosk, other = new_kiosk(), new_kiosk()
    account = "11000002"
    (mine, commitment), (theirs, elsewhere) = ask(kiosk, account), ask(other, account)
    assert kiosk.sync("once").returncode == other.sync("once").returncode == 0
    done = kiosk.keydesk("privacy", "erase", "--yes", "--account", account)
    assert done.returncode == 0, done.stderr
    assert kiosk.sync("once").returncode == 0
    wait_until(lambda: state(central, commitment) == state(central, elsewhere) == "erased")
    assert other.sync("once").returncode == 0
    with other.database.read() as tx:
        assert tx.personal.of_account(account) == ()
        told = [present(tx.feed.delivery(account, order)) for order in (mine, theirs)]
    assert [(each.recipient, each.phone, each.region) for each in told] == [("", "", "")] * 2


def test_what_is_asked_on_the_phone_is_what_the_desk_shows(
    kiosk: KioskProcess, central: CentreProcess
) -> None:
    order, page = kiosk.place("11000006")
    assert kiosk.sync("once").returncode == 0
    with httpx2.Client(follow_redirects=True) as phone:
        assert phone.post(page, data={"action": "pay"}).status_code == 200
        for form, typed in (
            (
                "delivery",
                {"recipient": "张三丰", "bound": "1", "region": "河南省郑州市", "address": "花园路9号"},
            ),
            ("invoice", {"invoice": "ordinary", "title": "张三丰", "email": "zhang@example.cn"}),
        ):
            address = f"{central.address}/orders/{order}/{form}"
            hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', phone.get(address).text))
            answer = phone.post(address, data={**hidden, **typed, "action": "ask"})
            assert f'data-done="{form}-kept"' in answer.text

    def shown() -> RequestsView:
        assert kiosk.sync("once").returncode == 0
        with kiosk.database.read() as tx:
            return requests_view(tx, "11000006", order)

    wait_until(lambda: shown().invoice is not None and shown().delivery is not None, "the feed told it")
    view = shown()
    delivery, invoice = present(view.delivery), present(view.invoice)
    assert (delivery.state, delivery.recipient, delivery.region) == (
        DeliveryState.ASKED,
        "张**",
        "河南省郑州市",
    )
    assert delivery.phone.startswith("138****")  # the account's own, which the centre alone knows
    assert (invoice.state, invoice.invoice, invoice.email) == (
        InvoiceState.ASKED,
        InvoiceKind.ORDINARY,
        "z***@example.cn",
    )
    assert exported(central, "11000006").count("花园路9号") == 1


def test_many_kiosks_upload_at_once_and_all_arrives(new_kiosk: NewKiosk, central: CentreProcess) -> None:
    kiosks = [new_kiosk() for _ in range(4)]
    asked = [[ask(each, "11000005")[1] for _ in range(23)] for each in kiosks]
    with ThreadPoolExecutor(len(kiosks)) as pool:
        done = list(pool.map(lambda each: each.sync("once"), kiosks))
    assert [each.returncode for each in done] == [0] * 4
    assert {state(central, each) for some in asked for each in some} == {"kept"}
    for each in kiosks:
        with each.database.read() as tx:
            assert tx.personal.unsent(5) == ()


def test_a_running_agent_sends_what_is_asked_within_a_moment(
    kiosk: KioskProcess, central: CentreProcess
) -> None:
    kiosk.start()
    _, commitment = ask(kiosk, "11000005")
    wait_until(lambda: state(central, commitment) == "kept")


def test_a_copy_of_the_centre_for_a_backup_has_the_record_and_not_its_key(
    kiosk: KioskProcess, central: CentreProcess, tmp_path: Path
) -> None:
    _, commitment = ask(kiosk, "11000005")
    assert kiosk.sync("once").returncode == 0
    copy_database(central.directory / SQLITE, tmp_path / SQLITE)
    pages = sqlite_pages(tmp_path / SQLITE)
    seal_key = (central.directory / "seal.key").read_bytes()
    assert found(central, commitment)
    assert commitment.encode() in pages
    assert readable(pages, commitment, seal_key) == []


def test_what_is_no_account_or_nobody_s_is_refused(central: CentreProcess) -> None:
    for account, said in (("x", "不是登录账号"), ("99999999", "中心没有账号 99999999")):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            central.command("privacy", "erase", "--yes", "--account", account)
        assert said in refused.value.stderr
