"""Personal records, each sealed with AES-256-GCM under a key of its own, its commitment as associated data.

The keys are in a table of their own, which no copy carries: a record without its key is what a copy has of it. Erasing
deletes both; the pages are overwritten (`PRAGMA secure_delete`), and `Database.forget` empties the write-ahead log.
One that cannot be read is passed over by all who read records, and named by `broken`; it stays until it is erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.errors import PersonalMalformed
from kiosk.domain.nights import Finding, NightlyFinding
from kiosk.domain.personal import SALT_LENGTH, Disclosed, PersonalKind, disclose, kind_of_personal
from kiosk.store.rows import Table

if TYPE_CHECKING:
    from sqlite3 import Connection

    from kiosk.domain.personal import PersonalRecord
    from kiosk.domain.retention import PersonalRetention

_KEY_LENGTH = 32
_NONCE_LENGTH = 12  # NIST SP 800-38D, section 8.2.2
_CONTEXT = b"keydesk personal record\x00"
_NOT_SENT = 0
_FIRST = (-(2**62), b"")  # before any record
_AT_ONCE = 500
_LISTED = 5


class KeptRecord(msgspec.Struct, frozen=True):
    """A personal record as it lies here; `sent_at` is 0 while the centre has not got it. UTC seconds."""

    commitment: bytes
    kind: PersonalKind
    account: str
    made_at: int
    sent_at: int
    disclosed: Disclosed


class BrokenRecord(msgspec.Struct, frozen=True):
    """A personal record whose seal does not open, or in which is no record; `made_at` is UTC seconds."""

    commitment: bytes
    kind: str
    account: str
    made_at: int


class PersonalTable(Table):
    """The personal records beside the journal."""

    def __init__(self, connection: Connection, path: Path, random: Callable[[int], bytes]) -> None:
        super().__init__(connection, path)
        self._random = random

    def put(self, record: PersonalRecord, account: str, now: int) -> bytes:
        """Keep a record of an account; the commitment for its entry. Raises PersonalMalformed."""
        from kiosk.pki.device_keys import seal  # noqa: PLC0415 - the first screen need not wait for cryptography

        disclosed = disclose(record, self._random(SALT_LENGTH))
        commitment, key = disclosed.commitment, self._random(_KEY_LENGTH)
        sealed = seal(
            key, self._random(_NONCE_LENGTH), disclosed.salt + disclosed.data, _CONTEXT + commitment
        )
        self._connection.execute(
            "INSERT INTO personal_records (commitment, kind, account, made_at, sent_at, sealed) VALUES (?, ?, ?, ?, ?, ?)",
            (commitment, kind_of_personal(record).value, account, now, _NOT_SENT, sealed),
        )
        self._connection.execute(
            "INSERT INTO personal_keys (commitment, key) VALUES (?, ?)", (commitment, key)
        )
        return commitment

    def get(self, commitment: bytes) -> PersonalRecord | None:
        """The record of that commitment; None once it was erased, or where it cannot be read."""
        return next(
            (each.disclosed.read() for each in self._readable("WHERE commitment = ?", commitment)), None
        )

    def of_account(self, account: str) -> tuple[KeptRecord, ...]:
        """The records of an account, oldest first."""
        return tuple(self._readable("WHERE account = ? ORDER BY made_at", account))

    def latest_of(self, account: str) -> int | None:
        """When the latest record of an account was made (UTC seconds), also where it cannot be read; None without any."""
        query = "SELECT max(made_at) FROM personal_records WHERE account = ?"
        (latest,) = self._connection.execute(query, (account,)).fetchone()
        return None if latest is None else int(latest)

    def unsent(self, limit: int, after: tuple[int, bytes] = _FIRST) -> tuple[KeptRecord, ...]:
        """Records that the centre has not got, oldest first, past one by its time and commitment."""
        condition = (
            "WHERE sent_at = 0 AND made_at >= ? AND (made_at, commitment) > (?, ?) "
            "ORDER BY made_at, commitment LIMIT ?"
        )
        found = list[KeptRecord]()
        while len(found) < limit and (page := self._kept(condition, after[0], *after, limit)):
            found += (each for each in page if isinstance(each, KeptRecord))
            after = page[-1].made_at, page[-1].commitment
        return tuple(found[:limit])

    def broken(self) -> tuple[BrokenRecord, ...]:
        """The records that cannot be read, oldest first."""
        found, after = list[BrokenRecord](), b""
        while page := self._kept("WHERE commitment > ? ORDER BY commitment LIMIT ?", after, _AT_ONCE):
            found += (each for each in page if isinstance(each, BrokenRecord))
            after = page[-1].commitment
        return tuple(sorted(found, key=lambda each: (each.made_at, each.commitment)))

    def note_sent(self, commitments: Iterable[bytes], now: int) -> None:
        """Record that the centre has these."""
        for each in commitments:
            self._connection.execute(
                "UPDATE personal_records SET sent_at = ? WHERE commitment = ? AND sent_at = 0", (now, each)
            )

    def send_again(self) -> None:
        """Have all of them sent again, to a centre that was put back from a backup: those have no keys."""
        self._connection.execute("UPDATE personal_records SET sent_at = 0 WHERE sent_at > 0")

    def ask_again(self, account: str) -> None:
        """Have those of an account sent again: the centre answers which of them it erased."""
        query = "UPDATE personal_records SET sent_at = 0 WHERE account = ? AND sent_at > 0"
        self._connection.execute(query, (account,))

    def erase(self, commitments: Iterable[bytes]) -> int:
        """Erase these records and their keys; how many there were."""
        count = 0
        for each in commitments:
            self._connection.execute("DELETE FROM personal_keys WHERE commitment = ?", (each,))
            count += self._connection.execute(
                "DELETE FROM personal_records WHERE commitment = ?", (each,)
            ).rowcount
        return count

    def erase_account(self, account: str, until: int) -> int:
        """Erase the records of an account that were made up to that time (UTC seconds); how many there were."""
        return self.erase(
            self._commitments(
                "SELECT commitment FROM personal_records WHERE account = ? AND made_at <= ?", account, until
            )
        )

    def erase_due(self, retention: PersonalRetention, now: int) -> int:
        """Erase what was kept for as long as its kind is; how many there were. `now` is UTC seconds."""
        due = [
            *self._commitments(
                "SELECT commitment FROM personal_records WHERE sent_at = 0 AND made_at < ?",
                retention.made_before(now),
            )
        ]
        for kind in PersonalKind:
            due += self._commitments(
                "SELECT commitment FROM personal_records WHERE kind = ? AND sent_at > 0 AND sent_at < ?",
                kind.value,
                retention.sent_before(kind, now),
            )
        return self.erase(due)

    def _commitments(self, query: str, *values: str | int) -> tuple[bytes, ...]:
        return tuple(each for (each,) in self._connection.execute(query, values))

    def _readable(self, condition: str, *values: str | int | bytes) -> Iterator[KeptRecord]:
        return (each for each in self._kept(condition, *values) if isinstance(each, KeptRecord))

    def _kept(self, condition: str, *values: str | int | bytes) -> list[KeptRecord | BrokenRecord]:
        """The records whose key is here; of one that came with a copy it is not."""
        rows = self._connection.execute(
            "SELECT commitment, kind, account, made_at, sent_at, sealed, key "  # noqa: S608 - conditions of ours
            f"FROM personal_records JOIN personal_keys USING (commitment) {condition}",
            values,
        )
        return [_read(*row) for row in rows.fetchall()]


def broken_records(personal: PersonalTable) -> tuple[Finding, ...]:
    """What needs a person where records cannot be read, named by their accounts and kinds; nothing where all can be."""
    broken = personal.broken()
    named = ", ".join(f"{each.account} {each.kind}" for each in broken[:_LISTED])
    return (Finding(NightlyFinding.RECORDS_BROKEN, len(broken), detail=named),) if broken else ()


def _read(
    commitment: bytes, kind: str, account: str, made_at: int, sent_at: int, sealed: bytes, key: bytes
) -> KeptRecord | BrokenRecord:
    from kiosk.pki.device_keys import unseal  # noqa: PLC0415 - as in put
    from kiosk.pki.errors import SealBroken  # noqa: PLC0415 - as in put

    broken = BrokenRecord(commitment, kind, account, made_at)
    try:
        plain = unseal(key, sealed, _CONTEXT + commitment)
        disclosed = Disclosed(plain[:SALT_LENGTH], plain[SALT_LENGTH:])
        disclosed.read()
    except (SealBroken, PersonalMalformed):
        return broken
    if disclosed.commitment != commitment or kind not in set(PersonalKind):
        return broken
    return KeptRecord(commitment, PersonalKind(kind), account, made_at, sent_at, disclosed)
