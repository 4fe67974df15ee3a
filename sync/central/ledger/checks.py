"""What the centre checks beyond the fold: prices derived again, the policy's limits, echoes; each a remark, none a refusal.

The certificate itself is checked by the verifier (verifying.py), apart from the applying.
"""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.domain.echoes import Echo
from kiosk.domain.entries.bindings import BindingStarted, Bound, CertificateIssued
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.entries.orders import (
    OrderAssigned,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed_keys import schedule_digest
from kiosk.domain.fees import OrderKind, schedule_at
from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.policy import DAY, Policy
from kiosk.domain.remarks import Remark, RemarkReason
from kiosk.domain.validity import is_moment, validity
from sync.central.ledger.ceilings import Ceilings
from sync.central.ledger.echoes import Found
from sync.central.ledger.readings import Readings, Told

_WITHOUT_EFFECT = (
    OrderAssigned,
    OrderReleased,
    RefundCompleted,
    SurplusReturned,
    CertificateRevoked,
    RegisterDecided,
    LossReported,
    KeyFound,
    HoldLifted,
)
_USUAL = Policy(number=0, kiosk=0, valid_until=0)


def check(
    told: Told, order: Order | None, predecessor: Certificate | None, readings: Readings, ceilings: Ceilings
) -> Iterator[Remark]:
    """What the centre cannot stand by in an entry; `order` and `predecessor` are those that it names, before the entry."""
    match told.entry.body:
        case OrderPlaced() as body:
            yield from _price(told, body, readings)
            yield from _order_code(told, body, readings)
        case OrderPaid() | RefundGranted():
            yield from _echoed(told, readings)
            if isinstance(told.entry.body, OrderPaid):
                yield from _amount(told, readings, ceilings)
        case CertificateIssued() as body:
            yield from _money_kept(body.order, readings)
            yield from _certificate(told, body, order, predecessor, readings, ceilings)
        case BindingStarted() | Bound():
            yield from _money_kept(told.entry.body.order, readings)
        case LossReported() | KeyFound():
            yield from _losses(told, readings, ceilings)
        case HoldLifted() as body:
            yield from _lift(told, body, readings, ceilings)
        case OrderAssigned() | OrderReleased() | RefundCompleted() | SurplusReturned() | CertificateRevoked():
            yield from _echoed(told, readings, order)
        case RegisterDecided() if told.entry.kiosk != EXCHANGE_KIOSK:
            yield from _echoed(told, readings)
        case _:
            pass


def takes_no_effect(body: AnyBody) -> bool:
    """Whether an entry of which the centre remarks something changes nothing.

    So do an echo of what was not said, a decision that is not the centre's, too many losses, and a lift by who may not.
    """
    return isinstance(body, _WITHOUT_EFFECT)


def _price(told: Told, body: OrderPlaced, readings: Readings) -> Iterator[Remark]:
    """The named schedule must be one that the kiosk could take for the one in force, by what its feed had told it."""
    entry = told.entry
    policy = readings.policy(entry.kiosk, body.policy)
    if policy is None:
        yield Remark(RemarkReason.BEYOND_POLICY, body.order)
        return
    schedules = readings.schedules(body.feed)
    # Around the moment a schedule begins the kiosk's clock decides, as far as the policy lets it go wrong.
    moments = (entry.wall, entry.wall - policy.clock_deviation, entry.wall + policy.clock_deviation)
    in_force = {schedule_at(schedules, moment) for moment in moments}
    named = next((each for each in in_force if each is not None and each.number == body.schedule), None)
    same = named is not None and schedule_digest(named) == body.schedule_digest
    if named is None or not same or named.lines(body.order_kind) != body.lines:
        yield Remark(RemarkReason.PRICE_DIFFERS, body.order)


def _order_code(told: Told, body: OrderPlaced, readings: Readings) -> Iterator[Remark]:
    """The order's code must be this order's, by this kiosk's key."""
    code = readings.order_code(told.entry.kiosk, body.order_code)
    own = code is not None and code.order.kiosk == told.entry.kiosk and str(code.reference) == body.order
    if code is None or not own or (code.account, code.kind) != (body.account, body.order_kind):
        yield Remark(RemarkReason.ORDER_OF_ANOTHER_KIOSK, body.order)
    elif code.fee_schedule != body.schedule:
        yield Remark(RemarkReason.PRICE_DIFFERS, body.order)


def _money_kept(order: str, readings: Readings) -> Iterator[Remark]:
    """Nothing is bound for money that went back, as it may once its kiosk was revoked."""
    if readings.returned(order):
        yield Remark(RemarkReason.MONEY_RETURNED, order)


def _amount(told: Told, readings: Readings, ceilings: Ceilings) -> Iterator[Remark]:
    """Money is taken in every state; a kiosk that took more on its own word than it may is pointed out."""
    newest = readings.newest_policy(told.entry.kiosk)
    if newest is None:
        return
    if ceilings.payments(told) > newest.unsynced_amount:
        yield _beyond_amount(told)


def _losses(told: Told, readings: Readings, ceilings: Ceilings) -> Iterator[Remark]:
    """A kiosk that reports far more losses than people lose keys puts no more on hold that day."""
    kiosk = told.entry.kiosk
    if kiosk != EXCHANGE_KIOSK and ceilings.losses(told) > _a_day(kiosk, readings):
        yield _beyond_losses(told)


def _lift(told: Told, body: HoldLifted, readings: Readings, ceilings: Ceilings) -> Iterator[Remark]:
    """A hold, whoever set it, is lifted where the account is served, for as many people a day as come to a desk."""
    kiosk = told.entry.kiosk
    if kiosk == EXCHANGE_KIOSK:
        return
    if not readings.serves(kiosk, body.account) or ceilings.lifts(told) > _a_day(kiosk, readings):
        yield Remark(RemarkReason.HOLD_KEPT, body.key.number)


def _a_day(kiosk: int, readings: Readings) -> int:
    return (readings.newest_policy(kiosk) or _USUAL).losses_a_day


def _beyond_amount(told: Told) -> Remark:
    return Remark(RemarkReason.AMOUNT_BEYOND_POLICY, f"{told.entry.kiosk}/{told.entry.epoch}")


def _beyond_losses(told: Told) -> Remark:
    return Remark(RemarkReason.LOSSES_BEYOND_POLICY, f"{told.entry.kiosk}/{told.received_at // DAY}")


def _certificate(
    told: Told,
    body: CertificateIssued,
    order: Order | None,
    predecessor: Certificate | None,
    readings: Readings,
    ceilings: Ceilings,
) -> Iterator[Remark]:
    entry = told.entry
    policy = readings.policy(entry.kiosk, body.policy)
    if policy is None:
        yield Remark(RemarkReason.BEYOND_POLICY, body.number)
        return
    # No kiosk issues while its clock is behind its last entry.
    behind = entry.wall < told.wall_before
    if behind or abs(body.not_before - entry.wall) > policy.clock_deviation:
        yield Remark(RemarkReason.CERTIFICATE_DIFFERS, body.number)
    yield from _period(body, order, predecessor, policy)
    if _renews_another_token(order, predecessor):
        yield Remark(RemarkReason.ANOTHER_TOKEN, body.order)
    unsynced = ceilings.certificates(told)
    beyond = unsynced > policy.unsynced_certificates or entry.wall > policy.valid_until
    # A clock ahead of the receipt would hide how much was unsynced.
    if beyond or entry.wall > told.received_at + policy.clock_deviation:
        yield Remark(RemarkReason.BEYOND_POLICY, body.number)


def _period(
    body: CertificateIssued, order: Order | None, predecessor: Certificate | None, policy: Policy
) -> Iterator[Remark]:
    """The end must follow from the predecessor's end, as the register has it."""
    if body.predecessor is None:
        stands = body.old_end is None
    else:
        stands = (
            predecessor is not None
            and order is not None
            and predecessor.account == order.account
            and predecessor.not_after == body.old_end
        )
    stands = stands and is_moment(body.not_before) and (body.old_end is None or is_moment(body.old_end))
    if not stands or body.not_after > validity(body.not_before, body.old_end, policy.certificate_years).end:
        yield Remark(RemarkReason.CERTIFICATE_DIFFERS, body.number)


def _renews_another_token(order: Order | None, predecessor: Certificate | None) -> bool:
    if order is None or predecessor is None or order.kind is not OrderKind.RENEWAL:
        return False
    attempt = order.binding
    return attempt is not None and attempt.token_serial != predecessor.token_serial


def _echoed(told: Told, readings: Readings, order: Order | None = None) -> Iterator[Remark]:
    """The centre only acknowledges an echo: a remark unless the row that the entry names says the same, once."""
    body = told.entry.body
    if not isinstance(body, Echo):
        return
    found = readings.echo(told)
    if found is Found.FORGOTTEN and _counts_without_a_row(told, order):
        return
    reason, subject = _not_said(body)
    if found is Found.AGAIN:
        yield Remark(RemarkReason.ECHOED_ALREADY, subject)
    elif found in {Found.NOT_SAID, Found.FORGOTTEN} or (found is None and isinstance(body, _WITHOUT_EFFECT)):
        yield Remark(reason, subject)


def _counts_without_a_row(told: Told, order: Order | None) -> bool:
    """Whether an entry counts that repeats what a centre forgot, since no machine may be left to show that it was told so.

    An order's owner hands it on, and whoever got it shows the row that gave it to them; an issuer takes its own certificate
    out of use, which the fold asks.
    """
    kiosk = told.entry.kiosk
    match told.entry.body:
        case OrderReleased():
            return order is not None and order.owner == order.told_by == kiosk
        case CertificateRevoked() | RegisterDecided(decision=Decision.REVOKE):
            return True
        case _:
            return False


def _not_said(body: Echo) -> tuple[RemarkReason, str]:
    """What an entry that repeats what was not said is remarked for, and its subject."""
    match body:
        case OrderAssigned(order=order) | OrderReleased(order=order):
            return RemarkReason.ORDER_OF_ANOTHER_KIOSK, order
        case OrderPaid(order=order) | RefundGranted(order=order):
            return RemarkReason.ECHO_DIFFERS, order
        case RefundCompleted(order=order) | SurplusReturned(order=order):
            return RemarkReason.AMOUNT_DIFFERS, order
        case CertificateRevoked(number=number):
            return RemarkReason.CERTIFICATE_DIFFERS, number
        case RegisterDecided(certificate=number):
            return RemarkReason.NOT_THE_EXCHANGE, number
