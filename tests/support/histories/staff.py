"""A plain policy of the centre's staff: decide what is open by what may be decided, give back what may go back."""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.desk.views.tokens import BindingProgress, BoundView
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import CertificateStatus, Order, OrderStatus
from kiosk.domain.order_steps import placing_kiosk
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter, MatterState
from sync.central.ledger.rules import Action
from sync.central.payments import paying, reconciling
from sync.central.payments.models import DeskPayment, DeskPaymentState, Payment, PaymentState
from tests.support.histories.decisions import accept_strands, decide, decide_strands
from tests.support.histories.machines import Machine
from tests.support.histories.promises import net_money
from tests.support.histories.quiet import tell_everything
from tests.support.histories.steps import outcome
from tests.support.histories.world import PIN, STAFF, SUPERVISOR, World

BOSS = "boss"
ROUNDS = 12


def settle_everything(world: World) -> None:
    """Work through what is open until nothing changes any more; first some of what was set aside is accepted after all."""
    accepted = list(accept_strands(world))
    for _ in range(ROUNDS):
        done = [*accepted, *_machines(world), *decide_strands(world), *_members(world), *_matters(world)]
        accepted.clear()
        done += [*_desk_money(world), *_refunds(world)]
        if not done:
            return
        tell_everything(world)
        world.log += [f"staff: {each}" for each in done]


def _machines(world: World) -> Iterator[str]:
    """A kiosk without a machine gets one, which has its journal back."""
    for kiosk in world.kiosks:
        if not any(machine.kiosk == kiosk and machine.works for machine in world.live):
            machine = world.new_machine(kiosk)
            yield f"{machine.label} {world.enrol(machine)}"


def _members(world: World) -> Iterator[str]:
    """Who paid comes and has the key bound; where that cannot be, the desk gives the money back."""
    for machine in world.live:
        if not machine.works:
            continue
        for order in machine.orders():
            if order.status is not OrderStatus.PAID or order.owner != machine.kiosk:
                continue
            outcomes = [bound(world, machine, order)]
            if not isinstance(outcomes[0], BoundView):
                outcomes.append(machine.service.grant_refund(SUPERVISOR, order.reference, "not bound"))
            yield f"{machine.label} {order.reference} {' '.join(map(outcome, outcomes))}"


def bound(world: World, machine: Machine, order: Order) -> object:
    """Have the key of an order bound, with the token that it takes; the result is the desk's outcome."""
    machine.source.swap(world.card_for(machine, order))
    try:
        return machine.service.bind(world.session(order.account), order.reference, PIN, False, _unseen)  # noqa: FBT003 - the verb's own signature
    finally:
        machine.source.remove()


def vouched_and_bound(world: World, machine: Machine, reference: str) -> object:
    """A supervisor takes the money of an order and has its key bound; the result is the desk's outcome."""
    vouched = machine.service.vouch(SUPERVISOR, reference)
    (order,) = (each for each in machine.orders() if each.reference == reference)
    return vouched if order.status is not OrderStatus.PAID else bound(world, machine, order)


def _unseen(_progress: BindingProgress) -> None:
    """Nobody looks at the screen."""


def _matters(world: World) -> Iterator[str]:
    """Decide each open matter."""
    for matter in Matter.objects.filter(state=MatterState.OPEN).order_by("position", "key"):
        matter.refresh_from_db()
        done = decide(world, matter) if matter.state == MatterState.OPEN else ""
        if done:
            yield done


def _desk_money(world: World) -> Iterator[str]:
    """Say of what the desk vouched for whether it is the provider's money or its own; give back what is to go back."""
    now = world.centre.now
    for row in DeskPayment.objects.exclude(state=DeskPaymentState.RETURNED).order_by("key"):
        cash = world.cash.get(row.order, 0) - _received(row)
        if row.state == DeskPaymentState.OPEN:
            verb = reconciling.confirm_separate if cash else reconciling.confirm_same
            if verb(row, BOSS, "seen", now):
                yield f"{row.order} {verb.__name__}"
        elif (
            row.state == DeskPaymentState.RECEIVED
            and _goes_back(row.order)
            and reconciling.confirm_returned(row, BOSS, "seen", now)
        ):
            world.cash[row.order] -= row.amount
            yield f"{row.order} returned at the desk"


