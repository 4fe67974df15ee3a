from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hardware.token.known_cards import KnownCard
from kiosk.desk.keys.views import Check, CheckResult
from kiosk.desk.orders.confirming import CodeRefusal
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.text import key_wording, wording
from kiosk.text.catalogue import Catalogue, Language
from kiosk.ui.screens.staff.found_key import _NEXT


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (wording.TOKEN_REFUSALS, TokenRefusal),
        (wording.REFUSALS, Refusal),
        (wording.CODE_REFUSALS, CodeRefusal),
        (wording.PRINTED, PrintOutcome),
        (key_wording.KEY_STATUSES, KeyStatus),
        (key_wording._ADVICE, KeyStatus),
        (key_wording._ADVICE_TO_STAFF, KeyStatus),
        (key_wording.CHECKS, Check),
        (key_wording._FAILURES, Check),
        (key_wording.RESULTS, CheckResult),
        (_NEXT, KeyStatus),
        (wording.KNOWN_CARDS, KnownCard),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_value_has_its_sentence(table: dict[str, str], values: type[TokenRefusal]) -> None:
    assert set(table) == set(values)


@pytest.mark.parametrize("language", list(Language))
def test_a_trouble_that_rests_on_old_data_tells_how_old_they_are(language: Language) -> None:
    t = Catalogue(language).text
    refused = TokenRefused(TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="A", found="B")
    aged = replace(refused, feed_as_of=1_795_327_500)
    assert wording.feed_age(t, 1_795_327_500) in wording.token_refusal(t, aged, "0371")
    assert wording.feed_age(t, 1_795_327_500) not in wording.token_refusal(t, refused, "0371")


def test_the_right_key_with_other_contents_is_not_called_another_key() -> None:
    t = Catalogue(Language.CHINESE).text
    said = [
        wording.token_refusal(
            t, TokenRefused(TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="A", found=found), "0"
        )
        for found in ("A", "B")
    ]
    assert "不是登记的那一套" in said[0]
    assert "不是登记在您账号上的那把" in said[1]


@pytest.mark.parametrize("trouble", list(TokenRefusal))
@pytest.mark.parametrize("language", list(Language))
def test_every_trouble_is_a_whole_sentence_without_holes(language: Language, trouble: TokenRefusal) -> None:
    refused = TokenRefused(trouble, tries_left=3, expected="A", found="B", detail="6F00")
    said = wording.token_refusal(Catalogue(language).text, refused, "0371")
    assert said
    assert not set(said) & set("{}?")


def test_the_pin_is_spelt_one_way() -> None:
    odd = ("PIN 码", "PIN  码", "Pin码", "pin码")
    catalogue = Path(wording.__file__).parent / "locale" / "en" / "LC_MESSAGES" / "keydesk.po"
    assert not [line for line in catalogue.read_text().splitlines() if any(each in line for each in odd)]
