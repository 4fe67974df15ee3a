"""What staff decide at the centre: about matters, about strands and about what lies in quarantine."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from kiosk.domain.entries.decisions import StrandDecision
from kiosk.domain.remarks import RemarkReason
from sync.central.fleet.models import Machine, MachineState
from sync.central.journal.models import Alarm, AlarmKind, Strand, StrayEntry
from sync.central.journal.strands import line, strands_of
from sync.central.ledger import settling
from sync.central.ledger.deciding_strands import decide_quarantine
from sync.central.ledger.deciding_strands import decide_strand as decide_about
from sync.central.ledger.models import DecidedStrand, LedgerCertificate, Matter, MatterState
from sync.central.ledger.rules import RULES, Action
from sync.central.ledger.set_aside import decision_about
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentState
from tests.support.histories.template import KIOSKS
from tests.support.histories.world import NOTHING, World

BOSS = "boss"
IN_QUARANTINE = 0.5
"""How often that is decided about where there is any."""
IN_HASTE = 0.3
"""How often a strand is decided about whoever works there."""
ACCEPTED = 0.3
"""How often what was set aside is accepted after all, in the end."""
_MOSTLY = (StrandDecision.TAKE_OVER, *StrandDecision)
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
    """Staff decide about a strand, in haste also about one that a machine writes on, or about what lies in quarantine.

    Who gives a strand up pays its orders' money back.
    """
    decision = world.random.choice(list(StrandDecision))
    machine = world.choose(_revoked())
    if machine is not None and world.random.random() < IN_QUARANTINE:
        return _decide_about_quarantine(world, machine, decision)
    left = _left(world)
    in_haste = not left or world.random.random() < IN_HASTE
    strand = world.choose(list(_strands()) if in_haste else left)
    if strand is None:
        return NOTHING
    came = _decide_about(world, strand, decision)
    return f"{came} {_paid_back(world, strand.kiosk)}" if decision is StrandDecision.GIVEN_UP else came


def _paid_back(world: World, kiosk: int) -> str:
    payments = Payment.objects.filter(kiosk=kiosk, state=PaymentState.PAID).order_by("order")
    returned = [each for each in payments if settling.may_return(each.order, kiosk)]
    return " ".join(each.order for each in returned if paying.pay_back(each, world.centre.now))


def accept_strand(world: World) -> str:
    """Staff accept a strand after all that was set aside, or what lies in quarantine."""
    decided = world.choose(_set_aside())
    return NOTHING if decided is None else _accept(world, decided)


def accept_strands(world: World) -> Iterator[str]:
    """Staff accept some of what was set aside, after all."""
    for each in _set_aside():
        if world.random.random() < ACCEPTED:
            yield _accept(world, each)


def decide_strands(world: World) -> Iterator[str]:
    """Staff decide about each fork on which no machine works any more, and about what lies in quarantine."""
    for strand in _left(world):
        alarm = Alarm.objects.filter(kind=AlarmKind.FORK, subject=f"{strand.parent}→{strand.number}")
        if alarm.filter(kiosk=strand.kiosk, cleared_at=None).exists():
            yield _decide_about(world, strand, world.random.choice(_MOSTLY))
    for machine in _revoked():
        before = decision_about(machine.kiosk_id, machine=machine.number)
        stray = StrayEntry.objects.filter(kiosk=machine.kiosk_id, machine=machine.number)
        if stray.exists() and (before is None or not StrandDecision(before.decision).is_set_aside):
            # What continues nothing after it was taken over is left there.
            decision = world.random.choice(_MOSTLY) if before is None else StrandDecision.SET_ASIDE
            yield _decide_about_quarantine(world, machine, decision)


def _accept(world: World, decided: DecidedStrand) -> str:
    if decided.strand:
        strand = Strand.objects.get(kiosk=decided.kiosk, number=decided.strand)
        return _decide_about(world, strand, StrandDecision.TAKE_OVER)
    machine = Machine.objects.get(kiosk_id=decided.kiosk, number=decided.machine)
    return _decide_about_quarantine(world, machine, StrandDecision.TAKE_OVER)


def _decide_about(world: World, strand: Strand, decision: StrandDecision) -> str:
    if decision.is_set_aside:
        _note_set_aside(world, strand)
    decide_about(strand, decision, BOSS, "seen", world.centre.now)
    return f"{strand.kiosk}/{strand.number} {decision.value}"


def _decide_about_quarantine(world: World, machine: Machine, decision: StrandDecision) -> str:
    moved, left = decide_quarantine(machine, decision, BOSS, "seen", world.centre.now)
    return f"{machine.kiosk_id}/{machine.number} in quarantine {decision.value}, {moved} moved, {left} left"


def _revoked() -> list[Machine]:
    return list(Machine.objects.filter(state=MachineState.REVOKED, kiosk_id__in=KIOSKS).order_by("key"))


def _set_aside() -> list[DecidedStrand]:
    decided = DecidedStrand.objects.filter(kiosk__in=KIOSKS).order_by("key")
    return [each for each in decided if StrandDecision(each.decision).is_set_aside]


def _strands() -> QuerySet[Strand]:
    return Strand.objects.filter(kiosk__in=KIOSKS).order_by("key")


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
