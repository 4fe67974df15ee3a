"""Drawing on receipt paper: strips as wide as the paper, stacked into a black-and-white picture.

Lengths are dots; a thermal head has 8 dots a millimetre. Text is Noto Sans CJK SC, drawn in grey and made
black and white by a threshold, which keeps thin strokes that plain one-bit drawing loses. A character that the font
lacks is written as its code, e.g. [U+2EBF0], since an empty box could be any.
"""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

import structlog
from noto_cjk_sans_otc import FONT_PATH  # type: ignore[import-untyped]
from PIL import Image, ImageDraw, ImageFont

from kiosk.text.cells import wrap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOG = structlog.get_logger()

# The face of simplified Chinese in the collection, whose faces are JP KR SC TC HK and the same again monospaced.
_SIMPLIFIED_CHINESE = 2
_NO_CHARACTER = "\U0010fffd"
_JUDGED_SIZE = 24
_INK = 0
_PAPER = 255
_THRESHOLD = 150
_LINE_HEIGHT = 1.36


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT_PATH), size, index=_SIMPLIFIED_CHINESE)


@functools.cache
def _is_in_font(character: str) -> bool:
    font = _font(_JUDGED_SIZE)
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))


def _printable(text: str) -> str:
    """The text, with what the font lacks as codes."""
    return "".join(
        character
        if character.isascii() or character.isspace() or _is_in_font(character)
        else f"[U+{ord(character):04X}]"
        for character in text
    )


class Paper:
    """Makes strips for paper of one width; every strip is a picture `dots` wide."""

    def __init__(self, dots: int, margin: int) -> None:
        self.dots = dots
        self.margin = margin
        self.inner = dots - 2 * margin

    def gap(self, height: int) -> Image.Image:
        """Empty paper."""
        return Image.new("L", (self.dots, height), _PAPER)

    def rule(self, *, dashed: bool = True, thickness: int = 2) -> Image.Image:
        """A line across the paper with air above and below."""
        strip = self.gap(20)
        draw = ImageDraw.Draw(strip)
        step = 12 if dashed else self.inner
        length = 6 if dashed else self.inner
        for left in range(self.margin, self.dots - self.margin, step):
            right = min(left + length, self.dots - self.margin) - 1
            draw.rectangle((left, 9, right, 9 + thickness - 1), fill=_INK)
        return strip

    def centred(self, text: str, size: int, *, bold: bool = False) -> Image.Image:
        """A paragraph in the middle."""
        text = _printable(text)
        lines = wrap(text, self.inner, _font(size).getlength)
        strip = self.gap(len(lines) * _line_height(size))
        for number, line in enumerate(lines):
            left = (self.dots - _font(size).getlength(line)) / 2
            _write(strip, (left, number * _line_height(size)), line, size, bold=bold)
        return strip

    def paragraph(self, text: str, size: int) -> Image.Image:
        """A paragraph from the left."""
        lines = wrap(_printable(text), self.inner, _font(size).getlength)
        strip = self.gap(len(lines) * _line_height(size))
        for number, line in enumerate(lines):
            _write(strip, (self.margin, number * _line_height(size)), line, size)
        return strip

    def pair(self, label: str, value: str, size: int, *, bold: bool = False) -> Image.Image:
        """A label at the left and its value at the right edge; a long value is a block beside or below the label."""
        measure = _font(size).getlength
        value = _printable(value)
        beside = self.inner - measure(label) - size // 2
        below = beside < self.inner / 2 and measure(value) > beside
        lines = wrap(value, self.inner - size if below else beside, measure)
        first = 1 if below else 0
        strip = self.gap((first + len(lines)) * _line_height(size))
        _write(strip, (self.margin, 0), label, size, bold=bold)
        left = self.dots - self.margin - max(map(measure, lines))
        for number, line in enumerate(lines, first):
            _write(strip, (left, number * _line_height(size)), line, size, bold=bold)
        return strip

    def banner(self, text: str, size: int) -> Image.Image:
        """A paragraph in white on black."""
        padding = size // 3
        words = Paper(self.dots, self.margin + padding).centred(text, size, bold=True)
        strip = self.gap(words.height + 2 * padding)
        strip.paste(words, (0, padding))
        box = (self.margin, 0, self.dots - self.margin, strip.height)
        strip.paste(strip.crop(box).point(lambda grey: _PAPER - grey), box)
        return strip

    def code(self, modules: Sequence[Sequence[bool]], largest: int) -> Image.Image:
        """The modules of a QR code in the middle, in whole dots, at most so many dots wide but at least 2 a module."""
        scale = max(2, largest // len(modules))
        side = len(modules) * scale
        small = Image.new("L", (len(modules), len(modules)), _PAPER)
        small.putdata([_INK if dark else _PAPER for row in modules for dark in row])
        strip = self.gap(side)
        strip.paste(small.resize((side, side), Image.Resampling.NEAREST), ((self.dots - side) // 2, 0))
        return strip

    def picture_in(self, file: Path, side: int) -> Image.Image | None:
        """A square picture of a file in the middle, that many dots wide; None where it is no picture that can be read."""
        try:
            with Image.open(file) as opened:
                opaque = opened.convert("RGBA")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            _LOG.warning("picture", file=str(file), error=str(error))
            return None
        ground = Image.new("RGBA", opaque.size, "white")
        drawn = Image.alpha_composite(ground, opaque).convert("L").resize((side, side))
        strip = self.gap(side)
        strip.paste(drawn, ((self.dots - side) // 2, 0))
        return strip


def stack(strips: Sequence[Image.Image]) -> bytes:
    """The strips one under the other, as a PNG of one bit a dot."""
    picture = Image.new("L", (strips[0].width, sum(strip.height for strip in strips)), _PAPER)
    top = 0
    for strip in strips:
        picture.paste(strip, (0, top))
        top += strip.height
    file = io.BytesIO()
    picture.point(lambda grey: _PAPER if grey > _THRESHOLD else 0).convert("1").save(file, "PNG")
    return file.getvalue()


def _line_height(size: int) -> int:
    return round(size * _LINE_HEIGHT)


def _write(
    strip: Image.Image, place: tuple[float, float], text: str, size: int, *, bold: bool = False
) -> None:
    """Write one line with its top left corner there; bold is struck twice, one dot apart, as the font has one weight."""
    left, top = place
    draw = ImageDraw.Draw(strip)
    baseline = top + size * 1.06
    for shift in (0, 1) if bold else (0,):
        draw.text((left + shift, baseline), text, fill=_INK, font=_font(size), anchor="ls")
