from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.domain.validity import LAST_MOMENT, is_moment
from kiosk.store.system_clock import SystemClock


@pytest.mark.parametrize("shift", [300_000_000_000, 99_999_999_999_999, 1 << 70, -(10**14)])
def test_a_clock_beyond_the_calendar_stands_at_its_end(tmp_path: Path, shift: int) -> None:
    file = tmp_path / "clock-shift"
    file.write_text(str(shift))
    now = SystemClock(file).wall()
    assert is_moment(now)
    assert now == (LAST_MOMENT if shift > 0 else 0)
