"""Applying what was appended: account by account, each entry in a transaction of its own.

An entry that waits holds up its kiosk's later entries of that account; a disputed one holds up the account until a
person decides. Nothing holds up another account.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec
from django.db import OperationalError, transaction

from kiosk.domain.entries import CertificateRevoked
from kiosk.domain.errors import EntryDisputed, EntryWaits
from kiosk.domain.feed import DisputeRaised
from kiosk.domain.journal import unseal
from kiosk.domain.ledger import Account, Certificate, Order, Row
from kiosk.domain.transitions import transition
from sync.central.fleet.feeding import publish
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.appending import reread_unreadable
from sync.central.journal.models import AlarmKind, Entry, Fact, FactKind, Source, Verdict
from sync.central.journal.received_entries import UNREADABLE
from sync.central.ledger.checks import check
from sync.central.ledger.effects import publish_effects
from sync.central.ledger.models import Dispute, DisputeState, LedgerAccount, LedgerCertificate, LedgerOrder
from sync.central.ledger.rows import DatabaseLedger, put
from sync.central.tables import column_text, entry_key

LOG = logging.getLogger("keydesk.central")

OPENING = ("order-placed", "order-assigned")
_OPEN = (Verdict.PENDING, Verdict.WAITING)


def apply_pending(now: int, accounts: Iterable[str] = ()) -> None:
    """Apply what is pending, and go on with what waited for it. `accounts` are to be tried again besides."""
    todo = set(accounts)
    while todo := todo | _pending_accounts():
        if "" in todo:
            _apply_nameless(now)
        for account in sorted(todo - {""}):
            apply_account(account, now)
        todo = set()


def _pending_accounts() -> set[str]:
    reread_unreadable()
    _name_accounts()
    return set(Entry.objects.filter(verdict=Verdict.PENDING).values_list("account", flat=True).distinct())


def apply_account(account: str, now: int) -> None:
    """Apply an account's open entries as far as they go."""
    while True:
        held: dict[int, str] = {}
        progress = False
        queue = Entry.objects.filter(account=account, verdict__in=_OPEN).order_by("received_at", "key")
        for row in list(queue):
            dispute = _open_dispute(account)
            if dispute is not None:
                _wait(row, f"dispute {dispute.kiosk}/{dispute.sequence}")
            elif row.kiosk in held:
                _wait(row, held[row.kiosk])
            elif _apply_one(row, now):
                progress = True
            else:
                held[row.kiosk] = f"entry {row.kiosk}/{row.sequence}"
        if not (progress and held):
            return


def wake(names: Iterable[str]) -> None:
    """What waited for one of these is pending again, in the transaction that brings them: no crash lies between."""
    waiting = Entry.objects.filter(verdict=Verdict.WAITING, remark__in=sorted(names))
    waiting.update(verdict=Verdict.PENDING)


def _apply_one(row: Entry, now: int) -> bool:
    """Apply one entry in a transaction, and put its verdict down in the same; False when it waits or is disputed.

    Raises OperationalError, which leaves the entry as it was: it is tried again.
    """
    with transaction.atomic():
        # The account's row is the lock: two kiosks that serve one account take turns.
        if row.account:
            put_missing_account(row.account)
            LedgerAccount.objects.select_for_update().get(account=row.account)
        fresh = Entry.objects.select_for_update().get(key=row.key)
        if fresh.verdict not in _OPEN:
            return True
        dispute = _open_dispute(row.account) if row.account else None
        if dispute is not None:
            _wait(fresh, f"dispute {dispute.kiosk}/{dispute.sequence}")
        elif fresh.kind == UNREADABLE:
            _unreadable(fresh, now)
        else:
            return _judged(fresh, now)
    return False


def _judged(row: Entry, now: int) -> bool:
    """Whether an entry is applied, or left out with what it rests on; False when it waits or is disputed."""
    try:
        with transaction.atomic():
            _apply(row, now)
    except EntryWaits as waits:
        if _never_comes(waits.missing):
            _leave_out(row, waits.missing)
            return True
        _wait(row, waits.missing)
    except EntryDisputed as disputed:
        raise_dispute(row, disputed.reason.value, disputed.subject, now)
    except OperationalError:  # the database's trouble, not the entry's
        raise
    except Exception:  # a poison entry must not stop the other accounts
        LOG.exception("entry %s cannot be applied", row)
        raise_dispute(row, "failed", row.subject, now)
    else:
        return True
    return False


