"""What an error of the libraries was raised from."""

from __future__ import annotations

from typing import TypeVar

Found = TypeVar("Found", bound=BaseException)


def cause(error: BaseException | None, kind: type[Found]) -> Found | None:
    """The error itself or the nearest of its causes that is of that kind; None without one."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
