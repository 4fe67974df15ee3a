"""The states in which something can lie in a store, read from the code, and those that a store has.

A state that is added later is wanted as soon as its enumeration has it, a table as soon as a migration makes it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, get_args

from django.apps import apps
from django.db import models

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.feed import CertificateRegistered, RegisteredState
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import FIRST_EPOCH, FIRST_RANDOM_EPOCH
from kiosk.domain.inapplicable import InapplicableReason, parse_problem
from kiosk.domain.ledger import BindingStep, CertificateStatus, Delivery, OrderStatus, PaidHow
from kiosk.domain.nights import StepOutcome
from kiosk.domain.register import Standing
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from kiosk.store.vault import VaultItem
from sync.central.ledger.models import Matter, MatterState
from sync.central.ledger.rules import RULES
from tests.support.django_setup import ORGANISATION  # noqa: F401 # isort: split - Django is set up by it

States = dict[str, set[str]]
"""What there is, by the place where it is looked for."""
APPS = ("fleet", "journal", "ledger", "login", "members", "payments", "personal")
_CENTRE_ALONE = {
    "matter-decided",
    "strand-decided",
    "certificate-checked",
    "certificate-imported",
    "order-taken-over",
    "invoice-issued",
    "operator-reviewed",
}


class Reading(NamedTuple):
    """What a place can hold, and how a kiosk's store is asked for what it holds."""

    wanted: Iterable[str]
    read: Callable[[Transaction], Iterable[str]]


def _values(members: Iterable[enum.Enum]) -> frozenset[str]:
    return frozenset(str(each.value) for each in members)


def _kinds(union: object) -> frozenset[str]:
    return frozenset(str(each.__struct_config__.tag) for each in get_args(union))


def _attempts(tx: Transaction) -> Iterator[str]:
    for order in tx.ledger.orders():
        yield from (each.step.value for each in order.bindings)


def _entries(tx: Transaction) -> Iterator[str]:
    for sealed in (*tx.journal.each(), *(each.sealed for each in tx.other_strands.each())):
        yield str(sealed.entry.body.__struct_config__.tag)


def _problems(tx: Transaction) -> Iterator[str]:
    for each in tx.feed.rows.unapplied():
        reason, _ = parse_problem(each.problem)
        yield "" if reason is None else reason.value


def _agent(tx: Transaction) -> Iterator[str]:
    state, empty = tx.agent.get(), AgentState()
    names = AgentState.__struct_fields__
    yield from (name for name in names if getattr(state, name) != getattr(empty, name))


def _epoch(tx: Transaction) -> str:
    identity = tx.identity
    if identity is None:
        return "not enrolled"
    if identity.epoch >= FIRST_RANDOM_EPOCH:
        return "its own"
    return "the first" if identity.epoch == FIRST_EPOCH else "given later"


def _nights(tx: Transaction) -> Iterator[str]:
    report = tx.nights.newest()
    yield from () if report is None else (each.outcome.value for each in report.steps)


def _registered(tx: Transaction) -> Iterator[str]:
    for certificate in tx.ledger.certificates():
        told = tx.feed.registered(certificate.number)
        if isinstance(told, CertificateRegistered):
            yield told.state.value


def _standings(tx: Transaction) -> Iterator[str]:
    for account in {each.account for each in tx.ledger.certificates()}:
        register = tx.ledger.register(account)
        yield from () if register is None else (each.standing.value for each in register.certificates)


