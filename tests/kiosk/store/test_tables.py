"""The tables outside the fold."""

from __future__ import annotations

import msgspec
import pytest

from kiosk.domain.feed import FORK_RULE, AnyFeedBody, KeyBoundElsewhere, MatterPublished, Removed
from kiosk.domain.feed_rows import FeedRow, UnappliedRow, unsigned_row
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.policy import Policy, SignedPolicy, SignedTime
from kiosk.domain.versions import ALL, MEMBERS, NO_VERSION, Version
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.errors import StoreCorrupt
from kiosk.store.lockouts import KEPT
from kiosk.store.members import MemberCounts
from kiosk.store.vault import VaultItem

ORDER = "3-0009-1.9f86d081884c"
BODY = msgspec.Raw(b'{"kind":"of-tomorrow"}')


def test_members_are_published_and_published_again(database: Database) -> None:
    enterprise = Enterprise("91110000100000001A", "北京示例粮油贸易有限公司", "王建国", Review.APPROVED)
    first = Operator("11000001", enterprise.code, "李晓梅", Review.UNDER_REVIEW, "$argon2id$1")
    second = Operator("11000005", enterprise.code, "刘洋", Review.REFUSED, "$argon2id$5")
    with database.write() as tx:
        tx.members.put_enterprise(enterprise)
        tx.members.put_operator(second)
        tx.members.put_operator(first)
        tx.members.put_staff(StaffMember("林涛", Role.STAFF, "$argon2id$2"))
    approved = msgspec.structs.replace(first, review=Review.APPROVED)
    with database.write() as tx:
        tx.members.put_operator(approved)
        tx.members.put_staff(StaffMember("林涛", Role.SUPERVISOR, "$argon2id$3"))
    with database.read() as tx:
        assert tx.members.enterprise(enterprise.code) == enterprise
        assert tx.members.enterprise("?") is None
        assert tx.members.operator("11000001") == approved
        assert tx.members.operators_of(enterprise.code) == (approved, second)
        assert tx.members.staff("林涛") == StaffMember("林涛", Role.SUPERVISOR, "$argon2id$3")
        assert tx.members.counts() == MemberCounts(enterprises=1, operators=2, staff=1)


def test_a_cursor_goes_forward(database: Database) -> None:
    with database.write() as tx:
        rows = tx.feed.rows
        assert rows.cursor(ALL) == NO_VERSION
        rows.put_cursor(ALL, Version(1, 7))
        rows.put_cursor(ALL, Version(1, 7))
        with pytest.raises(ValueError, match=r"past 1\.6"):
            rows.put_cursor(ALL, Version(1, 6))
    with database.read() as tx:
        assert tx.feed.rows.cursors() == {ALL: Version(1, 7)}


def test_the_feed_is_whole_once_every_audience_came_to_its_head(database: Database) -> None:
    with database.write() as tx:
        rows = tx.feed.rows
        assert not rows.is_whole()
        rows.begin(ALL, Version(1, 7))
        rows.begin(MEMBERS, Version(1, 0))
        assert not rows.is_whole()
        rows.put_cursor(ALL, Version(1, 6))
        assert not rows.is_whole()
        rows.put_cursor(ALL, Version(1, 7))
        assert rows.is_whole()
        rows.put_cursor(MEMBERS, Version(1, 9))
        assert rows.is_whole()
        rows.begin(ALL, Version(2, 1))
        assert not rows.is_whole()
        rows.come_to_end(ALL)  # the head lies before the one of then
        assert rows.is_whole()


def test_a_row_that_cannot_be_applied_is_kept_by_its_key(database: Database) -> None:
    row = FeedRow(ALL, f"payment/{ORDER}/T1", Version(1, 4), NO_VERSION, "payment-confirmed", BODY, b"sig")
    other = msgspec.structs.replace(row, key="shipment/1", version=Version(1, 5))
    with database.write() as tx:
        tx.feed.rows.keep(other, "unknown-kind")
        tx.feed.rows.keep(row, "order-unknown")
        beside = msgspec.structs.replace(row, version=Version(1, 3))
        tx.feed.rows.keep(beside, "order-unknown")
        tx.feed.rows.keep(row, "malformed")
    kept, former = UnappliedRow(row, "malformed"), UnappliedRow(beside, "order-unknown")
    with database.read() as tx:
        assert tx.feed.rows.unapplied() == (former, kept, UnappliedRow(other, "unknown-kind"))
        assert tx.feed.rows.unapplied_of_order(ORDER) == (former, kept)
        assert tx.feed.rows.kept_beside(ALL, row.key) == (former, kept)
        assert tx.feed.rows.kept_beside(MEMBERS, row.key) == ()
        assert tx.feed.rows.unapplied_of_order("") == ()
        assert tx.feed.rows.row(ALL, row.key) is None
    with database.write() as tx:
        tx.feed.rows.drop_kept(row)
        assert tx.feed.rows.count_unapplied() == 2


