from __future__ import annotations

from sync.central.payments.rates import KEYS, Rate


def test_each_key_has_its_own_number_of_times_in_any_span() -> None:
    rate = Rate(2, 60)
    assert [rate.allows("a", now) for now in (0, 30, 59, 60, 89, 90)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
    assert rate.allows("b", 59)


def test_a_clock_that_was_put_back_locks_nobody_out() -> None:
    rate = Rate(1, 60)
    assert rate.allows("a", 1000)
    assert rate.allows("a", 10)
    assert not rate.allows("a", 11)


def test_keys_beyond_the_limit_push_out_the_one_longest_silent() -> None:
    rate = Rate(1, 60)
    for key in range(KEYS + 1):
        assert rate.allows(str(key), 0)
    assert not rate.allows(str(KEYS), 0)
    assert rate.allows("0", 0)
