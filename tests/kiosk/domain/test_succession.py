"""Which of two keys of one account is the later, and what is known of its loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.register import later_key

HOLDS = st.integers(0, 5)


def key(
    holds: int, *, revoked: bool = False, number: str = "3000000000000001", begin: int = 100
) -> KeyOnRecord:
    """A key whose hold was set and lifted so often: lost while that is odd, or once it is revoked."""
    lost = bool(holds % 2) or revoked
    return KeyOnRecord(number, "T1", begin, begin + 100, lost=lost, holds=holds, revoked=revoked)


KEYS = st.builds(key, HOLDS, revoked=st.booleans())


def test_a_hold_is_set_once_and_lifted_once() -> None:
    held = key(0).on_hold()
    assert (held.lost, held.holds, held.on_hold()) == (True, 1, held)
    lifted = held.lifted()
    assert (lifted.lost, lifted.holds, lifted.lifted()) == (False, 2, lifted)
    gone = lifted.out_of_use()
    assert (gone.lost, gone.revoked, gone.lifted()) == (True, True, gone)


@given(one=KEYS, other=KEYS, third=KEYS)
def test_of_one_key_told_by_several_the_order_of_telling_does_not_matter(
    one: KeyOnRecord, other: KeyOnRecord, third: KeyOnRecord
) -> None:
    assert later_key(one, other) == later_key(other, one)
    assert later_key(one, one) == one
    assert later_key(later_key(one, other), third) == later_key(one, later_key(other, third))


@given(one=KEYS, other=KEYS)
def test_revoked_is_for_good_and_the_later_hold_counts(one: KeyOnRecord, other: KeyOnRecord) -> None:
    joined = later_key(one, other)
    assert joined is not None
    assert joined.revoked == (one.revoked or other.revoked)
    assert joined.holds == max(one.holds, other.holds)
    if not joined.revoked:
        assert joined.lost == bool(joined.holds % 2)


@given(mine=KEYS, revoked=st.booleans())
def test_another_key_that_began_later_takes_the_place_whatever_was_lost(
    mine: KeyOnRecord, *, revoked: bool
) -> None:
    newer = key(0, revoked=revoked, number="4000000000000001", begin=200)
    assert later_key(mine, newer) == newer == later_key(newer, mine)


def test_without_a_key_the_other_is_the_key() -> None:
    assert later_key(None, None) is None
    assert later_key(key(1), None) == key(1) == later_key(None, key(1))


def test_of_a_key_told_twice_with_as_many_holds_a_loss_counts_whoever_tells_of_it() -> None:
    lost, in_use = replace(key(2), lost=True), key(2)
    for pair in ((lost, in_use), (in_use, lost)):
        assert later_key(*pair) == lost
