"""The mutants of a source file: small faults, each a replacement of one piece of its text.

Comparisons, `and` and `or`, `not`, whole numbers, truth values, arithmetic, enum members, results, conditions, fields of
`replace(...)`, and statements that are left out. Annotations, strings and what only the type checker reads stay.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: (r"is\s+not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: (r"not\s+in", ("in",)),
}
_ARITHMETIC: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
}

Enums = Mapping[str, tuple[str, ...]]
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Function(NamedTuple):
    """The outermost function around a mutant: its name and first line, decorators included."""

    name: str
    line: int


class Mutant(NamedTuple):
    """One fault: the bytes from `start` to `end` of the file become `text`.

    A test meets it by executing one of the `lines`; `function` is None where the module has to be imported anew: for
    what runs then, and for functions that call `super()`, which are bound to their class.
    """

    path: str
    start: int
    end: int
    text: str
    lines: tuple[int, ...]
    function: Function | None

    def applied(self, source: bytes) -> bytes:
        """The file with the fault."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def change(self, source: bytes) -> tuple[str, str]:
        """The lines before and after, without indentation, each joined to one."""
        first, last = source.rfind(b"\n", 0, self.start) + 1, (source + b"\n").find(b"\n", self.end)
        after = source[first : self.start] + self.text.encode() + source[self.end : last]
        return _joined(source[first:last]), _joined(after)

    def line(self, source: bytes) -> int:
        """The line on which it begins, counted from one."""
        return source.count(b"\n", 0, self.start) + 1


def _joined(text: bytes) -> str:
    return " ".join(each.strip() for each in text.decode().splitlines())


