"""A real agent whose way to the real centre leads through what behaves badly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.agent.line.pace import LEAST_BYTES_A_SECOND
from tests.support.odd_servers import OddServer, dripping_body, relaying, serving
from tests.support.processes import CentreProcess, KioskProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")


@pytest.fixture
def front(central: CentreProcess, kiosk: KioskProcess) -> Iterator[OddServer]:
    """What stands between the kiosk and the centre; it hands everything on."""
    with serving(relaying(central.address)) as made:
        kiosk.front = made.address
        yield made


def test_an_answer_that_drips_holds_no_sender(
    kiosk: KioskProcess, front: OddServer, central: CentreProcess
) -> None:
    front.answer = dripping_body(b"{}")
    kiosk.place("11000001")
    kiosk.start()
    wait_until(lambda: f"less than {LEAST_BYTES_A_SECOND} bytes a second" in kiosk.state().error)
    front.answer = relaying(central.address)
    wait_until(lambda: kiosk.backlog() == 0 and not kiosk.state().error)
    kiosk.stop()
