"""The agent's reports for people, one fact on each line, in the language of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kiosk.domain.nights import NightlyFinding, NightStep, StepReason
from kiosk.domain.versions import write_cursors
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad, width
from kiosk.text.contact_faults import AGENT_STOPPED, with_retry
from kiosk.text.link_faults import LINK_FAULTS
from kiosk.text.matters import matter_line
from kiosk.text.nights import expiring_line, expiring_rest, finding_sentence, step_line
from kiosk.text.times import moment
from kiosk.text.unapplied import unapplied_line
from sync.agent.failure_wording import contact_failure, failure, in_brackets

if TYPE_CHECKING:
    from kiosk.domain.nights import Finding, StepRecord
    from sync.agent.enrolment import Enrolled
    from sync.agent.failure_wording import Text
    from sync.agent.leftovers import HandedIn
    from sync.agent.night.running import NightRun
    from sync.agent.status import Status

# What a line is about, and what it says.
Row: TypeAlias = tuple[str, str]


def enrolled_line(enrolled: Enrolled, t: Text) -> str:
    """Which kiosk this is now."""
    if enrolled.before:
        return t("本机已是 {kiosk} 号终端机，第 {epoch} 期。", kiosk=enrolled.kiosk, epoch=enrolled.epoch)
    return t("本机已登记为 {kiosk} 号终端机，第 {epoch} 期。", kiosk=enrolled.kiosk, epoch=enrolled.epoch)


def handed_in_lines(handed: HandedIn, t: Text) -> list[str]:
    """Whose data it was, and what became of it."""
    whose = t(
        "旧数据是 {kiosk} 号终端机第 {machine} 台的：日志 {count} 条，最后一条记于 {time}。",
        kiosk=handed.kiosk,
        machine=handed.machine,
        count=handed.entries,
        time=moment(handed.latest),
    )
    if handed.quarantined:
        became = t(
            "上传 {sent} 条。那台机器已被中心停用：上传的另行存放，请中心在「机器」里决定。",
            sent=handed.sent,
        )
    elif handed.lacked:
        became = t(
            "上传 {sent} 条，其中 {lacked} 条中心原来没有；现在中心都有了。",
            sent=handed.sent,
            lacked=handed.lacked,
        )
    else:
        became = t("上传 {sent} 条核对，中心原来都有。", sent=handed.sent)
    return [whose, became]


def exchanged_line(sent: int, received: int, kept: int, t: Text) -> str:
    """How many entries one exchange uploaded, how many rows of the feed it applied, and how many it could not."""
    return t(
        "上传 {sent} 条，接收 {received} 项，未能应用 {kept} 项。", sent=sent, received=received, kept=kept
    )


def status_lines(report: Status, t: Text) -> list[str]:
    """The status, one fact on each line."""
    return _laid_out(_status_rows(report, t))


def night_lines(night: NightRun, t: Text) -> list[str]:
    """The nightly report, one fact on each line; the last lines say what needs a person, or that all is well."""
    report = night.report
    rows = _night_rows(night, t)
    if night.status is not None:
        rows += _status_rows(night.status, t)
    rows += [(t("步骤"), step_line(each, t)) for each in report.steps]
    rows += [(t("快到期"), expiring_line(each, t)) for each in report.expiring]
    if rest := report.expiring_count - len(report.expiring):
        rows.append((t("快到期"), expiring_rest(rest, t)))
    rows += [(t("需处理"), _to_do(each, night, t)) for each in report.findings]
    if not night.kept:
        rows.append((t("需处理"), t("这份报告没有存下来。请检查磁盘是否已满")))
    elif night.well and any(_no_backup(each) for each in report.steps):
        rows.append((t("结果"), t("没有发现问题；但没有配置备份，请在配置文件的 [backup] 里指定")))
    elif night.well:
        rows.append((t("结果"), t("一切正常")))
    return _laid_out(rows)


def _no_backup(record: StepRecord) -> bool:
    return record.step == NightStep.BACKUP and record.reason == StepReason.NOT_CONFIGURED


def _to_do(finding: Finding, night: NightRun, t: Text) -> str:
    """What is wrong and what to do; of the centre as it answered just now."""
    if finding.kind in _AT_THE_CENTRE and night.error is not None:
        return failure(night.error, t)
    return finding_sentence(finding, t)


_AT_THE_CENTRE = frozenset({NightlyFinding.CENTRE_NOT_REACHED, NightlyFinding.CENTRE_REFUSES})


def _laid_out(rows: list[Row]) -> list[str]:
    cells = max(width(label) for label, _ in rows)
    return [f"{pad(label, cells)}  {said}" for label, said in rows]


def _night_rows(night: NightRun, t: Text) -> list[Row]:
    tip = {True: N_("一致"), False: N_("不一致"), None: N_("未能核对")}[night.same_tip]
    received = t(
        "{received} 项，未能应用 {kept} 项，补应用 {retried} 项",
        received=night.received,
        kept=night.drained.pulled.kept,
        retried=night.drained.retried,
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
    if report.fingerprint:
        rows.insert(1, (t("密钥指纹"), report.fingerprint))
    if not report.agent_runs:
        rows.append((t("同步程序"), t(AGENT_STOPPED[0])))
    if report.error:
        said = t("{time} 失败：{why}", time=_time(report.last_attempt, t), why=_last_failure(report, t))
        said = with_retry(said, report.retry_at, t)
        rows.append((t("网络"), said))
    if report.quarantined:
        rows.append((t("注意"), t("本机已被中心停用，上传的内容另行存放")))
    elif report.retired:
        rows.append(
            (t("注意"), t("本机已被中心停用：只上传，不再办理；付过款的订单在接替的机器上办，或请中心处理"))
        )
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
