"""添加交易员 at the kiosk: from home to 审核中, what the exchange decides, taking it back, and names without an input method."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from kiosk.desk.requests.views import ProposalView
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import OperatorProposed, OperatorWithdrawn
from kiosk.domain.feed import ProposalTold
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.personal import OperatorDetails
from kiosk.domain.requests import ProposalState
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.widgets.fields import Choice
from kiosk.ui.widgets.name_field import NameField
from kiosk.ui.widgets.touch_boards import Control
from tests.support.desk import answered
from tests.support.kiosk import NEWCOMER, Kiosk, answer_next, until
from tests.support.screens import cut_off, fill, focused, press, sentence, settle, shown, text_of, type_in
from tests.support.touching import keyboard_of, touch, touch_in, touch_key
from tests.support.walks import SIZE

NUMBER, PHONE = "11010519491231002X", "13912341234"
DETAILS = OperatorDetails("王晓芳", DocumentKind.RESIDENT_ID, NUMBER, PHONE)


async def to_proposals(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """From home to the account's proposals, by keys."""
    await settle(pilot)
    await press(pilot, "5")
    await type_in(pilot, NEWCOMER, "Keydesk-1")
    await press(pilot, "1", "a")
    assert shown(app) == "AddOperatorScreen"


async def to_form(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """On to the form."""
    await to_proposals(app, pilot)
    await press(pilot, "enter")
    assert shown(app) == "OperatorFormScreen"
    assert focused(app) == "name"


async def fill_form(app: KeydeskApp, pilot: Pilot[None], authorised: int = 1, **values: str) -> None:
    """Everything as it should be, but for these."""
    fill(app, **{"name": "王晓芳", "number": NUMBER, "phone": PHONE} | values)
    app.screen.query_one("#authorised", Choice).choose(authorised)
    await settle(pilot)


def proposed(kiosk: Kiosk) -> list[OperatorProposed]:
    return [body for body in kiosk.setup.bodies() if isinstance(body, OperatorProposed)]


def kept(kiosk: Kiosk) -> list[object]:
    with kiosk.setup.database.read() as tx:
        return [tx.personal.get(each.commitment) for each in tx.personal.of_account(NEWCOMER)]


def propose(kiosk: Kiosk) -> ProposalView:
    return answered(kiosk.service.propose_operator(kiosk.session(NEWCOMER), DETAILS, True))  # noqa: FBT003 - the verb's own signature


def tell(kiosk: Kiosk, body: ProposalTold) -> None:
    with kiosk.setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 9), NO_VERSION, body))


