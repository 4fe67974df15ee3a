"""F6 shows the last nightly runs: all is well, or what needs a person and what to do."""

from __future__ import annotations

from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.domain.nights import DAY, USUAL_AT, ExpiringKey, Finding, NightReport, StepOutcome, StepRecord
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import STAFF
from tests.support.kiosk import NOW, OWNER, SERIAL, Kiosk, lay, until
from tests.support.screens import press, settle, text_of

SIZE = (120, 36)
WELL = NightReport(20_000, NOW - DAY, NOW - DAY, (StepRecord("verify", StepOutcome.DONE, 12),))
BAD = NightReport(
    20_001,
    NOW,
    NOW,
    (StepRecord("backup", StepOutcome.FAILED, reason="backup:destination-missing"),),
    (
        Finding("backlog", 3),
        Finding("step-failed", step="backup", reason="backup:destination-missing", place="/mnt/stick"),
        Finding("of-a-later-version"),
    ),
    (ExpiringKey(OWNER, SERIAL, NOW + 7 * DAY),),
    1,
)


def report(kiosk: Kiosk, *reports: NightReport) -> None:
    with kiosk.setup.database.write() as tx:
        tx.nights.owe(NOW - 9 * DAY, USUAL_AT)
        for each in reports:
            tx.nights.add(each)


async def to_nights(app: KeydeskApp, pilot: Pilot[None]) -> None:
    await lay(app, pilot, StaffDeskScreen(STAFF))
    await press(pilot, "shift+tab", "left", "left", "left")


async def choose(app: KeydeskApp, pilot: Pilot[None], option: str) -> None:
    rows = app.screen.query_one("#rows", OptionList)
    rows.focus()
    rows.highlighted = rows.get_option_index(option)
    await press(pilot, "enter")


async def looked_again(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """Have the app read the status, and the screen what was written since."""
    for _ in range(2):
        app.call_later(app._tick)
        await settle(pilot)


async def test_before_the_first_run_there_is_none(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_nights(app, pilot)
        await until(pilot, lambda: "还没有做过" in text_of(app))


async def test_a_good_night_is_said_in_one_line(app: KeydeskApp, kiosk: Kiosk) -> None:
    report(kiosk, WELL)
    async with app.run_test(size=SIZE) as pilot:
        await to_nights(app, pilot)
        await until(pilot, lambda: "全部正常" in text_of(app))
        assert "日志校验：完成（12）" in text_of(app)


async def test_staff_read_what_is_wrong_and_what_to_do_and_reach_the_older_ones(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    report(kiosk, WELL, BAD)
    async with app.run_test(size=SIZE) as pilot:
        await to_nights(app, pilot)
        await until(pilot, lambda: "有 3 件事要人处理" in text_of(app))
        shown = text_of(app)
        assert "还有 3 条日志待上传" in shown
        assert "「备份」没有做成：没有备份目录 /mnt/stick" in shown
        assert "→ 插好U盘或接上共享" in shown
        assert "of-a-later-version" in shown
        assert SERIAL not in shown
        await choose(app, pilot, "night-keys")
        await until(pilot, lambda: f"账号 {OWNER}，key盘 {SERIAL}" in text_of(app))
        await choose(app, pilot, "night-back")
        await choose(app, pilot, "night-report-1")
        await until(pilot, lambda: "日志校验：完成（12）" in text_of(app))
        assert "待上传" not in text_of(app)
        await choose(app, pilot, "night-back")
        await until(pilot, lambda: "还有 3 条日志待上传" in text_of(app))


async def test_two_missed_nights_are_an_alarm_on_every_screen_and_at_f6(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    report(kiosk, NightReport(1, NOW - 3 * DAY, NOW - 3 * DAY))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "夜检未做" in text_of(app))
        await to_nights(app, pilot)
        await until(pilot, lambda: "夜没有做夜间检查" in text_of(app))
        assert "keydesk-sync run" in text_of(app)
        report(kiosk, NightReport(2, NOW, NOW))
        await app._tick()
        await until(pilot, lambda: "夜检未做" not in text_of(app))


async def test_a_report_that_comes_while_staff_look_is_shown(app: KeydeskApp, kiosk: Kiosk) -> None:
    report(kiosk, WELL)
    async with app.run_test(size=SIZE) as pilot:
        await to_nights(app, pilot)
        await until(pilot, lambda: "全部正常" in text_of(app))
        report(kiosk, BAD)
        await until(pilot, lambda: "有 3 件事要人处理" in text_of(app))
        assert "全部正常" in text_of(app), "the former one is listed as an older one"


async def test_the_older_report_that_staff_read_stays_when_another_comes(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    report(kiosk, BAD, WELL)
    async with app.run_test(size=SIZE) as pilot:
        await to_nights(app, pilot)
        await until(pilot, lambda: "全部正常" in text_of(app))
        await choose(app, pilot, "night-report-1")
        await until(pilot, lambda: "还有 3 条日志待上传" in text_of(app))
        report(kiosk, replace(WELL, night=20_002))
        await looked_again(app, pilot)
        assert "还有 3 条日志待上传" in text_of(app)
        assert "全部正常" not in text_of(app)
        await choose(app, pilot, "night-back")
        assert text_of(app).count("全部正常") == 2
