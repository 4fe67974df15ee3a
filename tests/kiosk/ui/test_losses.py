"""Reporting a loss at the screen."""

from __future__ import annotations

from textual.widgets import Input

from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.visit import KeyService
from tests.support.kiosk import (
    NEWCOMER,
    OWNER,
    OWNERS_FIRM,
    Kiosk,
    answer_next,
    until,
)
from tests.support.screens import (
    press,
    settle,
    shown,
    text_of,
)
from tests.support.walks import open_service

SIZE = (80, 24)
SUPPORT = "0371-68085231"


def losses(kiosk: Kiosk) -> list[str]:
    return [body.account for body in kiosk.setup.bodies() if isinstance(body, LossReported)]


async def test_a_loss_is_reported_after_a_question_and_leads_on_to_a_replacement(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        assert "不收费" in text_of(app)
        assert "联网后生效" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "ConfirmScreen"
        await press(pilot, "escape")
        assert losses(kiosk) == []
        await press(pilot, "enter")
        await press(pilot, "tab", "enter")
        assert losses(kiosk) == [OWNER]
        kiosk.setup.contact()
        await until(pilot, lambda: "中心已登记" in text_of(app))
        await settle(pilot)
        await press(pilot, "enter")
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.REPLACEMENT
        await press(pilot, "enter")
        assert app.screen.query_one("#account", Input).value == OWNER
        assert app.screen.query_one("#enterprise", Input).value == OWNERS_FIRM


async def test_offline_a_loss_takes_effect_once_online(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        await press(pilot, "enter")
        await press(pilot, "tab", "enter")
        assert "联网后生效" in text_of(app)
        assert SUPPORT in text_of(app)
        kiosk.setup.contact()
        await until(pilot, lambda: "中心已登记" in text_of(app))
        await settle(pilot)


async def test_without_a_key_there_is_nothing_to_report(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS, NEWCOMER)
        assert "不用挂失" in text_of(app)
        assert app.screen.query_one("#next").disabled
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"


async def test_a_refused_loss_is_said(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    answer_next(kiosk.service, "report_loss", Refused(Refusal.DISK_FULL))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        await press(pilot, "enter")
        await press(pilot, "tab", "enter")
        assert "存储空间已满" in text_of(app)
        assert "Enter  挂失" in text_of(app)


async def test_of_a_revoked_key_it_is_not_said_that_its_hold_could_be_lifted(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    kiosk.revoke_owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        assert "证书已作废，不能再用" in text_of(app)
        assert "解除挂失" not in text_of(app)
        assert "现在补办key盘" in text_of(app)