def _apply(row: Entry, now: int) -> None:
    entry = unseal(bytes(row.data)).entry
    ledger = DatabaseLedger()
    check(ledger, entry, row)
    rows = transition(ledger, entry)
    for each in rows:
        put(each)
    Entry.objects.filter(key=row.key).update(verdict=Verdict.APPLIED, remark="")
    publish_effects(entry, row.account, rows, now)
    wake([f"entry {row.kiosk}/{row.sequence}", *filter(None, map(_arrival, rows))])


def raise_dispute(row: Entry, reason: str, subject: str, now: int) -> None:
    """Put an entry before a person, and tell its kiosk."""
    with transaction.atomic():
        Entry.objects.filter(key=row.key).update(
            verdict=Verdict.DISPUTED, remark=column_text(f"{reason}: {subject}", 200)
        )
        Dispute.objects.update_or_create(
            key=row.key,
            defaults={
                "kiosk": row.kiosk,
                "sequence": row.sequence,
                "account": row.account,
                "kind": row.kind,
                "reason": reason[:60],
                "subject": column_text(subject, 100),
                "raised_at": now,
                "state": DisputeState.OPEN,
                "settled_at": None,
                "settled_by": "",
            },
        )
        publish(row.kiosk, [DisputeRaised(row.account, row.sequence, reason, subject)], now)


def put_missing_account(account: str) -> None:
    """Make the row of an account that nothing happened to yet."""
    if not LedgerAccount.objects.filter(account=account).exists():
        # Another request may make it at the same moment and write to it: that row stays as it is.
        record = msgspec.msgpack.encode(Account(account))
        LedgerAccount.objects.bulk_create(
            [LedgerAccount(account=account, record=record)], ignore_conflicts=True
        )


def _apply_nameless(now: int) -> None:
    """Entries without an account: what names nothing is applied, what names an unknown order waits for it."""
    for row in Entry.objects.filter(account="", verdict=Verdict.PENDING).order_by("key"):
        if row.kind == UNREADABLE or not row.subject:
            _apply_one(row, now)
        else:
            _wait(row, f"order {row.subject}")


def _name_accounts() -> None:
    """Find the account of open entries that name only an order or a certificate."""
    for row in Entry.objects.filter(account="", verdict__in=_OPEN).exclude(subject=""):
        account = account_of(row)
        if account:
            Entry.objects.filter(key=row.key, account="").update(account=account, verdict=Verdict.PENDING)


def account_of(row: Entry) -> str:
    """The account of the order or the certificate that an entry names; empty when neither has arrived."""
    if row.kind == CertificateRevoked.__struct_config__.tag:
        found = LedgerCertificate.objects.filter(number=row.subject).values_list("account", flat=True).first()
        return found or ""
    found = LedgerOrder.objects.filter(reference=row.subject).values_list("account", flat=True).first()
    if found is None:
        opening = Entry.objects.filter(subject=row.subject, kind__in=OPENING)
        found = opening.values_list("account", flat=True).first()
    return found or ""


def _unreadable(row: Entry, now: int) -> None:
    raise_alarm(AlarmKind.MALFORMED, row.kiosk, f"{row.epoch}/{row.sequence}", "中心读不懂这条记录", now)
    raise_dispute(row, UNREADABLE, row.subject, now)


def _open_dispute(account: str) -> Dispute | None:
    return Dispute.objects.filter(account=account, state=DisputeState.OPEN).order_by("raised_at").first()


def _never_comes(missing: str) -> bool:
    """Whether a person kept the entry out of the books that would have brought an order or a certificate."""
    what, _, name = missing.partition(" ")
    if what == "order":
        brought = Entry.objects.filter(subject=name, kind__in=OPENING)
    else:
        facts = Fact.objects.filter(
            kind=FactKind.CERTIFICATE, source=Source.CHAIN, certificate_number=name
        ).values_list("kiosk", "strand", "sequence")
        brought = Entry.objects.filter(key__in=[entry_key(*place) for place in facts])
    verdicts = set(brought.values_list("verdict", flat=True))
    return verdicts == {Verdict.DISMISSED}


def _leave_out(row: Entry, missing: str) -> None:
    """Keep an entry out of the books like the one it rests on, so that the account goes on; its facts stay on record."""
    Entry.objects.filter(key=row.key).update(
        verdict=Verdict.DISMISSED, remark=column_text(f"without {missing}", 200)
    )
    wake([f"entry {row.kiosk}/{row.sequence}"])


def _wait(row: Entry, missing: str) -> None:
    waiting = Entry.objects.filter(key=row.key, verdict__in=_OPEN)
    waiting.update(verdict=Verdict.WAITING, remark=column_text(missing, 200))


def _arrival(row: Row) -> str:
    match row:
        case Order():
            return f"order {row.reference}"
        case Certificate():
            return f"certificate {row.number}"
        case Account():
            return ""
