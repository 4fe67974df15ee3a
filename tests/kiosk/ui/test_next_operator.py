"""「同企业下一位」: several operators of one enterprise in one visit, with a label for each key and one slip."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Input

from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.entries.keys import PinChangeSkipped
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import OrderKind
from kiosk.text.visit_papers import VisitSlip, render_slip
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.status_watch import UPKEEP_SECONDS
from tests.support.desk import FIRM
from tests.support.kiosk import COLLEAGUE, NEWCOMER, OTHER_SERIAL, SERIAL, Kiosk, answer_next, go, until
from tests.support.screens import (
    cut_off,
    fill,
    focused,
    press,
    press_button,
    sentence,
    settle,
    shown,
    text_of,
    type_in,
)
from tests.support.walks import SIZE, bind_blank, take_key, to_binding

SECONDS = {"legal_person": "王建国", "account": COLLEAGUE, "operator": "周伟", "password": "Keydesk-3"}


@pytest.fixture
def slips(monkeypatch: pytest.MonkeyPatch) -> list[VisitSlip]:
    """The slips that are printed."""
    printed: list[VisitSlip] = []

    def render(slip: VisitSlip, dots: int) -> bytes:
        printed.append(slip)
        return render_slip(slip, dots)

    monkeypatch.setattr("kiosk.desk.orders.receipts.render_slip", render)
    return printed


def codes(path: Path) -> list[str]:
    """What a decoder reads on a paper."""
    return [
        code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(path.read_bytes())).convert("L"))
    ]


async def first_key(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The first operator's key is bound."""
    await to_binding(app, pilot, kiosk)
    await bind_blank(app, pilot, kiosk, SERIAL)


