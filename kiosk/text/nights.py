"""The wording of the nightly run: for staff at the desk and for the commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.backup.errors import BackupFault
from kiosk.domain.nights import BACKUP_REASON, NightlyFinding, StepOutcome, StepReason
from kiosk.labels import NIGHT_STEPS, PERSONAL_KINDS, night_finding
from kiosk.store.agent_state import ContactFault
from kiosk.text.backups import fault_words
from kiosk.text.catalogue import N_
from kiosk.text.contact_faults import CONTACT_FAULTS
from kiosk.text.failures import with_advice
from kiosk.text.times import day, minute

if TYPE_CHECKING:
    from kiosk.domain.nights import ExpiringKey, Finding, NightReport, StepRecord

Text = Callable[..., str]

_SUPPORT = N_("联系技术支持")
_OUT_OF_USE = N_("停用本机并联系技术支持")
ADVICE: dict[str, str] = {
    NightlyFinding.CENTRE_NOT_REACHED.value: N_("检查网络和中心的地址"),
    NightlyFinding.CENTRE_REFUSES.value: N_("联系中心"),
    NightlyFinding.STEP_FAILED.value: _SUPPORT,
    NightlyFinding.BACKLOG.value: N_("连上中心，等它自己传完；传不完就联系中心"),
    NightlyFinding.PAGES_DAMAGED.value: _OUT_OF_USE,
    NightlyFinding.JOURNAL_UNSOUND.value: _OUT_OF_USE,
    NightlyFinding.TIPS_DIFFER.value: _SUPPORT,
    NightlyFinding.QUARANTINED.value: N_("联系中心"),
    NightlyFinding.MATTERS.value: N_("联系中心处理"),
    NightlyFinding.UNAPPLIED.value: N_("联系中心处理"),
    NightlyFinding.RECEIPTS_WAITING.value: N_("在终端机上按 F6 登录后打印"),
    NightlyFinding.NAMES_REFUSED.value: N_("请中心在控制台改正"),
    NightlyFinding.PRUNING_HELD.value: N_("在终端机上按 F6 登录，办完或退掉最早的订单"),
    NightlyFinding.PRUNING_REFUSED.value: _SUPPORT,
    NightlyFinding.RECORDS_BROKEN.value: N_("让这些会员重新填写，并联系技术支持；读不出的还留在本机"),
}
"""What to do about each finding."""
REASONS: dict[str, tuple[str, str]] = {
    StepReason.NOT_CONFIGURED.value: (N_("没有配置"), N_("在 keydesk.toml 里配置")),
    StepReason.PAGES_DAMAGED.value: (N_("数据库有损坏，没有核对"), _OUT_OF_USE),
    StepReason.NOT_SOUND.value: (N_("日志没有校验通过"), _OUT_OF_USE),
    StepReason.BROKE_OFF.value: (
        N_("当夜两次做到这里都中断了"),
        N_("看机器有没有断电、内存和磁盘够不够，并联系技术支持"),
    ),
    StepReason.DISK_FULL.value: (N_("磁盘已满"), N_("清出空间")),
    StepReason.STORE_BUSY.value: (N_("数据库正由别的程序写入"), N_("停下别的程序，或等下一夜")),
    StepReason.STORE_DAMAGED.value: (N_("数据库已损坏"), _OUT_OF_USE),
    StepReason.UNREADABLE.value: (N_("文件不能读写"), N_("检查磁盘和存储盘，以及属主和权限")),
    StepReason.UNEXPECTED.value: (N_("程序出错"), _SUPPORT),
}
"""Why a step was skipped or failed, and what to do."""


def _reason(reason: str, place: str, detail: str, t: Text) -> tuple[str, str] | None:
    """Why a step was skipped or failed, and what to do; None of a reason that has no words here."""
    if reason in set(ContactFault):
        said, advice = CONTACT_FAULTS[ContactFault(reason)]
        return t(said), t(advice)
    fault = reason.removeprefix(BACKUP_REASON)
    if fault != reason and fault in set(BackupFault):
        return fault_words(BackupFault(fault), place or "-", detail, t)
    if reason not in REASONS:
        return None
    said, advice = REASONS[reason]
    return t(said), t(advice)


def finding_sentence(finding: Finding, t: Text) -> str:
    """What is wrong and what to do, in one sentence."""
    found, advice = finding_words(finding, t)
    return with_advice(found, advice, t) if advice else found


def finding_words(finding: Finding, t: Text) -> tuple[str, str]:
    """What is wrong, why where a step failed, and what to do, which is empty of what has no words here."""
    found = night_finding(finding.kind, finding.count, finding.step, t)
    advice = t(ADVICE[finding.kind]) if finding.kind in ADVICE else ""
    known = _reason(finding.reason, finding.place, finding.detail, t)
    if known is not None:
        why, advice = known
        found = found if why == found else t("{found}：{why}", found=found, why=why)
    elif finding.kind == NightlyFinding.NAMES_REFUSED and finding.detail:
        found = t("{found}：{why}", found=found, why=finding.detail)
    elif finding.kind == NightlyFinding.RECORDS_BROKEN and finding.detail:
        found = t("{found}：{why}", found=found, why=_records(finding.detail, t))
    elif finding.reason:
        found = t("{found}（{detail}）", found=found, detail=finding.reason)
    return found, advice


def _records(detail: str, t: Text) -> str:
    """The accounts of broken records, each with what the record is."""
    named = (each.partition(" ") for each in detail.split(", "))
    return ", ".join(f"{account} {t(PERSONAL_KINDS.get(kind, kind))}" for account, _, kind in named)


def step_line(record: StepRecord, t: Text) -> str:
    """What a step is, and how it went; why one failed is said by its finding."""
    step = t(NIGHT_STEPS[record.step]) if record.step in NIGHT_STEPS else record.step
    known = _reason(record.reason, "", record.detail, t)
    why = record.reason if known is None else known[0]
    match record.outcome:
        case StepOutcome.DONE if record.count:
            return t("{step}：完成（{count}）", step=step, count=record.count)
        case StepOutcome.DONE:
            return t("{step}：完成", step=step)
        case StepOutcome.SKIPPED:
            return t("{step}：没有做，{why}", step=step, why=why)
        case StepOutcome.FAILED:
            return t("{step}：没有做成", step=step)


def report_line(report: NightReport, t: Text) -> str:
    """When a run ended, and whether anything needs a person."""
    when = minute(report.ended)
    if report.by_hand:
        when = t("{time}（手动）", time=when)
    if report.well:
        return t("{time}  全部正常", time=when)
    return t("{time}  有 {count} 件事要人处理", time=when, count=len(report.findings))


def expiring_line(key: ExpiringKey, t: Text) -> str:
    """Whose key ends when."""
    return t(
        "账号 {account}，key盘 {serial}，到 {day}",
        account=key.account,
        serial=key.token_serial,
        day=day(key.not_after),
    )


def expiring_rest(count: int, t: Text) -> str:
    """How many more there are than are listed."""
    return t("还有 {count} 把", count=count)


def expiring_title(count: int, t: Text) -> str:
    """How many keys end soon."""
    return t("快到期的key盘 {count} 把", count=count)


def missed_words(nights: int, t: Text) -> tuple[str, str]:
    """That nights went by without a report, and what to do."""
    return t("已连续 {nights} 夜没有做夜间检查", nights=nights), t(
        "看 keydesk-sync run 是否在运行，并联系技术支持"
    )
