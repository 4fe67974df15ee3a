from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.token.gmt.token import GmtToken
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.apdu import Transport
    from hardware.virtual.gmt.card import GmtCard

from tests.support.channels import DirectChannel


@pytest.fixture
def card(tmp_path: Path) -> GmtCard:
    return blank_key(tmp_path / "card.json", "E8AD652202221F03")


@pytest.fixture
def source() -> VirtualTokenSource:
    return VirtualTokenSource(("Left", "Right"))


@pytest.fixture
def opened() -> Callable[[Transport], GmtToken]:
    return lambda transport: GmtToken(DirectChannel(transport))
