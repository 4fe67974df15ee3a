"""What may happen in a history: each step chooses by chance among what is there, and says in a few words what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kiosk.desk.views.orders import Placed
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BindingProgress
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import Order, OrderStatus
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.central.fleet.machines import end, present_machine
from sync.central.fleet.models import Kiosk, KioskState, MachineState
from sync.central.ledger import applier
from sync.central.ledger.publishing import publish_audiences
from sync.central.payments.models import Payment, PaymentState
from tests.support.histories.centre_steps import (
    BOSS,
    ask_refund,
    move,
    pay_back,
    return_surplus,
    revoke_certificate,
)
from tests.support.histories.decisions import accept_strand, decide_matter, decide_strand
from tests.support.histories.feed_steps import (
    cut_pull,
    decided_and_put_back,
    edit_staff,
    pull_killed,
    pull_overtaken,
    put_back_at_once,
)
from tests.support.histories.machines import Machine
from tests.support.histories.payer_steps import decline, pay, settle_late
from tests.support.histories.template import HOSTILE
from tests.support.histories.world import ACCOUNTS, NOTHING, PIN, STAFF, SUPERVISOR, Killed, World

MOST_MACHINES = 6
CUT_SHORT = 0.5
"""How often a first pull is."""
PAYS_AGAIN = 0.3
"""How often somebody who paid on the page pays in cash as well."""


def outcome(of: object) -> str:
    """What a verb answered, in a word or two."""
    reason = getattr(of, "reason", None)
    return f"{type(of).__name__}" + ("" if reason is None else f" {reason}")


def _machine(world: World) -> Machine:
    return world.random.choice(world.live)


def _order(world: World, machine: Machine, *states: OrderStatus) -> Order | None:
    found = [each for each in machine.orders() if each.status in states and each.account in ACCOUNTS]
    return world.choose(sorted(found, key=lambda each: each.reference))


# at the desk


def place(world: World) -> str:
    """A member orders: mostly what fits, else anything."""
    return _place_at(world, _machine(world))


def _place_at(world: World, machine: Machine) -> str:
    account = world.random.choice(ACCOUNTS)
    kinds = list(OrderKind)
    world.random.shuffle(kinds)
    for kind in kinds:
        placed = machine.service.place_order(world.session(account), kind)
        if isinstance(placed, Placed):
            world.seen(placed.order)
            if not machine.heard:
                world.notes.served_unheard.append(placed.order.reference)
            return f"{machine.label} {account} {kind.value} {placed.order.reference}"
    return f"{machine.label} {account} {outcome(placed)}"


def vouch(world: World) -> str:
    """A supervisor takes cash, or has seen the payment on the phone."""
    machine = _machine(world)
    order = _order(world, machine, OrderStatus.PLACED, OrderStatus.CANCELLED, OrderStatus.EXPIRED)
    if order is None or order.reference in world.cash:
        return NOTHING
    vouched = machine.service.vouch(SUPERVISOR, order.reference)
    if isinstance(vouched, Refused):
        return f"{machine.label} {order.reference} {outcome(vouched)}"
    seen = Payment.objects.filter(order=order.reference, state=PaymentState.PAID).exists()
    seen = seen and world.random.random() >= PAYS_AGAIN
    if not seen:
        world.cash[order.reference] = world.cash.get(order.reference, 0) + order.total
    return f"{machine.label} {order.reference} {'seen' if seen else 'cash'}"


def type_code(world: World) -> str:
    """A payer types the digits that the page showed."""
    return _confirm(world, lambda machine, order, receipt: machine.service.confirm_typed(order, receipt[0]))


def scan_code(world: World) -> str:
    """A payer shows the code that the page showed."""
    return _confirm(world, lambda machine, order, receipt: machine.service.confirm_scanned(order, receipt[1]))


def _confirm(world: World, verb: Callable[[Machine, str, tuple[str, str]], object]) -> str:
    """Mostly for the order that was paid; sometimes for another one of that number, or any."""
    machine, paid = _machine(world), world.choose(sorted(world.receipts))
    if paid is None:
        return NOTHING
    receipt = world.receipts[paid]
    same = [each.reference for each in machine.orders() if number_in(each.reference) == number_in(paid)]
    order = world.choose(sorted({paid, *same}))
    assert order is not None
    done = verb(machine, order, (receipt.confirmation, receipt.scan_text))
    world.notes.confirmed(order, paid, done)
    return f"{machine.label} {paid} for {order} {outcome(done)}"


def bind(world: World) -> str:
    """A paid order is bound."""
    return _bind(world, None)


def bind_and_kill(world: World) -> str:
    """The desk dies in the middle of a binding."""
    return _bind(world, world.random.randint(1, 11))


def _bind(world: World, steps: int | None) -> str:
    machine = _machine(world)
    order = _order(world, machine, OrderStatus.PAID)
    if order is None:
        return NOTHING
    left = [steps or 0]

    def watch(_progress: BindingProgress) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    machine.source.swap(world.card_for(machine, order))
    try:
        done: object = machine.service.bind(world.session(order.account), order.reference, PIN, False, watch)  # noqa: FBT003 - the verb's own signature
    except Killed:
        machine.restart()
        done = Killed()
    finally:
        machine.source.remove()
    return f"{machine.label} {order.reference} {outcome(done)}"


def abandon(world: World) -> str:
    """A supervisor gives an attempt up."""
    machine = _machine(world)
    begun = [
        each for each in machine.orders() if each.status is OrderStatus.PAID and each.binding is not None
    ]
    order = world.choose(begun)
    if order is None:
        return NOTHING
    return f"{machine.label} {order.reference} {outcome(machine.service.abandon(SUPERVISOR, order.reference, 'dead'))}"


def cancel(world: World) -> str:
    """A member gives an unpaid order up."""
    machine = _machine(world)
    order = _order(world, machine, OrderStatus.PLACED)
    if order is None:
        return NOTHING
    done = machine.service.cancel(world.session(order.account), order.reference)
    return f"{machine.label} {order.reference} {outcome(done)}"


def grant_refund(world: World) -> str:
    """A supervisor gives the money of a paid order back."""
    machine = _machine(world)
    order = _order(world, machine, OrderStatus.PAID)
    if order is None:
        return NOTHING
    done = machine.service.grant_refund(SUPERVISOR, order.reference, "asked")
    return f"{machine.label} {order.reference} {outcome(done)}"


def lose(world: World) -> str:
    """A member reports a loss."""
    machine, account = _machine(world), world.random.choice(ACCOUNTS)
    return f"{machine.label} {account} {outcome(machine.service.report_loss(world.session(account)))}"


def find(world: World) -> str:
    """A key is handed in."""
    machine, serial = _machine(world), world.choose(sorted(world.cards))
    if serial is None:
        return NOTHING
    machine.source.swap(world.cards[serial])
    done = machine.service.key_found(STAFF)
    machine.source.remove()
    return f"{machine.label} {serial} {outcome(done)}"


def lift(world: World) -> str:
    """The owner is back with the key."""
    machine, account = _machine(world), world.random.choice(ACCOUNTS)
    card = world.cards.get(world.serial_of(machine, account))
    if card is None:
        return NOTHING
    machine.source.swap(card)
    done = machine.service.lift_hold(world.session(account), STAFF, PIN, False)  # noqa: FBT003 - the verb's own signature
    machine.source.remove()
    return f"{machine.label} {account} {outcome(done)}"


# lines, time and the applier


def exchange(world: World) -> str:
    """A machine and the centre tell each other everything."""
    machine = _machine(world)
    return f"{machine.label} {world.exchange(machine)}"


def only_push(world: World) -> str:
    """A machine uploads."""
    machine = _machine(world)
    return f"{machine.label} {machine.work(push)}"


def only_pull(world: World) -> str:
    """A machine reads its feed."""
    machine = _machine(world)
    return f"{machine.label} {machine.work(pull, hears=True)}"


def beat(world: World) -> str:
    """A machine sends a heartbeat."""
    machine = _machine(world)
    return f"{machine.label} {machine.work(heartbeat)}"


def apply(world: World) -> str:
    """The applier and the verifier come to rest."""
    world.centre.apply()
    return ""


@contextmanager
def _hooked_fold(hook: Callable[[], None]) -> Iterator[None]:
    """Let something happen after the applier's next batch was folded and before it is written."""
    real = applier.fold

    def fold(*arguments: object, **named: object) -> object:
        applier.fold = real
        folded = real(*arguments, **named)  # type: ignore[arg-type]  # handed through
        hook()
        return folded

    vars(applier)["fold"] = fold
    try:
        yield
    finally:
        applier.fold = real


