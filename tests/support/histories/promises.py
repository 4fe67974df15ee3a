"""What holds once everything came to rest; each of these gives what is wrong, nothing where all is well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from django.db.models import Q
from msgspec.structs import replace

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.identifiers import parse_out_trade_no
from kiosk.domain.journal import unseal
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.register import Registered
from kiosk.store.verify import verify
from sync.central.journal.models import Alarm, AlarmKind, Entry
from sync.central.journal.strands import holding, line, strands_of
from sync.central.ledger.models import (
    LedgerAccount,
    LedgerCertificate,
    LedgerOrder,
    Matter,
    MatterState,
)
from sync.central.ledger.replaying import differences
from sync.central.ledger.rows import certificate_record, order_record, register_record
from sync.central.payments.models import SETTLED, AttemptState, Payment, PaymentAttempt, SandboxTrade
from tests.support.histories.feed_promises import (
    decisions_reach_the_issuer,
    every_kiosk_has_what_it_was_told,
    nobody_is_served_unheard,
    nothing_is_echoed_twice,
)
from tests.support.histories.machines import Machine
from tests.support.histories.template import HOSTILE
from tests.support.histories.world import World

Promise = Callable[[World], Iterator[str]]


def no_name_for_two_things(world: World) -> Iterator[str]:
    """A reference names one order, a number one certificate, an `out_trade_no` one attempt; no confirmation another order."""
    yield from world.notes.wrong
    named: dict[str, set[bytes]] = defaultdict(set)
    told = Entry.objects.filter(kind__in=("order-placed", "certificate-issued")).exclude(kiosk__in=HOSTILE)
    for data in told.order_by("key").values_list("data", flat=True):
        match unseal(bytes(data)).entry.body:
            case OrderPlaced() as body:
                named[body.order].add(body.order_code)
            case CertificateIssued() as body:
                named[body.number].add(body.certificate)
            case _:
                pass
    yield from (f"{name} names {len(things)} things" for name, things in named.items() if len(things) > 1)
    for attempt in PaymentAttempt.objects.all():
        order = str(parse_out_trade_no(attempt.out_trade_no)[0])
        if order != attempt.payment_id:
            yield f"{attempt.out_trade_no} is of {order} and pays {attempt.payment_id}"


def one_usable_key(_world: World) -> Iterator[str]:
    """An account has at most one key that is valid or on hold."""
    usable: dict[str, list[str]] = defaultdict(list)
    for row in LedgerCertificate.objects.filter(status__in=("valid", "on-hold")):
        usable[row.account].append(row.number)
    yield from (f"{account} has {keys}" for account, keys in usable.items() if len(keys) > 1)


def no_key_goes_out_of_use_by_itself(world: World) -> Iterator[str]:
    """A certificate is revoked by the step that lists another one, or by a decision."""
    decided = world.notes.revoked | world.notes.deciding
    for kiosk, strand in world.notes.set_aside:
        bound = Entry.objects.filter(kiosk=kiosk, strand=strand, kind="bound").values("subject")
        on_it = LedgerCertificate.objects.filter(Q(kiosk=kiosk, strand=strand) | Q(order__in=bound))
        decided |= set(on_it.values_list("number", flat=True))
    for row in LedgerAccount.objects.all():
        certificates = register_record(row).certificates
        for place, each in enumerate(certificates):
            of_itself = each.status is CertificateStatus.REVOKED and each.key.number not in decided
            if of_itself and not any(_was_listed(other) for other in certificates[place + 1 :]):
                yield f"{row.account}: nothing took the place of {each.key.number}"


def _was_listed(row: Registered) -> bool:
    return row.standing.value == "listed"


def what_is_held_is_a_matter(_world: World) -> Iterator[str]:
    """A key that is held has an open matter, its own or its order's."""
    open_matters = Matter.objects.filter(state=MatterState.OPEN)
    for row in LedgerCertificate.objects.filter(status="held"):
        if not (
            open_matters.filter(subject=row.number).exists() or open_matters.filter(order=row.order).exists()
        ):
            yield f"{row.number} of {row.order} is held and nobody is told"


def who_paid_twice_is_seen(world: World) -> Iterator[str]:
    """More money than an order's price is an alarm or a matter."""
    for row in LedgerOrder.objects.all():
        money = net_money(world, row.reference)
        if money <= row.total:
            continue
        payment = Payment.objects.filter(order=row.reference).first()
        numbers = {row.reference, *([] if payment is None else _transactions(payment))}
        alarms = Alarm.objects.filter(kind=AlarmKind.PAID_TWICE, subject__in=numbers, cleared_at=None)
        matters = Matter.objects.filter(order=row.reference, state=MatterState.OPEN)
        if not alarms.exists() and not matters.exists():
            yield f"{row.reference}: {money} came in for {row.total}, and nobody is told"


def _transactions(payment: Payment) -> set[str]:
    numbers = payment.attempts.values_list("out_trade_no", "transaction")
    return {each for pair in numbers for each in pair if each}


def net_money(world: World, reference: str) -> int:
    """What is with the exchange of an order's money: the provider's and the desk's."""
    attempts = PaymentAttempt.objects.filter(payment_id=reference).values("out_trade_no")
    trades = SandboxTrade.objects.filter(out_trade_no__in=attempts, state="SUCCESS")
    return sum(trade.amount for trade in trades) + world.cash.get(reference, 0)


def no_decision_is_undone(world: World) -> Iterator[str]:
    """What staff decided stays decided, what they revoked stays out of use."""
    for key, action in world.notes.decided.items():
        matter = Matter.objects.get(key=key)
        if (matter.state, matter.action) != (MatterState.DECIDED, action):
            yield f"{key} was decided {action} and is {matter.state} {matter.action}"
    gone = {CertificateStatus.REVOKED.value, CertificateStatus.VOID.value}
    for number in sorted(world.notes.revoked):
        row = LedgerCertificate.objects.get(number=number)
        if row.status not in gone:
            yield f"{number} was revoked and is {row.status}"


