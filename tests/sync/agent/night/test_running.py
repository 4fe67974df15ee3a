from __future__ import annotations

import msgspec

from kiosk.domain import feed
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.nights import NightlyFinding
from kiosk.text.catalogue import Catalogue, Language
from sync.agent.night.running import nightly
from sync.agent.night.steps import StepResult, usual_steps
from sync.agent.status import status, status_document
from sync.agent.wording import night_lines, status_lines
from tests.support.memory_desk import Desk

CHINESE = Catalogue(Language.CHINESE).text


def test_a_good_night_leaves_nothing(desk: Desk) -> None:
    for _ in range(3):
        desk.place()
    night = nightly(desk.agent())
    assert night.well
    assert (night.sent, night.same_tip, night.journal_sound) == (4, True, True)
    assert night_lines(night, CHINESE)[-1].endswith("没有配置备份，请在配置文件的 [backup] 里指定")
    backed_up = nightly(desk.agent(), usual_steps(lambda _night: StepResult()))
    assert night_lines(backed_up, CHINESE)[-1].endswith("一切正常")


def test_a_night_without_network_says_what_waits(desk: Desk) -> None:
    desk.place()
    desk.faulty.faults = ["cut"]
    night = nightly(desk.agent())
    assert set(night.troubles) == {NightlyFinding.CENTRE_NOT_REACHED, NightlyFinding.BACKLOG}
    assert night.same_tip is None
    assert any("2 条日志待上传" in line for line in night_lines(night, CHINESE))


def test_matters_unapplied_and_receipts_are_for_people(desk: Desk) -> None:
    desk.centre.publish(3, feed.MatterPublished("price-differs", "3-0005-1", "11000001", 5))
    desk.centre.publish_as(3, "shipment/3-0005-1", "shipment", b'{"kind":"shipment"}')
    with desk.database.write() as tx:
        tx.print_queue.put(b"receipt", "3-0002-6")
    night = nightly(desk.agent())
    assert set(night.troubles) == {
        NightlyFinding.MATTERS,
        NightlyFinding.UNAPPLIED,
        NightlyFinding.RECEIPTS_WAITING,
    }
    assert len(night_lines(night, CHINESE)) > len(night.troubles)


def test_names_that_came_under_a_former_rule_are_told_with_whose_they_are_and_the_character(
    desk: Desk,
) -> None:
    with desk.database.write() as tx:
        tx.members.put_enterprise(Enterprise("91110000MA01", "粮油\u200b贸易", "法人", Review.APPROVED))
        tx.members.put_operator(Operator("11000009", "91110000MA01", "程\ue000", Review.APPROVED, ""))
        tx.members.put_operator(Operator("11000010", "91110000MA01", "程𠮷林", Review.APPROVED, ""))
        tx.members.put_operator(Operator("11000011", "91110000MA01", "文" * 65, Review.APPROVED, ""))
        tx.members.put_staff(StaffMember("林\u200b涛", Role.STAFF, ""))
    night = nightly(desk.agent())
    assert night.troubles == (NightlyFinding.NAMES_REFUSED,)
    said = "\n".join(night_lines(night, CHINESE))
    assert "有 3 个登记的名称里有不能用的字" in said
    for each in ("91110000MA01 U+200B", "11000009 U+E000", "11000011 too-long", "控制台"):
        assert each in said


def test_two_histories_are_never_well(desk: Desk) -> None:
    desk.place()
    assert nightly(desk.agent()).well
    desk.memory.chain[-1] = desk.memory.chain[0]
    night = nightly(desk.agent())
    assert NightlyFinding.MATTERS in night.troubles
    assert not night.well


def test_a_changed_table_is_found(desk: Desk) -> None:
    desk.place()
    with desk.database.write() as tx:
        tx.ledger._connection.execute("DELETE FROM orders")
    night = nightly(desk.agent())
    assert NightlyFinding.JOURNAL_UNSOUND in night.troubles
    assert "未通过" in "\n".join(night_lines(night, CHINESE))


def test_a_revoked_kiosk_is_told(desk: Desk) -> None:
    desk.memory.revoked = True
    night = nightly(desk.agent())
    assert {NightlyFinding.QUARANTINED, NightlyFinding.CENTRE_REFUSES} <= set(night.troubles)


def test_status_asks_nobody(desk: Desk) -> None:
    desk.place()
    asked = len(desk.centre.requests)
    with desk.database.read() as tx:
        report = status(tx)
    assert len(desk.centre.requests) == asked
    assert (report.kiosk, report.epoch, report.tip, report.backlog) == (3, 1, 2, 2)
    assert any("待上传 2 条" in line for line in status_lines(report, CHINESE))
    assert msgspec.json.decode(msgspec.json.encode(status_document(report)))["policy"] == 1
