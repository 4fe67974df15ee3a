from __future__ import annotations

import re

import pytest

from kiosk.domain.feed import FORK_RULE, MatterPublished
from kiosk.labels import REMARK_REASONS
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.matters import matter_line

CHINESE, ENGLISH = Catalogue(Language.CHINESE).text, Catalogue(Language.ENGLISH).text


@pytest.mark.parametrize("reason", [*REMARK_REASONS, FORK_RULE])
def test_every_reason_is_told_in_either_language_and_never_by_its_code(reason: str) -> None:
    raised = MatterPublished(reason, "3-0100-1", "11000001", 41)
    chinese, english = matter_line(raised, CHINESE), matter_line(raised, ENGLISH)
    assert "41" in chinese
    assert not re.search("[一-鿿（）：，]", english)
    assert "-" not in re.sub(r"3-0100-1", "", chinese)


def test_a_matter_names_entry_account_reason_and_subject() -> None:
    raised = MatterPublished("amount-differs", "3-0100-1", "11000001", 41)
    assert matter_line(raised, CHINESE) == "第 41 条，账号 11000001：金额不符（3-0100-1）"
    assert matter_line(raised, ENGLISH) == "entry 41, account 11000001: the amount differs (3-0100-1)"


def test_a_reason_that_is_not_known_here_stands_as_it_came() -> None:
    raised = MatterPublished("of-tomorrow", "3-0100-1", "", 41)
    assert matter_line(raised, CHINESE) == "第 41 条，账号 -：of-tomorrow（3-0100-1）"
