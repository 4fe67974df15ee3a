"""Coming to rest: every line up, every clock right, until nobody has anything to tell."""

from __future__ import annotations

from sync.agent.context import Agent
from sync.agent.exchanging import exchange
from sync.agent.feed.pull import pull, retry_kept
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.central.fleet.feed.models import Audience
from sync.central.journal.models import Strand
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
    """Upload and read the feeds until there is nothing new, as the agents' loops do. Raises NeverQuiet.

    Who was asked is asked again once the centre has something else to tell; the nights see whether that was all.
    """
    quiet: dict[str, object] = {}
    for _ in range(ROUNDS):
        world.centre.apply()
        told = [came for machine in world.live if (came := _told_anew(world, machine, quiet))]
        again = [machine for machine in world.live if _tried_again(machine)]
        if not told and not again:
            return
        for machine in again:
            quiet.pop(machine.label, None)
    raise NeverQuiet(f"after {ROUNDS} rounds: {', '.join(told)}")


def _told_anew(world: World, machine: Machine, quiet: dict[str, object]) -> str:
    """What a machine told or was told, if anything changed since it was asked; empty for nothing."""
    if quiet.get(machine.label) == _at_the_centre():
        return ""
    came = _told(world, machine)
    if not came or not _has_copies(world, machine):
        quiet[machine.label] = _at_the_centre()
    return came


def _at_the_centre() -> object:
    """Where the feed and the journals end: as long as that stays, the centre has nothing else to tell."""
    strands = Strand.objects.order_by("key").values_list("key", "high_sequence", "epoch_due")
    return list(Audience.objects.order_by("number").values_list("number", "stamp")), list(strands)


def _tried_again(machine: Machine) -> bool:
    """Whether what could not be applied could be now, as the night tries it."""
    before = machine.tip()
    machine.work(retry_kept)
    return before != machine.tip()


def _told(world: World, machine: Machine) -> str:
    """What a machine told or was told; empty for nothing."""
    before = machine.tip()
    if _has_copies(world, machine):
        machine.work(heartbeat)  # what the others have comes by it
    came = machine.work(_news)
    if before == machine.tip() and (came == "" or not machine.works):
        return ""
    return f"{machine.label} {came}"


def _has_copies(world: World, machine: Machine) -> bool:
    """Whether another machine of that kiosk is at work."""
    return sum(each.kiosk == machine.kiosk for each in world.live) > 1


def _news(agent: Agent) -> str:
    came, sent = pull(agent), push(agent).sent
    return f"{came} {sent}" if came.applied + came.kept + sent else ""
