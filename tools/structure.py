"""Check the structure: no import cycle, no package over its limits, no small file with a single importer.

`python tools/structure.py` prints the counts and exits with 1 if a limit is exceeded. Every import counts, including
type-only imports and those within functions. A room of a folder is one of its files or sub-packages (a sub-package of
sub-packages alone counts as these); an arrow joins two rooms when any file of one imports any file of the other. The
limits and the seams (small files that stay separate, each with its reason) are in pyproject.toml, `tool.structure`.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("hardware", "kiosk", "sync", "bench")
SMALL = 60

Arrows = dict[str, set[str]]
"""Each file, as a path from the root, with the files that it imports."""


class Counts(NamedTuple):
    """The size of a folder: its rooms and the imports between them."""

    rooms: int
    arrows: int


def files(root: Path) -> list[str]:
    """The project's modules, without Django's migrations."""
    found = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return sorted(str(path.relative_to(root)) for path in found if "migrations" not in path.parts)


def arrows_of(root: Path) -> Arrows:
    """The imports of each file."""
    known = files(root)
    modules = {_module(path): path for path in known}
    return {path: set(_imported(root / path, modules)) - {path} for path in known}


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(path: Path, modules: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (modules[alias.name] for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield from (modules[name] for name in (inside, node.module) if name in modules)


def circles(arrows: Arrows) -> list[list[str]]:
    """The files that import each other in a loop (Tarjan's strongly connected components of more than one file)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(path: str) -> None:
        index[path] = low[path] = len(index)
        stack.append(path)
        for other in sorted(arrows[path]):
            if other not in index:
                visit(other)
                low[path] = min(low[path], low[other])
            elif other in stack:
                low[path] = min(low[path], index[other])
        if low[path] == index[path]:
            place = stack.index(path)
            if len(stack) - place > 1:
                found.append(sorted(stack[place:]))
            del stack[place:]

    for path in arrows:
        if path not in index:
            visit(path)
    return found


def counts(arrows: Arrows, folder: str) -> Counts:
    """The rooms of a folder and the arrows between them."""
    corridors = {str(Path(path).parent) for path in arrows} - {
        str(Path(path).parent) for path in arrows if not path.endswith("/__init__.py")
    }
    inside = {path: room for path in arrows if (room := _room(path, folder, corridors)) is not None}
    drawn = {
        (room, inside[other])
        for path, room in inside.items()
        for other in arrows[path]
        if other in inside and inside[other] != room
    }
    return Counts(len(set(inside.values())), len(drawn))


def _room(path: str, folder: str, corridors: set[str]) -> str | None:
    """The file's room in the folder; a package's `__init__.py` is not a room."""
    if not path.startswith(f"{folder}/"):
        return None
    room = f"{folder}/{path.removeprefix(f'{folder}/').split('/')[0]}"
    if room in corridors:
        return _room(path, room, corridors)
    return None if room.endswith("/__init__.py") else room


def lonely(root: Path, arrows: Arrows) -> Iterator[str]:
    """The small files with a single importer; a package's `__init__.py` does not count."""
    readers: dict[str, int] = dict.fromkeys(arrows, 0)
    for imported in arrows.values():
        for path in imported:
            readers[path] += 1
    for path, count in readers.items():
        few = len((root / path).read_text().splitlines()) < SMALL
        if count == 1 and few and not path.endswith("__init__.py"):
            yield path


def complaints(root: Path, bounds: dict[str, list[int]], seams: dict[str, str]) -> Iterator[str]:
    """One sentence per violation."""
    arrows = arrows_of(root)
    for circle in circles(arrows):
        yield f"these files import each other in a circle: {', '.join(circle)}"
    for folder, bound in bounds.items():
        found = counts(arrows, folder)
        if found.rooms > bound[0] or found.arrows > bound[1]:
            yield f"{folder} has {found.rooms} rooms and {found.arrows} arrows, more than {bound}"
    small = set(lonely(root, arrows))
    for path in sorted(small - seams.keys()):
        yield f"{path} is under {SMALL} lines and only one file imports it: fold it into that one"
    for path in sorted(seams.keys() - small):
        yield f"{path} is named as a seam and is none: take it out of pyproject.toml"


def _report(root: Path, folders: Iterable[str]) -> Iterator[str]:
    arrows = arrows_of(root)
    lines = sum(len((root / path).read_text().splitlines()) for path in arrows)
    yield f"{len(arrows)} files, {lines} lines, {len(circles(arrows))} circles"
    for folder in folders:
        rooms, drawn = counts(arrows, folder)
        yield f"{folder}: {rooms} rooms, {drawn} arrows"


def main() -> int:
    """Print the counts and the violations; returns 1 if there are any."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["structure"]
    print("\n".join(_report(ROOT, settings["bounds"])))
    found = list(complaints(ROOT, settings["bounds"], settings["seams"]))
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
