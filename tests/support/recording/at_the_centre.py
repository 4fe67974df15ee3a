"""Chapters between the centre and its kiosks: it is put back, orders move, copies part, machines go out of use."""

from __future__ import annotations

from tests.support.recording.story import BOSS, Story  # isort: split

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from kiosk.domain.entries.decisions import StrandDecision
from kiosk.domain.ledger import BindingStep
from kiosk.domain.login_check import ChallengeRequested
from kiosk.domain.members import Review
from kiosk.domain.policy import DAY
from kiosk.store.agent_state import LinkFault
from kiosk.store.vault import VaultItem
from sync.agent.context import Agent, record_failed_contact
from sync.agent.enrolment import enrol
from sync.agent.errors import AwaitingRoot, CentreBusy, CentreUnreachable, CentreUntrusted
from sync.agent.feed import pull as pulling
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.night.running import nightly
from sync.agent.push import push
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.machines import end, present_machine
from sync.central.fleet.models import Kiosk, KioskState, MachineState
from sync.central.journal.models import Strand
from sync.central.journal.nights import look_for_missed
from sync.central.ledger import settling
from sync.central.ledger.deciding_strands import decide_quarantine, decide_strand
from sync.central.ledger.models import Matter, MatterState
from sync.central.ledger.publishing import publish_audiences, publish_operators
from sync.central.ledger.rules import Action
from sync.central.members.models import Enterprise, Operator
from sync.protocol.deeds import SignedDeed
from sync.protocol.records import DeedShown, EpochRequest
from tests.support.histories.feed_steps import cut_pull, edit_person, in_place
from tests.support.histories.machines import Line, Machine
from tests.support.histories.restores import Oracle
from tests.support.histories.world import Killed
from tests.support.recording import pruned
from tests.support.recording.wire import Exchange, Tap
from tests.support.values import present


def put_back(story: Story) -> None:
    """The centre is put back to what it was before a machine was enrolled and somebody demoted; the machine waits for staff."""
    world = story.world
    oracle = Oracle(world)
    oracle.hire()
    story.tell(*world.live)
    oracle.back_up()
    newcomer = enrolled(story, 7)
    edit_person(world, "陈晓")
    reference = story.vouched(newcomer)
    story.tell(*world.live)
    oracle.restore()
    for _ in range(3):
        for machine in world.live:
            world.exchange(machine)
        story.apply()
    story.bind(newcomer, reference)


def enrolled(story: Story, kiosk: int) -> Machine:
    """A machine that is enrolled anew."""
    machine = story.world.new_machine(kiosk)
    came = story.world.enrol(machine)
    assert came.startswith("epoch"), came
    story.tell(machine)
    return machine


def hand_overs(story: Story, giver: Machine, taker: Machine) -> None:
    """Orders are asked for, on their way, taken, and taken over from a kiosk that is revoked."""
    now = story.world.centre.now
    taken, asked, way = (story.paid(giver) for _ in range(3))
    story.bind_until(giver, taken, BindingStep.ISSUED)
    story.tell(giver)
    assert settling.move(story.at_centre(taken), taker.kiosk, BOSS, now)
    story.tell(giver, taker)
    assert settling.move(story.at_centre(way), taker.kiosk, BOSS, now)
    story.tell(giver)
    assert settling.move(story.at_centre(asked), taker.kiosk, BOSS, now)
    gone = enrolled(story, 11)
    story.tell(gone)
    over, stays = story.paid(gone), story.paid(gone)
    story.tell(gone)
    Kiosk.objects.filter(number=11).update(state=KioskState.REVOKED)
    assert settling.move(story.at_centre(over), taker.kiosk, BOSS, now)
    assert stays
    story.bind(gone, stays)
    story.bind(gone, over)
    gone.work(push)
    story.apply()
    row = present(present_machine(11))
    end(row, MachineState.REVOKED, BOSS, "看过", now)
    decide_quarantine(row, StrandDecision.TAKE_OVER, BOSS, "看过", now)
    story.apply()


