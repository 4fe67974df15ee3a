from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from tests.support.lanes import LANES, InLanes, compiled_by_one
from tests.support.waiting import ended

GROUPS = ("pcsc", "central", "serving", "terminal")
TESTS = ("tests/test_a.py::test_one", "tests/test_a.py::test_two[x@y]", "tests/test_b.py::test_three")


def waiting(*units: str, going: tuple[str, ...] = ()) -> InLanes:
    made = InLanes.__new__(InLanes)
    made.workqueue = OrderedDict((unit, {unit: False}) for unit in units)
    made.assigned_work = {unit: {unit: {unit: False}} for unit in going}
    return made


def take(scheduler: InLanes) -> str:
    unit = scheduler._next_unit()
    scheduler.assigned_work[unit] = {unit: scheduler.workqueue.pop(unit)}
    return unit


def test_groups_fill_the_lanes_and_single_tests_go_beside_them() -> None:
    scheduler = waiting(*GROUPS, *TESTS)
    assert [take(scheduler) for _ in range(LANES + 1)] == [*GROUPS[:LANES], TESTS[0]]
    del scheduler.assigned_work[GROUPS[1]]  # it is done
    assert [take(scheduler) for _ in range(2)] == [GROUPS[LANES], TESTS[1]]


def test_where_nothing_else_is_left_a_group_waits_for_no_lane() -> None:
    scheduler = waiting(GROUPS[3], going=GROUPS[:LANES])
    assert take(scheduler) == GROUPS[3]


def test_one_worker_compiles_while_the_others_wait_for_it(tmp_path: Path) -> None:
    done = []

    def another() -> None:
        with compiled_by_one(tmp_path, tmp_path / "none"):
            done.append("another")

    thread = threading.Thread(target=another)
    with compiled_by_one(tmp_path, tmp_path / "none"):
        thread.start()
        with compiled_by_one(tmp_path, tmp_path):
            done.append("who finds it compiled does not wait")
        done.append("the first")
    ended(thread)
    assert done == ["who finds it compiled does not wait", "the first", "another"]
