from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tiers import TIERS, Tier, may_hold, row_of, tier_of

TESTS = Path(__file__).parents[1]
FILES = sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py"))


def test_every_test_file_has_a_tier_and_every_row_a_file() -> None:
    assert {row_of(file) for file in FILES} == set(TIERS)


def test_a_file_that_no_row_covers_is_an_error() -> None:
    with pytest.raises(LookupError):
        row_of("elsewhere/test_it.py")


def test_folders_without_a_tier_need_not_be_read_for_it() -> None:
    read = [
        folder for folder in (".", "kiosk", "kiosk/desk", "kiosk/desk/keys") if may_hold(folder, Tier.QUICK)
    ]
    assert read == [".", "kiosk", "kiosk/desk", "kiosk/desk/keys"]
    assert not any(may_hold(folder, Tier.QUICK) for folder in ("sync", "kiosk/ui", "kiosk/de"))
    assert may_hold("sync", Tier.SOAK)


def test_the_longest_path_decides_and_the_marker_above_all() -> None:
    assert tier_of("kiosk/desk/test_status.py") is Tier.QUICK
    assert tier_of("kiosk/desk/binding/test_faults.py") is Tier.WHOLE
    assert tier_of("kiosk/desk/test_status.py", soak=True) is Tier.SOAK
