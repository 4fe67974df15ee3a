"""The wording of the screens: Chinese is written in the source, English is looked up.

Every string that a person can read goes through a catalogue. The Chinese sentence is the message identifier:

    t = Catalogue(language).text
    t("缴费须知")
    t("还可试 {tries} 次", tries=4)

Parameters are named and filled in with `str.format`; a translation uses the same names. Sentences that are
chosen elsewhere than where they are shown (tables, enums) are marked with `N_`, which returns its argument,
and looked up when they are shown: `t(ORDER_KINDS[kind])`.

`tools/catalogue.py` collects the first argument of every call named `t`, `_t`, `_`, `text` or `N_` in kiosk/ and
sync/, when it is a literal with a Chinese character or fullwidth punctuation, into
kiosk/text/locale/en/LC_MESSAGES/keydesk.po, keeps the translations and compiles keydesk.mo beside it. Both are
committed; a test fails when either is behind the source.
"""

from __future__ import annotations

import enum
import functools
import gettext
from pathlib import Path

from kiosk.labels import N_

__all__ = ["DOMAIN", "LOCALE", "N_", "Catalogue", "Language"]

DOMAIN = "keydesk"
LOCALE = Path(__file__).parent / "locale"


class Language(enum.StrEnum):
    """The languages that the screens can speak."""

    CHINESE = "zh"
    ENGLISH = "en"


@functools.cache
def _translations(language: Language) -> gettext.NullTranslations:
    if language is Language.CHINESE:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, languages=[language.value])


class Catalogue:
    """The wording in one language; a sentence without a translation stays Chinese."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._translations = _translations(language)

    def text(self, message: str, /, **parameters: object) -> str:
        """Word a sentence, with its named parameters filled in.

        The empty string stays empty. Raises KeyError when a parameter that the sentence names is not given.
        """
        # gettext answers the empty identifier with the catalogue's own header
        worded = self._translations.gettext(message) if message else message
        return worded.format(**parameters) if parameters else worded