def test_the_latest_row_of_a_key_shows_whatever_its_audience(database: Database) -> None:
    def told(audience: int, stamp: int, body: AnyFeedBody) -> FeedRow:
        return unsigned_row(audience, "key/11000002", Version(1, stamp), NO_VERSION, body)

    key = KeyBoundElsewhere("11000002", "4000000000000001", "S1", 1, 2)
    later = msgspec.structs.replace(key, lost=True)
    with database.write() as tx:
        rows = tx.feed.rows
        rows.begin(65539, Version(1, 4))
        rows.put(told(MEMBERS, 5, later))
        rows.put(told(65539, 4, key))
        assert rows.shown("key/11000002") == later
        assert rows.row(65539, "key/11000002") == told(65539, 4, key)
        rows.put(told(MEMBERS, 6, Removed()))
        assert rows.shown("key/11000002") == key
        assert rows.row(MEMBERS, "key/11000002") == told(MEMBERS, 6, Removed())
        rows.leave((MEMBERS,))
        assert rows.shown("key/11000002") is None
        assert (rows.left(), rows.is_whole()) == ((65539,), False)
        assert rows.drop_left(65539, 1) == ("key/11000002",)
        assert rows.left() == (65539,)
        assert rows.drop_left(65539, 1) == ()
        assert rows.left() == ()


def test_prices_policy_and_keys_elsewhere_are_the_last_that_came(database: Database) -> None:
    schedules = (FeeSchedule(1, 0, 5_000, 20_000, 10_000), FeeSchedule(2, 9, 6_000, 20_000, 10_000))
    policy = SignedPolicy(msgspec.json.encode(Policy(1, 3, 2_000_000_000)), bytes(64))
    key = KeyBoundElsewhere("11000002", "4000000000000001", "S1", 1, 2, certificate=b"DER")
    with database.write() as tx:
        assert (tx.feed.schedules(), tx.feed.signed_policy(), tx.feed.key_elsewhere("11000002")) == (
            (),
            None,
            None,
        )
        for schedule in (schedules[1], schedules[0], schedules[0]):
            tx.feed.put_schedule(schedule)
        tx.feed.put_policy(policy)
        tx.feed.put_key_elsewhere(key)
        tx.feed.put_key_elsewhere(msgspec.structs.replace(key, lost=True))
    with database.read() as tx:
        assert tx.feed.schedules() == schedules
        assert tx.feed.signed_policy() == policy
        assert tx.feed.key_elsewhere("11000002") == msgspec.structs.replace(key, lost=True)


def test_matters_are_open_until_they_are_decided(database: Database) -> None:
    matter = MatterPublished("price-differs", "3-0009-1", "11000001", 9)
    fork = MatterPublished(FORK_RULE, "4", "", 4)
    decided = msgspec.structs.replace(matter, outcome="accepted")
    with database.write() as tx:
        tx.feed.put_matter(matter)
        tx.feed.put_matter(fork)
        assert tx.feed.matters() == (fork, matter)
        tx.feed.put_matter(decided)
        tx.feed.close_forks()
        assert (tx.feed.matters(), tx.feed.count_matters()) == ((), 0)
        assert tx.feed.matters(settled=True) == (decided,)
        tx.feed.drop_matter("price-differs", "3-0009-1")
        assert tx.feed.matters(settled=True) == ()


