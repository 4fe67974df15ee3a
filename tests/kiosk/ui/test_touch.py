"""New order, replacement and renewal by touch alone, from the notice to the bound key, with a password of every kind of character."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.settings import Colours
from kiosk.text.catalogue import Language
from kiosk.ui.widgets.qr_code import QrCode
from kiosk.ui.widgets.rows import KeyHint
from kiosk.ui.widgets.touch_boards import Control
from tests.support.desk import HASHER, PIN
from tests.support.kiosk import NEWCOMER, OTHER_SERIAL, OWNER, Kiosk, until
from tests.support.screens import settle, shown, text_of
from tests.support.touching import keyboard_of, put_finger, touch, touch_in, touch_key, touch_row
from tests.support.walks import take_key

PASSWORD = "Aa#9-_x"
SMALL, LARGE = (80, 24), (120, 36)
SIZES = [pytest.param(SMALL, id="80x24"), pytest.param(LARGE, id="120x36")]


@pytest.fixture(autouse=True)
def _no_key_is_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a test presses a key."""

    async def pressed(_: Pilot[None], *keys: str) -> None:
        raise AssertionError(keys)

    monkeypatch.setattr(Pilot, "press", pressed)


@pytest.fixture
def typist(kiosk: Kiosk) -> Kiosk:
    """A kiosk whose members have that password."""
    with kiosk.setup.database.write() as tx:
        for account in (NEWCOMER, OWNER):
            operator = tx.members.operator(account)
            assert operator is not None
            tx.members.put_operator(replace(operator, verifier=HASHER.hash(PASSWORD)))
    return kiosk


async def type_through(pilot: Pilot[None], first: str, *values: str) -> None:
    """Touch the first field and type into it and those after it; Enter after each."""
    await touch(pilot, first)
    for value in values:
        await touch_in(pilot, value)
        await touch_key(pilot, Control.ENTER)


def the_order(kiosk: Kiosk) -> str:
    (placed,) = [body for body in kiosk.setup.bodies() if isinstance(body, OrderPlaced)]
    return placed.order


async def begin(pilot: Pilot[None], kind: OrderKind) -> None:
    """From home to the form."""
    await settle(pilot)
    await touch(pilot, f"#{kind.value}")
    await touch(pilot, "#next")
    assert shown(pilot.app) == "VerifyScreen"


async def bind(pilot: Pilot[None], kiosk: Kiosk, serial: str) -> None:
    """From the paid order to the bound key."""
    await until(pilot, lambda: shown(pilot.app) == "DeliveryScreen")
    await settle(pilot)
    await touch(pilot, "#bind")
    kiosk.source.insert(kiosk.blank(serial))
    await until(pilot, lambda: serial in text_of(pilot.app))
    await settle(pilot)
    await touch(pilot, "#bind")
    assert shown(pilot.app) == "DoneScreen"


@pytest.mark.parametrize(("size", "language"), [(SMALL, Language.CHINESE), (LARGE, Language.ENGLISH)])
async def test_a_new_key_is_ordered_paid_and_bound_by_touch_alone(
    typist: Kiosk, size: tuple[int, int], language: Language
) -> None:
    app = typist.app(language)
    async with app.run_test(size=size) as pilot:
        await begin(pilot, OrderKind.NEW)
        await type_through(pilot, "#legal-person", "wjg", "bjsl", NEWCOMER, "lxm", PASSWORD)
        assert shown(app) == "PayScreen"
        typist.setup.pay(the_order(typist))
        await bind(pilot, typist, OTHER_SERIAL)
        await touch(pilot, "#later")
        await take_key(app, pilot, typist)
    assert typist.order(the_order(typist)).status is OrderStatus.BOUND
    assert app.error_code == ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_lost_key_is_replaced_by_touch_alone_also_without_the_network(
    typist: Kiosk, size: tuple[int, int]
) -> None:
    typist.owners_key()
    typist.go_offline()
    app = typist.app()
    async with app.run_test(size=size) as pilot:
        await begin(pilot, OrderKind.REPLACEMENT)
        await type_through(pilot, "#account", OWNER, PASSWORD, "hnzy")
        assert shown(app) == "ConfirmScreen"
        await touch(pilot, "#yes")
        assert shown(app) == "PayScreen"
        await touch(pilot, "#code")
        keyboard = keyboard_of(app)
        assert keyboard is not None
        assert not keyboard.region.overlaps(app.screen.query_one(QrCode).region)
        await touch_in(pilot, typist.setup.digits_for(the_order(typist)).replace("-", ""))
        await touch_key(pilot, Control.ENTER)
        await bind(pilot, typist, OTHER_SERIAL)
    assert typist.order(the_order(typist)).status is OrderStatus.BOUND
    assert app.error_code == ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_key_is_renewed_by_touch_alone(typist: Kiosk, size: tuple[int, int]) -> None:
    typist.source.insert(typist.owners_key())
    app = typist.app()
    async with app.run_test(size=size) as pilot:
        await begin(pilot, OrderKind.RENEWAL)
        await type_through(pilot, "#account", OWNER, PASSWORD, "hnzy")
        assert shown(app) == "PayScreen"
        typist.setup.pay(the_order(typist))
        await until(pilot, lambda: shown(app) == "BindScreen")
        await settle(pilot)
        await type_through(pilot, "#pin", PIN)
        assert shown(app) == "DoneScreen"
        await touch(pilot, "#home")
        await take_key(app, pilot, typist)
    assert typist.order(the_order(typist)).status is OrderStatus.BOUND
    assert app.error_code == ""


async def touch_hint(pilot: Pilot[None], key: str) -> None:
    """Touch the hint that stands for a key."""
    hint = next(each for each in pilot.app.screen.query(KeyHint) if str(each.content).startswith(f"{key} "))
    await put_finger(pilot, hint.region.x + 1, hint.region.y)
    await settle(pilot)


async def test_what_a_key_opens_is_opened_and_left_by_touch(typist: Kiosk) -> None:
    app = typist.app()
    async with app.run_test(size=SMALL) as pilot:
        await begin(pilot, OrderKind.NEW)
        await touch_hint(pilot, "F1")
        assert shown(app) == "HelpScreen"
        await touch_row(pilot, 2)
        assert app.screen.query_one(OptionList).highlighted == 2
        await touch_hint(pilot, "Esc")
        await touch_hint(pilot, "F4")
        assert shown(app) == "ConfirmScreen"
        await touch(pilot, "#no")
        await touch_hint(pilot, "F6")
        assert shown(app) == "StaffScreen"
        await touch(pilot, "#back")
        assert shown(app) == "VerifyScreen"
        await touch_hint(pilot, "F2")
        assert "Legal person" in text_of(app)
        await touch_hint(pilot, "F2")
        await type_through(pilot, "#legal-person", "wjg", "bjsl", NEWCOMER, "lxm", PASSWORD)
        await touch_hint(pilot, "F8")
        assert shown(app) == "ConfirmScreen"
        await touch(pilot, "#no")
        await touch(pilot, "#back")
        assert shown(app) == "VerifyScreen"
        await touch(pilot, "#back")
        await touch(pilot, "#back")
        assert shown(app) == "HomeScreen"
        await touch_hint(pilot, "F3")
        assert app.theme == Colours.HIGH_CONTRAST
    assert app.error_code == ""
