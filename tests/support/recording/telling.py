"""The whole story of a recording, chapter by chapter."""

from __future__ import annotations

from tests.support.recording.story import Story  # isort: split

from sync.agent.push import push
from sync.central.ledger.applier import apply_pending
from tests.support.histories.world import World, chance
from tests.support.recording import at_the_centre, at_the_desk, kept_rows, pruned, strangers
from tests.support.recording.wire import Exchange

MEMBERS = 150


def tell(world: World) -> list[Exchange]:
    """Let everything happen that is to be recorded; the end is what is open in every state. The result is what went over the line."""
    world.random = chance(1)
    story = Story(world)
    story.hire(MEMBERS)
    at_the_centre.put_back(story)
    at_the_centre.people(story)
    k3, k4, k5 = (story.machine(label) for label in ("k3", "k4", "k5"))
    story.tell(k3, k4, k5)
    at_the_desk.money_back(story, k3)
    at_the_desk.keys(story, k3)
    at_the_centre.held_keys(story, k3, k4)
    at_the_centre.hand_overs(story, k3, k4)
    at_the_centre.copies(story, k5, k4)
    new = at_the_centre.machines(story, k4)
    at_the_centre.quarantine(story)
    at_the_centre.audiences(story)
    strangers.come(story)
    at_the_centre.half_read(story)
    at_the_centre.awaited(story)
    kept_rows.keep(story, at_the_centre.enrolled(story, 20))
    for machine in (k3, new, k5):
        story.world.exchange(machine)
        story.apply()
    at_the_desk.paid_orders(story, k3)
    story.tell(k3)
    at_the_desk.unpaid_orders(story, k3)
    story.push(k3)
    at_the_desk.paid_on_the_page(story, k3)
    at_the_desk.without_paper(story, k3)
    at_the_desk.wrong_passwords(story, k3)
    at_the_desk.questions(story, k3, "12000001")
    story.vouched(new)
    short = at_the_centre.enrolled(story, 27)
    story.bind(short, story.paid(short))
    story.vouched(short)
    story.tell(short)
    pruned.prune(story, short)
    kept = at_the_centre.wire(story)
    at_the_centre.nights_missed(story)
    at_the_centre.failed_contacts(story, new, k5)
    at_the_centre.own_epoch(story, k5)
    story.bound(k3)
    k3.work(push)
    apply_pending(world.centre.now)
    return kept
