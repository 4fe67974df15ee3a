from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.central.ledger.portions import BATCH, CONDEMNED, PORTION, SUSPECTED, Portion, Progress, choose


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
