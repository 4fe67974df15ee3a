from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.central.ledger.portions import (
    BATCH,
    CONDEMNED,
    PORTION,
    SUSPECTED,
    Portion,
    Progress,
    choose,
    next_of_kiosk,
)


def test_every_strand_has_its_turn_though_one_is_endless() -> None:
    strands = {1: Progress(1, 10**6, 0), **{number: Progress(number, 3, 0) for number in range(2, 400)}}
    served, turns = 0, 0
    while any(each.head > each.applied for number, each in strands.items() if number > 1):
        portions = choose(strands.values(), served)
        assert sum(each.size for each in portions) <= BATCH
        for each in portions:
            strands[each.strand] = Progress(each.strand, strands[each.strand].head, each.last)
        served, turns = portions[-1].strand, turns + 1
    assert turns <= 4


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, CONDEMNED)), max_size=6),
    st.integers(0, 6),
    st.booleans(),
)
def test_a_portion_is_the_next_entries_of_its_strand(
    places: list[tuple[int, int, int]],
    served: int,
    suspects: bool,  # noqa: FBT001 - the parameter
) -> None:
    strands = {number: Progress(number, *place) for number, place in enumerate(places, 1)}
    portions = choose(strands.values(), served, suspects=suspects)
    assert len({each.strand for each in portions}) == len(portions)
    for each in portions:
        assert each.first == strands[each.strand].applied + 1
        assert each.first <= each.last <= strands[each.strand].head
        assert each.size <= PORTION
        assert not each.condemned or (len(portions) == 1 and each.size == 1)
    assert bool(portions) == any(each.head > each.applied for each in strands.values())


def test_a_strand_that_failed_goes_alone_entry_by_entry_and_after_the_others() -> None:
    failed, sound = Progress(1, 9, 3, SUSPECTED), Progress(2, 9, 3)
    assert choose([failed, sound], 0) == (Portion(2, 4, 9),)
    assert choose([failed, sound], 0, suspects=True) == (Portion(1, 4, 4),)
    assert choose([failed], 0) == (Portion(1, 4, 4),)


def test_the_one_that_failed_least_is_tried_first() -> None:
    worse, better = Progress(1, 9, 3, SUSPECTED + 1), Progress(2, 9, 3, SUSPECTED)
    assert choose([worse, better], 0) == (Portion(2, 4, 4),)


def test_an_entry_that_failed_alone_again_and_again_is_set_aside() -> None:
    assert choose([Progress(1, 9, 3, CONDEMNED)], 0) == (Portion(1, 4, 4, condemned=True),)


def test_of_a_kiosks_strands_the_one_whose_next_entry_came_first_is_applied_up_to_the_others_next() -> None:
    first, second = Progress(1, 9, 4), Progress(2, 20, 10)
    arrivals = {1: [3, 3, 5, 7, 7], 2: [4, 6, 6, 8]}
    assert next_of_kiosk([first, second], arrivals) == Progress(1, 6, 4)
    arrivals = {1: [5, 7, 7], 2: [4, 6, 6, 8]}
    assert next_of_kiosk([Progress(1, 9, 6), second], arrivals) == Progress(2, 11, 10)
    assert next_of_kiosk([second], {2: [4, 6]}) == Progress(2, 12, 10)


@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1, max_size=4))
def test_a_kiosks_entries_are_applied_in_the_order_in_which_they_came(came: list[list[int]]) -> None:
    strands = {number: sorted(arrivals) for number, arrivals in enumerate(came, 1)}
    applied = dict.fromkeys(strands, 0)
    order = list[int]()
    while pending := [
        Progress(number, len(strands[number]), applied[number])
        for number in strands
        if applied[number] < len(strands[number])
    ]:
        chosen = next_of_kiosk(
            pending, {each.strand: strands[each.strand][each.applied :] for each in pending}
        )
        assert chosen.head > chosen.applied == applied[chosen.strand]
        order += strands[chosen.strand][chosen.applied : chosen.head]
        applied[chosen.strand] = chosen.head
    assert order == sorted(order)
