"""What the centre has a name for, it raises: alarms, remarks and the matters that are made of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kiosk.domain.remarks import RemarkReason
from sync.central.journal.models import AlarmKind
from sync.central.ledger.rules import RULES

ROOT = Path(__file__).parents[3]
AT_THE_CENTRE = tuple((ROOT / "sync" / "central").rglob("*.py"))
# What both ends fold by; the guard judges at the desk alone, before there is an entry.
FOLDS = tuple(each for each in (ROOT / "kiosk" / "domain").rglob("*.py") if each.name != "guard.py")
GUARD = ROOT / "kiosk" / "domain" / "guard.py"


def _names(member: AlarmKind | RemarkReason, files: tuple[Path, ...]) -> bool:
    """Whether any of them does something with that member, beside declaring, ruling and wording it."""
    name = re.compile(rf"\b{type(member).__name__}\.{member.name}\b")
    return any(
        name.search(file.read_text("utf-8"))
        for file in files
        if file.name not in {"models.py", "rules.py", "wording.py", "remarks.py"}
    )


@pytest.mark.parametrize("kind", AlarmKind)
def test_every_kind_of_alarm_is_raised(kind: AlarmKind) -> None:
    assert _names(kind, AT_THE_CENTRE)


@pytest.mark.parametrize("reason", RemarkReason)
def test_every_reason_of_a_remark_is_given(reason: RemarkReason) -> None:
    assert _names(reason, (*AT_THE_CENTRE, *FOLDS, GUARD))


@pytest.mark.parametrize("reason", RULES)
def test_every_rule_of_a_matter_has_something_that_raises_it_at_the_centre(reason: RemarkReason) -> None:
    assert _names(reason, (*AT_THE_CENTRE, *FOLDS))
