"""Breaking text into lines by the rules of Chinese typesetting, whatever measures them.

By kinsoku and GB/T 15834-2011, 5.1: 。，、）」 and the like never begin a line, （「￥ and the like never end one, and numbers,
dates, order numbers, words and telephone numbers joined by 「 / 」 are never broken unless they are wider than a whole line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

_NEVER_FIRST = frozenset("。，、；：？！）」』】》〉〕”’…—％·～" + ",.;:?!)]}%~")
_NEVER_LAST = frozenset("（「『【《〈〔“‘￥" + "([{")

_ATOM = re.compile(
    r"""
      \d{4}-\d\d-\d\d(?:[ ]\d\d:\d\d(?::\d\d)?)?(?:[ ]~)?   # a date, with its time and the ~ of a range
    | [(\[{](?=\d{4}-)                                      # a bracket before a date, joined to it below
    | \d[\d-]+(?:[ ]/[ ]\d[\d-]+)+                          # telephone numbers, one beside the other
    | [!-~]+                                                # a word, a number, an order number
    | [ \u3000]+                                            # where a line may break, and spaces vanish
    | .                                                     # a Han character breaks on either side
    """,
    re.VERBOSE | re.DOTALL,
)
Measure: TypeAlias = Callable[[str], float]


def break_lines(text: str, most: float, measure: Measure) -> list[str]:
    """The text in lines that measure at most so much; a line break in the text stays one.

    Spaces at a break vanish; those at the beginning of a paragraph stay. An empty paragraph is an empty line.
    Raises ValueError when a line is too narrow for one Han character.
    """
    if most < measure("密"):
        raise ValueError(f"{most} cells cannot hold a character")
    return [line for paragraph in text.split("\n") for line in _wrap_paragraph(paragraph, most, measure)]


def beginning(text: str, most: float, measure: Measure) -> str:
    """As much of the beginning as fits."""
    head = text
    while head and measure(head) > most:
        head = head[:-1]
    return head


def _wrap_paragraph(paragraph: str, most: float, measure: Measure) -> Iterator[str]:
    line = ""
    space = ""
    for cluster in _clusters(paragraph):
        if cluster.isspace():
            space = cluster
            continue
        if measure(line + space + cluster) <= most:
            line += space + cluster
        else:
            if line:
                yield line
            *full, line = _pieces(cluster, most, measure)
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


def _pieces(cluster: str, most: float, measure: Measure) -> list[str]:
    """A cluster cut into pieces that fit, at a space or else as late as possible; one piece when it fits."""
    pieces = []
    rest = cluster
    while measure(rest) > most:
        head = beginning(rest, most, measure)
        if " " not in rest[len(head) - 1 : len(head) + 1] and (cut := head.rfind(" ")) > 0:
            head = head[:cut]
        pieces.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return [*pieces, rest]
