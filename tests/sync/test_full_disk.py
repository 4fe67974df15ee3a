"""A full disk under the centre: what is sent then is refused whole, and goes in once there is room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from kiosk.domain.entries.orders import DeliveryChosen
from kiosk.domain.ledger import Delivery
from tests.support.disks import failing_disk
from tests.support.kiosk_double import KioskDouble, http_send
from tests.support.processes import FIRST_KIOSK, CentreProcess

ADDRESS = {
    "recipient": "张三丰",
    "bound": "1",
    "region": "河南省郑州市",
    "address": "花园路9号",
    "action": "ask",
}


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """While this file is there, the centre's disk is full."""
    return tmp_path / "full"


@pytest.fixture
def central(tmp_path: Path, template: Path, full: Path) -> Iterator[CentreProcess]:
    made = CentreProcess.begin(tmp_path / "centre", template)
    made.environment = {"LD_PRELOAD": str(failing_disk(tmp_path)), "KEYDESK_DISK_FULL": str(full)}
    made.start()
    yield made
    made.stop()


def test_a_form_that_is_sent_while_the_disk_is_full_leaves_nothing_and_goes_in_later(
    central: CentreProcess, full: Path
) -> None:
    kiosk = KioskDouble(FIRST_KIOSK, http_send, central.address).enrol(central.tokens[FIRST_KIOSK])
    placed = kiosk.place("11000006")
    kiosk.pushed()
    form = f"{central.address}/orders/{placed.order}/delivery"
    with httpx2.Client(follow_redirects=True) as phone:
        assert (
            phone.post(central.address + kiosk.page_path(placed), data={"action": "pay"}).status_code == 200
        )
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', phone.get(form).text))
        full.touch()
        answer = phone.post(form, data={**hidden, **ADDRESS})
        assert answer.status_code == 500
        assert "错误编号" in answer.text
        kiosk.append(DeliveryChosen(placed.order, Delivery.MAIL))
        assert kiosk.upload().status == 503
        full.unlink()
        kiosk.pushed()
        assert 'data-done="delivery-kept"' in phone.post(form, data={**hidden, **ADDRESS}).text
    central.wait_applied()
    for table, where in (
        ("journal_entry", "kind = 'delivery-asked'"),
        ("personal_personalrecord", "state = 'kept'"),
        ("personal_sealedrecord", "1 = 1"),
        ("ledger_ledgerrequests", "delivery = 'asked'"),
    ):
        assert central.rows(f"SELECT count(*) FROM {table} WHERE {where}") == [(1,)], table  # noqa: S608 - our own
