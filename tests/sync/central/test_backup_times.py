from __future__ import annotations

import pytest

from sync.central.backups.wording import time_words
from sync.central.formats import china_time


def test_when_a_backup_was_made_is_told_in_utc() -> None:
    assert time_words(1753176181) == "2025-07-22 09:23:01 UTC"


@pytest.mark.parametrize("seconds", [300_000_000_000, 1 << 63, -(10**14)])
def test_a_time_that_no_calendar_has_is_shown_as_the_number(seconds: int) -> None:
    assert time_words(seconds) == f"{seconds} s"
    assert china_time(seconds) == str(seconds)
