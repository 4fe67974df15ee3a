"""A QR code (ISO/IEC 18004) as modules, and as half-block characters for a terminal.

A terminal cell is about twice as tall as wide, so that one cell shows two modules, one above the other. Whoever
paints the rows sets black on white in every cell, whatever the terminal's colours are.
"""

from __future__ import annotations

QUIET_ZONE = 4
LARGEST_VERSION = 4

_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


class QrTooLarge(ValueError):
    """The text does not fit into the largest QR code allowed, not even with the least error correction."""

    def __init__(self, length: int, largest_version: int) -> None:
        super().__init__(f"{length} characters do not fit into a QR code of version {largest_version}")
        self.length = length
        self.largest_version = largest_version


def modules(
    text: str, *, largest_version: int = LARGEST_VERSION, quiet_zone: int = QUIET_ZONE
) -> list[list[bool]]:
    """The modules of the text's QR code, True for dark, with the quiet zone around it.

    The code is the smallest that fits with error correction M, else with L; version 4 is 41 columns wide with
    its quiet zone. Text of upper-case letters, digits and ` $%*+-./:` is packed in alphanumeric mode.
    Raises QrTooLarge.
    """
    # imported late: only the paying step and the receipts draw codes
    import qrcode  # noqa: PLC0415
    from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M  # noqa: PLC0415
    from qrcode.exceptions import DataOverflowError  # noqa: PLC0415

    for correction in (ERROR_CORRECT_M, ERROR_CORRECT_L):
        code = qrcode.QRCode(error_correction=correction, border=quiet_zone)
        code.add_data(text, optimize=0)
        try:
            version = code.best_fit()
        except (DataOverflowError, ValueError):
            continue
        if version <= largest_version:
            code.make(fit=True)
            return [[bool(module) for module in row] for row in code.get_matrix()]
    raise QrTooLarge(len(text), largest_version)


def matrix(text: str, *, largest_version: int = LARGEST_VERSION) -> list[list[bool]]:
    """The modules for a terminal: with the quiet zone, and one more light row where needed to make pairs."""
    rows = modules(text, largest_version=largest_version)
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return rows


def half_blocks(rows: list[list[bool]]) -> list[str]:
    """The rows two by two as ▀ ▄ █ and space: the ink is dark, to be painted black on white.

    An odd number of rows is completed with a light one.
    """
    even = [*rows, [False] * len(rows[0])] if len(rows) % 2 else rows
    return [
        "".join(_HALF_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(even[::2], even[1::2], strict=True)
    ]
