"""What is kept of an account's personal facts at this kiosk, for whoever asks; and erasing it, here and at the centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict

from kiosk.domain.entries.requests import PersonalErased

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.domain.members import Enterprise
    from kiosk.domain.personal import PersonalKind
    from kiosk.domain.requests import Proposal, Requests
    from kiosk.store.database import Database


class KeptFact(msgspec.Struct, frozen=True):
    """A personal record, when it was made here (UTC seconds) and whether the centre has it."""

    kind: PersonalKind
    made_at: int
    sent: bool
    record: dict[str, str]


class PersonalExport(msgspec.Struct, frozen=True):
    """All that this kiosk has of an account, without what opens it: passwords' verifiers, keys, secrets.

    Of phone and document it has what is masked.
    """

    account: str
    operator: str | None
    phone: str | None
    document: str | None
    enterprise: Enterprise | None
    orders: tuple[str, ...]
    requests: tuple[Requests, ...]
    proposals: tuple[Proposal, ...]
    facts: tuple[KeptFact, ...]


def exported(database: Database, account: str) -> PersonalExport:
    """What is kept of an account here. Raises StoreError."""
    with database.read() as tx:
        operator = tx.members.operator(account)
        return PersonalExport(
            account=account,
            operator=None if operator is None else operator.name,
            phone=None if operator is None else operator.phone,
            document=None if operator is None else operator.document_number,
            enterprise=None if operator is None else tx.members.enterprise(operator.enterprise_code),
            orders=tuple(each.reference for each in tx.ledger.orders(account=account)),
            requests=tx.ledger.requests_of(account),
            proposals=tx.ledger.proposals_of(account),
            facts=tuple(
                KeptFact(each.kind, each.made_at, bool(each.sent_at), asdict(record))
                for each in tx.personal.of_account(account)
                if (record := tx.personal.get(each.commitment)) is not None
            ),
        )


class Erased(msgspec.Struct, frozen=True):
    """How many records there were here, and whether no page of the database or its log has anything of them any more."""

    count: int
    forgotten: bool


def is_known(database: Database, account: str) -> bool:
    """Whether anything here is that account's: an operator, an order or a personal record. Raises StoreError."""
    with database.read() as tx:
        known = tx.members.operator(account) or tx.ledger.orders(account=account, limit=1)
        return bool(known) or tx.personal.latest_of(account) is not None


def erase(database: Database, clock: Clock, account: str, by: str) -> Erased:
    """Erase the account's personal records, and have the centre do the same.

    A record that was made while the clock was ahead of now goes too. That it was done is an entry: the chain tells of it, and of
    the records only their commitments. Raises NotEnrolled, StoreError.
    """
    with database.write() as tx:
        until = max(clock.wall(), tx.personal.latest_of(account) or 0)
        count = tx.personal.erase_account(account, until)
        tx.append(PersonalErased(account, until, by), clock)
    return Erased(count, database.forget())
