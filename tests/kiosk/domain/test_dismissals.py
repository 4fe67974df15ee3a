"""What tells a kiosk to forget a row names that row alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.domain.dismissals import dismissal, dismissed_row
from kiosk.domain.versions import ALL, Version, audience_of_kiosk


@pytest.mark.parametrize("audience", [ALL, audience_of_kiosk(3)])
def test_a_dismissal_names_the_audience_and_the_version_of_the_row(audience: int) -> None:
    told = dismissal(audience, Version(2, 9))
    assert dismissed_row(told) == (audience, Version(2, 9))
    assert (told.account, told.sequence) == ("", 0)


def test_other_matters_and_other_outcomes_dismiss_nothing() -> None:
    told = dismissal(ALL, Version(2, 9))
    assert dismissed_row(replace(told, rule="second-key")) is None
    assert dismissed_row(replace(told, outcome="kept")) is None


@pytest.mark.parametrize("subject", ["", "0", "0/", "x/2.9", "/2.9"])
def test_a_dismissal_that_names_no_row_is_malformed(subject: str) -> None:
    with pytest.raises(ValueError, match=r"version|literal"):
        dismissed_row(replace(dismissal(ALL, Version(2, 9)), subject=subject))