def the_books_are_their_replay(_world: World) -> Iterator[str]:
    """Replay by position makes the tables."""
    yield from differences()


def every_journal_is_sound(world: World) -> Iterator[str]:
    """Chain and tables of every machine are as they should be, and the centre has all of it.

    Those of a machine that works were checked by its nightly run.
    """
    for machine in world.live:
        if machine.works:
            if not _centre_has(machine):
                yield f"{machine.label}: the centre has another journal"
            continue
        found = verify(machine.database)
        if not found.sound:
            yield f"{machine.label}: {found.broken or found.differences[:3] or found.damaged_pages}"


def _centre_has(machine: Machine) -> bool:
    """Whether a strand has the end of the machine's journal: a copy may have gone on from there."""
    tip = machine.tip()
    return tip is None or holding(strands_of(machine.kiosk), tip.sequence, tip.hash) is not None


def both_ends_are_equal(world: World) -> Iterator[str]:
    """The orders that a kiosk owns, and the certificates that it issued, are the same rows at the centre."""
    for machine in world.live:
        if machine.works:
            yield from _orders_differ(machine)
            yield from _certificates_differ(machine)


def _orders_differ(machine: Machine) -> Iterator[str]:
    rows = LedgerOrder.objects.filter(owner=machine.kiosk)
    there = {row.reference: order_record(row) for row in rows}
    here = {each.reference: each for each in machine.orders() if each.owner == machine.kiosk}
    for reference in sorted({*here, *there}):
        ours, theirs = here.get(reference), there.get(reference)
        if not _on_one_line(machine.kiosk, reference):
            continue  # copies of the kiosk worked on it at once
        if theirs is not None:
            theirs = replace(theirs, others=(), proven=True)
        if ours is None and theirs is not None and _waits_for_another(theirs, here.values()):
            continue
        if ours != theirs:
            yield f"{machine.label} {reference}: {_difference(ours, theirs)}"


def _on_one_line(kiosk: int, reference: str) -> bool:
    """Whether all that the kiosk told of an order is on one strand's line."""
    strands = strands_of(kiosk)
    told = Entry.objects.filter(kiosk=kiosk, subject=reference).values_list("strand", "sequence")
    return len(strands) == 1 or any(
        all(
            any(part.strand == strand and part.after < sequence <= part.until for part in line(strands, each))
            for strand, sequence in told
        )
        for each in strands
    )


def _waits_for_another(order: Order, here: Iterable[Order]) -> bool:
    """Whether a kiosk cannot take an order yet: its account has another one of that kind open there."""
    return any(
        each.account == order.account and each.kind is order.kind and each.status.is_open for each in here
    )


def _difference(ours: Order | Certificate | None, theirs: Order | Certificate | None) -> str:
    if ours is None or theirs is None:
        return f"only {'there' if ours is None else 'here'}: {ours or theirs}"
    names = (name for name in ours.__struct_fields__ if getattr(ours, name) != getattr(theirs, name))
    return ", ".join(f"{name} {getattr(ours, name)} there {getattr(theirs, name)}" for name in names)


def the_owner_knows_all_the_money(world: World) -> Iterator[str]:
    """What the provider has of an order, and what of it went back alone, its owner's journal tells."""
    settled = PaymentAttempt.objects.filter(state__in=SETTLED)
    for machine in (each for each in world.live if each.works):
        for order in machine.orders():
            if order.owner != machine.kiosk or not _on_one_line(machine.kiosk, order.reference):
                continue
            known = {each.transaction: each.returned for each in order.payments}
            for each in settled.filter(payment_id=order.reference):
                if known.get(each.transaction) is not (each.state == AttemptState.RETURNED):
                    yield f"{machine.label} {order.reference}: {each.transaction} is {each.state}"


def _certificates_differ(machine: Machine) -> Iterator[str]:
    rows = LedgerCertificate.objects.filter(kiosk=machine.kiosk)
    there = {row.number: certificate_record(row) for row in rows}
    with machine.database.read() as tx:
        here = {each.number: each for each in tx.ledger.certificates() if each.kiosk == machine.kiosk}
    for number in sorted({*here, *there}):
        ours, theirs = here.get(number), there.get(number)
        either = ours or theirs
        if either is not None and not _on_one_line(machine.kiosk, either.order):
            continue
        if ours is None or theirs is None:
            yield f"{machine.label} {number}: only {'there' if ours is None else 'here'}"
        elif replace(ours, status=theirs.status) != theirs:
            yield f"{machine.label} {number}: {_difference(ours, theirs)}"


PROMISES: tuple[Promise, ...] = (
    no_name_for_two_things,
    one_usable_key,
    no_key_goes_out_of_use_by_itself,
    what_is_held_is_a_matter,
    who_paid_twice_is_seen,
    no_decision_is_undone,
    both_ends_are_equal,
    the_owner_knows_all_the_money,
    every_kiosk_has_what_it_was_told,
    nothing_is_echoed_twice,
    decisions_reach_the_issuer,
    nobody_is_served_unheard,
)
PROVED: tuple[Promise, ...] = (the_books_are_their_replay, every_journal_is_sound)
"""These tell of all that was before, so that the end of a history is soon enough."""


def broken(world: World, promises: Iterable[Promise] = PROMISES) -> list[str]:
    """What is wrong, each with the promise that it breaks."""
    return [f"{promise.__name__}: {wrong}" for promise in promises for wrong in promise(world)]