def apply_overtaken(world: World) -> str:
    """An applier sleeps in mid-batch while another one works."""
    with _hooked_fold(lambda: applier.apply_pending(world.centre.now)):
        applier.apply_pending(world.centre.now)
    return ""


def apply_killed(world: World) -> str:
    """The applier dies in mid-batch."""

    def die() -> None:
        raise Killed

    try:
        with _hooked_fold(die):
            applier.apply_batch(world.centre.now)
    except Killed:
        return "killed"
    return "idle"


def switch_line(world: World) -> str:
    """A line goes down, or is there again."""
    machine = _machine(world)
    machine.line.up = not machine.line.up
    return f"{machine.label} {'up' if machine.line.up else 'down'}"


def lose_answer(world: World) -> str:
    """The next answer of the centre is lost on its way."""
    machine = _machine(world)
    machine.line.lose_answers = 1
    return machine.label


def delay_upload(world: World) -> str:
    """The next upload arrives later."""
    machine = _machine(world)
    machine.line.delay_uploads = 1
    return machine.label


def deliver(world: World) -> str:
    """Uploads that were on their way arrive, the last one first."""
    machine = _machine(world)
    return f"{machine.label} {machine.line.deliver()}"


def wait(world: World) -> str:
    """Time passes: a minute, twenty minutes, a day."""
    seconds = world.random.choice([60, 1260, 26 * 3600])
    world.time.now += seconds
    for machine in world.live:
        machine.service.expire_due()
    return f"{seconds} s"


