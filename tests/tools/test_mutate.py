from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tools import mutate

ROOT = Path(__file__).parents[2]

SOURCE = """from typing import NamedTuple

LIMIT = 10


class Amount(NamedTuple):
    fen: int

    @property
    def allowed(self) -> bool:
        return 0 < self.fen <= LIMIT


def waits(until: int) -> int:
    now = 0
    while now < until:
        now += 1
    return now


def unused(amounts: list[int]) -> list[int]:
    return amounts
"""

TESTS = """from rules import Amount, waits


def test_nothing_and_too_much_are_not_allowed():
    assert not Amount(0).allowed
    assert not Amount(11).allowed


def test_an_amount_is_allowed():
    assert Amount(5).allowed


def test_waiting_ends():
    assert waits(3) == 3
"""


CONFTEST = """import gc


def pytest_collection_finish():
    gc.freeze()
"""


def _mutated(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "rules.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "test_rules.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    command = (sys.executable, "-m", "tools.mutate", "--share", "1", "--tests", "test_rules.py", *options)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_rules_without_a_test_are_told_and_the_work_tree_stays_as_it_is(tmp_path: Path) -> None:
    done = _mutated(tmp_path, "--count", "0", "--jobs", "2", "rules.py")
    assert done.returncode == 1, done.stderr
    told = re.findall(r"^rules\.py:\d+ (.+)\n.+\n  \+ (.+)$", done.stdout, re.MULTILINE)
    assert told == [
        ("survived", "LIMIT = 9"),
        ("survived", "return 1 < self.fen <= LIMIT"),
        ("survived", "return 0 < self.fen < LIMIT"),
        ("survived", "now = 1"),
        ("timed out", "pass"),
        ("timed out", "now += 0"),
        ("not executed", "return None"),
    ]
    assert "11 killed, 1 not executed, 4 survived, 2 timed out" in done.stdout
    assert (tmp_path / "rules.py").read_text(encoding="utf-8") == SOURCE


def test_a_rule_with_its_test_is_no_survivor(tmp_path: Path) -> None:
    done = _mutated(tmp_path, "--count", "1", "--jobs", "1", "rules.py:18")
    assert done.returncode == 0, done.stderr
    assert "1 killed" in done.stdout


def test_every_survivor_that_is_accepted_is_a_mutant_of_today_with_its_reason() -> None:
    accepted = mutate.accepted()
    keys = {mutate.key_of(each) for each in mutate.population()}
    assert [each for each in accepted if each not in keys] == []
    assert all(accepted.values())
