"""What a kiosk or a browser wrote, made fit for a column."""

from __future__ import annotations


def column_text(text: str, length: int) -> str:
    """At most `length` characters without NUL, which PostgreSQL takes in no text."""
    return text.replace("\x00", "")[:length]
