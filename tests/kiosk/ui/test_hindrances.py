"""F6 tells staff what keeps the machine from serving members in full."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from hardware.ports import PrinterState, ReaderUnavailable, TokenPresence
from hardware.printer import AbsentPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.status import DeskStatus, Network, TokenStatus
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.hindrances import hindrances
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import STAFF
from tests.support.kiosk import NOW, Kiosk, lay, until
from tests.support.screens import cut_off, press, sentence, text_of

SIZE = (80, 24)
WELL = DeskStatus(TokenStatus.PRESENT, PrinterState.READY, Network.ONLINE, 0, NOW, NOW, version=1)
WORST = replace(WELL, token=TokenStatus.NO_DRIVER, printer=PrinterState.UNAVAILABLE, out_of_use=True)


class NoDriver(VirtualTokenSource):
    """A machine without a smart card service."""

    def present(self) -> tuple[TokenPresence, ...]:
        raise ReaderUnavailable("no service")


@pytest.mark.parametrize("language", Language)
def test_nothing_is_said_of_a_desk_that_is_well_and_all_of_one_that_is_not(language: Language) -> None:
    t = Catalogue(language).text
    assert list(hindrances(WELL, t)) == []
    assert len(list(hindrances(WORST, t))) == 3


async def test_a_machine_out_of_use_says_so_at_f6_in_every_view(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        assert "停用" not in sentence(app)
        with kiosk.setup.database.write() as tx:
            tx.agent.put(replace(tx.agent.get(), retired=True))
        await until(pilot, lambda: "本机已被中心停用" in sentence(app))
        await press(pilot, "shift+tab", "left", "left")
        assert "上次联系" in text_of(app)
        assert "本机已被中心停用" in sentence(app)


async def test_a_desk_without_driver_and_printer_says_what_members_will_miss(kiosk: Kiosk) -> None:
    desk = dataclasses.replace(kiosk.desk, tokens=NoDriver(), printer=AbsentPrinter())
    app = KeydeskApp(DeskService(desk), monotonic=kiosk.ticker)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        await until(pilot, lambda: "驱动未加载" in sentence(app))
        assert "凭条排队等着" in sentence(app)
        assert cut_off(app) == []
