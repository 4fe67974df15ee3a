"""Amounts and times as people read them, and QR codes."""

from __future__ import annotations

from datetime import UTC, datetime

import qrcode
from qrcode.constants import ERROR_CORRECT_M

from kiosk.domain.validity import CHINA_TIME

_QUIET = 4  # modules, ISO/IEC 18004, section 9.1


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


def qr_svg(text: str) -> str:
    """A QR code (error correction M) as an SVG picture, one path, quiet zone included."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(text)
    code.make(fit=True)
    modules = code.get_matrix()
    size = len(modules) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(modules)
        for x, dark in enumerate(row)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges" '
        f'role="img" aria-label="QR"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path fill="#000" d="{path}"/></svg>'
    )
