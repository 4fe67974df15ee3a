"""What may happen to a machine that reads the feed: it dies or is overtaken on the way, or its data is put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kiosk.domain.clock import Clock
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.members import Role
from kiosk.domain.versions import Version
from kiosk.store.transaction import Transaction
from sync.agent.context import Agent
from sync.agent.feed import pull as pulling
from sync.agent.feed.pull import pull
from sync.agent.feed.taking import take
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerCertificate
from sync.central.members.models import DeskStaff
from sync.central.members.publishing import publish_staff
from sync.protocol.records import FeedPage
from tests.support.histories.machines import Machine
from tests.support.histories.world import NOTHING, Killed, World

PEOPLE = ("陈晓", "孙丽")
MOST_ROWS = 20
BOSS = "boss"


def edit_staff(world: World) -> str:
    """The centre's staff give somebody of a desk another role."""
    return edit_person(world, world.random.choice(PEOPLE))


def edit_person(world: World, name: str) -> str:
    """Give somebody of a desk the other role."""
    before = DeskStaff.objects.filter(name=name, role=Role.STAFF.value).exists()
    role = Role.SUPERVISOR if before else Role.STAFF
    row, _ = DeskStaff.objects.update_or_create(name=name, defaults={"role": role.value})
    publish_staff(row, world.centre.now)
    return f"{name} {role.value}"


def pull_killed(world: World) -> str:
    """The agent dies in the middle of what the feed brought."""
    machine, name = world.random.choice(world.live), world.random.choice(PEOPLE)
    edit_person(world, name)
    return f"{machine.label} {cut_pull(world, machine)}"


def cut_pull(world: World, machine: Machine) -> str:
    """Let the agent die before one of the rows; few rows are one transaction."""
    left = [world.random.randint(0, MOST_ROWS)]

    def dying(tx: Transaction, row: FeedRow, clock: Clock) -> str | None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return take(tx, row, clock)

    with in_place(pulling, "take", dying), in_place(pulling, "AT_ONCE", world.random.randint(1, 4)):
        try:
            return machine.work(pull, hears=True)
        except Killed:
            machine.restart()
            return "killed"


def pull_overtaken(world: World) -> str:
    """A machine's agent sleeps over what it read, while the night's run reads on."""
    machine, name = world.random.choice(world.live), world.random.choice(PEOPLE)
    edit_person(world, name)
    return f"{machine.label} {machine.work(lambda agent: _overtaken(world, agent, name), hears=True)}"


def _overtaken(world: World, agent: Agent, name: str) -> object:
    real = agent.centre.feed

    def feed(cursors: Mapping[int, Version], wait: int = 0) -> FeedPage:
        page = real(cursors, wait)
        vars(agent.centre).pop("feed")
        edit_person(world, name)
        world.centre.apply()
        pull(agent)
        return page

    vars(agent.centre)["feed"] = feed
    try:
        return pull(agent)
    finally:
        vars(agent.centre).pop("feed", None)


def put_back_at_once(world: World) -> str:
    """A copy is put back of what a machine had before it told of its news, and before the centre read that."""
    machine = world.random.choice(world.live)
    label = world.copy(machine, with_marker=False)
    told = f"{machine.work(pull, hears=True)} {machine.work(push)}"
    world.put_back(world.copies[-1])
    return f"{machine.label} {label} {told}"


def decided_and_put_back(world: World) -> str:
    """Staff take a key out of use, first one that is held; its issuer enters that, is put back, and is told all of it again."""
    issuers = {each.kiosk: each for each in world.live if each.works and each.line.up}
    rows = LedgerCertificate.objects.filter(kiosk__in=issuers).exclude(status="void").order_by("number")
    row = world.choose(list(rows.filter(status="held")) or list(rows))
    if row is None:
        return NOTHING
    machine = issuers[row.kiosk]
    label = world.copy(machine, with_marker=False)
    settling.revoke_certificate(row, BOSS, "seen", world.centre.now)
    world.notes.revoked.add(row.number)
    told = f"{machine.work(pull, hears=True)} {machine.work(push)}"
    world.put_back(world.copies[-1])
    return f"{row.number} {label} {told} {machine.work(heartbeat)} {machine.work(pull, hears=True)}"


@contextmanager
def in_place(module: object, name: str, other: object) -> Iterator[None]:
    """Put another function in the place of one of a module for a while."""
    real = vars(module)[name]
    vars(module)[name] = other
    try:
        yield
    finally:
        vars(module)[name] = real
