"""Amounts of money as people read them; inside the program they are an int in fen."""

from __future__ import annotations

_FEN_A_YUAN = 100


def yuan(fen: int) -> str:
    """The amount with two decimals and without a sign of the currency: 34000 fen is `340.00`."""
    whole, rest = divmod(abs(fen), _FEN_A_YUAN)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def with_currency(fen: int) -> str:
    """The amount with the currency before it: 34000 fen is `￥340.00`."""
    return f"{'-' if fen < 0 else ''}￥{yuan(abs(fen))}"


def capitals(fen: int) -> str:
    """The amount in the capitals of Chinese vouchers: 34000 fen is `叁佰肆拾元整`.

    Raises ValueError for a negative amount, which no voucher shows.
    """
    if fen < 0:
        raise ValueError(f"an amount of {fen} fen cannot be written in capitals")
    # imported late: it reads its tables from a file, and the first screen needs no capitals
    import cn2an  # type: ignore[import-untyped]  # noqa: PLC0415 - for the same reason

    return str(cn2an.an2cn(yuan(fen), "rmb"))
