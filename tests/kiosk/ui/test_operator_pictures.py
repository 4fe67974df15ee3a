"""添加交易员 and 「同企业下一位」 as pictures, in both languages and at both sizes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.desk.requests.views import ProposalView
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.requests import ProposalState
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.member.add_operator import AddOperatorScreen
from kiosk.ui.screens.member.operator_form import OperatorFormScreen
from kiosk.ui.visit import Party, Visit
from kiosk.ui.widgets.fields import Choice
from tests.support.contrast import faint_in_any_theme
from tests.support.desk import FIRM
from tests.support.kiosk import NEWCOMER, OTHER_SERIAL, OWNER, SERIAL, Kiosk, answer_next, go, lay
from tests.support.pictures import LANGUAGES, SIZES, is_the_picture
from tests.support.screens import cut_off, fill, press, settle
from tests.support.touching import touch, touch_in

Way: TypeAlias = Callable[[KeydeskApp, Pilot[None], Kiosk], Awaitable[None]]
PROPOSALS = (
    ProposalView("1", ProposalState.UNDER_REVIEW, "王**", "1101**********002X", "139****1234"),
    ProposalView("2", ProposalState.APPROVED, "欧***", "E*******8", "138****0001", "11000009"),
    ProposalView(
        "3", ProposalState.REFUSED, "李*", "4101**********1234", "137****0002", reason="法人授权书没有盖章"
    ),
    ProposalView("4", ProposalState.WITHDRAWN, "", "", ""),
)
PARTY = Party(FIRM, ("3/1/1", "3/1/2"))


async def proposals(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, marked: int = 0) -> None:
    await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
    answer_next(kiosk.service, "proposals", *[PROPOSALS] * 9)
    await lay(app, pilot, AddOperatorScreen(kiosk.session(NEWCOMER)))
    app.screen.query_one(OptionList).highlighted = marked
    await settle(pilot)


async def approved(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await proposals(app, pilot, kiosk, 1)


async def none_yet(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
    await lay(app, pilot, AddOperatorScreen(kiosk.session(NEWCOMER)))


async def form(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
    app.push_screen(OperatorFormScreen(kiosk.session(NEWCOMER)))
    await settle(pilot)


async def spelling(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await form(app, pilot, kiosk)
    await touch(pilot, "#name")
    await touch_in(pilot, "wang1xiao")


async def errors(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await form(app, pilot, kiosk)
    fill(app, name="王xiao", number="110105194912310021", phone="139")
    app.screen.query_one("#next").focus()
    await press(pilot, "enter")


async def unauthorised(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    await form(app, pilot, kiosk)
    fill(app, name="王晓芳", number="11010519491231002X", phone="13912341234")
    app.screen.query_one("#next").focus()
    await press(pilot, "enter")
    assert isinstance(app.focused, Choice)


async def the_next(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    del kiosk
    await settle(pilot)
    app.visit = Visit(party=PARTY)
    await go(app, pilot, Route.NEXT_OPERATOR)


async def take_it(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.blank())
    await settle(pilot)
    app.visit = Visit(party=PARTY)
    await go(app, pilot, Route.TAKE_KEY)


async def another_done(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    kiosk.owners_key()
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
    answer_next(kiosk.service, "print_label", PrintOutcome.PRINTED)
    order = kiosk.place_paid(OWNER, OrderKind.REPLACEMENT)
    await settle(pilot)
    app.visit.party = Party(order.enterprise, ("3/1/1",))
    app.visit.receive(
        BoundView(
            order=order,
            serial=SERIAL,
            certificate="0003000001000019",
            not_before=kiosk.clock.wall(),
            not_after=order.ends_at,
        )
    )
    await go(app, pilot, Route.DONE, kiosk.session(OWNER), order)


WAYS = [
    proposals,
    approved,
    none_yet,
    form,
    spelling,
    errors,
    unauthorised,
    the_next,
    take_it,
    another_done,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_screens_of_an_enterprise_s_operators_look_as_they_did(
    snap_compare: Callable[..., bool], kiosk: Kiosk, size: tuple[int, int], language: Language, way: Way
) -> None:
    async def stands_out(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await way(app, pilot, kiosk)
        cut = cut_off(app)
        assert cut == [] or way is spelling, cut  # the keyboard covers what is not needed meanwhile
        assert await faint_in_any_theme(app, pilot) == []

    assert is_the_picture(snap_compare, kiosk, size, language, stands_out)