def set_clock(world: World) -> str:
    """A machine's clock is wrong, or right again."""
    machine = _machine(world)
    machine.clock.off = world.random.choice([0, 0, -40, 200, -3600, 7200, 40 * 86400])
    return f"{machine.label} {machine.clock.off:+d}"


# machines and their data


def copy(world: World) -> str:
    """Somebody copies a data directory, or the whole disk with the marker."""
    machine = _machine(world)
    return f"{machine.label} {world.copy(machine, with_marker=world.random.random() < 0.4)}"


def put_back(world: World) -> str:
    """A copy is put back in place of a machine's data."""
    copies = [each for each in world.copies if each.machine.at_work]
    chosen = world.choose(copies)
    if chosen is None:
        return NOTHING
    world.put_back(chosen)
    return f"{chosen.machine.label} {chosen.label}"


def clone(world: World) -> str:
    """A copy is started on another machine, or twice as the same virtual one."""
    chosen = world.choose(world.copies)
    if chosen is None or len(world.live) >= MOST_MACHINES:
        return NOTHING
    return f"{chosen.label} as {world.clone(chosen).label}"


def replace_machine(world: World) -> str:
    """A machine is replaced by a new one, which is enrolled with a token; the old one is gone, or only retired by that.

    Sometimes somebody orders there in the middle of the first pull.
    """
    machine = _machine(world)
    if len(world.live) >= MOST_MACHINES:
        return NOTHING
    if world.random.random() < 0.6:
        world.lose(machine)
    new = world.new_machine(machine.kiosk)
    came = f"{machine.label}{'' if machine.at_work else ' lost,'} {new.label} {world.enrol(new)}"
    if new.at_work and world.random.random() < CUT_SHORT:
        came = f"{came} {cut_pull(world, new)}, {', '.join(_place_at(world, new) for _ in range(3))}"
    return came


