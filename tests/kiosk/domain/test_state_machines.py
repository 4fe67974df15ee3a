"""docs/state-machines.md says what the folds do: every turn in its tables happens, and no other does."""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.requests import OperatorReviewed
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import FORM, GENESIS, Entry
from kiosk.domain.ledger import Order
from kiosk.domain.ledger_fold import MemoryRecords, bound_event, fold_entry
from kiosk.domain.members import Review
from kiosk.domain.register import Register, fold_register
from kiosk.domain.requests import ProposalStep, RequestStep
from tests.kiosk.domain.test_register import EVENTS
from tests.support.order_journals import ACCOUNT, EVERY_BODY, A, B

DOCUMENT = Path(__file__).parents[3] / "docs" / "state-machines.md"
Turn = tuple[str, str, str]
NONE = "–"


def written(section: str) -> set[Turn]:
    """The turns in the table of a section."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, section
    rows = (line.strip("|").split("|") for line in found[1].splitlines() if line.startswith("|"))
    cells = [[cell.strip() for cell in row] for row in rows][2:]
    return {
        (before, event, after)
        for befores, events, after, *_ in cells
        for before in befores.split(", ")
        for event in events.split(", ")
    }


def tag(body: object) -> str:
    return str(type(body).__struct_config__.tag)  # type: ignore[attr-defined]


def reached(kiosk: int) -> Iterable[tuple[Order | None, AnyBody, Order | None]]:
    """Every turn of one kiosk's view of an order, from whatever state entries lead to."""
    entries = _entries(kiosk, EVERY_BODY)
    todo, seen = [MemoryRecords()], {""}
    while todo:
        records = todo.pop()
        rows, before = tuple(records.rows()), next(iter(records.orders.values()), None)
        for entry in entries:
            changes = fold_entry(records, entry, bound_event).rows
            if not changes:
                yield before, entry.body, before
                continue
            after = MemoryRecords()
            after.put(rows)
            after.put(changes)
            now = next(iter(after.orders.values()), None)
            yield before, entry.body, now
            shape = repr(now and replace(now, payments=now.payments[:1]))
            if shape not in seen and (now is None or (len(now.payments) <= 1 and now.handover <= 2)):
                seen.add(shape)
                todo.append(after)


def _entries(kiosk: int, bodies: Iterable[AnyBody]) -> list[Entry]:
    place = (FORM, kiosk, 1, 1, 1, 1_800_000_000, 0, "boot", GENESIS)
    return [Entry(*place, body) for body in bodies]


@functools.cache
def turns() -> list[tuple[Order | None, AnyBody, Order | None]]:
    return [turn for kiosk in (A, B, EXCHANGE_KIOSK) for turn in reached(kiosk)]


def test_the_states_of_an_order_are_as_written() -> None:
    found = {
        (before.status.value if before else NONE, tag(body), now.status.value)
        for before, body, now in turns()
        if now is not None and (before is None or before.status is not now.status)
    }
    assert found == written("An order")


def test_the_steps_of_a_binding_attempt_are_as_written() -> None:
    found = set()
    for before, body, now in turns():
        old = before.bindings[-1].step.value if before and before.bindings else NONE
        new = now.bindings[-1].step.value if now and now.bindings else NONE
        if old != new or (before and now and len(before.bindings) != len(now.bindings)):
            found.add((old, tag(body), new))
    assert found == written("An attempt to bind")


ASKED: tuple[AnyBody, ...] = (
    *(body for body in EVERY_BODY if isinstance(body, RequestStep | ProposalStep)),
    OperatorReviewed("0123456789abcdef", ACCOUNT, Review.REFUSED, "", "", "张华"),
)


def _asked() -> Iterable[tuple[MemoryRecords, AnyBody, MemoryRecords]]:
    """Every turn of what is asked for, from whatever states entries of the exchange lead to."""
    entries = _entries(EXCHANGE_KIOSK, ASKED)
    todo, seen = [MemoryRecords(complete=True)], {""}
    while todo:
        records = todo.pop()
        rows = tuple(records.rows())
        for entry in entries:
            changes = fold_entry(records, entry, bound_event).rows
            if not changes:
                yield records, entry.body, records
                continue
            after = MemoryRecords(complete=True)
            after.put(rows)
            after.put(changes)
            yield records, entry.body, after
            shape = repr((after.asked, after.proposals))
            if shape not in seen:
                seen.add(shape)
                todo.append(after)


def _states(records: MemoryRecords) -> tuple[str, str, str]:
    """Where delivery, invoice and proposal stand."""
    asked = next(iter(records.asked.values()), None)
    rows = (
        None if asked is None else asked.delivery,
        None if asked is None else asked.invoice,
        next(iter(records.proposals.values()), None),
    )
    return tuple(NONE if row is None else row.state.value for row in rows)  # type: ignore[return-value]  # three rows


def test_the_states_of_what_is_asked_for_are_as_written() -> None:
    found: list[set[Turn]] = [set(), set(), set()]
    for before, body, after in _asked():
        for turns_of, old, new in zip(found, _states(before), _states(after), strict=True):
            if old != new:
                turns_of.add((old, tag(body), new))
    assert found == [written("A delivery"), written("An invoice"), written("A proposed operator")]


def _shape(register: Register) -> object:
    """What tells one state from another, however often holds were set and lifted."""
    rows = [
        (each.key.number, each.status, each.key.lost, bool(each.obstacles)) for each in register.certificates
    ]
    told = frozenset(each.number for each in register.told if each.lost)
    return tuple(rows), told, frozenset(register.revoked)


def test_the_states_of_a_certificate_on_the_register_are_as_written() -> None:
    found = set()
    todo, seen = deque([Register("11000001")]), {_shape(Register("11000001"))}
    while todo:
        register = todo.popleft()
        before = {each.key.number: each.status.value for each in register.certificates}
        for event in EVENTS:
            after = fold_register(register, event).register
            for each in after.certificates:
                old = before.get(each.key.number, NONE)
                if old != each.status.value:
                    found.add((old, type(event).__name__, each.status.value))
            shape = _shape(after)
            if shape not in seen:
                seen.add(shape)
                todo.append(after)
    assert found == written("A certificate on the register")
