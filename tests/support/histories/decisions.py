"""What staff decide at the centre: about matters, about strands and about what lies in quarantine."""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.domain.entries import StrandDecision
from kiosk.domain.remarks import RemarkReason
from sync.central.fleet.models import Machine, MachineState
from sync.central.journal.models import Alarm, AlarmKind, Strand
from sync.central.journal.strands import line, strands_of
from sync.central.ledger import settling
from sync.central.ledger.deciding_strands import decide_quarantine
from sync.central.ledger.deciding_strands import decide_strand as decide_about
from sync.central.ledger.models import LedgerCertificate, Matter, MatterState
from sync.central.ledger.rules import RULES, Action
from tests.support.histories.promises import net_money
from tests.support.histories.template import KIOSKS
from tests.support.histories.world import NOTHING, World

BOSS = "boss"
IN_QUARANTINE = 0.5
"""How often that is decided about where there is any."""
UNLISTED = ("issued", "bound", "held")


def decide_matter(world: World) -> str:
    """Staff decide what is open, while everything else goes on."""
    world.centre.apply()
    open_matters = Matter.objects.filter(state=MatterState.OPEN).order_by("position", "key")
    matter = world.choose(list(open_matters))
    return NOTHING if matter is None else decide(world, matter)


def decide(world: World, matter: Matter) -> str:
    """Decide an open matter by one of its actions; where one is not possible the next; empty where none is."""
    rule = RULES[RemarkReason(matter.rule)]
    actions = list(rule.actions)
    world.random.shuffle(actions)
    if matter.rule == RemarkReason.MONEY_RETURNED.value and net_money(world, matter.order) <= 0:
        actions.remove(Action.ACCEPT)  # nobody gives a key away
    for action in actions:
        if action in {Action.REVOKE, Action.REFUND}:
            numbers = LedgerCertificate.objects.filter(order=matter.order).exclude(status="void")
            world.notes.deciding.update(numbers.values_list("number", flat=True))
        if not settling.decide([matter], action, BOSS, "seen", world.centre.now):
            if not rule.is_about_kiosk:  # the next one raises it again
                world.notes.decided[matter.key] = action.value
            return f"{matter.key}: {action.value}"
    return ""


def decide_strand(world: World) -> str:
    """Staff take over or set aside what a machine wrote that works no more: its branch, or what lies in quarantine."""
    decision = world.random.choice(list(StrandDecision))
    revoked = Machine.objects.filter(state=MachineState.REVOKED, kiosk_id__in=KIOSKS).order_by("key")
    machine = world.choose(list(revoked))
    if machine is not None and world.random.random() < IN_QUARANTINE:
        moved, left = decide_quarantine(machine, decision, BOSS, "seen", world.centre.now)
        return (
            f"{machine.kiosk_id}/{machine.number} in quarantine {decision.value}, {moved} moved, {left} left"
        )
    strand = world.choose(_left(world))
    return NOTHING if strand is None else _decide_about(world, strand, decision)


def decide_strands(world: World) -> Iterator[str]:
    """Staff take over each fork on which no machine works any more."""
    for strand in _left(world):
        alarm = Alarm.objects.filter(kind=AlarmKind.FORK, subject=f"{strand.parent}→{strand.number}")
        if alarm.filter(kiosk=strand.kiosk, cleared_at=None).exists():
            yield _decide_about(world, strand, StrandDecision.TAKE_OVER)


def _decide_about(world: World, strand: Strand, decision: StrandDecision) -> str:
    if decision is StrandDecision.SET_ASIDE:
        _note_set_aside(world, strand)
    decide_about(strand, decision, BOSS, "seen", world.centre.now)
    return f"{strand.kiosk}/{strand.number} {decision.value}"


def _left(world: World) -> list[Strand]:
    """The strands on which no machine's line runs that works."""
    left: list[Strand] = []
    for kiosk in KIOSKS:
        strands = strands_of(kiosk)
        working = {each.strand for each in world.live if each.kiosk == kiosk and each.works}
        lines = [line(strands, each) for each in strands if each.number in working]
        taken = {stretch.strand for each in lines for stretch in each}
        left += [each for each in strands if working and each.number not in taken]
    return left


def _note_set_aside(world: World, strand: Strand) -> None:
    """What is not listed is never listed after that."""
    world.notes.set_aside.add((strand.kiosk, strand.number))
    unlisted = LedgerCertificate.objects.filter(kiosk=strand.kiosk, strand=strand.number, status__in=UNLISTED)
    world.notes.revoked.update(unlisted.values_list("number", flat=True))