def held_keys(story: Story, first: Machine, second: Machine) -> None:
    """Two kiosks bind a key for one account before they hear of each other: one is held, and a person decides, or not yet."""
    now, accounts = story.world.centre.now, [story.member() for _ in range(4)]
    for account in accounts:
        for machine in (first, second):
            story.bound(machine, account)
    story.tell(first, second)
    for account, action in zip(accounts, (Action.LIST, Action.REVOKE, Action.LIST), strict=False):
        matter = Matter.objects.get(account=account, state=MatterState.OPEN, rule="certificate-held")
        assert not settling.decide([matter], action, BOSS, "看过", now)
        if account == accounts[2]:
            matter.refresh_from_db()
            assert not settling.decide([matter], Action.REOPEN, BOSS, "看错了", now)
    story.tell(first, second)


def copies(story: Story, machine: Machine, taker: Machine) -> None:
    """A copy is put back, another starts beside its machine; what they wrote is decided about, or not yet."""
    world, now = story.world, story.world.centre.now
    world.copy(machine, with_marker=False)
    story.vouched(machine)
    story.tell(machine)
    world.put_back(world.copies[-1])
    story.tell(machine)  # it gets back what it had forgotten
    for decision in (StrandDecision.SET_ASIDE, StrandDecision.GIVEN_UP, StrandDecision.TAKE_OVER, None):
        account, moved = story.member(), story.paid(machine)
        story.tell(machine)
        world.copy(machine, with_marker=False)
        copy = world.copies[-1]
        story.bound(machine, account)
        assert settling.move(story.at_centre(moved), taker.kiosk, BOSS, now)
        story.tell(machine, taker)
        world.put_back(copy)
        story.bound(machine, account)
        story.bind(machine, moved)
        story.tell(machine)
        if decision is not None:
            left = Strand.objects.filter(kiosk=machine.kiosk).order_by("-number")[1]
            decide_strand(left, decision, BOSS, "看过", now)
        story.tell(machine)
    world.copy(machine, with_marker=True)
    clone = world.clone(world.copies[-1])
    for each in (machine, clone):
        story.vouched(each)
        each.work(push)
        story.apply()
    for each in (machine, clone, machine, clone):
        world.exchange(each)
        story.apply()


def own_epoch(story: Story, machine: Machine) -> None:
    """A copy was put back, and an order placed there before anybody was asked."""
    story.world.copy(machine, with_marker=False)
    story.vouched(machine)
    story.world.put_back(story.world.copies[-1])
    story.vouched(machine)


def machines(story: Story, machine: Machine) -> Machine:
    """A machine is replaced and has entries left to upload; others are lost, retired, revoked."""
    world, now = story.world, story.world.centre.now
    story.vouched(machine)
    new = world.new_machine(machine.kiosk)
    came = world.enrol(new)
    assert came.startswith("epoch"), came
    story.tell(new)
    machine.work(heartbeat)
    for kiosk, state in ((12, MachineState.LOST), (13, MachineState.REVOKED), (14, MachineState.RETIRED)):
        other = enrolled(story, kiosk)
        story.tell(other)
        kept = story.vouched(other)
        story.tell(other)
        row = present(present_machine(kiosk))
        end(row, state, BOSS, "看过", now)
        story.vouched(other)
        story.bound(other)
        other.work(push)
        other.work(heartbeat)
        story.apply()
        assert kept
    return new


def quarantine(story: Story) -> None:
    """Staff decide about what a revoked machine sent."""
    for kiosk, decision in ((15, StrandDecision.TAKE_OVER), (16, StrandDecision.SET_ASIDE)):
        machine = enrolled(story, kiosk)
        story.tell(machine)
        row = present(present_machine(kiosk))
        end(row, MachineState.REVOKED, BOSS, "看过", story.world.centre.now)
        story.vouched(machine)
        machine.work(push)
        decide_quarantine(row, decision, BOSS, "看过", story.world.centre.now)
        story.apply()


def audiences(story: Story) -> None:
    """A kiosk serves one enterprise now, and has not deleted all that it heard of the others."""
    machine = enrolled(story, 17)
    kiosk = Kiosk.objects.get(number=17)
    kiosk.serves_all = False
    kiosk.save(update_fields=["serves_all"])
    present(Enterprise.objects.order_by("code").first()).kiosks.add(kiosk)
    publish_audiences(kiosk, story.world.centre.now)
    with in_place(pulling, "leave_on", _dying):
        try:
            machine.work(pull)
        except Killed:
            machine.restart()
    with machine.database.read() as tx:
        assert tx.feed.rows.left()


