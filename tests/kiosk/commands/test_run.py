"""How `keydesk run` ends: closed, and by the signal where that asked for it."""

from __future__ import annotations

import io
import os
import signal
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from kiosk.commands import run as command
from kiosk.store.agent_lock import serving
from kiosk.store.occupancy import Occupancy
from kiosk.ui import app
from tests.support.commands import Keydesk


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str | Path, ...]:
    """The options of a desk before a terminal, which has no screens."""
    file = tmp_path / "keydesk.toml"
    file.write_text('[centre]\nurl = "http://127.0.0.1:9"\n')
    monkeypatch.setattr(command, "sys", SimpleNamespace(stdin=_Terminal(), stdout=_Terminal()))
    for name in ("make_desk", "token_source", "log_to"):
        monkeypatch.setattr(command, name, lambda *_given: None)
    return "--config", file, "--data", tmp_path / "desk"


def test_sigterm_ends_it_by_that_signal_once_everything_is_closed(
    keydesk: Keydesk,
    configured: tuple[str | Path, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[object, ...]] = []

    def killed(process: int, number: int) -> None:
        with serving(tmp_path / "desk"), closing(Occupancy(tmp_path / "desk")) as alone:
            alone.take()
        done.append((process, number))

    monkeypatch.setattr(app, "run_app", lambda *_given: 143)
    monkeypatch.setattr(signal, "signal", lambda *given: done.append(given))
    monkeypatch.setattr(os, "kill", killed)
    keydesk("run", *configured)
    assert done == [(signal.SIGTERM, signal.SIG_DFL), (os.getpid(), signal.SIGTERM)]


@pytest.mark.parametrize("status", [70, 74, 129, 130, 131])
def test_every_other_end_is_a_failure_by_its_status(
    keydesk: Keydesk,
    configured: tuple[str | Path, ...],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(app, "run_app", lambda *_given: status)
    monkeypatch.setattr(os, "kill", lambda *_given: pytest.fail("it ends by a signal"))
    assert keydesk("run", *configured).status == status
