"""Administrative divisions down to prefectures (GB/T 2260), and those that typed pinyin initials may mean.

`divisions.txt` has a province a line, then its prefectures and the counties that stand directly under it. A bar stands before
what people leave out of a name where that is more than 市, 盟, 地区, 县 or 林区.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kiosk.text.pinyin import reached, syllables

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 9
"""What can be chosen by one digit."""
_USUAL_ENDS = ("地区", "林区", "市", "盟", "县")


class Division(msgspec.Struct, frozen=True):
    """A province, or a prefecture in it; the short names are what people say."""

    name: str
    province: tuple[str, str]
    place: tuple[str, str] | None = None


@functools.cache
def divisions() -> tuple[Division, ...]:
    """All of them, each province before its prefectures."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    return tuple(_of_lines(text.splitlines()))


def _of_lines(lines: list[str]) -> Iterator[Division]:
    for line in lines:
        first, *others = line.split()
        province = _named(first)
        yield Division(province[1], province)
        for place in map(_named, others):
            yield Division(province[1] + place[1], province, place)


def _named(written: str) -> tuple[str, str]:
    """The short name and the whole one."""
    short, bar, end = written.partition("|")
    if bar:
        return short, short + end
    return next(written.removesuffix(each) for each in _USUAL_ENDS if written.endswith(each)), written


def meant_by(letters: str) -> tuple[str, ...]:
    """The divisions that small letters may mean, the likeliest first, then provinces, then as they are listed: `hnzz` is 河南省郑州市, then 湖南省株洲市.

    Initials or whole syllables, of the place alone or after its province's.
    """
    if not letters:
        return ()
    found = [
        (rank, each.place is not None, place, each.name)
        for place, each in enumerate(divisions())
        if (rank := _rank(letters, each)) is not None
    ]
    return tuple(name for *_, name in sorted(found)[:MOST])


def _rank(letters: str, division: Division) -> int | None:
    """0 where the letters spell a short name to its end, 1 where they begin it; None where they mean something else."""
    if division.place is None:
        return _spelt(letters, {0}, *division.province)
    short, whole = division.province
    steps = reached(letters, {0}, syllables(whole))
    return _spelt(letters, {0} | steps[len(short) - 1] | steps[-1], *division.place)


def _spelt(letters: str, begun: set[int], short: str, whole: str) -> int | None:
    places = reached(letters, begun, syllables(whole))
    complete = [number for number, each in enumerate(places, start=1) if len(letters) in each]
    if not complete:
        return None
    return 0 if len(short) in complete else 1
