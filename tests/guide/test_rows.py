"""The table of the guide's rows names for each of them tests that exist."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.guide.rows import QUESTIONS, ROWS

ROOT = Path(__file__).parents[2]


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests in that file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


@pytest.mark.parametrize("test", sorted({*QUESTIONS, *(test for row in ROWS for test in row.driven_by)}))
def test_a_test_that_is_named_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in names_in(file)


def test_every_row_is_driven() -> None:
    assert [row.fact for row in ROWS if not row.driven_by] == []
    assert {row.section for row in ROWS} == set("23456")
