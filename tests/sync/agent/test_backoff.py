from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.agent.backoff import LONGEST_ASKED_SECONDS, LONGEST_SECONDS, Backoff, NotBeforeFile, failed, pause

NOW = 1_795_327_500.0
CHANCE = st.floats(0, 1)


def after(failures: int) -> Backoff:
    backoff = Backoff()
    for _ in range(failures):
        backoff = failed(backoff, NOW)
    return backoff


def test_nothing_is_waited_for_after_success() -> None:
    assert pause(Backoff(), NOW, 1.0) == 0.0


@given(st.integers(1, 2000), CHANCE)
def test_the_wait_grows_to_its_ceiling_and_never_beyond(failures: int, chance: float) -> None:
    seconds = pause(Backoff(failures), NOW, chance)
    assert 0 < seconds <= LONGEST_SECONDS
    assert seconds <= pause(Backoff(failures + 1), NOW, chance)


def test_two_kiosks_do_not_come_back_at_once() -> None:
    assert pause(after(8), NOW, 0.1) != pause(after(8), NOW, 0.9)


@given(st.floats(0, 3000), CHANCE)
def test_what_the_centre_asks_for_is_kept_in_full(seconds: float, chance: float) -> None:
    waited = pause(failed(Backoff(), NOW, seconds), NOW, chance)
    assert seconds - 1e-6 <= waited <= max(seconds * 1.2, LONGEST_SECONDS) + 1e-6


@pytest.mark.parametrize("asked", [1e9, float("inf"), -5.0])
def test_nobody_waits_for_ever(asked: float) -> None:
    backoff = failed(Backoff(), NOW, asked)
    assert 0 < pause(backoff, NOW, 1.0) <= LONGEST_ASKED_SECONDS * 1.2
    assert pause(backoff, NOW - 10**8, 1.0) <= LONGEST_ASKED_SECONDS * 1.2


def test_the_time_asked_for_outlives_the_process(tmp_path: Path) -> None:
    asked = failed(Backoff(), NOW, 120.0)
    NotBeforeFile(tmp_path).save(asked.not_before)
    again = Backoff(not_before=NotBeforeFile(tmp_path).load())
    assert pause(again, NOW + 20, 0.0) == pytest.approx(100.0)
    assert pause(again, NOW + 121, 0.0) == 0.0
    NotBeforeFile(tmp_path).save(0.0)
    assert NotBeforeFile(tmp_path).load() == 0.0


@pytest.mark.parametrize("rubbish", ["", "soon", "\x00"])
def test_a_damaged_file_asks_for_nothing(tmp_path: Path, rubbish: str) -> None:
    (tmp_path / "sync-not-before").write_text(rubbish)
    assert NotBeforeFile(tmp_path).load() == 0.0


def test_a_time_that_does_not_reach_the_disk_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    NotBeforeFile(tmp_path).save(NOW)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        NotBeforeFile(tmp_path).save(NOW + 60)
    assert NotBeforeFile(tmp_path).load() == NOW
