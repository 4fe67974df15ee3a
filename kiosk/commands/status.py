"""`keydesk status`: the connection to the centre, the backlog, the clock and what needs a person."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import msgspec

from kiosk.commands.output import document, line
from kiosk.commands.store import open_store
from kiosk.desk.status import clock_status, network_of
from kiosk.desk.views import ClockFault, Network
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.versions import write_cursors
from kiosk.store import status
from kiosk.store.agent_state import ContactFault, LinkFault
from kiosk.store.system_clock import SystemClock
from kiosk.store.transaction import Transaction
from kiosk.text.catalogue import N_
from kiosk.text.command_line import spoken
from kiosk.text.contact_faults import contact_words, with_retry
from kiosk.text.times import moment

Text = Callable[..., str]

NETWORKS = {
    Network.ONLINE: N_("在线"),
    Network.OFFLINE: N_("离线"),
    Network.NOT_ENROLLED: N_("未登记"),
}
CLOCKS = {
    ClockFault.BEHIND_LAST_ENTRY: N_("落后于最后一条记录"),
    ClockFault.FAR_FROM_SERVER: N_("与中心时间相差过大"),
    ClockFault.SERVER_TIME_TOO_OLD: N_("太久没有与中心对时"),
}


class KioskStatus(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `backlog` entries that the centre has not."""

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


def read_status(tx: Transaction, clock: SystemClock) -> KioskStatus:
    """The status as read from the store."""
    store = status.read_status(tx)
    state = store.agent
    return KioskStatus(
        kiosk=store.kiosk,
        epoch=store.epoch,
        sequence=store.sequence,
        network=network_of(store.identity, state, clock.wall()),
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
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises CommandError, ConfigurationError, StoreError."""
    with open_store(arguments).read() as tx:
        found = read_status(tx, SystemClock())
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
    if status.error:
        line(text("上次联系失败：{error}", error=with_retry(_why(status, text), status.retry_at, text)))


def _why(status: KioskStatus, text: Text) -> str:
    words = contact_words(status.trouble, status.failure)
    if words is None:
        return status.error
    said = text(words[0])
    return (
        said if status.trouble is not None else text("{found}（{detail}）", found=said, detail=status.error)
    )
