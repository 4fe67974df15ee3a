"""The colours: light text on deep blue, and black and white for weak eyes; in both, codes are black on white.

Every text stands out from its ground by 7:1 at least, every border and field by 3:1 (WCAG 2.2, 1.4.6 and 1.4.11).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from textual._styles_cache import StylesCache
from textual.style import Style
from textual.theme import Theme

from kiosk.settings import Colours

if TYPE_CHECKING:
    from textual.color import Color


@lru_cache(1024)
def _grounds(base: Color, background: Color) -> tuple[Style, Style]:
    """The ground within a widget's border, and the one outside."""
    return Style(background=base + background), Style(background=base)


def _grounds_of(_painted: StylesCache, base: Color, background: Color) -> tuple[Style, Style]:
    return _grounds(base, background)


def free_painted_lines() -> None:
    """Let the painted lines of a widget go with it.

    Textual remembers grounds by the colours and by the widget's store of lines as well (`StylesCache.get_inner_outer`), so that
    the last 1024 stores outlive their widgets, with every line in them: 100 MB after a few hundred screens.
    """
    StylesCache.get_inner_outer = _grounds_of  # type: ignore[assignment, method-assign]


def _theme(name: Colours, named: dict[str, str], variables: dict[str, str]) -> Theme:
    """A theme of Textual's own colours and of these: `bar` the title row and main buttons, `ink` text on a bright ground.

    `well` is the ground of lists, `focus` that of the button with the cursor.
    """
    ground, lines = named["background"], named["secondary"]
    return Theme(
        name=name.value,
        dark=True,
        primary=named["primary"],
        secondary=lines,
        accent=named["accent"],
        warning=named["accent"],
        error=named["error"],
        success=named["success"],
        foreground=named["foreground"],
        background=ground,
        surface=named["surface"],
        panel=named["panel"],
        variables={
            "ink": ground,
            "input-cursor-background": ground,
            "input-cursor-foreground": "#ffffff",
            "input-selection-background": "#5cb3ff 50%",
            "block-cursor-background": named["accent"],
            "block-cursor-foreground": ground,
            "block-cursor-text-style": "bold",
            "button-focus-text-style": "bold",
            "scrollbar": lines,
            "scrollbar-hover": lines,
            "scrollbar-active": lines,
            "scrollbar-background": named["surface"],
            "scrollbar-background-hover": named["surface"],
            "scrollbar-background-active": named["surface"],
            "text-disabled": variables["muted"],
            **variables,
        },
    )


THEMES = {
    Colours.STANDARD: _theme(
        Colours.STANDARD,
        {
            "primary": "#8cc8ff",
            "secondary": "#6d9fcd",
            "accent": "#ffd166",
            "error": "#ffa8a1",
            "success": "#63d9a3",
            "foreground": "#f1f6fb",
            "background": "#0e2236",
            "surface": "#16314c",
            "panel": "#1b3a57",
        },
        {
            "muted": "#b4cade",
            "well": "#0a1826",
            "field": "#b9cde0",
            "field-text": "#0a1826",
            "field-hint": "#24313d",
            "field-wrong": "#ffc9c4",
            "bar": "#163f63",
            "bar-text": "#ffffff",
            "bar-line": "#8cc8ff",
            "bar-muted": "#d8e8f6",
            "bar-called": "#ffd166",
            "focus": "#1b3a57",
            "focus-text": "#ffd166",
            "focus-line": "#ffd166",
        },
    ),
    Colours.HIGH_CONTRAST: _theme(
        Colours.HIGH_CONTRAST,
        {
            "primary": "#9fd4ff",
            "secondary": "#d0d0d0",
            "accent": "#ffe600",
            "error": "#ff9c9c",
            "success": "#7dffb0",
            "foreground": "#ffffff",
            "background": "#000000",
            "surface": "#000000",
            "panel": "#000000",
        },
        {
            "muted": "#e6e6e6",
            "well": "#000000",
            "field": "#ffffff",
            "field-text": "#000000",
            "field-hint": "#303030",
            "field-wrong": "#ffd0d0",
            "bar": "#ffffff",
            "bar-text": "#000000",
            "bar-line": "#000000",
            "bar-muted": "#202020",
            "bar-called": "#7a0000",
            "focus": "#ffe600",
            "focus-text": "#000000",
            "focus-line": "#000000",
        },
    ),
}