def enums_of(source: bytes) -> dict[str, tuple[str, ...]]:
    """The members of each enum that the file declares."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases):
            targets = [each.targets[0] for each in node.body if isinstance(each, ast.Assign)]
            found[node.name] = tuple(each.id for each in targets if isinstance(each, ast.Name))
    return found


def mutants_of(path: str, source: bytes, enums: Enums) -> list[Mutant]:
    """Every mutant of a file, in the order of its text."""
    finder = _Finder(path, source, enums)
    finder.visit(ast.parse(source))
    return sorted(set(finder.found), key=lambda each: (each.start, each.end, each.text))


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: bytes, enums: Enums) -> None:
        self.found: list[Mutant] = []
        self._path, self._source, self._enums = path, source, enums
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines: frozenset[int] = frozenset()
        self._function: Function | None = None
        self._bindings: Counter[str] = Counter()
        self._returns_bool = False

    def visit(self, node: ast.AST) -> None:
        """Find the mutants of the node and of what it contains."""
        lines = self._lines
        if isinstance(node, ast.stmt):
            self._lines = frozenset(_header(node))
            self._statement(node)
        elif isinstance(node, ast.expr):
            self._operator(node)
            self._value(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._inside(node)
        elif isinstance(node, ast.AnnAssign):
            self._visit_all([node.value] if node.value else [])
        elif isinstance(node, ast.ClassDef):
            self._visit_all(node.body)
        elif not isinstance(node, ast.JoinedStr) and not _only_for_types(node):
            self.generic_visit(node)
        self._lines = lines

    def _inside(self, node: _Function) -> None:
        defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
        self._visit_all([*node.decorator_list, *defaults])
        outer = self._function, self._bindings, self._returns_bool
        if self._function is None and not _calls_super(node):
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            self._function = Function(node.name, first)
            self._bindings = _bindings(node)
        self._returns_bool = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        self._visit_all(node.body)
        self._function, self._bindings, self._returns_bool = outer

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end_column

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _add(self, node: ast.expr | ast.stmt | ast.keyword, text: str) -> None:
        self._replace(*self._span(node), node, text)

    def _replace(self, start: int, end: int, node: ast.expr | ast.stmt | ast.keyword, text: str) -> None:
        own = range(node.lineno, (node.end_lineno or node.lineno) + 1) if isinstance(node, ast.expr) else ()
        lines = tuple(sorted(self._lines.union(own)))
        self.found.append(Mutant(self._path, start, end, text, lines, self._function))

    def _between(self, left: ast.expr, right: ast.expr, pattern: str, text: str) -> None:
        """The operator between two operands becomes another."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self._source[start:end].decode()
        self._replace(start, end, right, re.sub(pattern, text, gap, count=1))

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Return(value=ast.expr() as value) if not _is(value, None):
                self._add(value, f"not ({self._text(value)})" if self._returns_bool else "None")
            case ast.Raise() | ast.AugAssign() | ast.Expr(value=ast.Call()):
                self._add(node, "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                self._add(node, "pass")
            case ast.Assign(targets=[ast.Name(id=name)]) if self._bindings[name] > 1:
                self._add(node, "pass")
            case ast.If(test=test) if not _only_for_types(node):
                self._forced(test)
            case ast.While(test=test) if not _is(test, True):  # noqa: FBT003 - the node's value
                self._add(test, "False")
            case _:
                pass

    def _forced(self, test: ast.expr) -> None:
        self._add(test, "True")
        self._add(test, "False")

    def _operator(self, node: ast.expr) -> None:
        match node:
            case ast.Compare():
                operands = (node.left, *node.comparators)
                for index, operator in enumerate(node.ops):
                    pattern, others = _COMPARISONS[type(operator)]
                    for each in others:
                        self._between(operands[index], operands[index + 1], pattern, each)
            case ast.BoolOp(values=operands):
                self._operands(node, operands)
            case ast.UnaryOp(op=ast.Not()):
                self._add(node, self._text(node).removeprefix("not").strip())
            case ast.BinOp(op=operator) if type(operator) in _ARITHMETIC:
                self._between(node.left, node.right, *_ARITHMETIC[type(operator)])
            case _:
                pass

    def _value(self, node: ast.expr) -> None:  # noqa: C901 - one case a kind of value
        match node:
            case ast.Constant(value=bool(value)):
                self._add(node, str(not value))
            case ast.Constant(value=int(value)):
                self._add(node, str(value + 1))
                if value:
                    self._add(node, str(value - 1))
            case ast.IfExp(test=test):
                self._forced(test)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                for condition in (each for clause in node.generators for each in clause.ifs):
                    self._forced(condition)
            case ast.Attribute(value=ast.Name(id=name), attr=member) if member in self._enums.get(name, ()):
                members = self._enums[name]
                if len(members) > 1:
                    self._add(node, f"{name}.{members[(members.index(member) + 1) % len(members)]}")
            case ast.Call(func=ast.Name(id="replace") | ast.Attribute(attr="replace"), keywords=keywords):
                for keyword in keywords:
                    self._add(keyword, "**{}")
            case _:
                pass

    def _operands(self, node: ast.BoolOp, operands: list[ast.expr]) -> None:
        """One operand without effect, and the other operator."""
        both = isinstance(node.op, ast.And)
        for operand in operands:
            self._add(operand, str(both))
        text = self._text(operands[0])
        for left, right in itertools.pairwise(operands):
            gap = self._source[self._span(left)[1] : self._span(right)[0]].decode()
            text += re.sub(r"\band\b" if both else r"\bor\b", "or" if both else "and", gap, count=1)
            text += self._text(right)
        self._replace(self._span(operands[0])[0], self._span(operands[-1])[1], node, text)


def _header(node: ast.stmt) -> range:
    """The lines of a statement, without those of the block that it heads."""
    body = getattr(node, "body", None) or [case.pattern for case in getattr(node, "cases", ())]
    last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
    return range(node.lineno, max(node.lineno, last) + 1)


def _bindings(node: _Function) -> Counter[str]:
    """How often each name is bound in a function: a statement that is its only binding breaks whatever reads it."""
    stored = (
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )
    return Counter([*stored, *(each.arg for each in ast.walk(node) if isinstance(each, ast.arg))])


def _calls_super(node: _Function) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "super" for each in ast.walk(node))


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
