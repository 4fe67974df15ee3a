"""Laying out text by the cells it takes on a terminal, where a Han character takes two.

Widths are Textual's, so that lines made here and its widgets agree: Han and fullwidth punctuation
take 2 cells. `…` “ ” `·` `①` `→` `℃` count as 1, but some terminals draw them 2 wide: keep them out of columns.

Lines break by the rules of Chinese typesetting (kinsoku; GB/T 15834-2011, 5.1): 。，、）」 and the like never begin a
line, （「￥ and the like never end one, and numbers, dates, order numbers and words are never broken unless they
are wider than a whole line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NEVER_FIRST = frozenset("。，、；：？！）」』】》〉〕”’…—％·～" + ",.;:?!)]}%~")
_NEVER_LAST = frozenset("（「『【《〈〔“‘￥" + "([{")

_ATOM = re.compile(
    r"""
      \d{4}-\d\d-\d\d(?:[ ]\d\d:\d\d(?::\d\d)?)?(?:[ ]~)?   # a date, with its time and the ~ of a range
    | [(\[{](?=\d{4}-)                                      # a bracket before a date, joined to it below
    | [!-~]+                                                # a word, a number, an order number
    | [ \u3000]+                                            # where a line may break, and spaces vanish
    | .                                                     # a Han character breaks on either side
    """,
    re.VERBOSE | re.DOTALL,
)

Align = Literal["left", "right", "centre"]
Measure: TypeAlias = "Callable[[str], float]"


def width(text: str) -> int:
    """How many cells the text takes on one line."""
    return cell_len(text)


def pad(text: str, cells: int, align: Align = "left") -> str:
    """The text filled up with spaces to so many cells; one that is wider is returned as it is."""
    gap = max(0, cells - width(text))
    if align == "left":
        return text + " " * gap
    if align == "right":
        return " " * gap + text
    return " " * (gap // 2) + text + " " * (gap - gap // 2)


def columns(rows: Sequence[Sequence[str]], room: int, gap: int = 1) -> list[str]:
    """Rows of as many cells each as lines of text whose columns line up, `gap` apart.

    Where a line is wider than `room`, the last column is left out of all of them, and then what does not fit is cut off.
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + gap * (len(widths) - 1) > room:
        widths.pop()
    lines = ((" " * gap).join(map(pad, row, widths)).rstrip() for row in rows)
    return [truncate(line, room) for line in lines]


def truncate(text: str, cells: int, marker: str = "..") -> str:
    """The text cut to at most so many cells, ending with the marker where something was cut off."""
    if width(text) <= cells:
        return text
    if width(marker) > cells:
        return _head(text, cells, width)
    return _head(text, cells - width(marker), width) + marker


def wrap(text: str, cells: float, measure: Measure = width) -> list[str]:
    """The text in lines of at most so many cells; a line break in the text stays one.

    Spaces at a break vanish; those at the beginning of a paragraph stay. An empty paragraph is an empty line.
    For paper, `measure` tells widths in dots and `cells` is in dots as well.
    Raises ValueError when a line is too narrow for one Han character.
    """
    if cells < measure("密"):
        raise ValueError(f"{cells} cells cannot hold a character")
    return [line for paragraph in text.split("\n") for line in _wrap_paragraph(paragraph, cells, measure)]


def _wrap_paragraph(paragraph: str, cells: float, measure: Measure) -> Iterator[str]:
    line = ""
    space = ""
    for cluster in _clusters(paragraph):
        if cluster.isspace():
            space = cluster
            continue
        if measure(line + space + cluster) <= cells:
            line += space + cluster
        else:
            if line:
                yield line
            *full, line = _pieces(cluster, cells, measure)
            yield from full
        space = ""
    yield line


def _clusters(paragraph: str) -> Iterator[str]:
    """What must stay together: atoms joined where no line may break; runs of spaces by themselves."""
    cluster = ""
    space = ""
    for match in _ATOM.finditer(paragraph):
        atom = match.group()
        if atom.isspace():
            space = atom
        elif cluster and (atom[0] in _NEVER_FIRST or cluster[-1] in _NEVER_LAST):
            cluster += space + atom
            space = ""
        else:
            yield from filter(None, (cluster, space))
            cluster, space = atom, ""
    yield from filter(None, (cluster, space))


def _pieces(cluster: str, cells: float, measure: Measure) -> list[str]:
    """A cluster cut into pieces that fit, as late as possible; one piece when it fits."""
    pieces = []
    rest = cluster
    while measure(rest) > cells:
        head = _head(rest, cells, measure)
        pieces.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return [*pieces, rest]


def _head(text: str, cells: float, measure: Measure) -> str:
    """As much of the beginning as fits into so many cells."""
    head = text
    while measure(head) > cells:
        head = head[:-1]
    return head
