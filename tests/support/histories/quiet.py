"""Coming to rest: every line up, every clock right, until nobody has anything to tell."""

from __future__ import annotations

from sync.agent.context import Agent
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.nightly import exchange, nightly
from sync.agent.push import push
from tests.support.histories.machines import Machine
from tests.support.histories.world import World

ROUNDS = 40
OVERDUE = 26 * 3600


class NeverQuiet(AssertionError):
    """Machines and the centre go on telling each other things."""


def come_to_rest(world: World) -> None:
    """Let everything arrive and be applied. Raises NeverQuiet.

    What a machine was told and could not apply is tried again, once no order is left that nobody paid.
    """
    for machine in world.live:
        machine.line.up, machine.line.lose_answers, machine.line.delay_uploads = True, 0, 0
        machine.line.deliver()
        machine.clock.off = 0
        machine.work(exchange)
    tell_everything(world)
    if any(machine.service.unapplied_rows() for machine in world.live):
        world.time.now += OVERDUE
        for machine in world.live:
            machine.work(exchange)
            machine.service.expire_due()
        tell_everything(world)


def tell_everything(world: World) -> None:
    """Upload and read the feeds until there is nothing new, as the agents' loops do. Raises NeverQuiet."""
    for _ in range(ROUNDS):
        world.centre.apply()
        told = [_told(world, machine) for machine in world.live]
        again = [_tried_again(machine) for machine in world.live]
        if not any(told) and not any(again):
            return
    raise NeverQuiet(f"after {ROUNDS} rounds: {', '.join(each for each in told if each)}")


def _tried_again(machine: Machine) -> bool:
    """Whether the nightly run changed anything about what could not be applied."""
    if not machine.service.unapplied_rows():
        return False
    before = machine.tip()
    machine.work(nightly)
    return before != machine.tip()


def _told(world: World, machine: Machine) -> str:
    """What a machine told or was told; empty for nothing."""
    before = machine.tip()
    if sum(each.kiosk == machine.kiosk for each in world.live) > 1:
        machine.work(heartbeat)  # what the others have comes by it
    came = machine.work(_news)
    if before == machine.tip() and (came == "" or not machine.works):
        return ""
    return f"{machine.label} {came}"


def _news(agent: Agent) -> str:
    came, sent = pull(agent), push(agent).sent
    return f"{came} {sent}" if came.applied + came.kept + sent else ""
