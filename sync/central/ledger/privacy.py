"""What the centre keeps of an account's personal facts, for whoever asks; and erasing it, here and at the kiosks."""

from __future__ import annotations

import msgspec
from msgspec.structs import asdict

from kiosk.domain.entries.requests import PersonalErased
from kiosk.domain.members import Enterprise
from kiosk.domain.personal import PersonalKind
from kiosk.domain.requests import Proposal, Requests
from sync.central.context import centre_keys
from sync.central.ledger.models import LedgerOrder, LedgerProposal, LedgerRequests
from sync.central.ledger.rows import proposal_record, requests_record
from sync.central.ledger.settling import enter_and_apply
from sync.central.members import models as members
from sync.central.personal.keeping import opened
from sync.central.personal.models import PersonalRecord, RecordState
from sync.central.personal.pages import forget


class KeptFact(msgspec.Struct, frozen=True):
    """A personal record, for which order or proposal it is, which kiosk sent it, and when it was made (UTC seconds)."""

    kind: PersonalKind
    subject: str
    kiosk: int
    made_at: int
    record: dict[str, str]


class PersonalExport(msgspec.Struct, frozen=True):
    """All that the centre has of an account, without what opens it: the password's verifier, keys."""

    account: str
    operator: str | None
    phone: str | None
    document: str | None
    enterprise: Enterprise | None
    orders: tuple[str, ...]
    requests: tuple[Requests, ...]
    proposals: tuple[Proposal, ...]
    facts: tuple[KeptFact, ...]


def exported(account: str) -> PersonalExport:
    """What is kept of an account."""
    operator = members.Operator.objects.select_related("enterprise").filter(account=account).first()
    orders = LedgerOrder.objects.filter(account=account).order_by("placed_at", "reference")
    requests = LedgerRequests.objects.filter(account=account).order_by("asked_at", "order")
    proposals = LedgerProposal.objects.filter(account=account).order_by("proposed_at", "proposal")
    rows = PersonalRecord.objects.filter(account=account, state=RecordState.KEPT).order_by("made_at")
    records = opened([bytes.fromhex(each.commitment) for each in rows], centre_keys())
    return PersonalExport(
        account=account,
        operator=None if operator is None else operator.name,
        phone=None if operator is None else operator.phone,
        document=None if operator is None else f"{operator.document} {operator.document_number}".strip(),
        enterprise=None if operator is None else operator.enterprise.record(),
        orders=tuple(orders.values_list("reference", flat=True)),
        requests=tuple(map(requests_record, requests)),
        proposals=tuple(map(proposal_record, proposals)),
        facts=tuple(
            KeptFact(PersonalKind(each.kind), each.subject, each.kiosk, each.made_at, asdict(record))
            for each in rows
            if (record := records.get(bytes.fromhex(each.commitment))) is not None
        ),
    )


class Erased(msgspec.Struct, frozen=True):
    """How many records there were here, and whether no page of the database has anything of them any more."""

    count: int
    emptied: bool


def is_known(account: str) -> bool:
    """Whether anything here is that account's: an operator, an order, a request or a personal record."""
    models = (members.Operator, LedgerOrder, LedgerRequests, PersonalRecord)
    return any(each._default_manager.filter(account=account).exists() for each in models)  # noqa: SLF001 - Django's documented manager


def erase_on_request(account: str, by: str, now: int) -> Erased:
    """Erase an account's personal records, here and by the feed at the kiosks. `now` is UTC seconds.

    That it was done is an entry of the centre's own journal. What has to wait for the applier, or for others who read, is done by
    the applier's process within a minute.
    """
    kept = PersonalRecord.objects.filter(account=account, state=RecordState.KEPT)
    before = kept.count()
    enter_and_apply([PersonalErased(account, now, by)], now)
    emptied = forget()
    return Erased(before - kept.count(), emptied)
