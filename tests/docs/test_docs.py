"""The names in the documents are those of the code.

What is checked, in every Markdown file of the repository:

- links lead to a file or a heading that is there;
- paths below the packages, the tests and the tools are there;
- names in backticks that look like the code's (dotted, CamelCase, snake_case) are defined somewhere in it;
- targets of make and commands are there.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.xdist_group("docs")  # all of the code is read once a process

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "tests").rglob("*.md"))
    if path.name != "CHANGELOG.md"
)
FOLDERS = ("hardware", "kiosk", "sync", "tests", "tools", "bench", "docs", "requirements")
PACKAGES = ("hardware", "kiosk", "sync")

_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*")
_FILE = re.compile(r"[\w./*-]+\.(?:py|tcss|md|toml|txt|c|h)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_BLOCK = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
_CAMEL = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+")
_HAN = re.compile(r"[一-鿿]")
# Files that stand on a desk or at the centre, not in the repository.
_ELSEWHERE = {"keydesk.toml", "central.toml"}
_DATA = re.compile(r"[\w-]+\.(?:key|der|log|card|jsonl)")
# Names of other programs and standards that look like the code's.
_FOREIGN = re.compile(r"SKF_\w+|GetDevInfo|EnumContainer|pg_\w+|synchronous_\w+")


def test_there_are_documents_to_look_at() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS}
    wanted = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md")
    assert names.issuperset((*wanted, "docs/glossary.md", "docs/threat-model.md", "docs/decisions/README.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_names_what_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = [
        *(f"link {link}" for link in _LINK.findall(text) if not _leads_somewhere(document, link)),
        *(f"path {path}" for path in _paths(text) if not _is_there(document, path)),
        *(f"name {name}" for name in _names(text) if not _is_defined(name)),
        *(f"make {target}" for target in _targets(text) if target not in _make_targets()),
        *(
            f"command {' '.join(command)}"
            for command in _commands(text)
            if command[1] not in _known(command[0])
        ),
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("`hardware/token/missing.py`", "path hardware/token/missing.py"),
        ("    kiosk/nowhere/    a room", "path kiosk/nowhere/"),
        ("`kiosk.domain.ledger.Nothing`", "name kiosk.domain.ledger.Nothing"),
        ("`DeskServant`", "name DeskServant"),
        ("`test_that_nobody_wrote`", "name test_that_nobody_wrote"),
        ("`make coffee`", "make coffee"),
        ("`keydesk fly`", "command keydesk fly"),
        ("[here](docs/nowhere.md)", "link docs/nowhere.md"),
        ("[here](docs/keys.md#nowhere)", "link docs/keys.md#nowhere"),
    ],
)
def test_a_wrong_name_is_found(tmp_path: Path, sentence: str, wrong: str) -> None:
    document = tmp_path / "wrong.md"
    document.write_text(sentence, encoding="utf-8")
    with pytest.raises(AssertionError) as found:
        test_a_document_names_what_is_there(document)
    assert wrong in str(found.value)


def test_the_makefile_names_what_is_there() -> None:
    paths = _PATH.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert "tools/install.py" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


# Paths and links


def _paths(text: str) -> Iterator[str]:
    yield from _PATH.findall(_LINK.sub("", text))
    for span in _SPAN.findall(text):
        if _FILE.fullmatch(span) and span not in _ELSEWHERE and not span.startswith(("/", *FOLDERS)):
            yield span


def _is_there(document: Path, path: str) -> bool:
    wanted = path.rstrip(".")
    beside = document.parent / wanted
    return beside.exists() or any(ROOT.glob(wanted.rstrip("/"))) or ("/" not in wanted and wanted in _files())


@functools.cache
def _files() -> frozenset[str]:
    inside = (path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return frozenset((*inside, *(path.name for path in ROOT.iterdir())))


def _leads_somewhere(document: Path, link: str) -> bool:
    if link.startswith(("http://", "https://")):
        return True
    place, _, heading = link.partition("#")
    target = (document.parent / place) if place else document
    if not target.exists():
        return False
    return not heading or heading in _anchors(target)


def _anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub names them in links."""
    headings = re.findall(r"^#+ +(.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


# Names of the code


def _names(text: str) -> Iterator[str]:
    for span in _SPAN.findall(text):
        name = span.removesuffix("()")
        if (
            _FOREIGN.fullmatch(span)
            or _FILE.fullmatch(span)
            or _DATA.fullmatch(span)
            or not _NAME.fullmatch(span)
        ):
            continue
        if span.endswith("()") or "." in name or "_" in name.strip("_") or _CAMEL.fullmatch(name):
            yield name


def _is_defined(name: str) -> bool:
    if name.split(".", maxsplit=1)[0] in FOLDERS:
        return _resolves(name)
    *owners, last = name.split(".")
    if not owners:
        return last in _defined()
    return any(last in members for members in _members().get(owners[-1], ()))


def _resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something that is defined in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:count])
        module = base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"
        if module.exists():
            rest = parts[count:]
            return not rest or _has(ast.parse(module.read_text(encoding="utf-8")), rest)
    return False


def _has(scope: ast.AST, names: list[str]) -> bool:
    first, *rest = names
    for node in ast.iter_child_nodes(scope):
        if first in _names_of(node):
            return not rest or _has(node, rest)
    return False


