"""Versions rise whatever the clock says, and read back from their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.identifiers import IdentifierOutOfRange
from kiosk.domain.versions import (
    ALL,
    COUNTER_BITS,
    LARGEST_INCARNATION,
    LARGEST_STAMP,
    MAXIMUM_LEAP,
    MEMBERS,
    NO_VERSION,
    Version,
    audience_of_kiosk,
    kiosk_of_audience,
    next_version,
    parse_cursors,
    parse_version,
    write_cursors,
)

NOW = 1_795_327_600_000

VERSIONS = st.builds(Version, st.integers(0, LARGEST_INCARNATION), st.integers(0, LARGEST_STAMP))
AUDIENCES = st.sampled_from([ALL, MEMBERS, audience_of_kiosk(1), audience_of_kiosk(32767)])


def test_the_first_version_is_the_clock_s() -> None:
    assert next_version(NO_VERSION, 1, NOW, 0) == Version(1, NOW << COUNTER_BITS)


@given(st.lists(st.integers(0, NOW + 10 * MAXIMUM_LEAP), min_size=1, max_size=20))
def test_versions_rise_whatever_the_clock_says(clocks: list[int]) -> None:
    head = next_version(NO_VERSION, 1, NOW, 0)
    for now in clocks:
        following = next_version(head, 1, now, head.stamp)
        assert following > head
        head = following


def test_a_stamp_is_milliseconds_and_20_bits_that_count() -> None:
    assert next_version(NO_VERSION, 1, 1, 0) == Version(1, 1_048_576)


def test_a_clock_is_believed_for_thirty_days() -> None:
    assert MAXIMUM_LEAP == 2_592_000_000


def test_a_clock_that_leaps_is_not_followed() -> None:
    head = Version(1, NOW << COUNTER_BITS)
    assert next_version(head, 1, NOW + MAXIMUM_LEAP, head.stamp) == Version(
        1, NOW + MAXIMUM_LEAP << COUNTER_BITS
    )
    assert next_version(head, 1, NOW + MAXIMUM_LEAP + 1, head.stamp) == Version(1, head.stamp + 1)


def test_a_clock_put_back_counts_on() -> None:
    head = Version(1, NOW << COUNTER_BITS)
    assert next_version(head, 1, NOW - 5000, head.stamp) == Version(1, head.stamp + 1)


def test_a_later_incarnation_s_versions_are_later() -> None:
    assert Version(2, 1) > Version(1, LARGEST_STAMP)


def test_versions_begin_at_nothing_and_end_where_their_fields_do() -> None:
    assert str(NO_VERSION) == "0.0"
    last = Version(2_147_483_647, 9_223_372_036_854_775_807)
    assert parse_version("2147483647.9223372036854775807") == last


@given(VERSIONS)
def test_a_version_reads_back(version: Version) -> None:
    assert parse_version(str(version)) == version


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "01.1", "1.01", "-1.1", "1.9223372036854775808", "2147483648.1", "１.1"]
)
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match=r"version"):
        parse_version(text)


@given(st.dictionaries(AUDIENCES, VERSIONS))
def test_cursors_read_back(cursors: dict[int, Version]) -> None:
    assert parse_cursors(write_cursors(cursors)) == cursors


def test_cursors_are_written_by_audience() -> None:
    cursors = {audience_of_kiosk(3): Version(1, 50), ALL: Version(1, 123)}
    assert write_cursors(cursors) == "0:1.123,65539:1.50"
    assert write_cursors({MEMBERS: Version(2, 0)}) == "1:2.0"
    assert parse_cursors("4294967295:1.1") == {4_294_967_295: Version(1, 1)}


@pytest.mark.parametrize("text", [",", "0", "0:", "x:1.1", ":1.1", "0:1.1,", "99999999999:1.1", "\uff10:1.1"])
def test_other_texts_are_no_cursors(text: str) -> None:
    with pytest.raises(ValueError, match=r"audience|version"):
        parse_cursors(text)


@pytest.mark.parametrize("kiosk", [1, 3, 32767])
def test_a_kiosk_s_audience_names_it(kiosk: int) -> None:
    assert kiosk_of_audience(audience_of_kiosk(kiosk)) == kiosk


def test_the_audience_of_many_kiosks_names_none() -> None:
    assert kiosk_of_audience(ALL) is None
    assert kiosk_of_audience(MEMBERS) is None
    assert kiosk_of_audience(65536) is None
    assert kiosk_of_audience(65536 + 32768) is None


@pytest.mark.parametrize("kiosk", [-1, 0, 32768, 65536 + 3])
def test_no_kiosk_has_a_number_out_of_range_and_so_the_audience_of_another(kiosk: int) -> None:
    with pytest.raises(IdentifierOutOfRange):
        audience_of_kiosk(kiosk)
