from __future__ import annotations

import pytest

from tools.mutants import enums_of, mutants_of

ENUMS = {"Colour": ("RED", "BLUE"), "Only": ("ONE",)}

CHANGES = {
    "a < b": {"a <= b", "a >= b"},
    "a is not None": {"a is None"},
    "a not in b": {"a in b"},
    "0 < a == b": {"1 < a == b", "0 <= a == b", "0 >= a == b", "0 < a != b"},
    "a and b": {"True and b", "a and True", "a or b"},
    "(a or b) and c": {"(a or b) or c", "(True) and c", "(a or b) and True"}
    | {"(False or b) and c", "(a or False) and c", "(a and b) and c"},
    "not (a or b)": {"(a or b)", "not (False or b)", "not (a or False)", "not (a and b)"},
    "15 * a": {"16 * a", "14 * a", "15 // a"},
    "a = f(done=False)": {"a = f(done=True)"},
    "a if b else c": {"a if True else c", "a if False else c"},
    "[a for a in b if c]": {"[a for a in b if True]", "[a for a in b if False]"},
    "Colour.BLUE": {"Colour.RED"},
    "Only.ONE": set[str](),
    "a = replace(a, b=c)": {"a = replace(a, **{})"},
    "'words' + f'{a < 1}'": {"'words' - f'{a < 1}'"},
}

STATEMENTS = {
    "def f(a) -> bool: return a": {"def f(a) -> bool: return not (a)"},
    "def f(a: Literal[1]) -> int: return a": {"def f(a: Literal[1]) -> int: return None"},
    "def f(a=True): ...": {"def f(a=False): ..."},
    "def f():\n    raise E": {"pass"},
    "def f():\n    g(a)": {"pass"},
    "def f(a):\n    a = b": {"pass"},
    "def f():\n    a = b": set[str](),
    "class A(B, frozen=True):\n    c: Literal[3] = None": set[str](),
    "if TYPE_CHECKING:\n    a = 1": set[str](),
    "if a:\n    b": {"if True:", "if False:"},
    "while a:\n    b": {"while False:"},
}


@pytest.mark.parametrize("before", [*CHANGES, *STATEMENTS])
def test_the_faults_of_an_expression_or_a_statement(before: str) -> None:
    source = before.encode()
    after = {each.change(source)[1] for each in mutants_of("a.py", source, ENUMS)}
    assert after == {**CHANGES, **STATEMENTS}[before]


def test_a_fault_names_the_lines_that_a_test_has_to_execute_and_the_function_that_changes() -> None:
    source = b"""class Rule:
    LIMIT = 3

    @property
    def holds(self):
        if (
            self.amount
            > 0
        ):
            return self.inner()
"""
    found = {each.change(source)[1]: each for each in mutants_of("a.py", source, {})}
    limit, amount, result = found["LIMIT = 4"], found["> 1"], found["return None"]
    assert (limit.lines, limit.function, limit.line(source)) == ((2,), None, 2)
    assert (amount.lines, amount.line(source)) == ((6, 7, 8, 9), 8)
    assert amount.function == result.function == ("holds", 4)
    assert result.lines == (10,)


def test_the_members_of_an_enum_are_read_from_its_file() -> None:
    source = b'class Colour(enum.StrEnum):\n    """Of a light."""\n\n    RED = "red"\n    BLUE = "blue"\n'
    assert enums_of(source + b"class Other:\n    LIMIT = 1\n") == {"Colour": ("RED", "BLUE")}