def _names_of(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return (name,)
        case ast.Assign(targets=targets):
            return tuple(target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case _:
            return ()


class _Outline(NamedTuple):
    """What one file of the code defines and imports, and what its module and its classes have in them."""

    path: Path
    defined: frozenset[str]
    imported: frozenset[str]
    members: tuple[tuple[str, frozenset[str]], ...]


@functools.cache
def _outlines() -> tuple[_Outline, ...]:
    paths = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(_outline(path) for path in paths)


def _outline(path: Path) -> _Outline:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined: set[str] = set()
    imported: set[str] = set()
    members = [(path.stem, _inside(tree))]
    for node in ast.walk(tree):
        defined.update(_names_of(node))
        match node:
            case ast.ClassDef():
                members.append((node.name, _inside(node)))
            case ast.Import():
                imported.update(alias.name.split(".")[0] for alias in node.names)
            case ast.ImportFrom():
                imported.update(alias.name for alias in node.names)
                imported.add((node.module or "").split(".")[0])
            case _:
                pass
    return _Outline(path, frozenset(defined), frozenset(imported), tuple(members))


def _inside(scope: ast.AST) -> frozenset[str]:
    return frozenset(name for node in ast.iter_child_nodes(scope) for name in _names_of(node))


@functools.cache
def _defined() -> frozenset[str]:
    """All that is defined anywhere: modules, classes, functions, fields, constants; what is imported; the words of C."""
    found = {outline.path.stem for outline in _outlines()}
    for outline in _outlines():
        found |= outline.defined | outline.imported
    for source in (ROOT / "tests").rglob("*.[ch]"):
        found.update(re.findall(r"\w+", source.read_text(encoding="utf-8")))
    return frozenset(found)


@functools.cache
def _members() -> dict[str, tuple[frozenset[str], ...]]:
    """What the classes of a name, and the modules, have in them."""
    members: dict[str, tuple[frozenset[str], ...]] = {}
    for outline in _outlines():
        for name, inside in outline.members:
            members[name] = (*members.get(name, ()), inside)
    return members


# Targets and commands


def _code(text: str) -> Iterator[str]:
    yield from _SPAN.findall(text)
    yield from _BLOCK.findall(text)


def _targets(text: str) -> Iterator[str]:
    for code in _code(text):
        found = re.match(r"\s*make ([a-z][a-z-]*)", code)
        if found:
            yield found[1]


@functools.cache
def _make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for code in _code(text):
        found = re.match(r"\s*(?:\.venv/bin/)?(keydesk|keydesk-sync) ([a-z][a-z-]*)", code)
        if found:
            yield found[1], found[2]


@functools.cache
def _known(command: str) -> frozenset[str]:
    """The subcommands that a command of the project tells of in its help."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts[command].partition(":")
    program = f"import sys; sys.argv = ['{command}', '--help']; from {module} import {function}; {function}()"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return frozenset(re.findall(r"^    ([a-z][a-z-]*)\b", told.stdout, re.MULTILINE))


# The glossary


def _rows(document: Path) -> list[list[str]]:
    lines = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if not set(row[0]) <= set("-: ") and row[0] != "中文"]


def test_the_glossary_tells_each_term_once() -> None:
    rows = _rows(DOCS / "glossary.md")
    assert len(rows) > 40
    for column in (0, 1):
        said = Counter(row[column] for row in rows if row[column] != "–")
        assert [term for term, count in said.items() if count > 1] == []


def test_the_glossary_s_chinese_is_what_the_desk_or_the_console_says() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in PACKAGES
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
    )
    terms = [term for row in _rows(DOCS / "glossary.md") for term in row[0].split(" / ") if _HAN.search(term)]
    assert [term for term in terms if term not in source] == []


def test_every_term_of_the_glossary_has_a_type_of_the_program() -> None:
    program: set[str] = set()
    for outline in _outlines():
        if outline.path.relative_to(ROOT).parts[0] in PACKAGES:
            program |= outline.defined
    for row in _rows(DOCS / "glossary.md"):
        types = _SPAN.findall(row[3])
        assert types, row
        assert [name for name in types if name.split(".")[0] not in program or not _is_defined(name)] == []


# The decisions and the threat model

HEADINGS = ("## Decision", "## Why", "## What it costs")


def test_every_decision_is_numbered_listed_and_says_why() -> None:
    folder = DOCS / "decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [path.name[:4] for path in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    listed = _LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert [link for link in listed if link[0].isdigit()] == [path.name for path in pages]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert [heading for heading in HEADINGS if heading not in text] == [], page.name


def test_every_defence_of_the_threat_model_names_a_module_and_a_test() -> None:
    rows = [row for row in _rows(DOCS / "threat-model.md") if len(row) == 3 and row[0] != "attack"]
    assert len(rows) > 20
    for attack, module, test in rows:
        assert _PATH.search(module), attack
        assert "`test_" in test, attack


# The two READMEs


def test_both_readmes_tell_of_the_same_commands_and_places() -> None:
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    assert set(_targets(english)) == set(_targets(chinese))
    assert set(_commands(english)) == set(_commands(chinese))
    assert set(_PATH.findall(english)) == set(_PATH.findall(chinese))


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_first_screen_ends_with_the_two_commands(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    first = lines[:24]
    assert any(line.startswith("    make demo") for line in first)
    assert any(line.startswith("    make test") for line in first)
