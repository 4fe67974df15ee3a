from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.agent.upload_size import LEAST_BROKEN, UploadSize
from sync.protocol.batches import BATCH_BYTES


@given(st.lists(st.sampled_from(["refused", "broke", "passed"])))
def test_what_was_refused_is_never_tried_again(ends: list[str]) -> None:
    size, refused = UploadSize(), BATCH_BYTES + 1
    for end in ends:
        tried = size.now
        if end == "refused":
            size.refused(tried)
            refused = min(refused, tried)
        elif end == "broke":
            size.broke(tried)
        else:
            size.passed()
        assert size.now < refused or size.now == 0
        assert size.now <= BATCH_BYTES


def test_what_breaks_gets_smaller_to_a_point_and_larger_again_with_what_passes() -> None:
    size = UploadSize()
    for _ in range(20):
        size.broke(size.now)
    assert size.now == LEAST_BROKEN
    for _ in range(100):
        size.passed()
    assert size.now == BATCH_BYTES


def test_a_small_batch_that_broke_says_nothing_of_large_ones() -> None:
    size = UploadSize()
    size.broke(2000)
    assert size.now == BATCH_BYTES
