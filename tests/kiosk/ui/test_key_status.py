"""What the screen tells of a key."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.desk.keys.views import KeyView
from kiosk.desk.tokens.views import KeyStatus
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService
from tests.support.kiosk import (
    CERTIFICATE,
    OTHER_SERIAL,
    OWNER,
    SERIAL,
    Kiosk,
    answer_next,
    go,
    until,
)
from tests.support.screens import (
    press,
    sentence,
    settle,
    text_of,
    type_in,
)
from tests.support.walks import open_service

SIZE = (80, 24)
SUPPORT = "0371-68085231"


def view_of(kiosk: Kiosk) -> KeyView:
    """What the desk says of the key that is in."""
    view = kiosk.service.key_status(kiosk.session(OWNER))
    assert isinstance(view, KeyView)
    return view


async def test_status_tells_of_the_key_only_after_the_password_and_follows_the_key(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(1)
    asked = answer_next(kiosk.service, "key_status")
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.KEY_SERVICES)
        await press(pilot, "1")
        await type_in(pilot, OWNER, "wrong")
        assert "账号或密码不对" in text_of(app)
        assert SERIAL not in text_of(app)
        assert asked == []
        await type_in(pilot, "Keydesk-2")
        for fact in (
            SERIAL,
            "KEYDESK / gmt / Virtual reader",
            "还可试 5 次（共 6 次）",
            "已改成自己的",
            CERTIFICATE,
            "2026-03-02 14:05:31 ~ 2027-03-02 14:05:31",
            "还有 100 天",
            "使用中",
            "11000002  陈静",
        ):
            assert fact in text_of(app)
        kiosk.source.remove()
        await until(pilot, lambda: "请插入key盘" in text_of(app))
        assert SERIAL not in text_of(app)
        kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: OTHER_SERIAL in text_of(app))
        assert "空白，还没有绑定" in text_of(app)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (KeyStatus.ON_HOLD, "解除挂失"),
        (KeyStatus.REVOKED, "不能再用"),
        (KeyStatus.UNDER_WAY, "继续办理"),
        (KeyStatus.UNKNOWN, SUPPORT),
        (KeyStatus.NOT_PREPARED, SUPPORT),
    ],
)
async def test_status_says_what_to_do_with_a_key_that_is_not_in_use(
    app: KeydeskApp, kiosk: Kiosk, status: KeyStatus, said: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "key_status", replace(view_of(kiosk), status=status))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert said in text_of(app)


async def test_status_warns_of_the_end_the_factory_pin_and_a_blocked_pin(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    view = view_of(kiosk)
    answer_next(
        kiosk.service,
        "key_status",
        replace(view, token=replace(view.token, factory_pin=True), days_left=12),
        replace(view, days_left=-3),
        replace(view, token=replace(view.token, pin_blocked=True, tries_left=0)),
    )
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert "还有 12 天" in text_of(app)
        assert "还是初始PIN码，请用「修改PIN码」" in sentence(app)
        assert "key盘续期" in text_of(app)
        app.on_tokens_changed()
        await settle(pilot)
        assert "已过期 3 天" in text_of(app)
        app.on_tokens_changed()
        await settle(pilot)
        assert "已锁死" in text_of(app)
        assert SUPPORT in text_of(app)


async def test_what_was_said_of_a_key_changes_with_the_language(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        await press(pilot, "f2")
        assert "100 days" in text_of(app)
        assert "In use" in text_of(app)
        assert "使用中" not in text_of(app)
