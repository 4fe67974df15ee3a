from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from kiosk.pki.passwords import DUMMY_VERIFIER, is_verifier, password_matches

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_the_password_of_a_verifier_matches_in_whatever_form_it_was_typed() -> None:
    verifier = CHEAP.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE}-1")
    assert password_matches(verifier, "cafe\N{COMBINING ACUTE ACCENT}-1")
    assert not password_matches(verifier, "cafe-1")


@pytest.mark.parametrize("verifier", ["", "none", DUMMY_VERIFIER])
def test_no_password_matches_what_verifies_none(verifier: str) -> None:
    assert not password_matches(verifier, "")


@pytest.mark.parametrize("character", ["\u6c49", "\xe9", "!", "\0", " "])
def test_a_verifier_that_no_hash_was_ever_written_as_is_none(character: str) -> None:
    parts = DUMMY_VERIFIER.split("$")
    assert is_verifier("$".join(parts))
    for place in (4, 5):
        odd = "$".join(character * len(part) if each == place else part for each, part in enumerate(parts))
        assert not is_verifier(odd)
        assert not password_matches(odd, "any")


def test_what_is_no_text_is_no_password() -> None:
    assert not password_matches(CHEAP.hash("any"), "\ud800")
