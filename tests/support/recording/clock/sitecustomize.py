"""Python imports this at its start where it is on the path: the process's clock is off by what the environment says (seconds)."""

from __future__ import annotations

import os
import time

_NOW, _OFF = time.time, float(os.environ.get("KEYDESK_TEST_CLOCK", "0"))


def _shifted() -> float:
    return _NOW() + _OFF


vars(time)["time"] = _shifted
