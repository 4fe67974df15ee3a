"""The boards of the on-screen keyboard: digits, letters, capitals, symbols; which keys each has, and where they are."""

from __future__ import annotations

import enum
import string

import msgspec


class Board(enum.StrEnum):
    """What the keyboard shows; a key changes from one to another."""

    DIGITS = "123"
    LETTERS = "abc"
    CAPITALS = "ABC"
    SYMBOLS = "#+="


class Control(enum.Enum):
    """The keys that type no character of their own."""

    BACKSPACE = enum.auto()
    CLEAR = enum.auto()
    HIDE = enum.auto()
    ENTER = enum.auto()
    SPACE = enum.auto()


Stroke = str | Control | Board
"""What a key does: type that character, do that, or show that board."""


class TouchKey(msgspec.Struct, frozen=True):
    """A key; `column` and `span` in units, of which all keys of a board are made."""

    stroke: Stroke
    row: int
    column: int
    span: int


class Layout(msgspec.Struct, frozen=True):
    """The keys of a board, and how many rows of how many units they take."""

    keys: tuple[TouchKey, ...]
    rows: int
    units: int

    def at(self, row: int, unit: int) -> TouchKey | None:
        """The key there; None beside the keys."""
        return next(
            (key for key in self.keys if key.row == row and key.column <= unit < key.column + key.span), None
        )


_Keys = tuple[tuple[Stroke, int], ...]
_DIGITS = "1234567890"
_LETTERS = ("qwertyuiop", "asdfghjkl-", "zxcvbnm._@")
_LEFT_OVER = 2  # symbols that stand beside the space


def _layout(*rows: _Keys) -> Layout:
    keys: list[TouchKey] = []
    units = 0
    for number, row in enumerate(rows):
        column = 0
        for stroke, span in row:
            keys.append(TouchKey(stroke, number, column, span))
            column += span
        units = max(units, column)
    return Layout(tuple(keys), len(rows), units)


def _typed(characters: str) -> _Keys:
    return tuple((character, 1) for character in characters)


def _full(rows: tuple[str, str, str], last: _Keys) -> Layout:
    """Ten characters a row beneath the digits, and the controls at the right."""
    first, second, third = (_typed(row) for row in rows)
    return _layout(
        (*_typed(_DIGITS), (Control.BACKSPACE, 2)),
        (*first, (Control.CLEAR, 2)),
        (*second, (Control.HIDE, 2)),
        (*third, (Control.ENTER, 2)),
        last,
    )


def _symbols() -> Layout:
    tens = string.punctuation
    others: _Keys = ((Board.DIGITS, 2), (Board.LETTERS, 2), (Board.CAPITALS, 2))
    last: _Keys = (*others, *_typed(tens[-_LEFT_OVER:]), (Control.SPACE, 4))
    return _full((tens[:10], tens[10:20], tens[20:30]), last)


LAYOUTS = {
    Board.DIGITS: _layout(
        (*_typed("123"), (Control.BACKSPACE, 1), (Board.LETTERS, 1)),
        (*_typed("456"), (Control.CLEAR, 1), (Board.CAPITALS, 1)),
        (*_typed("789"), (Control.HIDE, 1), (Board.SYMBOLS, 1)),
        (*_typed("-0."), (Control.ENTER, 2)),
    ),
    Board.LETTERS: _full(
        _LETTERS, ((Board.DIGITS, 2), (Board.CAPITALS, 2), (Board.SYMBOLS, 2), (Control.SPACE, 6))
    ),
    Board.CAPITALS: _full(
        (_LETTERS[0].upper(), _LETTERS[1].upper(), _LETTERS[2].upper()),
        ((Board.DIGITS, 2), (Board.LETTERS, 2), (Board.SYMBOLS, 2), (Control.SPACE, 6)),
    ),
    Board.SYMBOLS: _symbols(),
}
