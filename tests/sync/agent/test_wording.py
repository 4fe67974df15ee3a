"""The agent's reports: every fact in words, in columns by cells; what programs read stays as it was."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from kiosk.domain import feed
from kiosk.domain.inapplicable import InapplicableReason, parse_problem
from kiosk.domain.nights import NightlyFinding
from kiosk.labels import INAPPLICABLE_REASONS, NIGHT_FINDINGS, why_unapplied
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.cells import width
from kiosk.text.nights import ADVICE
from sync.agent.enrolment import Enrolled
from sync.agent.feed.application import Inapplicable
from sync.agent.night.running import night_document, nightly
from sync.agent.status import status, status_document
from sync.agent.wording import enrolled_line, night_lines, status_lines
from tests.support.memory_desk import Desk, NewDesk

CHINESE, ENGLISH = Catalogue(Language.CHINESE).text, Catalogue(Language.ENGLISH).text
STATUS_KEYS = [
    "kiosk",
    "epoch",
    "tip",
    "tip_hash",
    "high_water",
    "backlog",
    "last_contact",
    "last_attempt",
    "error",
    "trouble",
    "quarantined",
    "retired",
    "unconfirmed",
    "cursors",
    "feed_whole",
    "policy",
    "policy_valid_until",
    "matters",
    "unapplied",
    "receipts_waiting",
    "retry_at",
    "agent_runs",
    "fingerprint",
]
NIGHT_KEYS = [
    "sent",
    "received",
    "kept",
    "retried",
    "journal_sound",
    "journal_problem",
    "same_tip",
    "status",
    "troubles",
    "error",
    "steps",
    "findings",
    "expiring",
    "expiring_count",
    "report_kept",
]


@pytest.fixture
def troubled(desk: Desk) -> Any:
    """A desk with everything that can be left for people, behind a line that was cut."""
    desk.centre.publish(3, feed.MatterPublished("price-differs", "3-0005-1", "11000001", 5))
    desk.centre.publish(3, feed.MatterPublished("unreadable", "3-0006-9", "11000002", 6))
    desk.centre.publish(3, feed.MatterPublished("journal-forked", "7", "", 7))
    desk.centre.publish_as(3, "shipment/3-0005-1", "shipment", b'{"kind":"shipment"}')
    desk.centre.publish(3, feed.PaymentConfirmed("3-0999-9", 34_000, "t1", 1))
    with desk.database.write() as tx:
        tx.print_queue.put(b"receipt", "3-0002-6")
    nightly(desk.agent())
    desk.place()
    desk.faulty.faults = ["cut"]
    return desk


def test_a_bad_night_in_chinese(troubled: Desk) -> None:
    lines = night_lines(nightly(troubled.agent()), CHINESE)
    assert (
        "需处理    没有连上中心（ConnectError: cut before sending）。请检查网络和中心的地址，稍后再试"
        in lines
    )
    assert "待办事项  第 5 条，账号 11000001：价格与收费表不符（3-0005-1）" in lines
    assert "待办事项  第 6 条，账号 11000002：记录不可读（3-0006-9）" in lines
    assert "待办事项  日志从第 7 条起与中心的不一样" in lines
    assert "未能应用  收款确认 3-0999-9：终端机没有这笔订单（3-0999-9）" in lines
    assert any(
        line.startswith("未能应用  shipment/3-0005-1：终端机的程序不认识这种资料（shipment）")
        for line in lines
    )
    assert "需处理    有 3 项待办事项。请联系中心处理" in lines


def test_a_bad_night_in_english_has_nothing_chinese(troubled: Desk) -> None:
    lines = night_lines(nightly(troubled.agent()), ENGLISH)
    assert not re.search("[\u3000-〿一-鿿！-～]", "\n".join(lines))
    assert any(
        "entry 5, account 11000001: the price is not the fee schedule's (3-0005-1)" in each for each in lines
    )
    assert any(line.startswith("To do") and "cannot be reached (ConnectError" in line for line in lines)


@pytest.mark.parametrize("t", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_the_facts_of_a_report_begin_in_one_column(troubled: Desk, t: Any) -> None:
    lines = night_lines(nightly(troubled.agent()), t)
    assert len({width(re.match(r".*?\S(?= {2})\s+", line).group()) for line in lines}) == 1  # type: ignore[union-attr]


def test_programs_read_the_same_keys_and_values_in_the_same_order(troubled: Desk) -> None:
    night = json.loads(msgspec.json.encode(night_document(nightly(troubled.agent()))))
    assert list(night) == NIGHT_KEYS
    assert list(night["status"]) == STATUS_KEYS
    assert night["error"] == night["status"]["error"] == "ConnectError: cut before sending"
    assert night["status"]["matters"] == [
        "5 11000001 price-differs 3-0005-1",
        "6 11000002 unreadable 3-0006-9",
        "7  journal-forked 7",
    ]
    assert night["status"]["unapplied"][1] == "payment/3-0999-9/t1 order-unknown: 3-0999-9"
    assert night["status"]["trouble"] is None


def test_a_good_night_has_no_error_for_programs(desk: Desk) -> None:
    night = json.loads(msgspec.json.encode(night_document(nightly(desk.agent()))))
    assert night["error"] == ""
    assert night["troubles"] == []


def test_a_desk_that_is_not_enrolled_and_never_reached_anybody(new_desk: NewDesk) -> None:
    with new_desk(3).database.read() as tx:
        report = status(tx)
    assert "终端机    未登记" in status_lines(report, CHINESE)
    assert "最近联网  从未" in status_lines(report, CHINESE)
    assert "Kiosk         Not enrolled" in status_lines(report, ENGLISH)
    assert status_document(report)["policy"] is None


def test_a_refusal_is_kept_with_its_code_until_the_centre_answers_again(desk: Desk) -> None:
    desk.memory.revoked = True
    night = nightly(desk.agent())
    lines = night_lines(night, CHINESE)
    assert any("失败：本机已被中心停用（kiosk-revoked）" in line for line in lines)
    assert "需处理    本机已被中心停用（403 kiosk-revoked）。请联系中心" in lines
    desk.memory.revoked = False
    assert not any("失败" in line for line in night_lines(nightly(desk.agent()), CHINESE))


@pytest.mark.parametrize("reason", InapplicableReason)
def test_why_an_item_is_kept_can_be_read_again(reason: InapplicableReason) -> None:
    assert parse_problem(str(Inapplicable(reason, "order 3-0147-6: late"))) == (
        reason,
        "order 3-0147-6: late",
    )
    assert parse_problem(str(Inapplicable(reason, ""))) == (reason, "")
    assert parse_problem(f"not {reason.value}: so") == (None, f"not {reason.value}: so")


def test_every_trouble_and_every_reason_has_words() -> None:
    assert set(NIGHT_FINDINGS) == set(ADVICE) == set(NightlyFinding)
    assert set(INAPPLICABLE_REASONS) == set(InapplicableReason)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("order-in-another-state: 3-0147-6.9f86d081884c bound", ("订单状态不符", "3-0147-6 已绑定")),
        (
            "order-of-another-kiosk: 3-0147-6.9f86d081884c 8",
            ("订单属于其他终端机", "3-0147-6，8 号终端机"),
        ),
        ("order-unknown: 3-0147-6.9f86d081884c", ("终端机没有这笔订单", "3-0147-6")),
        (
            "contradicts-record: amount-differs 3-0147-6.9f86d081884c",
            ("与终端机的记录不符", "金额不符 3-0147-6"),
        ),
        ("signature-wrong", ("中心的签名不成立", "")),
        ("order-in-another-state: {x} {y}", ("订单状态不符", "{x} {y}")),
        ("{anything}", ("原因不明", "{anything}")),
    ],
)
def test_why_an_item_is_kept_is_said_in_words_with_the_orders_number(
    problem: str, said: tuple[str, str]
) -> None:
    assert why_unapplied(problem, CHINESE) == said


def test_enrolment_is_told_as_done_now_or_before() -> None:
    assert enrolled_line(Enrolled(3, 1), CHINESE) == "本机已登记为 3 号终端机，第 1 期。"
    assert enrolled_line(Enrolled(3, 1, before=True), ENGLISH) == "This is kiosk 3 already, epoch 1."
