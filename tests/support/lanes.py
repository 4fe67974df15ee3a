"""In what order the workers of pytest-xdist take the tests, so that neither processors nor the clock wait for one of them.

The tests of a group share a service and wait most of their time, for processes, readers or terminals. A few groups at once
are enough; what keeps processors busy goes beside them, first what takes long.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

LANES = 3
"""How many groups go on at once."""


class InLanes(LoadGroupScheduling):  # type: ignore[misc]  # xdist is not typed
    """Gives each worker a group while a lane is free, a single test otherwise; the largest groups come first."""

    _groups: list[str] | None = None
    """Those that nobody has yet."""

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forget what is done: all that a worker ever had is counted after each of its tests."""
        super().mark_test_complete(node, item_index, duration)
        unit = self._split_scope(self.registered_collections[node][item_index])
        if all(self.assigned_work[node][unit].values()):
            del self.assigned_work[node][unit]

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._next_unit(), last=False)
        super()._assign_work_unit(node)

    def _next_unit(self) -> str:
        if self._groups is None:
            self._groups = [unit for unit in self.workqueue if is_group(unit)]
        going = sum(is_group(unit) for work in self.assigned_work.values() for unit in work)
        if self._groups and going < LANES:
            return self._groups.pop(0)
        single: str | None = next((unit for unit in self.workqueue if not is_group(unit)), None)
        if single is not None:
            return single
        self._groups.clear()  # only groups are left, however many go on
        left: str = next(iter(self.workqueue))
        return left


def is_group(unit: str) -> bool:
    """Whether a unit of work is a group: a test's own name has its file's before `::`."""
    return "::" not in unit


@contextmanager
def compiled_by_one(folder: Path, cache: Path) -> Iterator[None]:
    """Let the first worker of a run collect the tests alone unless they are compiled, so that the others find that done."""
    with (folder / "collecting").open("a") as lock:
        if not cache.exists():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fcntl.flock(lock, fcntl.LOCK_SH)
        yield
