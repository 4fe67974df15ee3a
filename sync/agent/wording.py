"""The agent's reports for people, one fact on each line, in the language of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kiosk.domain.versions import write_cursors
from kiosk.store.agent_state import ContactFault
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad, width
from kiosk.text.contact_faults import CONTACT_FAULTS, with_retry
from kiosk.text.link_faults import LINK_FAULTS
from kiosk.text.matters import matter_line
from kiosk.text.times import moment
from kiosk.text.unapplied import unapplied_line
from sync.agent.failure_wording import contact_failure, failure, in_brackets
from sync.agent.nightly import NightlyFinding

if TYPE_CHECKING:
    from sync.agent.enrolment import Enrolled
    from sync.agent.failure_wording import Text
    from sync.agent.nightly import NightlyReport
    from sync.agent.status import Status

# What a line is about, and what it says.
Row: TypeAlias = tuple[str, str]


def enrolled_line(enrolled: Enrolled, t: Text) -> str:
    """Which kiosk this is now."""
    if enrolled.before:
        return t("本机已是 {kiosk} 号终端机，第 {epoch} 期。", kiosk=enrolled.kiosk, epoch=enrolled.epoch)
    return t("本机已登记为 {kiosk} 号终端机，第 {epoch} 期。", kiosk=enrolled.kiosk, epoch=enrolled.epoch)


def exchanged_line(sent: int, received: int, kept: int, t: Text) -> str:
    """How many entries one exchange uploaded, how many rows of the feed it applied, and how many it could not."""
    return t(
        "上传 {sent} 条，接收 {received} 项，未能应用 {kept} 项。", sent=sent, received=received, kept=kept
    )


def status_lines(report: Status, t: Text) -> list[str]:
    """The status, one fact on each line."""
    return _laid_out(_status_rows(report, t))


def night_lines(night: NightlyReport, t: Text) -> list[str]:
    """The nightly report, one fact on each line; the last lines say what needs a person, or that all is well."""
    rows = [*_night_rows(night, t), *_status_rows(night.status, t)]
    if night.well:
        return _laid_out([*rows, (t("结果"), t("一切正常"))])
    return _laid_out([*rows, *((t("需处理"), _trouble(each, night, t)) for each in night.troubles)])


def _laid_out(rows: list[Row]) -> list[str]:
    cells = max(width(label) for label, _ in rows)
    return [f"{pad(label, cells)}  {said}" for label, said in rows]


def _night_rows(night: NightlyReport, t: Text) -> list[Row]:
    tip = {True: N_("一致"), False: N_("不一致"), None: N_("未能核对")}[night.same_tip]
    received = t(
        "{received} 项，未能应用 {kept} 项，补应用 {retried} 项",
        received=night.received,
        kept=night.kept,
        retried=night.retried,
    )
    sound = t("通过") if night.journal_sound else in_brackets(t("未通过"), night.journal_problem, t)
    return [
        (t("本次上传"), t("{count} 条", count=night.sent)),
        (t("本次接收"), received),
        (t("日志校验"), sound),
        (t("与中心"), t(tip)),
    ]


def _status_rows(report: Status, t: Text) -> list[Row]:
    rows = [
        (t("终端机"), _kiosk(report, t)),
        (t("日志"), t("第 {sequence} 条 {hash}", sequence=report.tip, hash=report.tip_hash).rstrip()),
        (
            t("已上传"),
            t("到第 {mark} 条，待上传 {backlog} 条", mark=report.high_water, backlog=report.backlog),
        ),
        (t("最近联网"), _time(report.last_contact, t)),
        (t("资料游标"), write_cursors(report.cursors) or t("无")),
        (t("授权策略"), _policy(report, t)),
        (t("待打凭条"), t("{count} 张", count=report.receipts_waiting)),
    ]
    if report.error:
        said = t("{time} 失败：{why}", time=_time(report.last_attempt, t), why=_last_failure(report, t))
        said = with_retry(said, report.retry_at, t)
        rows.append((t("网络"), said))
    if report.quarantined:
        rows.append((t("注意"), t("本机已被中心停用，上传的内容另行存放")))
    if report.unconfirmed:
        rows.append((t("注意"), t("中心从备份恢复后还没有确认本机：照常办理，确认之后才登记key盘")))
    rows += [(t("待办事项"), matter_line(each, t)) for each in report.matters]
    rows += [(t("未能应用"), unapplied_line(each.row.key, each.problem, t)) for each in report.unapplied]
    return rows


def _kiosk(report: Status, t: Text) -> str:
    if report.kiosk is None:
        return t("未登记")
    return t("{kiosk} 号，第 {epoch} 期", kiosk=report.kiosk, epoch=report.epoch)


def _policy(report: Status, t: Text) -> str:
    if report.policy is None:
        return t("无")
    return t("{number} 号，至 {until}", number=report.policy, until=_time(report.policy_valid_until, t))


def _time(seconds: int | None, t: Text) -> str:
    return t("从未") if seconds is None else moment(seconds)


def _last_failure(report: Status, t: Text) -> str:
    if report.trouble is not None:
        return t(LINK_FAULTS[report.trouble][0])
    return contact_failure(report.failure, report.error, report.refusal, t)


def _trouble(trouble: NightlyFinding, night: NightlyReport, t: Text) -> str:
    if trouble in _AT_THE_CENTRE and night.error is not None:
        return failure(night.error, t)
    counts = {
        NightlyFinding.BACKLOG: night.status.backlog,
        NightlyFinding.MATTERS: len(night.status.matters),
        NightlyFinding.UNAPPLIED: len(night.status.unapplied),
        NightlyFinding.RECEIPTS_WAITING: night.status.receipts_waiting,
    }
    return t(TROUBLES[trouble], count=counts.get(trouble, 0))


_AT_THE_CENTRE = frozenset({NightlyFinding.CENTRE_NOT_REACHED, NightlyFinding.CENTRE_REFUSES})
TROUBLES = {
    NightlyFinding.CENTRE_NOT_REACHED: CONTACT_FAULTS[ContactFault.UNREACHABLE][0],
    NightlyFinding.CENTRE_REFUSES: CONTACT_FAULTS[ContactFault.REFUSED][0],
    NightlyFinding.BACKLOG: N_("还有 {count} 条日志待上传"),
    NightlyFinding.JOURNAL_UNSOUND: N_("日志校验未通过，请停用本机并联系技术支持"),
    NightlyFinding.TIPS_DIFFER: N_("本机日志与中心的不一致，请联系技术支持"),
    NightlyFinding.QUARANTINED: N_("本机已被中心停用，请联系中心"),
    NightlyFinding.MATTERS: N_("有 {count} 项待办事项，请联系中心处理"),
    NightlyFinding.UNAPPLIED: N_("有 {count} 项中心下发的资料未能应用，请联系中心处理"),
    NightlyFinding.RECEIPTS_WAITING: N_("有 {count} 张凭条待打印，请在终端机上按 F6 登录后打印"),
}
