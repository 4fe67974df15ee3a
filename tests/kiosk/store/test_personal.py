"""Personal records beside the journal: sealed each with a key of its own, and erased from every page."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import DeliveryAsked, PersonalErased
from kiosk.domain.errors import PersonalMalformed
from kiosk.domain.personal import (
    MAXIMUM_RECORD,
    SALT_LENGTH,
    DeliveryAddress,
    Disclosed,
    InvoiceDetails,
    OperatorDetails,
    PersonalKind,
)
from kiosk.domain.retention import PersonalRetention
from kiosk.pki.device_keys import seal, unseal
from kiosk.pki.errors import SealBroken
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from kiosk.store.verify import verify
from tests.support.pages import decrypted

ACCOUNT, OTHER = "11000001", "11000002"
ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
INVOICE = InvoiceDetails("郑州某粮油有限公司", "91410100MA9K2B7X0P", "fin@example.cn")
OPERATOR = OperatorDetails("李晓梅", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
DAY = 86400
Place = Callable[[Transaction, str], str]


def keep(database: Database, *records: DeliveryAddress, account: str = ACCOUNT, now: int = 1) -> list[bytes]:
    with database.write() as tx:
        return [tx.personal.put(each, account, now) for each in records]


def test_a_record_is_given_back_and_the_commitment_is_over_it(database: Database) -> None:
    with database.write() as tx:
        commitments = [tx.personal.put(each, ACCOUNT, 5) for each in (ADDRESS, INVOICE, OPERATOR)]
    with database.read() as tx:
        assert [tx.personal.get(each) for each in commitments] == [ADDRESS, INVOICE, OPERATOR]
        kept = tx.personal.of_account(ACCOUNT)
        assert {each.commitment for each in kept} == set(commitments)
        assert {each.disclosed.commitment for each in kept} == set(commitments)
        assert {each.kind for each in kept} == set(PersonalKind)
        assert tx.personal.of_account(OTHER) == ()
        assert tx.personal.get(bytes(32)) is None


def test_the_same_record_never_has_the_same_commitment_twice(database: Database) -> None:
    first, second = keep(database, ADDRESS, ADDRESS)
    assert first != second


def test_a_record_that_is_too_long_is_refused(database: Database) -> None:
    with pytest.raises(PersonalMalformed):
        keep(database, DeliveryAddress("张", "河南省", "路" * MAXIMUM_RECORD))


def test_each_record_has_a_key_of_its_own(database: Database) -> None:
    first, second = keep(database, ADDRESS, ADDRESS)
    with database.read() as tx:
        rows = {
            commitment: (sealed, key)
            for commitment, sealed, key in tx.personal._connection.execute(
                "SELECT commitment, sealed, key FROM personal_records JOIN personal_keys USING (commitment)"
            )
        }
    context = b"keydesk personal record\x00"
    assert unseal(rows[first][1], rows[first][0], context + first)
    for key, name in ((rows[second][1], first), (rows[first][1], second)):
        with pytest.raises(SealBroken):
            unseal(key, rows[first][0], context + name)


@pytest.mark.parametrize(
    "spoilt",
    [
        "personal_records SET sealed = zeroblob(60)",
        "personal_records SET sealed = zeroblob(3)",
        "personal_records SET kind = 'letter'",
        "personal_keys SET key = zeroblob(32)",
        "personal_keys SET key = zeroblob(5)",
    ],
)
def test_a_record_that_cannot_be_read_is_named_and_hinders_no_other(database: Database, spoilt: str) -> None:
    (broken,) = keep(database, ADDRESS, now=1)
    with database.write() as tx:
        tx.personal._connection.execute(f"UPDATE {spoilt}")
    (whole,) = keep(database, ADDRESS, now=2)
    with database.read() as tx:
        assert [(each.commitment, each.account, each.made_at) for each in tx.personal.broken()] == [
            (broken, ACCOUNT, 1)
        ]
        assert (tx.personal.get(broken), tx.personal.get(whole)) == (None, ADDRESS)
        assert [each.commitment for each in tx.personal.of_account(ACCOUNT)] == [whole]
        assert [each.commitment for each in tx.personal.unsent(1)] == [whole]
    with database.write() as tx:
        assert tx.personal.erase_account(ACCOUNT, 2) == 2
        assert tx.personal.broken() == ()


def test_what_has_another_form_than_a_record_is_named_as_well(database: Database) -> None:
    odd = Disclosed(bytes(SALT_LENGTH), b"\x93no record")
    (commitment,) = keep(database, ADDRESS)
    key = os.urandom(32)
    context = b"keydesk personal record\x00" + odd.commitment
    sealed = seal(key, bytes(12), odd.salt + odd.data, context)
    with database.write() as tx:
        tx.personal._connection.execute(
            "UPDATE personal_records SET commitment = ?, sealed = ?", (odd.commitment, sealed)
        )
        tx.personal._connection.execute(
            "UPDATE personal_keys SET commitment = ?, key = ?", (odd.commitment, key)
        )
    with database.read() as tx:
        assert [each.commitment for each in tx.personal.broken()] == [odd.commitment]
        assert (tx.personal.get(odd.commitment), tx.personal.get(commitment)) == (None, None)


def test_more_broken_records_than_are_sent_at_once_hold_up_none_behind_them(database: Database) -> None:
    keep(database, *[ADDRESS] * 5, now=1)
    with database.write() as tx:
        tx.personal._connection.execute("UPDATE personal_keys SET key = zeroblob(32)")
    behind = [each for now in (2, 3, 4) for each in keep(database, ADDRESS, now=now)]
    with database.read() as tx:
        assert [each.commitment for each in tx.personal.unsent(2)] == behind[:2]
        assert [each.commitment for each in tx.personal.unsent(2, (3, behind[1]))] == behind[2:]
        assert len(tx.personal.broken()) == 5


def test_the_latest_record_of_an_account_counts_whether_it_can_be_read_or_not(database: Database) -> None:
    keep(database, ADDRESS, now=5)
    with database.write() as tx:
        tx.personal._connection.execute("UPDATE personal_keys SET key = zeroblob(32)")
    keep(database, ADDRESS, now=3)
    with database.read() as tx:
        assert (tx.personal.latest_of(ACCOUNT), tx.personal.latest_of(OTHER)) == (5, None)


def test_what_the_centre_has_is_not_sent_again(database: Database) -> None:
    (first,) = keep(database, ADDRESS, now=1)
    (second,) = keep(database, ADDRESS, now=2)
    with database.write() as tx:
        assert [each.commitment for each in tx.personal.unsent(5)] == [first, second]
        assert [each.commitment for each in tx.personal.unsent(1)] == [first]
        tx.personal.note_sent([first], 7)
        tx.personal.note_sent([first], 9)
        assert [each.commitment for each in tx.personal.unsent(5)] == [second]
        assert [each.sent_at for each in tx.personal.of_account(ACCOUNT)] == [7, 0]


def test_the_records_of_one_account_are_sent_again(database: Database) -> None:
    (mine,), (other,) = keep(database, ADDRESS), keep(database, ADDRESS, account=OTHER)
    with database.write() as tx:
        tx.personal.note_sent([mine, other], 7)
        tx.personal.ask_again(ACCOUNT)
        assert [each.commitment for each in tx.personal.unsent(5)] == [mine]


def test_the_records_of_an_account_go_that_were_made_up_to_a_time(database: Database) -> None:
    keep(database, ADDRESS, now=1)
    keep(database, ADDRESS, now=3)
    keep(database, ADDRESS, account=OTHER, now=1)
    with database.write() as tx:
        assert tx.personal.erase_account(ACCOUNT, 2) == 1
        assert [each.made_at for each in tx.personal.of_account(ACCOUNT)] == [3]
        assert len(tx.personal.of_account(OTHER)) == 1


def test_each_kind_goes_when_its_time_is_up(database: Database) -> None:
    retention = PersonalRetention(delivery_days=2, invoice_days=3, operator_days=1, unsent_days=10)
    with database.write() as tx:
        sent = [tx.personal.put(each, ACCOUNT, 0) for each in (ADDRESS, INVOICE, OPERATOR)]
        tx.personal.note_sent(sent, DAY)
        waiting = tx.personal.put(ADDRESS, ACCOUNT, DAY)

        def left(now: int) -> set[bytes]:
            tx.personal.erase_due(retention, now)
            return {each.commitment for each in tx.personal.of_account(ACCOUNT)}

        assert left(2 * DAY) == {*sent, waiting}
        assert left(2 * DAY + 1) == {*sent[:2], waiting}
        assert left(3 * DAY + 1) == {sent[1], waiting}
        assert left(4 * DAY + 1) == {waiting}
        assert left(11 * DAY) == {waiting}
        assert left(11 * DAY + 1) == set()


def facts(pages: bytes, known: list[tuple[bytes, bytes]]) -> list[bytes]:
    """What of the sealed records in these pages is opened by a key that is in them."""
    found = []
    for commitment, sealed in known:
        keys = [pages[each.end() : each.end() + 32] for each in re.finditer(re.escape(commitment), pages)]
        for key in keys if sealed in pages else ():
            try:
                found.append(unseal(key, sealed, b"keydesk personal record\x00" + commitment))
            except (SealBroken, ValueError):
                continue
    return found


def test_a_fact_is_in_the_pages_before_it_is_erased_and_in_none_after(
    database: Database, path: Path, key: bytes, clock: FixedClock, place: Place
) -> None:
    """The record itself, its key, and whatever was written of either; the chain goes on proving itself."""
    with database.write() as tx:
        order = place(tx, ACCOUNT)
        (*_, planted) = [tx.personal.put(ADDRESS, ACCOUNT, clock.wall()) for _ in range(200)]
        others = [tx.personal.put(ADDRESS, OTHER, clock.wall()) for _ in range(200)]
        tx.append(DeliveryAsked(order, ACCOUNT, planted, "member"), clock)
    with database.read() as tx:
        rows = tx.personal._connection.execute(
            "SELECT commitment, sealed, key, account FROM personal_records JOIN personal_keys USING (commitment)"
        ).fetchall()
    sealed = {commitment: (record, own) for commitment, record, own, _ in rows}
    mine = {commitment for commitment, _, _, account in rows if account == ACCOUNT}
    before = decrypted(path, key)
    assert all(part in before for part in sealed[planted])
    opened = facts(before, [(planted, sealed[planted][0])])
    assert opened
    assert all("花园路1号".encode() in each for each in opened)
    with database.write() as tx:
        assert tx.personal.erase_account(ACCOUNT, clock.wall()) == len(mine)
        tx.append(PersonalErased(ACCOUNT, clock.wall(), "张华"), clock)
    assert database.forget()
    after = decrypted(path, key)
    assert [each.hex() for each in mine for part in sealed[each] if part in after] == []
    assert facts(after, [(each, sealed[each][0]) for each in mine]) == []
    assert planted in after  # the entry's commitment
    assert all(part in after for each in others for part in sealed[each])
    found = verify(database)
    assert found.sound
    assert not found.different


def test_the_log_is_not_emptied_while_somebody_reads(database: Database) -> None:
    keep(database, ADDRESS)
    with database.read():
        keep(database, ADDRESS)
        assert not database.forget()
    assert database.forget()


def test_no_copy_has_the_key_of_a_record(database: Database, tmp_path: Path, key: bytes) -> None:
    keep(database, *[ADDRESS] * 50)
    with database.read() as tx:
        keys = [own for (own,) in tx.personal._connection.execute("SELECT key FROM personal_keys")]
    assert all(each in decrypted(database.path, key) for each in keys)
    copy = tmp_path / "copy.db"
    database.copy_to(copy)
    assert not any(each in decrypted(copy, key) for each in keys)
    with closing(Database.open(copy, key)) as opened, opened.read() as tx:
        assert tx.personal.of_account(ACCOUNT) == ()
        assert tx.personal.unsent(5) == ()
    with database.read() as tx:
        assert len(tx.personal.of_account(ACCOUNT)) == 50


def test_the_keys_are_random(path: Path, key: bytes) -> None:
    drawn: list[int] = []

    def random(count: int) -> bytes:
        drawn.append(count)
        return os.urandom(count)

    with closing(Database.create(path, key, random=random)) as opened, opened.write() as tx:
        tx.personal.put(ADDRESS, ACCOUNT, 1)
    assert sorted(drawn) == [12, 16, 32]