def test_secrets_come_back_and_do_not_lie_open_in_the_tables(database: Database) -> None:
    secret = b"thirty-two bytes of a private key"
    with database.write() as tx:
        assert tx.vault.get(VaultItem.DEVICE_KEY) is None
        tx.vault.put(VaultItem.DEVICE_KEY, b"before")
        tx.vault.put(VaultItem.DEVICE_KEY, secret)
    with database.read() as tx:
        assert tx.vault.get(VaultItem.DEVICE_KEY) == secret
        assert tx.vault.get(VaultItem.ISSUING_KEY) is None
        (sealed,) = tx.vault._connection.execute("SELECT sealed FROM vault").fetchone()
    assert len(sealed) == 12 + len(secret) + 16
    assert secret not in sealed


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vault SET name = 'issuing-key'",
        (
            "UPDATE vault SET sealed = CAST(substr(sealed, 1, 20) || iif(substr(sealed, 21, 1) = x'00', x'01', x'00')"
            " || substr(sealed, 22) AS BLOB)"
        ),
        "UPDATE vault SET sealed = x''",
    ],
)
def test_a_secret_that_was_changed_or_exchanged_does_not_open(database: Database, statement: str) -> None:
    with database.write() as tx:
        tx.vault.put(VaultItem.DEVICE_KEY, b"\x01" * 32)
        tx.vault._connection.execute(statement)
    with pytest.raises(StoreCorrupt), database.read() as tx:
        assert tx.vault.get(VaultItem.DEVICE_KEY) or tx.vault.get(VaultItem.ISSUING_KEY)


def test_failures_are_counted_by_scope_and_time(database: Database) -> None:
    with database.write() as tx:
        for scope, time in (("a", 30), ("a", 10), ("b", 20), ("a", 10)):
            tx.lockouts.record(scope, time)
        assert tx.lockouts.failures("a") == [10, 10, 30]
        assert tx.lockouts.failures("a", since=11) == [30]
        assert tx.lockouts.failures("a", since=30) == [30]
        tx.lockouts.record(f"{KEPT}b", 5)
        tx.lockouts.prune(before=20)
        assert tx.lockouts.failures(f"{KEPT}b") == [5]
        assert (tx.lockouts.failures("a"), tx.lockouts.failures("b")) == ([30], [20])
        tx.lockouts.clear("a")
        assert (tx.lockouts.failures("a"), tx.lockouts.failures("b")) == ([], [20])


def test_a_question_is_answered_once_and_waits_until_its_deadline(database: Database) -> None:
    with database.write() as tx:
        first, second = tx.mailbox.submit("sms-code", b"1", 100), tx.mailbox.submit("challenge", b"2", 200)
        assert [question.id for question in tx.mailbox.waiting()] == [first, second]
        assert [question.kind for question in tx.mailbox.waiting(now=101)] == ["challenge"]
        assert tx.mailbox.answer_of(second) is None
        assert tx.mailbox.answer(second, b"")
        assert not tx.mailbox.answer(second, b"again")
        assert not tx.mailbox.answer(99, b"nobody asked")
        assert tx.mailbox.answer_of(second) == b""
        assert [question.id for question in tx.mailbox.waiting()] == [first]
        tx.mailbox.prune(before=150)
        assert tx.mailbox.waiting() == ()
        assert tx.mailbox.answer_of(second) == b""


def test_receipts_wait_in_order_until_they_are_printed(database: Database) -> None:
    with database.write() as tx:
        first, second = tx.print_queue.put(b"\x1b@1", "3-0002-9"), tx.print_queue.put(b"\x1b@2", "3-0003-1")
    with database.write() as tx:
        assert [(row.id, row.receipt) for row in tx.print_queue.waiting()] == [
            (first, b"\x1b@1"),
            (second, b"\x1b@2"),
        ]
        tx.print_queue.change(second, b"\x1b@3")
        assert [row.receipt for row in tx.print_queue.waiting()] == [b"\x1b@1", b"\x1b@3"]
        tx.print_queue.done(first)
        assert [row.order for row in tx.print_queue.waiting()] == ["3-0003-1"]
        assert tx.print_queue.count() == 1
        tx.print_queue.put(b"\x1b@4", "3-0002-9")
        assert tx.print_queue.count() == 2
        found = tx.print_queue.next_after(0, "3-0002-9")
        assert found is not None
        assert found.receipt == b"\x1b@4"
        assert tx.print_queue.next_after(found.id) is None
        assert tx.print_queue.next_after(0, "3-0009-1") is None


def test_the_agents_state_is_kept_whole(database: Database) -> None:
    state = AgentState(
        41, 1_800_000_000, 1_800_000_001, SignedTime(3, 1_800_000_000, bytes(64)), 5, "boot", "断网"
    )
    with database.write() as tx:
        assert tx.agent.get() == AgentState()
        tx.agent.put(state)
    with database.read() as tx:
        assert tx.agent.get() == state
