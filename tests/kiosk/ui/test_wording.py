from __future__ import annotations

import pytest

from hardware.token.known_cards import KnownCard
from kiosk.desk.key_views import Check, CheckResult, KeyStanding
from kiosk.desk.views import CodeProblem, Refusal, TokenRefused, TokenTrouble
from kiosk.text.catalogue import Catalogue, Language
from kiosk.ui import key_wording, wording
from kiosk.ui.screens.found_key import _NEXT


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (wording.TOKEN_TROUBLES, TokenTrouble),
        (wording.REFUSALS, Refusal),
        (wording.CODE_PROBLEMS, CodeProblem),
        (key_wording.STANDINGS, KeyStanding),
        (key_wording._ADVICE, KeyStanding),
        (key_wording._ADVICE_TO_STAFF, KeyStanding),
        (key_wording.CHECKS, Check),
        (key_wording._FAILURES, Check),
        (key_wording.RESULTS, CheckResult),
        (_NEXT, KeyStanding),
        (wording.KNOWN_CARDS, KnownCard),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_value_has_its_sentence(table: dict[str, str], values: type[TokenTrouble]) -> None:
    assert set(table) == set(values)


@pytest.mark.parametrize("trouble", list(TokenTrouble))
@pytest.mark.parametrize("language", list(Language))
def test_every_trouble_is_a_whole_sentence_without_holes(language: Language, trouble: TokenTrouble) -> None:
    refused = TokenRefused(trouble, tries_left=3, expected="A", found="B", detail="6F00")
    said = wording.token_trouble(Catalogue(language).text, refused, "0371")
    assert said
    assert not set(said) & set("{}?")