def _received(row: DeskPayment) -> int:
    """What was found to be the desk's own money of an order, by the other payments."""
    others = DeskPayment.objects.filter(order=row.order, state=DeskPaymentState.RECEIVED).exclude(key=row.key)
    return sum(each.amount for each in others)


def forget_lost_cash(world: World) -> None:
    """What a desk took and never told, because its data is gone, is on paper alone."""
    for reference, cash in world.cash.items():
        told = DeskPayment.objects.filter(order=reference)
        world.cash[reference] = min(cash, sum(each.amount for each in told))


def _goes_back(order: str) -> bool:
    """A placed order may still be paid by it, unless nobody is left who could say so."""
    row = LedgerOrder.objects.filter(reference=order).first()
    return row is None or row.status != OrderStatus.PLACED.value or settling.is_dead(row.owner)


def _refunds(world: World) -> Iterator[str]:
    """Give back what may go back; the desks go on meanwhile, so that an order that is lost shows."""
    now = world.centre.now
    for payment in Payment.objects.order_by("order"):
        if (
            payment.state == PaymentState.PAID
            and not LedgerOrder.objects.filter(reference=payment.order).exists()
        ):
            yield from _go_on(world, payment)
        if paying.surplus(payment).exists():
            returned = paying.return_surplus(payment, now)
            if returned:
                yield f"{payment.order} surplus {returned}"
        payment.refresh_from_db()
        if settling.may_return(payment.order, payment.kiosk) and paying.pay_back(payment, now):
            yield f"{payment.order} paid back"


def _go_on(world: World, payment: Payment) -> Iterator[str]:
    """Another key is handed in at the kiosk that should know of an order."""
    for machine in world.live:
        if machine.kiosk != payment.kiosk or not machine.works:
            continue
        if not settling.may_return(payment.order, payment.kiosk):
            machine.source.swap(world.blank())
            yield f"{machine.label} goes on {outcome(machine.service.key_found(STAFF))}"
            machine.source.remove()


def left_open(world: World) -> Iterator[str]:
    """What is not as it should be after the staff's work: an open matter, or money without an order to it."""
    for matter in Matter.objects.filter(state=MatterState.OPEN):
        yield f"nobody can close {matter.key}"
    orders = {row.reference: row for row in LedgerOrder.objects.all()}
    payments = set(Payment.objects.values_list("order", flat=True))
    for reference in sorted({*orders, *payments, *world.cash}):
        if placing_kiosk(reference) == EXCHANGE_KIOSK:
            continue  # paid on the web, to an account that is not here
        money, row = net_money(world, reference), orders.get(reference)
        due = row.total if row is not None and _keeps_its_money(row) else 0
        if money != due:
            status = "unknown" if row is None else row.status
            yield f"{reference} is {status} and has {money} where {due} belongs"


def _keeps_its_money(row: LedgerOrder) -> bool:
    """No key in use is unpaid. Else a paid order waits for its key, and a bound one has it, unless the money may go back."""
    certificates = LedgerCertificate.objects.filter(order=row.reference).order_by("number")
    statuses = {each.status for each in certificates}
    if statuses & {CertificateStatus.VALID.value, CertificateStatus.ON_HOLD.value}:
        return True
    refunds = Matter.objects.filter(
        order=row.reference, state=MatterState.DECIDED, action=Action.REFUND.value
    )
    if refunds.exists() or settling.may_pay_back(row):
        return False  # a refund was decided, its kiosk revoked, or its strand set aside
    if row.status == OrderStatus.BOUND.value:
        return bool(statuses - {CertificateStatus.VOID.value})
    return row.status == OrderStatus.PAID.value
