"""An app over a real desk; no unexpected error may have happened in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.order import done
from tests.support.kiosk import Kiosk
from tests.support.style_sheets import parse_once

parse_once()


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kiosk]:
    """An online kiosk with the members' accounts."""
    monkeypatch.setattr(done, "_LOOK_SECONDS", 0)
    kiosk = Kiosk(tmp_path)
    yield kiosk
    kiosk.setup.close()


@pytest.fixture
def app(kiosk: Kiosk) -> Iterator[KeydeskApp]:
    """The kiosk's app."""
    app = kiosk.app()
    yield app
    assert app.error_code == ""
