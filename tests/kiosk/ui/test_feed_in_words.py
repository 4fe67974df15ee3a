"""What the feed tells of a member's orders and certificates, and what of it could not be applied, in words."""

from __future__ import annotations

import msgspec
import pytest

from kiosk.desk.views.refusals import Refused
from kiosk.domain.feed import (
    CertificateRegistered,
    FeedBody,
    KeyedBody,
    RegisteredState,
)
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import FeedRow, unsigned_row
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import STAFF
from tests.support.kiosk import NEWCOMER, Kiosk, lay
from tests.support.screens import press, shown, text_of
from tests.support.walks import SIZE, to_binding


def tell(kiosk: Kiosk, body: KeyedBody) -> None:
    with kiosk.setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 5), NO_VERSION, body))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (RegisteredState.HELD, "中心暂缓登记这张证书，请带凭条找工作人员"),
        (RegisteredState.LISTED, "证书已登记，现在就可以登录"),
    ],
)
async def test_a_member_reads_where_the_new_certificate_stands(
    app: KeydeskApp, kiosk: Kiosk, state: RegisteredState, said: str
) -> None:
    registration = kiosk.service.registration

    def hear(reference: str) -> RegisteredState | Refused | None:
        with kiosk.setup.database.read() as tx:
            number = next(iter(tx.ledger.certificates())).number
        tell(kiosk, CertificateRegistered(number, NEWCOMER, state))
        return registration(reference)

    kiosk.service.registration = hear  # type: ignore[method-assign]
    kiosk.source.insert(kiosk.blank())
    async with app.run_test(size=SIZE) as pilot:
        await to_binding(app, pilot, kiosk)
        await press(pilot, "enter")
        assert shown(app) == "DoneScreen"
        assert said in text_of(app)


async def test_staff_read_in_words_what_could_not_be_applied(app: KeydeskApp, kiosk: Kiosk) -> None:
    body: FeedBody = CertificateRegistered("0003", NEWCOMER, RegisteredState.LISTED)
    key = "payment/3-0100-1.a1b2c3d4e5f6/T1"
    row = FeedRow(65539, key, Version(1, 5), NO_VERSION, "x", msgspec.Raw(msgspec.json.encode(body)))
    with kiosk.setup.database.write() as tx:
        tx.feed.rows.keep(row, "order-unknown: 3-0100-1.a1b2c3d4e5f6")
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        app.screen.query_one("#view").focus()
        await press(pilot, "right", "right")
        assert "收款确认 3-0100-1：终端机没有这笔订单（3-0100-1）" in text_of(app)
