"""The books from the journals alone: every entry folded again by its position, held against the tables byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from django.db.models import Model

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.decisions import MatterDecided, StrandDecided
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.subjects import subjects
from sync.central.fleet.feed.telling import telling
from sync.central.journal.appending import record_facts
from sync.central.journal.models import Entry, Source
from sync.central.journal.received_entries import ReceivedEntry, read
from sync.central.ledger.applier import APPLIER, entries_of, fold
from sync.central.ledger.books import Books
from sync.central.ledger.folding import Placed
from sync.central.ledger.models import (
    AppliedPortion,
    ApplierState,
    DecidedStrand,
    EntryRemark,
    LedgerAccount,
    LedgerCertificate,
    LedgerOrder,
    LedgerProposal,
    LedgerRequests,
    Matter,
)
from sync.central.ledger.portions import Portion
from sync.central.ledger.publishing import publish_keys
from sync.central.ledger.readings import Read, Readings
from sync.central.ledger.rules import RULES
from sync.central.tables import Upsert, strand_number

BOOKS: tuple[type[Model], ...] = (
    LedgerOrder,
    LedgerCertificate,
    LedgerAccount,
    LedgerRequests,
    LedgerProposal,
    Matter,
    DecidedStrand,
    EntryRemark,
)
"""The tables that the journals make."""


def differences() -> list[str]:
    """What the tables have otherwise than a replay by position makes it; empty when they are equal."""
    books, remarks = replayed()
    made: tuple[Sequence[Model], ...] = (*books.rows(), remarks)
    return [
        difference
        for model, rows in zip(BOOKS, made, strict=True)
        for difference in _differences(model, rows)
    ]


def replayed() -> tuple[Books, list[EntryRemark]]:
    """The books and the remarks that all applied entries make, in the order of their positions, from nothing."""
    books, remarks = Books(), list[EntryRemark]()
    for row in AppliedPortion.objects.order_by("position"):
        was_read = msgspec.msgpack.decode(bytes(row.read), type=Read)
        remarks += fold(_entries(row), books=books, read=was_read).remarks
    return books, remarks


def differences_of(account: str) -> list[str]:
    """The same for one account, from those entries alone that what they name connects with it."""
    chosen = _connected(account)
    books, remarks = Books(), list[EntryRemark]()
    for row in AppliedPortion.objects.order_by("position"):
        entries = [each for each in _entries(row) if each.row.key in chosen]
        if entries:
            was_read = msgspec.msgpack.decode(bytes(row.read), type=Read)
            remarks += fold(entries, books=books, read=was_read).remarks
    orders, certificates, registers, asked, proposals, matters, _ = books.rows()
    about = [
        rule.value for rule, each in RULES.items() if each.is_about_kiosk
    ]  # whoever was first, another too
    its_matters = Matter.objects.filter(account=account).exclude(rule__in=about)
    return [
        *_differences(LedgerOrder, orders, LedgerOrder.objects.filter(account=account), account),
        *_differences(
            LedgerCertificate, certificates, LedgerCertificate.objects.filter(account=account), account
        ),
        *_differences(LedgerAccount, registers, LedgerAccount.objects.filter(account=account), account),
        *_differences(LedgerRequests, asked, LedgerRequests.objects.filter(account=account), account),
        *_differences(LedgerProposal, proposals, LedgerProposal.objects.filter(account=account), account),
        *_differences(Matter, [each for each in matters if each.rule not in about], its_matters, account),
        *_differences(EntryRemark, remarks, EntryRemark.objects.filter(entry__in=chosen)),
    ]


def _entries(row: AppliedPortion) -> list[Placed]:
    portion = Portion(row.strand, row.first, row.last, condemned=row.condemned)
    return entries_of([portion], row.position - 1)


def _connected(account: str) -> set[int]:
    """The keys of the entries that name an account, or what an entry names together with it, and so on."""
    named = [
        (each.row.key, _names(each))
        for row in AppliedPortion.objects.order_by("position")
        for each in _entries(row)
    ]
    known, found = {account}, {key for key, names in named if names is None}
    while fresh := [(key, names) for key, names in named if names and key not in found and names & known]:
        found.update(key for key, _ in fresh)
        known.update(*(names for _, names in fresh))
    return found


def _names(each: Placed) -> set[str] | None:
    """The accounts, orders and certificates that an entry names, and the matter's that a decision is about.

    None for a decision about a strand, which is about whatever is on it.
    """
    body = None if each.entry is None else each.entry.body
    names = {each.row.account, each.row.subject}
    if body is not None:
        names.update(msgspec.structs.astuple(subjects(body)))
    match body:
        case CertificateIssued(predecessor=str() as number):
            names.add(number)
        case LossReported(key=key) | KeyFound(key=KeyOnRecord() as key) | HoldLifted(key=key):
            names.add(key.number)
        case StrandDecided():
            return None
        case MatterDecided(subject=subject):
            names.add(subject.partition(" ")[0])
        case _:
            pass
    return names - {""}


def reread(now: int) -> bool:
    """Make the books anew when this version reads entries that an earlier one could not; False when there are none.

    The kiosks hear of the keys of the accounts concerned.
    """
    unreadable = EntryRemark.objects.filter(reason=RemarkReason.UNREADABLE.value)
    rows = Entry.objects.filter(key__in=unreadable.values("entry"))
    found = [(row, received) for row in rows if (received := _readable(row)) is not None]
    if not found:
        return False
    with telling(now) as told:
        ApplierState.objects.select_for_update().get(id=APPLIER)
        for row, received in found:
            Entry.objects.filter(key=row.key).update(
                kind=received.kind, subject=received.order, account=received.account
            )
            record_facts([received], Source.CHAIN, row.strand, row.received_at)
        for row, _ in found:
            for audience, echoed in _read_for(row):
                told.close_echoed(audience, echoed)
        books, remarks = replayed()
        tables: tuple[Sequence[Model], ...] = (*books.rows(), remarks)
        for model, made in zip(BOOKS, tables, strict=True):
            model.objects.all().delete()  # type: ignore[attr-defined]  # every model has it
            Upsert(model, made).write()
        accounts = {account for _, received in found if (account := _account(books, received))}
        publish_keys(accounts, now)
    return True


def _read_for(row: Entry) -> list[tuple[int, int]]:
    """Read what judging an entry needs, beside what was read for its portion; the rows of the feed that it echoes."""
    strand = strand_number(row.kiosk, row.strand)
    portion = AppliedPortion.objects.get(strand=strand, first__lte=row.sequence, last__gte=row.sequence)
    placed = entries_of([Portion(strand, row.sequence, row.sequence)], 0)
    readings = Readings([told for each in placed if (told := each.told) is not None], {row.kiosk})
    was_read = msgspec.msgpack.decode(bytes(portion.read), type=Read)
    portion.read = msgspec.msgpack.encode(was_read.completed(readings.read))
    portion.save(update_fields=["read"])
    return readings.echoed


def _readable(row: Entry) -> ReceivedEntry | None:
    condemned = AppliedPortion.objects.filter(
        strand=strand_number(row.kiosk, row.strand), first=row.sequence, condemned=True
    )
    received = read(bytes(row.data))
    return None if received.entry is None or condemned.exists() else received


def _account(books: Books, received: ReceivedEntry) -> str:
    order = books.order(received.order)
    return received.account or ("" if order is None else order.account)


def _differences(
    model: type[Model], made: Iterable[Model], rows: Iterable[Model] | None = None, account: str | None = None
) -> Iterator[str]:
    """What some rows of a table (all of them unless named) have otherwise than those made, of one account or of all."""
    if rows is None:
        rows = model.objects.all()  # type: ignore[attr-defined]  # every model has it
    stored = {row.pk: _values(row) for row in rows}
    expected = {
        row.pk: _values(row) for row in made if account is None or getattr(row, "account", None) == account
    }
    for key in sorted({*stored, *expected}, key=str):
        if stored.get(key) != expected.get(key):
            yield f"{model.__name__} {key}: {stored.get(key)} instead of {expected.get(key)}"


def _values(row: Model) -> tuple[object, ...]:
    fields = row._meta.local_concrete_fields  # noqa: SLF001 - Django's documented Meta API
    values = (getattr(row, field.attname) for field in fields)
    return tuple(bytes(value) if isinstance(value, bytes | memoryview) else value for value in values)
