"""What staff decide about strands and quarantine: take over, so that it counts, or set aside, so that nothing of it does.

What is set aside is listed no more: its certificates that are not listed go out of use, also those of which it still
tells, and the money of its orders may go back. Taking over later brings no certificate back.
"""

from __future__ import annotations

from kiosk.domain.entries.decisions import StrandDecided, StrandDecision
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.journal.alarms import clear_alarm, close_alarm
from sync.central.journal.appending import take_in
from sync.central.journal.models import Alarm, AlarmKind, Strand
from sync.central.ledger import waking
from sync.central.ledger.publishing import publish_audiences
from sync.central.ledger.settling import enter_and_apply


def decide_strand(strand: Strand, decision: StrandDecision, by: str, remark: str, now: int) -> None:
    """Decide about a strand, e.g. a branch or what a retired machine sent late; the alarm of its fork is closed."""
    enter_and_apply([StrandDecided(strand.kiosk, strand.number, 0, decision, by, remark)], now)
    _close(AlarmKind.FORK, strand.kiosk, f"{strand.parent}→{strand.number}", by, remark, now)


def decide_quarantine(
    machine: Machine, decision: StrandDecision, by: str, remark: str, now: int
) -> tuple[int, int]:
    """Decide about what a machine sent into quarantine; how many entries were read into the books, and how many could not be.

    What it sends later is in quarantine again; what was set aside stays so until it is taken over.
    """
    kiosk = machine.kiosk_id
    enter_and_apply([StrandDecided(kiosk, 0, machine.number, decision, by, remark)], now)
    moved, left = take_in(machine) if decision is StrandDecision.TAKE_OVER else (0, 0)
    if moved:
        waking.wake()
    _close(AlarmKind.REVOKED_SENDS, kiosk, str(machine.number), by, remark, now)
    return moved, left


def _close(kind: AlarmKind, kiosk: int, subject: str, by: str, remark: str, now: int) -> None:
    for alarm in Alarm.objects.filter(kind=kind, kiosk=kiosk, subject=subject, cleared_at=None):
        close_alarm(alarm, by, remark, now)


def confirm_machine(machine: Machine, by: str, remark: str, now: int) -> bool:
    """Let a machine serve members that showed its deed after the centre was put back, and enter what it sent.

    False for a machine that does not wait for this, and where its kiosk is revoked.
    """
    with telling(now):
        kiosk = Kiosk.objects.select_for_update().get(number=machine.kiosk_id)
        waiting = Machine.objects.filter(key=machine.key, state=MachineState.UNCONFIRMED)
        if kiosk.state == KioskState.REVOKED or not waiting.exists():
            return False
        waiting.update(state=MachineState.ENROLLED, remark=remark, confirmed_in=present_incarnation())
        if kiosk.state == KioskState.AWAITED:
            kiosk.state, kiosk.enrolled_at = KioskState.ENROLLED, now
            kiosk.save(update_fields=["state", "enrolled_at"])
        publish_audiences(kiosk, now)
        for subject in (str(machine.number), f"{machine.number} {present_incarnation()}"):
            clear_alarm(AlarmKind.UNCONFIRMED, kiosk.number, subject, by, now)
        waking.wake()
    return True
