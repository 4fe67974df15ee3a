"""F6 tells staff why the centre is not reached, and when it is tried again."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import DeskStatus
from kiosk.store.agent_state import AgentState, ContactFault, LinkFault
from kiosk.text.contact_faults import AGENT_STOPPED, CONTACT_FAULTS
from kiosk.text.link_faults import LINK_FAULTS
from kiosk.text.times import hour
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import STAFF
from tests.support.kiosk import NOW, Kiosk, lay, until
from tests.support.screens import press, text_of

SIZE = (120, 36)


def put(kiosk: Kiosk, state: AgentState) -> None:
    """Have the agent have written this."""
    with kiosk.setup.database.write() as tx:
        tx.agent.put(state)


def retry_at(kiosk: Kiosk) -> int | None:
    with kiosk.setup.database.read() as tx:
        return tx.agent.get().retry_at


async def to_network(app: KeydeskApp, pilot: Pilot[None]) -> None:
    await lay(app, pilot, StaffDeskScreen(STAFF))
    await press(pilot, "shift+tab", "left", "left")


@pytest.mark.parametrize("failure", ContactFault)
async def test_staff_read_why_and_what_to_do(app: KeydeskApp, kiosk: Kiosk, failure: ContactFault) -> None:
    put(kiosk, AgentState(error="HTTP 599", failure=failure, last_contact=NOW - 60))
    said, advice = CONTACT_FAULTS[failure]
    async with app.run_test(size=SIZE) as pilot:
        await to_network(app, pilot)
        await until(pilot, lambda: said in text_of(app))
        refuses = failure in {ContactFault.REFUSED, ContactFault.FORKED}
        assert f"{'中心拒绝' if refuses else '离线'}，上次联系" in text_of(app)
        assert advice in text_of(app)
        assert "再试于" not in text_of(app)


async def test_a_certificate_is_told_before_the_line(app: KeydeskApp, kiosk: Kiosk) -> None:
    fault = LinkFault.EXPIRED
    put(kiosk, AgentState(error="no", failure=ContactFault.UNREACHABLE, trouble=fault))
    async with app.run_test(size=SIZE) as pilot:
        await to_network(app, pilot)
        await until(pilot, lambda: LINK_FAULTS[fault][0] in text_of(app))


async def test_staff_have_the_centre_tried_now(app: KeydeskApp, kiosk: Kiosk) -> None:
    put(kiosk, AgentState(error="HTTP 429", failure=ContactFault.BUSY, retry_at=NOW + 240))
    async with app.run_test(size=SIZE) as pilot:
        await to_network(app, pilot)
        await until(pilot, lambda: f"中心正忙；再试于 {hour(NOW + 240)}" in text_of(app))
        rows = app.screen.query_one("#rows", OptionList)
        rows.focus()
        rows.highlighted = rows.get_option_index("try-now")
        await press(pilot, "enter")
        await until(pilot, lambda: retry_at(kiosk) is None)
        await until(pilot, lambda: "已让同步程序现在就试。" in text_of(app))
        await until(pilot, lambda: "再试于" not in text_of(app))


async def test_an_agent_that_does_not_run_is_told_apart_from_a_line_that_is_down(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(kiosk, AgentState(error="unreachable", failure=ContactFault.UNREACHABLE))
    said, advice = AGENT_STOPPED
    async with app.run_test(size=SIZE) as pilot:
        await to_network(app, pilot)
        await until(pilot, lambda: CONTACT_FAULTS[ContactFault.UNREACHABLE][0] in text_of(app))
        assert "网络 离线" in text_of(app)
        status = kiosk.service.status

        def stopped() -> DeskStatus | Refused:
            found = status()
            return replace(found, agent_runs=False) if isinstance(found, DeskStatus) else found

        monkeypatch.setattr(kiosk.service, "status", stopped)
        await until(pilot, lambda: said in text_of(app))
        assert advice in text_of(app)
        assert "网络 未同步" in text_of(app)
        assert CONTACT_FAULTS[ContactFault.UNREACHABLE][0] not in text_of(app)
