"""The centre put back from a backup: found out by a receipt that a kiosk shows, or said by hand; another incarnation begins.

It begins once, in one transaction, for all kiosks, whoever shows the first proof: versions, epochs and machines' numbers
go past what may have been given and forgotten, enrolment tokens are void, and everybody is told. The kiosks pull from
zero then, and upload again what the centre lacks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import PUT_BACK_RULE, MatterPublished
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from kiosk.domain.versions import ALL
from sync.central.fleet import standing
from sync.central.fleet.epochs import leave_out, note_epochs
from sync.central.fleet.feed.models import FeedRow, Incarnation
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import (
    go_past,
    lock_all,
    newest_stamps,
    present_life,
    say_again,
)
from sync.central.fleet.machines import count_ended, distrust, present_machine
from sync.central.fleet.models import EnrolmentToken, Kiosk
from sync.central.fleet.standing import record_soon
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind, Strand
from sync.central.journal.signals import incarnation_began
from sync.central.journal.strands import holding, strand_key, strands_of
from sync.protocol.receipts import BITS, CentreReceipt, Life, Verdict, judge


def take_receipt(receipt: CentreReceipt, now: int) -> bool:
    """Act on a receipt that a machine shows and that the centre signed for its kiosk, and say whether that changed anything.

    No transaction is open.

    Whatever the receipt names was committed before it was signed: each statement here sees it, unless it was lost.
    """
    verdict = judge(receipt, present_life(), lambda: knows(receipt))
    if verdict is Verdict.PUT_BACK:
        detail = f"{receipt.kiosk} 号机出示的回执由中心签发，所记的内容在中心却查不到：中心的数据是从较早的备份恢复的"
        _begin(receipt, receipt.kiosk, detail, now)
        return True
    if verdict is Verdict.EARLIER and _has_news(receipt):
        with telling(now):
            _lift(receipt, now)
        return True
    return False


def begin_by_hand(now: int, random: Callable[[int], bytes] = secrets.token_bytes) -> Life:
    """Begin another incarnation because a person says that the database was put back."""
    _begin(None, EXCHANGE_KIOSK, "由命令 keydesk-central restored 告知", now, random)
    return present_life()


def begin_after_restore(now: int) -> tuple[Life, int]:
    """Take over what the file beside the database knows, and begin another incarnation; that, and how much was taken over.

    Raises OSError, BodyMalformed.
    """
    taken = standing.take_over(now)
    life = begin_by_hand(now)
    standing.record()
    return life, taken


def knows(receipt: CentreReceipt) -> bool:
    """Whether all that a receipt names is on record, open or closed."""
    return not (_lost_heads(receipt) or _lost_endings(receipt) or _lost_tip(receipt))


def _has_news(receipt: CentreReceipt) -> bool:
    """Whether an earlier incarnation's receipt tells of more that was forgotten, or may be given out again.

    Entries that are not here are no news: they are uploaded again. Their epoch is.
    """
    return bool(_lost_heads(receipt)) or _lost_endings(receipt) or _lost_epoch(receipt)


def _lost_heads(receipt: CentreReceipt) -> dict[int, int]:
    """The heads of a receipt that are not on record, by audience; what is told next lies past each of the others."""
    newest = newest_stamps(receipt.heads)
    return {
        audience: stamp
        for audience, stamp in receipt.heads.items()
        if newest.get(audience) != stamp
        and not FeedRow.objects.filter(audience=audience, stamp=stamp).exists()
    }


def _lost_endings(receipt: CentreReceipt) -> bool:
    """Whether more machines and kiosks were taken out of use than are on record as such."""
    return receipt.ended > count_ended()


def _lost_tip(receipt: CentreReceipt) -> bool:
    """Whether the entry that a receipt names is on no strand."""
    tip = receipt.tip
    if tip is None:
        return False
    strand = Strand.objects.filter(key=strand_key(receipt.kiosk, receipt.strand)).first()
    if strand is not None and strand.high_water == tip:
        return False
    return holding(strands_of(receipt.kiosk), tip.sequence, tip.hash) is None


def _lost_epoch(receipt: CentreReceipt) -> bool:
    """Whether the epoch of that entry may be given to somebody once more."""
    given = Kiosk.objects.filter(number=receipt.kiosk).values_list("epoch_given", flat=True).first()
    return receipt.tip is not None and given is not None and given < receipt.tip.epoch < FIRST_RANDOM_EPOCH


def _begin(
    proof: CentreReceipt | None,
    kiosk: int,
    detail: str,
    now: int,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> None:
    with telling(now) as told:
        present_life()  # the first is there from now on
        # One after the other: whoever comes second finds that its proof is of an earlier incarnation by now.
        Incarnation.objects.select_for_update().get(number=1)
        present = present_life()
        if proof is not None and judge(proof, present, lambda: knows(proof)) is not Verdict.PUT_BACK:
            return
        bits = random(BITS)
        for row in Kiosk.objects.select_for_update().order_by("number"):
            machine = present_machine(row.number)
            leave_out(row, 0 if machine is None else machine.number, bits)
            row.save(update_fields=["epoch_given", "machine_given"])
        EnrolmentToken.objects.filter(used_at=None, expires_at__gt=now).update(expires_at=now)
        number = max(present.number, 0 if proof is None else proof.incarnation) + 1
        heads = msgspec.json.encode(lock_all()).decode()
        Incarnation.objects.create(number=number, bits=bits, begun_at=now, heads=heads)
        if proof is not None:
            _lift(proof, now)
        raise_alarm(AlarmKind.PUT_BACK, kiosk, str(number), f"{detail}。{_WHAT_TO_DO}", now)
        told.tell(ALL, MatterPublished(PUT_BACK_RULE, str(number), "", 0))
        record_soon()
        incarnation_began.send(sender=Incarnation, number=number, now=now)


def _lift(receipt: CentreReceipt, now: int) -> None:
    """Have the next versions and epochs lie past the receipt's; who may have been taken out of use waits for staff."""
    if _lost_endings(receipt):
        life = Incarnation.objects.latest("number")
        for machine in distrust(life.begun_at, life.number):
            detail = "备份之后停用或吊销过机器，恢复的备份里没有：这台机器可以上传，在「机器」里确认之前不登记它的key盘，也不退它的款"
            raise_alarm(
                AlarmKind.UNCONFIRMED, machine.kiosk_id, f"{machine.number} {life.number}", detail, now
            )
    if receipt.tip is not None:
        for kiosk in Kiosk.objects.select_for_update().filter(number=receipt.kiosk):
            note_epochs(kiosk, (receipt.tip.epoch,))
            kiosk.save(update_fields=["epoch_given"])
    lost = _lost_heads(receipt)
    go_past(receipt.heads)
    for audience in sorted(lost):
        say_again(audience, lost[audience], now)


_WHAT_TO_DO = (
    "登记令牌、登录验证和控制台会话都已失效；终端机会重新读取资料、重新上传记录。"
    "请核对备份之后停用或吊销的机器、人员的权限、处理过的待办事项和退款"
)
