"""How often something may be asked, in the memory of one process; beyond it the answer is to come again later."""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock

KEYS = 10_000


class Rate:
    """At most `times` in any `seconds` for each key; of more than `KEYS` keys those longest silent are forgotten."""

    def __init__(self, times: int, seconds: int) -> None:
        self._times = times
        self._seconds = seconds
        self._asked: OrderedDict[str, deque[int]] = OrderedDict()
        self._lock = Lock()

    def allows(self, key: str, now: int) -> bool:
        """Count one more at `now` (UTC seconds), if it is allowed; a clock that was put back begins anew."""
        with self._lock:
            asked = self._asked.setdefault(key, deque())
            self._asked.move_to_end(key)
            if asked and asked[-1] > now:
                asked.clear()
            while asked and asked[0] <= now - self._seconds:
                asked.popleft()
            if len(asked) >= self._times:
                return False
            asked.append(now)
            if len(self._asked) > KEYS:
                self._asked.popitem(last=False)
            return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._asked.clear()
