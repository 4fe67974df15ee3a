from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kiosk.desk.key_on_record import certificate_on_record, key_on_record, later_key
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.journal import LossReported
from kiosk.store.database import Database

NOW = 1_795_327_500
OLD = KeyOnRecord("0001000001000001", "A", 10, 20)
YOUNG = KeyOnRecord("0002000001000001", "B", 15, 18)


def test_of_two_keys_the_one_that_began_later_counts() -> None:
    assert later_key(OLD, YOUNG) == later_key(YOUNG, OLD) == YOUNG
    assert later_key(OLD, None) == later_key(None, OLD) == OLD
    assert later_key(None, None) is None


def test_the_same_key_is_lost_when_either_source_says_so() -> None:
    lost = replace(OLD, lost=True)
    assert later_key(OLD, lost) == later_key(lost, OLD) == lost


def test_a_loss_that_was_reported_here_marks_the_key_of_the_feed(
    database: Database, clock: FixedClock, bound_elsewhere: Callable[[str, str, int, int], object]
) -> None:
    bound_elsewhere("11000002", "ELSEWHERE", NOW - 100, NOW + 100)
    with database.write() as tx:
        key = key_on_record(tx, "11000002")
        assert key is not None
        assert not key.lost
        assert certificate_on_record(tx, key, "11000002") is not None
        tx.append(LossReported("11000002", key), clock)
        assert key_on_record(tx, "11000002") == replace(key, lost=True)
