"""Whether the agent runs is known by its lock, however it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.store.agent_lock import FILE, agent_runs, running, serving
from kiosk.store.errors import AgentRunsAlready, DeskRunsAlready, StoreUnavailable


def test_it_runs_as_long_as_it_holds_the_lock_and_one_runs_alone(tmp_path: Path) -> None:
    assert not agent_runs(tmp_path)
    with running(tmp_path):
        assert agent_runs(tmp_path)
        with pytest.raises(AgentRunsAlready), running(tmp_path):
            pass
        assert agent_runs(tmp_path)
    assert not agent_runs(tmp_path)
    assert (tmp_path / FILE).read_bytes() == b""


def test_one_desk_works_on_a_data_directory_beside_its_agent(tmp_path: Path) -> None:
    with serving(tmp_path), running(tmp_path), pytest.raises(DeskRunsAlready), serving(tmp_path):
        pass
    with serving(tmp_path):
        assert not agent_runs(tmp_path)


def test_a_file_that_cannot_be_opened_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreUnavailable):
        agent_runs(tmp_path)
