"""`keydesk status`: the connection to the centre, the backlog, the clock and what needs a person."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import msgspec

from kiosk.backup.standing import BackupState
from kiosk.backup.standing import state as backup_state
from kiosk.commands.output import document, line
from kiosk.commands.store import open_store
from kiosk.configuration import load
from kiosk.desk.status import clock_status, fingerprint, network_of
from kiosk.desk.views.status import ClockFault, Network
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.nights import ALARMING
from kiosk.domain.versions import write_cursors
from kiosk.store import keyfile, status
from kiosk.store.agent_lock import agent_runs
from kiosk.store.agent_state import ContactFault, LinkFault
from kiosk.store.location import KEY_FILE
from kiosk.store.sealing.ways import Way
from kiosk.store.system_clock import SystemClock
from kiosk.text.backups import state_words
from kiosk.text.catalogue import N_
from kiosk.text.command_line import spoken
from kiosk.text.contact_faults import AGENT_STOPPED, contact_words, with_retry
from kiosk.text.failures import Text, with_advice
from kiosk.text.hindrances import OUT_OF_USE
from kiosk.text.nights import missed_words
from kiosk.text.sealing import KEY_WORDS
from kiosk.text.times import moment

if TYPE_CHECKING:
    from kiosk.backup.records import BackupSettings
    from kiosk.store.transaction import Transaction

NETWORKS = {
    Network.ONLINE: N_("在线"),
    Network.OFFLINE: N_("离线"),
    Network.REFUSED: N_("中心拒绝"),
    Network.NOT_ENROLLED: N_("未登记"),
    Network.AWAITING_ROOT: N_("等待根证书签发"),
}
CLOCKS = {
    ClockFault.BEHIND_LAST_ENTRY: N_("落后于最后一条记录"),
    ClockFault.FAR_FROM_SERVER: N_("与中心时间相差过大"),
    ClockFault.SERVER_TIME_TOO_OLD: N_("太久没有与中心对时"),
}


class KioskStatus(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `backlog` entries that the centre has not, `backup` when the newest was made that arrived.

    `night_ended` is when the last nightly run ended, `night_findings` what it left for people, `nights_missed` how many nights in
    a row have none. `refusal` is the centre's code of why it refused; `fingerprint` that of this machine's issuing key.
    """

    kiosk: int | None
    epoch: int | None
    sequence: int
    network: Network
    last_contact: int | None
    backlog: int
    feed_cursors: str
    feed_whole: bool
    operators: int
    placed: int
    paid: int
    refunding: int
    receipts_waiting: int
    matters: int
    feed_rows_kept: int
    clock: ClockFault | None
    error: str
    failure: ContactFault | None = None
    trouble: LinkFault | None = None
    retry_at: int | None = None
    backup: int | None = None
    backup_state: BackupState = BackupState.NOT_CONFIGURED
    agent_runs: bool = True
    nights_missed: int = 0
    night_ended: int | None = None
    night_findings: int = 0
    key: Way | None = None
    refusal: str = ""
    fingerprint: str = ""
    out_of_use: bool = False