async def test_a_trader_is_added_from_home_by_keys_and_the_name_is_spelt(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        await press(pilot, *"wang")
        assert "1王 2汪 3方" in text_of(app)
        await press(pilot, "1", *"xiao")
        offered = app.screen.query_one("#name", NameField).offered()
        assert "晓" not in offered
        await press(pilot, ".")
        second = app.screen.query_one("#name", NameField).offered()
        assert second != offered
        await press(pilot, str(second.index("晓") + 1), *"fang")
        third = app.screen.query_one("#name", NameField).offered()
        await press(pilot, str(third.index("芳") + 1))
        assert app.screen.query_one("#name", Input).value == "王晓芳"
        await press(pilot, "enter", *NUMBER.lower(), "enter", *PHONE, "enter")
        assert "法人授权书" in text_of(app)
        assert focused(app) == "authorised"
        assert proposed(kiosk) == []
        await press(pilot, "right", "enter")
        assert shown(app) == "AddOperatorScreen"
        assert "已提交，审核中。" in text_of(app)
        assert "王**" in text_of(app)
        assert "王晓芳" not in text_of(app)
        assert cut_off(app) == []
    (body,) = proposed(kiosk)
    assert (body.account, body.authorised, body.by) == (NEWCOMER, True, "member")
    assert kept(kiosk) == [DETAILS]


async def test_a_trader_is_added_by_touch_alone(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        await touch(pilot, "#name")
        keyboard = keyboard_of(app)
        assert keyboard is not None
        assert not keyboard.region.overlaps(app.screen.query_one(".offered").region)
        for syllable, character in (("wang", "王"), ("fang", "芳")):
            await touch_in(pilot, syllable)
            offered = app.screen.query_one("#name", NameField).offered()
            await touch_in(pilot, str(offered.index(character) + 1))
        await touch_key(pilot, Control.ENTER)
        await touch_in(pilot, NUMBER)
        await touch_key(pilot, Control.ENTER)
        await touch_in(pilot, PHONE)
        await touch_key(pilot, Control.HIDE)
        choice = app.screen.query_one("#authorised", Choice)
        await pilot.click(choice, offset=(16, 0))
        await settle(pilot)
        await touch(pilot, "#next")
        assert shown(app) == "AddOperatorScreen"
    assert kept(kiosk) == [replace(DETAILS, name="王芳")]


async def test_all_that_is_wrong_stands_beside_its_field(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        await press(pilot, "tab", "tab", "enter")
        assert text_of(app).count("请填写") == 3
        assert focused(app) == "name"
        await fill_form(app, pilot, name="王xiao", number=NUMBER.replace("X", "1"), phone="1391234123")
        app.screen.query_one("#next").focus()
        await press(pilot, "enter")
        for problem in ("还有拼音", "最后一位对不上", "请填11位手机号"):
            assert problem in sentence(app)
        assert cut_off(app) == [], text_of(app)
        assert proposed(kiosk) == []
        await press(pilot, "f2")
        assert "spell in pinyin" in text_of(app)
        assert cut_off(app) == []


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SMITH JOHN-PAUL", "e 1234 5678"),
        ("阿不都·买买提", NUMBER.lower()),
        ("王 晓 芳", "830000199001010020"),
    ],
)
async def test_other_documents_and_names_are_taken(
    app: KeydeskApp, kiosk: Kiosk, name: str, number: str
) -> None:
    passport = name.isascii()
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        if passport:
            app.screen.query_one("#document", Choice).choose(1)
        await fill_form(app, pilot, name=name, number=number, phone="+86 139-1234-1234")
        app.screen.query_one("#next").focus()
        await press(pilot, "enter")
        assert shown(app) == "AddOperatorScreen", text_of(app)
    (record,) = kept(kiosk)
    assert isinstance(record, OperatorDetails)
    assert record.document is (DocumentKind.PASSPORT if passport else DocumentKind.RESIDENT_ID)
    assert record.name == (name if passport else name.replace(" ", ""))
    assert record.phone == PHONE


async def test_staff_who_saw_the_authorisation_sign_in_and_are_named(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        await fill_form(app, pilot, authorised=2)
        app.screen.query_one("#next").focus()
        await press(pilot, "enter")
        assert shown(app) == "WitnessScreen"
        await press(pilot, "escape")
        assert proposed(kiosk) == []
        assert app.screen.query_one("#name", Input).value == "王晓芳"
        await press(pilot, "enter")
        await type_in(pilot, "张华", "Staff-1")
        assert shown(app) == "AddOperatorScreen"
    (body,) = proposed(kiosk)
    assert body.by == "张华"


async def test_characters_may_be_pasted_or_scanned(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        app.post_message(events.Paste("欧阳娜娜").set_sender(app))
        await settle(pilot)
        assert app.screen.query_one("#name", Input).value == "欧阳娜娜"
        app.screen.query_one("#number").focus()
        kiosk.scanner.scan(NUMBER)
        await settle(pilot)
        assert app.screen.query_one("#number", Input).value == NUMBER


@pytest.mark.parametrize("reason", [Refusal.STORE_BUSY, Refusal.DISK_FULL, Refusal.STORE_UNREADABLE])
async def test_a_store_that_fails_is_told_and_what_was_typed_stays(
    app: KeydeskApp, kiosk: Kiosk, reason: Refusal
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_form(app, pilot)
        await fill_form(app, pilot)
        answer_next(kiosk.service, "propose_operator", Refused(reason))
        app.screen.query_one("#next").focus()
        await press(pilot, "enter")
        assert shown(app) == "OperatorFormScreen"
        assert "本机" in text_of(app)
        assert cut_off(app) == []
        assert app.screen.query_one("#name", Input).value == "王晓芳"
        await press(pilot, "escape")
        answer_next(kiosk.service, "proposals", Refused(reason))
        await press(pilot, "escape", "a")
        assert "本机" in text_of(app)
        assert cut_off(app) == []


async def test_what_the_exchange_decides_is_told_in_words_while_the_member_looks(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    own = propose(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await to_proposals(app, pilot)
        assert "审核中" in text_of(app)
        assert "法人授权书原件交到窗口" in sentence(app)
        told = ProposalTold(
            own.proposal, NEWCOMER, "A", ProposalState.APPROVED, "王**", "1101**********002X", "139****1234",
            "11000009",
        )  # fmt: skip
        tell(kiosk, told)
        app.call_later(app._tick)
        await until(pilot, lambda: "新账号 11000009" in text_of(app))
        assert "工作人员不知道密码" in sentence(app)
        assert "在首页选「新办key盘」" in sentence(app)
        assert app.screen.query_one("#withdraw").disabled
        tell(kiosk, replace(told, state=ProposalState.REFUSED, new_account="", reason="证件照片不清楚"))
        app.call_later(app._tick)
        await until(pilot, lambda: "未通过" in text_of(app))
        assert "原因：证件照片不清楚" in text_of(app)
        await press(pilot, "w")
        assert shown(app) == "AddOperatorScreen"
        assert "银行卡、资金、合同" in text_of(app)


async def test_a_proposal_is_taken_back_after_a_question(app: KeydeskApp, kiosk: Kiosk) -> None:
    propose(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await to_proposals(app, pilot)
        await press(pilot, "w", "escape")
        assert not any(isinstance(body, OperatorWithdrawn) for body in kiosk.setup.bodies())
        await press(pilot, "w", "tab", "enter")
        assert "已撤回" in text_of(app)
        assert "（资料已删除）" in text_of(app)
        assert app.screen.query_one("#withdraw").disabled
    assert kept(kiosk) == []


async def test_a_proposal_of_another_kiosk_is_taken_back_there(app: KeydeskApp, kiosk: Kiosk) -> None:
    tell(kiosk, ProposalTold("f" * 16, NEWCOMER, "A", ProposalState.UNDER_REVIEW, "李**"))
    async with app.run_test(size=SIZE) as pilot:
        await to_proposals(app, pilot)
        await press(pilot, "w", "tab", "enter")
        assert "请到提交的那台终端机撤回" in sentence(app)
        assert cut_off(app) == []


@pytest.mark.parametrize("language", Language)
async def test_the_marked_proposal_stays_marked_when_another_comes(kiosk: Kiosk, language: Language) -> None:
    app = kiosk.app(language)
    propose(kiosk)
    second = propose(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await to_proposals(app, pilot)
        app.screen._mark(second.proposal)  # type: ignore[attr-defined]
        propose(kiosk)
        app.call_later(app._tick)
        await settle(pilot)
        await press(pilot, "f2")
        marked = app.screen.marked  # type: ignore[attr-defined]
        assert marked is not None
        assert marked.proposal == second.proposal
    assert app.error_code == ""
