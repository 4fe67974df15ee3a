"""Why a row was not applied is read back from the text on record."""

from __future__ import annotations

import pytest

from kiosk.domain.inapplicable import InapplicableReason, parse_problem


@pytest.mark.parametrize("reason", InapplicableReason)
def test_a_reason_is_read_back_with_its_detail(reason: InapplicableReason) -> None:
    assert parse_problem(f"{reason.value}: 3-0147-6: paid") == (reason, "3-0147-6: paid")
    assert parse_problem(reason.value) == (reason, "")


@pytest.mark.parametrize("problem", ["", "an older word: 3-0147-6", "malformed:no blank"])
def test_a_text_that_names_no_reason_is_told_whole(problem: str) -> None:
    assert parse_problem(problem) == (None, problem)