KIOSK: Mapping[str, Reading] = {
    "order": Reading(_values(OrderStatus), lambda tx: (each.status.value for each in tx.ledger.orders())),
    "order's kind": Reading(_values(OrderKind), lambda tx: (each.kind.value for each in tx.ledger.orders())),
    "attempt": Reading(_values(BindingStep), _attempts),
    "payment": Reading(
        _values(PaidHow),
        lambda tx: (paid.how.value for each in tx.ledger.orders() for paid in each.payments),
    ),
    "delivery": Reading(
        _values(Delivery),
        lambda tx: (each.delivery.value for each in tx.ledger.orders() if each.delivery is not None),
    ),
    "certificate": Reading(
        # A kiosk judges a certificate in the step that binds it.
        _values(CertificateStatus) - {CertificateStatus.BOUND.value},
        lambda tx: (each.status.value for each in tx.ledger.certificates()),
    ),
    "certificate's standing": Reading(_values(Standing), _standings),
    "certificate at the centre": Reading(_values(RegisteredState), _registered),
    "entry": Reading(_kinds(AnyBody) - _CENTRE_ALONE, _entries),
    "row not applied": Reading(_values(InapplicableReason), _problems),
    "vault": Reading(
        _values(VaultItem), lambda tx: (each.value for each in VaultItem if tx.vault.get(each) is not None)
    ),
    "agent": Reading(AgentState.__struct_fields__, _agent),
    "epoch": Reading(("not enrolled", "the first", "given later", "its own"), lambda tx: (_epoch(tx),)),
    "night's step": Reading(_values(StepOutcome), _nights),
    "feed": Reading(("read", "half read"), lambda tx: ("read" if tx.feed.rows.is_whole() else "half read",)),
    "backlog": Reading(
        ("none", "some"),
        lambda tx: (
            "some" if (tip := tx.journal.tip()) and tip.sequence > tx.agent.get().high_water else "none",
        ),
    ),
}


def tables_of(tx: Transaction) -> States:
    """Which tables of a kiosk's store hold a row."""
    connection = tx._connection
    names = [name for (name,) in connection.execute(_TABLES)]
    filled = {name for name in names if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()}  # noqa: S608 - the store's own names
    return {"table": filled}


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def tables_wanted(folder: Path) -> States:
    """All tables of a store that is made now."""
    with_tables = Database.create(folder / "empty.db", bytes(32))
    with with_tables.read() as tx:
        names = {name for (name,) in tx._connection.execute(_TABLES)}
    with_tables.close()
    return {"table": names}


def of_kiosk(database: Database) -> States:
    """What lies in a kiosk's store."""
    with database.read() as tx:
        found = {place: set(reading.read(tx)) for place, reading in KIOSK.items()}
        return {**found, **tables_of(tx)}


def wanted_of_kiosks(folder: Path) -> States:
    """What is to lie in some kiosk's store."""
    return {**{place: set(reading.wanted) for place, reading in KIOSK.items()}, **tables_wanted(folder)}


def _models() -> list[type[models.Model]]:
    found = [
        each for name in APPS for each in apps.get_app_config(name).get_models(include_auto_created=True)
    ]
    return sorted(found, key=lambda model: model._meta.label_lower)


def _chosen(model: type[models.Model]) -> Iterator[tuple[str, models.Field[object, object]]]:
    """The fields of a model that take one of several values."""
    for each in model._meta.concrete_fields:
        if each.choices:
            yield f"{model._meta.label_lower}.{each.name}", each


def of_centre() -> States:
    """What lies in the centre's tables."""
    found: States = {
        "table": {each._meta.label_lower for each in _models() if each._default_manager.exists()}
    }
    for model in _models():
        for place, field in _chosen(model):
            found[place] = {
                str(each)
                for each in model._default_manager.order_by().values_list(field.name, flat=True).distinct()
            }
    found["matter that is open"] = set(
        Matter.objects.filter(state=MatterState.OPEN).order_by().values_list("rule", flat=True).distinct()
    )
    return found


def wanted_of_centre() -> States:
    """What is to lie in the centre's tables."""
    wanted: States = {"table": {each._meta.label_lower for each in _models()}}
    for model in _models():
        for place, field in _chosen(model):
            wanted[place] = {str(value) for value, _ in field.choices or ()}
    wanted["matter that is open"] = {each.value for each in RULES}
    return wanted


def together(found: Iterable[States]) -> States:
    """What lies in any of several."""
    joined: States = {}
    for each in found:
        for place, states in each.items():
            joined.setdefault(place, set()).update(states)
    return joined


def missing(wanted: States, found: States, excused: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is wanted and lies nowhere, but for what is excused with a reason; also an excuse for what is there."""
    lacks = []
    for place, states in wanted.items():
        reasons, there = excused.get(place, {}), found.get(place, set())
        lacks += [f"{place}: {state}" for state in sorted(states - there - reasons.keys())]
        lacks += [f"{place}: {state} is there and excused" for state in sorted(there & reasons.keys())]
    return lacks
