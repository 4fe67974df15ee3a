"""Keeping personal records: taken from kiosks, made here, opened, erased.

Each is sealed under a key of its own, which is sealed with the centre's key; a page of one table alone opens nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence

from django.db.models import F

from kiosk.domain.errors import PersonalMalformed
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.personal import (
    SALT_LENGTH,
    Disclosed,
    PersonalRecord,
    disclose,
    kind_of_personal,
)
from kiosk.domain.policy import DAY
from kiosk.pki.device_keys import SEAL_KEY_LENGTH, SEAL_NONCE_LENGTH, seal, unseal
from kiosk.pki.errors import SealBroken
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.models import Kiosk
from sync.central.personal import models
from sync.central.personal.models import AccountErasure, ErasedPages, RecordKey, RecordState, SealedRecord
from sync.protocol.records import PersonalOutcome

MOST_A_DAY = 1000
"""Records of one kiosk that are taken within a day: far more than a desk serves, and no more than 4 MiB."""
COUNTER = 1
"""The key of the one row that counts erasures."""
_CONTEXT = b"keydesk personal record\x00"


def take(
    kiosk: int, sent: Sequence[Disclosed], keys: CentreKeys, now: int
) -> tuple[list[PersonalOutcome], list[models.PersonalRecord]]:
    """What becomes of each record that a kiosk sent, and the rows of those that are new here, in the transaction that is open.

    A kiosk is told of what its own entries commit to, and of nothing else. `now` is UTC seconds.
    """
    Kiosk.objects.select_for_update().get(number=kiosk)  # one request of a kiosk after the other
    named = {each.commitment.hex(): each for each in sent}
    rows = {row.commitment: row for row in _locked(named, kiosk=kiosk)}
    erased = dict(
        AccountErasure.objects.filter(account__in={each.account for each in rows.values()}).values_list(
            "account", "until"
        )
    )
    today = models.PersonalRecord.objects.filter(kiosk=kiosk, received_at__gt=now - DAY).count()
    outcomes, kept = dict[str, PersonalOutcome](), list[models.PersonalRecord]()
    for name, each in named.items():
        row = rows.get(name)
        outcome = _judge(each, row, erased, room=today + len(kept) < MOST_A_DAY)
        if outcome is None and row is not None:
            row.state, row.received_at = RecordState.KEPT, now
            _put(each, keys)
            kept.append(row)
        outcomes[name] = outcome or PersonalOutcome.KEPT
    models.PersonalRecord.objects.bulk_update(kept, ["state", "received_at"])
    return [outcomes[each.commitment.hex()] for each in sent], kept


def _judge(
    each: Disclosed, row: models.PersonalRecord | None, erased: dict[str, int], *, room: bool
) -> PersonalOutcome | None:
    """Why a record is not put here; None for one that is."""
    if not each.is_well_formed:
        return PersonalOutcome.MALFORMED
    if row is None:
        return PersonalOutcome.UNKNOWN
    if kind_of_personal(each.read()).value != row.kind:
        return PersonalOutcome.MALFORMED
    if row.state == RecordState.ERASED or row.made_at <= erased.get(row.account, row.made_at - 1):
        return PersonalOutcome.ERASED
    if row.state == RecordState.KEPT:
        return PersonalOutcome.KEPT
    return None if room else PersonalOutcome.LATER


def keep_own(record: PersonalRecord, account: str, subject: str, keys: CentreKeys, now: int) -> bytes:
    """Keep a record that was made here, for an order or a proposal; the commitment for the centre's own entry.

    Raises PersonalMalformed.
    """
    disclosed = disclose(record, secrets.token_bytes(SALT_LENGTH))
    models.PersonalRecord.objects.create(
        commitment=disclosed.commitment.hex(),
        kiosk=EXCHANGE_KIOSK,
        account=account,
        kind=kind_of_personal(record).value,
        subject=subject,
        state=RecordState.KEPT,
        made_at=now,
        received_at=now,
    )
    _put(disclosed, keys)
    return disclosed.commitment


def _put(disclosed: Disclosed, keys: CentreKeys) -> None:
    commitment, key = disclosed.commitment, secrets.token_bytes(SEAL_KEY_LENGTH)
    name, nonce = commitment.hex(), secrets.token_bytes(SEAL_NONCE_LENGTH)
    sealed = seal(key, nonce, disclosed.salt + disclosed.data, _CONTEXT + commitment)
    SealedRecord(commitment=name, sealed=sealed).save()
    RecordKey(commitment=name, sealed=keys.seal_secret(key, key_context(name))).save()


def key_context(commitment: str) -> str:
    """The context under which the key of a record is sealed."""
    return f"key of the personal record {commitment}"


def opened(commitments: Collection[bytes], keys: CentreKeys) -> dict[bytes, PersonalRecord]:
    """The records that are here, by commitment; one that was changed counts as erased."""
    names = [each.hex() for each in commitments]
    sealed = SealedRecord.objects.in_bulk(names)
    own = RecordKey.objects.in_bulk(list(sealed))
    found = {}
    for name in own:
        commitment = bytes.fromhex(name)
        try:
            key = keys.open_secret(own[name].sealed, key_context(name))
            plain = unseal(key, bytes(sealed[name].sealed), _CONTEXT + commitment)
            disclosed = Disclosed(plain[:SALT_LENGTH], plain[SALT_LENGTH:])
            if disclosed.commitment == commitment:
                found[commitment] = disclosed.read()
        except (SealBroken, PersonalMalformed):
            continue
    return found


def erase(commitments: Iterable[str], now: int) -> int:
    """Erase these records (hex) with their keys, those that are awaited too; how many were here.

    In the transaction that is open; `sync.central.personal.pages` then empties the pages.
    """
    names = list(commitments)
    if not names:
        return 0
    due = [row.commitment for row in _locked(names) if row.state != RecordState.ERASED]
    models.PersonalRecord.objects.filter(commitment__in=due).update(state=RecordState.ERASED, erased_at=now)
    RecordKey.objects.filter(commitment__in=names).delete()
    erased = SealedRecord.objects.filter(commitment__in=names).delete()[0]
    if erased:
        ErasedPages.objects.get_or_create(id=COUNTER)
        ErasedPages.objects.filter(id=COUNTER).update(erased=F("erased") + erased)
    return erased


def _locked(commitments: Iterable[str], **more: int) -> list[models.PersonalRecord]:
    """These rows, which nobody else puts or erases until the transaction ends; in one order, so that nobody waits in a circle."""
    rows = models.PersonalRecord.objects.select_for_update().filter(commitment__in=list(commitments), **more)
    return list(rows.order_by("commitment"))


def note_erasure(account: str, until: int) -> int:
    """Take nothing more of an account that was made up to that time; the latest time that counts."""
    row, _ = AccountErasure.objects.get_or_create(account=account, defaults={"until": until})
    if row.until < until:
        row.until = until
        row.save(update_fields=["until"])
    return row.until