def _dying(agent: Agent, _stopped: object = None) -> None:
    """Die as soon as an audience was left."""
    with agent.database.read() as tx:
        if tx.feed.rows.left():
            raise Killed


def half_read(story: Story) -> None:
    """A machine that was put up anew died in the middle of its first pull; another one was never enrolled."""
    world = story.world
    machine = world.new_machine(18)
    world.enrol(machine)
    for chance in range(9):
        world.random.seed(chance)
        if cut_pull(world, machine) == "killed":
            break
    before = world.new_machine(19)
    world.tokens = {str(kiosk): give_token(kiosk, world.centre.now) for kiosk in (19, 26)}
    before.line.up = False
    try:
        enrol(before.settings, before.database, world.tokens["19"], before.line, before.clock)
    except CentreUnreachable:
        before.line.up = True


@contextmanager
def root_elsewhere() -> Iterator[None]:
    """Have the centre's root be where it signs nothing by itself."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(CentreKeys, "root_is_here", property(lambda _keys: False))
        yield


def awaited(story: Story) -> None:
    """A machine asks to be enrolled while the centre's root is elsewhere."""
    world = story.world
    machine = world.new_machine(28)
    token = give_token(28, world.centre.now)
    with root_elsewhere(), pytest.raises(AwaitingRoot):
        enrol(machine.settings, machine.database, token, machine.line, machine.clock)


def nights_missed(story: Story) -> None:
    """A kiosk made no nightly run for three nights."""
    now = story.world.centre.now
    Kiosk.objects.filter(number=20).update(night_since=now - 3 * DAY)
    look_for_missed(now)


def failed_contacts(story: Story, *some: Machine) -> None:
    """The centre was out of reach, busy, refused, or another one; a retired machine is half enrolled anew."""
    untrusted = CentreUntrusted(LinkFault.EXPIRED, "expired")
    for machine, error in zip(some, (CentreBusy(503, 300.0), untrusted), strict=False):
        record_failed_contact(machine.agent, error)
    refused = story.machine_of_kiosk(13)
    nightly(refused.agent)
    retired = story.machine_of_kiosk(14)
    retired.line.up = False
    story.world.enrol(retired)
    retired.line.up = True


def people(story: Story) -> None:
    """People in review, and refused."""
    enterprise = present(Enterprise.objects.order_by("code").last())
    for number, review in enumerate((Review.UNDER_REVIEW, Review.REFUSED)):
        Enterprise.objects.create(
            code=f"91130100MA0EXA{number}", name=f"示例{number}", legal_person="某某", review=review.value
        )
    states = {"13000001": Review.UNDER_REVIEW, "13000002": Review.REFUSED}
    rows = [
        Operator(account=account, enterprise=enterprise, name="审查", review=state.value)
        for account, state in states.items()
    ]
    Operator.objects.bulk_create(rows)
    publish_operators(rows, story.world.centre.now)


def _show_deed(agent: Agent) -> object:
    with agent.database.read() as tx:
        deed = msgspec.json.decode(present(tx.vault.get(VaultItem.DEED)), type=SignedDeed)
    return agent.centre.show_deed(DeedShown(deed))


def wire(story: Story) -> list[Exchange]:
    """Every path is asked, and every refusal that an honest machine can meet is given; what goes over the line."""
    world = story.world
    tap = Tap(world.transport, world.time)
    newcomer = world.new_machine(25)
    k3 = story.machine("k3")
    for machine in (newcomer, k3, *map(story.machine_of_kiosk, (4, 7, 13, 14))):
        machine.line = Line(tap)
        machine.enrolled_anew()
    assert world.enrol(newcomer).startswith("epoch")
    world.exchange(newcomer)
    newcomer.work(lambda agent: agent.centre.own_entries(0))
    newcomer.work(lambda agent: agent.centre.epoch(EpochRequest(None, "wire")))
    newcomer.work(lambda agent: agent.centre.login(ChallengeRequested("11000001")))
    newcomer.work(_show_deed)
    story.bound(newcomer)
    story.tell(newcomer)
    pruned.show(story, newcomer)
    for machine in (story.machine_of_kiosk(each) for each in (4, 7, 13, 14)):
        machine.work(heartbeat)
        machine.work(pull)
    return tap.kept
