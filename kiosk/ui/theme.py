"""The colours: light text on deep blue, one accent, and black on white for codes."""

from __future__ import annotations

from textual.theme import Theme

KEYDESK_THEME = Theme(
    name="keydesk",
    primary="#5cb3ff",
    secondary="#2f6ea8",
    accent="#ffd166",
    warning="#ffd166",
    error="#ff8f87",
    success="#63d9a3",
    foreground="#f1f6fb",
    background="#0e2236",
    surface="#16314c",
    panel="#214566",
    dark=True,
    variables={
        "muted": "#a9c1d6",
        "field": "#0a1826",
        "input-cursor-background": "#0e2236",
        "input-cursor-foreground": "#ffffff",
        "input-selection-background": "#5cb3ff 50%",
        "block-cursor-background": "#ffd166",
        "block-cursor-foreground": "#0e2236",
        "block-cursor-text-style": "bold",
        "button-focus-text-style": "bold",
        "scrollbar": "#2f6ea8",
        "scrollbar-background": "#16314c",
    },
)