async def to_the_next(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """It is the next one's turn, once the key is taken."""
    await press(pilot, "n")
    assert shown(app) == "TakeKeyScreen"
    assert "轮到同企业的下一位" in sentence(app)
    kiosk.source.remove()
    await until(pilot, lambda: shown(app) == "NextOperatorScreen")
    await settle(pilot)


async def second_key(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The second operator orders, pays and binds."""
    await press(pilot, "1")
    assert shown(app) == "NoticeScreen"
    await press(pilot, "enter")
    fill(app, **SECONDS)
    await press_button(app, pilot, "next")
    assert shown(app) == "PayScreen", text_of(app)
    order = [body for body in kiosk.setup.bodies() if isinstance(body, OrderPlaced)][-1]
    kiosk.setup.pay(order.order)
    await until(pilot, lambda: shown(app) == "DeliveryScreen")
    await settle(pilot)
    await press(pilot, "1")
    await bind_blank(app, pilot, kiosk, OTHER_SERIAL)


async def next_key(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The second operator's key is bound, from where the order was paid."""
    order = kiosk.place_paid(COLLEAGUE, OrderKind.NEW)
    await go(app, pilot, Route.BIND, kiosk.session(COLLEAGUE), order)
    await bind_blank(app, pilot, kiosk, OTHER_SERIAL)


async def test_the_next_operator_finds_the_enterprise_and_nothing_else(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        assert FIRM in text_of(app)
        assert "已办好 1 把" in text_of(app)
        for fact in (NEWCOMER, "李晓梅", SERIAL, "Keydesk-1"):
            assert fact not in text_of(app)
            assert fact not in str(app.visit)
        assert app.visit.session is None
        assert isinstance(kiosk.setup.bodies()[-1], PinChangeSkipped)
        await press(pilot, "1", "escape")
        assert shown(app) == "NextOperatorScreen"
        await press(pilot, "1", "enter")
        assert app.screen.query_one("#enterprise", Input).value == FIRM
        assert app.screen.query_one("#account", Input).value == ""
        assert app.screen.query_one("#legal-person", Input).value == ""
        assert focused(app) == "legal-person"


async def test_two_keys_in_one_visit_have_a_label_each_and_one_slip_with_the_sum(
    app: KeydeskApp, kiosk: Kiosk, slips: list[VisitSlip]
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await second_key(app, pilot, kiosk)
        assert "标签已打印" in text_of(app)
        assert "同企业已办好2把，回首页时打印一张企业清单" in sentence(app)
        assert cut_off(app) == []
        await press(pilot, "escape")
        await settle(pilot)
        assert "企业清单已打印" in text_of(app)
        await take_key(app, pilot, kiosk)
        assert app.visit.party is None
    papers = kiosk.printer.receipts()
    assert len(papers) == 5, "a receipt and a label for each key, and the slip"
    labels = [each for each in papers if codes(each) in ([SERIAL], [OTHER_SERIAL])]
    assert [codes(each) for each in labels] == [[SERIAL], [OTHER_SERIAL]]
    (slip,) = slips
    assert slip.enterprise == FIRM
    assert [(line.account, line.operator, line.serial) for line in slip.lines] == [
        (NEWCOMER, "李**", SERIAL),
        (COLLEAGUE, "周*", OTHER_SERIAL),
    ]
    assert slip.total == 68_000


async def test_a_scanned_label_opens_its_order(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        (label,) = [each for each in kiosk.printer.receipts() if codes(each) == [SERIAL]]
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"
        kiosk.scanner.scan(codes(label)[0])
        await settle(pilot)
        assert "已读到key盘的标签" in text_of(app)
        await type_in(pilot, NEWCOMER, "Keydesk-1")
        assert shown(app) == "OrderPage"
        assert SERIAL in text_of(app)


async def test_a_key_that_was_paid_elsewhere_is_bound_by_the_next_one(
    app: KeydeskApp, kiosk: Kiosk, slips: list[VisitSlip]
) -> None:
    kiosk.setup.paid_order(COLLEAGUE, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await press(pilot, "4")
        assert shown(app) == "BindScreen"
        kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: OTHER_SERIAL in text_of(app))
        await settle(pilot)
        fill(app, account=COLLEAGUE, password="Keydesk-3")
        await press_button(app, pilot, "bind")
        assert shown(app) == "DoneScreen"
        await press(pilot, "n")
        await settle(pilot)
        kiosk.source.remove()
        await until(pilot, lambda: shown(app) == "NextOperatorScreen")
        await settle(pilot)
        assert "已办好 2 把" in text_of(app)
        assert slips == []
        await press(pilot, "escape")
        await settle(pilot)
        assert "企业清单已打印" in text_of(app)
    assert [len(slip.lines) for slip in slips] == [2]


async def test_nobody_comes_and_the_screen_ends_the_visit_with_the_slip(
    app: KeydeskApp, kiosk: Kiosk, slips: list[VisitSlip]
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await next_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        kiosk.ticker.seconds += 200
        app.call_later(app._tick)
        await until(pilot, lambda: shown(app) == "HomeScreen")
        await settle(pilot)
        assert app.visit.party is None
    assert [len(slip.lines) for slip in slips] == [2]


async def test_a_key_that_nobody_takes_ends_the_visit_of_the_enterprise(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await press(pilot, "n")
        assert shown(app) == "TakeKeyScreen"
        kiosk.ticker.seconds += 60
        app.call_later(app._tick)
        await until(pilot, lambda: shown(app) == "HomeScreen")
        await settle(pilot)
        assert app.visit.party is None
        assert app.staff_called


async def test_one_of_another_enterprise_begins_anew(
    app: KeydeskApp, kiosk: Kiosk, slips: list[VisitSlip]
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await next_key(app, pilot, kiosk)
        assert app.visit.bound is not None
        app.visit.party = app.visit.party and type(app.visit.party)("别的企业", ("1/1/1", "1/1/2"))
        await press(pilot, "n")
        await settle(pilot)
        assert app.visit.party is not None
        assert app.visit.party.enterprise == FIRM
        assert len(app.visit.party.orders) == 1
    assert slips == []


async def test_an_unexpected_error_at_the_next_one_prints_the_slip_of_those_before(
    kiosk: Kiosk, slips: list[VisitSlip]
) -> None:
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await second_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await press(pilot, "4")
        answer_next(kiosk.service, "sign_in", RuntimeError("the disk melted"))
        fill(app, account=COLLEAGUE, password="Keydesk-3")
        await press_button(app, pilot, "bind")
        assert f"错误编号 {app.error_code}" in text_of(app)
        assert "企业清单已打印" in text_of(app)
        await press_button(app, pilot, "home")
        assert shown(app) == "HomeScreen"
    assert [len(slip.lines) for slip in slips] == [2]


async def test_a_key_that_was_bound_as_its_page_failed_is_on_the_slip(
    kiosk: Kiosk, slips: list[VisitSlip], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.setup.paid_order(COLLEAGUE, OrderKind.NEW)
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        await press(pilot, "4")
        kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: OTHER_SERIAL in text_of(app))
        await settle(pilot)
        monkeypatch.setattr("kiosk.ui.screens.order.done.DoneScreen._facts", None)
        fill(app, account=COLLEAGUE, password="Keydesk-3")
        await press_button(app, pilot, "bind")
        assert "错误编号" in text_of(app)
    assert [[line.serial for line in slip.lines] for slip in slips] == [[SERIAL, OTHER_SERIAL]]


async def test_without_paper_labels_and_slip_wait(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        printed = len(kiosk.printer.receipts())
        kiosk.printer.set_paper(present=False)
        await next_key(app, pilot, kiosk)
        assert "打印机缺纸，标签已排队，装纸后自动打印" in sentence(app)
        assert cut_off(app) == []
        await press(pilot, "escape")
        await settle(pilot)
        assert "企业清单已排队" in text_of(app)
        await take_key(app, pilot, kiosk)
        kiosk.printer.set_paper(present=True)
        kiosk.ticker.seconds += UPKEEP_SECONDS
        app.call_later(app._tick)
        await until(pilot, lambda: len(kiosk.printer.receipts()) == printed + 3)
        await settle(pilot)


@pytest.mark.parametrize("reason", [Refusal.STORE_BUSY, Refusal.DISK_FULL, Refusal.STORE_UNREADABLE])
async def test_a_store_that_fails_prints_nothing_and_says_so(
    app: KeydeskApp, kiosk: Kiosk, reason: Refusal
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await first_key(app, pilot, kiosk)
        await to_the_next(app, pilot, kiosk)
        answer_next(kiosk.service, "print_label", Refused(reason))
        answer_next(kiosk.service, "print_slip", Refused(reason))
        await next_key(app, pilot, kiosk)
        assert "标签没有打印，请联系工作人员" in sentence(app)
        await press(pilot, "escape")
        await settle(pilot)
        assert "企业清单没有打印" in text_of(app)