def hand_in_copy(world: World) -> str:
    """Somebody uploads what the centre lacks of a copy, from another machine, as the machine that it is of."""
    chosen = world.choose(world.copies)
    if chosen is None:
        return NOTHING
    return f"{chosen.machine.label} {chosen.label} {world.hand_in(chosen)}"


def retire(world: World) -> str:
    """Staff take a kiosk's present machine out of use."""
    kiosk = world.random.choice(world.kiosks)
    machine = present_machine(kiosk)
    if machine is None or machine.state != MachineState.ENROLLED:
        return NOTHING
    state = world.random.choice([MachineState.RETIRED, MachineState.LOST, MachineState.REVOKED])
    end(machine, state, BOSS, "seen", world.centre.now)
    return f"{machine.kiosk_id}/{machine.number} {state.value}"


def enrol_again(world: World) -> str:
    """A machine that was taken out of use is enrolled anew, over its own data."""
    machine = world.choose([each for each in world.live if not each.works])
    if machine is None:
        return NOTHING
    return f"{machine.label} {world.enrol(machine)}"


def revoke_kiosk(world: World) -> str:
    """Staff revoke a kiosk for good."""
    kiosk = world.random.choice(world.kiosks)
    if world.random.random() < 0.5 or kiosk == world.kiosks[0]:
        return NOTHING
    Kiosk.objects.filter(number=kiosk).update(state=KioskState.REVOKED)
    return str(kiosk)


# others


def junk(world: World) -> str:
    """A hostile kiosk sends something, about what the other one sent too."""
    hostile = world.random.choice(world.hostiles)
    return f"{hostile.number} {hostile.send_junk(world.random, world.targets())}"


def switch_members(world: World) -> str:
    """Staff let a hostile kiosk serve all members, or no more."""
    kiosk = Kiosk.objects.get(number=world.random.choice(HOSTILE))
    kiosk.serves_all = not kiosk.serves_all
    kiosk.save(update_fields=["serves_all"])
    publish_audiences(kiosk, world.centre.now)
    return f"{kiosk.number} {'all' if kiosk.serves_all else 'none'}"


Step = Callable[[World], str]

WEIGHTS: dict[Step, int] = {
    place: 20,
    pay: 14,
    exchange: 16,
    bind: 16,
    apply: 8,
    only_push: 4,
    only_pull: 4,
    beat: 2,
    vouch: 5,
    type_code: 4,
    scan_code: 3,
    bind_and_kill: 4,
    abandon: 2,
    cancel: 2,
    grant_refund: 3,
    lose: 3,
    find: 2,
    lift: 3,
    decline: 2,
    settle_late: 2,
    apply_overtaken: 2,
    apply_killed: 2,
    switch_line: 3,
    lose_answer: 2,
    delay_upload: 2,
    deliver: 2,
    wait: 5,
    set_clock: 2,
    move: 4,
    ask_refund: 2,
    pay_back: 3,
    return_surplus: 2,
    revoke_certificate: 1,
    copy: 5,
    put_back: 4,
    clone: 3,
    replace_machine: 2,
    hand_in_copy: 3,
    retire: 1,
    enrol_again: 3,
    revoke_kiosk: 1,
    decide_matter: 4,
    decide_strand: 3,
    accept_strand: 2,
    edit_staff: 2,
    pull_killed: 3,
    pull_overtaken: 2,
    put_back_at_once: 2,
    decided_and_put_back: 2,
    junk: 7,
    switch_members: 1,
}
