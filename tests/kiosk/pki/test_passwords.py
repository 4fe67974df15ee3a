from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from kiosk.pki.passwords import DUMMY_VERIFIER, password_matches

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_the_password_of_a_verifier_matches_in_whatever_form_it_was_typed() -> None:
    verifier = CHEAP.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE}-1")
    assert password_matches(verifier, "cafe\N{COMBINING ACUTE ACCENT}-1")
    assert not password_matches(verifier, "cafe-1")


@pytest.mark.parametrize("verifier", ["", "none", DUMMY_VERIFIER])
def test_no_password_matches_what_verifies_none(verifier: str) -> None:
    assert not password_matches(verifier, "")