def read_status(
    tx: Transaction, clock: SystemClock, settings: BackupSettings, *, agent_runs: bool
) -> KioskStatus:
    """The status as read from the store; `agent_runs` says whether the sync agent does."""
    store = status.read_status(tx)
    state, backup, night = store.agent, tx.backups.get(), tx.nights.newest()
    return KioskStatus(
        kiosk=store.kiosk,
        epoch=store.epoch,
        sequence=store.sequence,
        network=network_of(store.identity, state, clock.wall(), agent_runs=agent_runs),
        last_contact=state.last_contact,
        backlog=store.backlog,
        feed_cursors=write_cursors(store.cursors),
        feed_whole=store.feed_whole,
        operators=tx.members.counts().operators,
        placed=tx.ledger.count(OrderStatus.PLACED),
        paid=tx.ledger.count(OrderStatus.PAID),
        refunding=tx.ledger.count(OrderStatus.REFUNDING),
        receipts_waiting=store.receipts_waiting,
        matters=store.matters,
        feed_rows_kept=store.unapplied_rows,
        clock=clock_status(tx, clock),
        error=state.error,
        failure=state.failure,
        trouble=state.trouble,
        retry_at=state.retry_at,
        backup=None if backup is None else backup.newest,
        backup_state=backup_state(settings, backup, clock.wall()),
        agent_runs=agent_runs,
        nights_missed=status.nights_missed(tx, clock.wall()),
        night_ended=None if night is None else night.ended,
        night_findings=0 if night is None else len(night.findings),
        refusal=state.refusal,
        fingerprint=fingerprint(tx),
        out_of_use=state.is_out_of_use,
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises CommandError, ConfigurationError, StoreError."""
    database, backups = open_store(arguments), load(arguments.config).backup
    with database.read() as tx:
        found = read_status(tx, SystemClock(), backups, agent_runs=agent_runs(database.path.parent))
    found = msgspec.structs.replace(found, key=keyfile.way(database.path.parent / KEY_FILE))
    if arguments.json:
        document(found)
    else:
        _print_status(found)
    return 0


def _print_status(status: KioskStatus) -> None:
    text = spoken().text
    contact = text("从未") if status.last_contact is None else moment(status.last_contact)
    clock = text("正常") if status.clock is None else text(CLOCKS[status.clock])
    line(
        text(
            "终端机 {kiosk}，第 {epoch} 期，日志 {sequence} 条",
            kiosk=status.kiosk or "-",
            epoch=status.epoch or "-",
            sequence=status.sequence,
        )
    )
    line(
        text(
            "网络 {network}，上次联系 {contact}，待传 {backlog}",
            network=text(NETWORKS[status.network]),
            contact=contact,
            backlog=status.backlog,
        )
    )
    if status.fingerprint:
        line(text("密钥指纹 {fingerprint}（与中心核对用）", fingerprint=status.fingerprint))
    line(
        text(
            "操作员 {operators} 名，资料{whole}，游标 {cursors}",
            operators=status.operators,
            whole=text("齐全") if status.feed_whole else text("未齐"),
            cursors=status.feed_cursors or "-",
        )
    )
    line(
        text(
            "待付款 {placed}，待绑定 {paid}，退款中 {refunding}",
            placed=status.placed,
            paid=status.paid,
            refunding=status.refunding,
        )
    )
    line(
        text(
            "待打印 {receipts}，待办事项 {matters}，未能处理的资料 {kept}",
            receipts=status.receipts_waiting,
            matters=status.matters,
            kept=status.feed_rows_kept,
        )
    )
    line(text("时钟 {clock}", clock=clock))
    line(_backup(status, text))
    if status.out_of_use:
        line(with_advice(text(OUT_OF_USE[0]), text(OUT_OF_USE[1]), text))
    if not status.agent_runs:
        line(with_advice(text(AGENT_STOPPED[0]), text(AGENT_STOPPED[1]), text))
    line(text("夜间检查 {night}", night=_night(status, text)))
    if status.nights_missed >= ALARMING:
        line(with_advice(*missed_words(status.nights_missed, text), text))
    if status.key is not None:
        line(text(KEY_WORDS[status.key]))
    if status.error:
        line(text("上次联系失败：{error}", error=with_retry(_why(status, text), status.retry_at, text)))


def _night(status: KioskStatus, text: Text) -> str:
    if status.night_ended is None:
        return text("还没有做过")
    ended = moment(status.night_ended)
    if not status.night_findings:
        return text("{time}  全部正常", time=ended)
    return text("{time}  有 {count} 件事要人处理", time=ended, count=status.night_findings)


def _backup(status: KioskStatus, text: Text) -> str:
    found, advice = state_words(status.backup_state, status.backup, text)
    return with_advice(found, advice, text) if advice else found


def _why(status: KioskStatus, text: Text) -> str:
    words = contact_words(status.trouble, status.failure, status.refusal)
    if words is None:
        return status.error
    said, detail = text(words[0]), status.refusal or status.error
    return said if status.trouble is not None else text("{found}（{detail}）", found=said, detail=detail)
