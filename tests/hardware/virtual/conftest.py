from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hardware.virtual.piv.factory import blank_piv_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


from tests.support.piv_terminal import PivTerminal


@pytest.fixture
def new_piv(tmp_path: Path) -> Callable[..., PivTerminal]:
    """Give a function that makes a blank card and selects its application."""

    def make(serial: str = "E8AD652202221F03", **options: Any) -> PivTerminal:
        path = tmp_path / f"{serial}.card"
        terminal = PivTerminal(blank_piv_key(path, serial, **options), path)
        assert terminal.select() == PivTerminal.TEMPLATE
        return terminal

    return make


@pytest.fixture
def piv(new_piv: Callable[..., PivTerminal]) -> PivTerminal:
    """A blank card of the standard."""
    return new_piv()


@pytest.fixture
def yubikey(new_piv: Callable[..., PivTerminal]) -> PivTerminal:
    """A blank YubiKey, whose management key is AES-192."""
    return new_piv("14159265", yubikey=True, management_algorithm=0x0A)
