"""Draws what `make bench` printed: of each measurement the ratio to its floor, as bars on a logarithmic scale.

make bench > bench.txt && .venv/bin/python -m bench.picture bench.txt docs/performance.svg
"""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import escape

_LINE = re.compile(
    r"(?P<name>.+?) +(?P<ours>[\d.]+) ms   floor +(?P<floor>[\d.]+) ms   ratio +(?P<ratio>[\d.]+)"
)
_CENTRE = re.compile(
    r"(?P<name>\w+) +(?P<entries>\d+) entries: floor +(?P<floor>\d+)/s   folded +(?P<folded>\d+)/s .*listed +(?P<listed>\d+)/s .*"
)
_LEFT, _WIDTH, _ROW, _TOP = 470, 380, 22, 40
_LEAST, _MOST = 0.1, 100.0


def ratios(text: str) -> list[tuple[str, float]]:
    """The name and the ratio of each line that has one; of entries a second, how many times the floor is quicker."""
    found: list[tuple[str, float]] = []
    for line in text.splitlines():
        if (match := _LINE.match(line)) is not None:
            found.append(
                (
                    unquote(match["name"]).removeprefix("slowest: ").replace("__exact", ""),
                    float(match["ratio"]),
                )
            )
        elif (match := _CENTRE.fullmatch(line)) is not None:
            found.extend(
                (
                    f"{match['name']}, {match['entries']} entries {work} (floor: stored)",
                    round(float(match["floor"]) / float(match[work]), 1),
                )
                for work in ("folded", "listed")
            )
    return found


def picture(measured: list[tuple[str, float]]) -> str:
    """The SVG; a bar begins at the ratio of one, to the right where ours takes longer than the floor."""
    height = _TOP + _ROW * len(measured) + 10
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 70} {height}" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="100%" height="{height}" fill="white"/>',
    ]
    for value in (0.1, 1, 10, 100):
        x = _place(value)
        parts.append(f'<line x1="{x:.0f}" y1="{_TOP - 8}" x2="{x:.0f}" y2="{height}" stroke="#bbb"/>')
        parts.append(f'<text x="{x:.0f}" y="{_TOP - 14}" text-anchor="middle">{value:g} ×</text>')
    for row, (name, ratio) in enumerate(measured):
        y, one, end = _TOP + _ROW * row, _place(1), _place(ratio)
        colour = "#4a7d4a" if ratio <= 1 else "#3b6ea5"
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{min(one, end):.1f}" y="{y}" width="{abs(end - one):.1f}" height="{_ROW - 8}" fill="{colour}"/>'
        )
        parts.append(f'<text x="{max(one, end) + 5:.0f}" y="{y + 12}">{ratio:g}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _place(ratio: float) -> float:
    share = math.log(min(max(ratio, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return _LEFT + _WIDTH * share


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(picture(ratios(Path(sys.argv[1]).read_text())))
