"""Amounts and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from kiosk.domain.validity import CHINA_TIME


def yuan(fen: int) -> str:
    """An amount in yuan: 340.00."""
    return f"{fen // 100}.{fen % 100:02d}"


def china_time(seconds: int | None) -> str:
    """A time (UTC seconds) as a clock in China shows it; empty for None."""
    if seconds is None:
        return ""
    try:
        moment = datetime.fromtimestamp(seconds, UTC).astimezone(CHINA_TIME)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
