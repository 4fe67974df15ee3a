"""How a command ended."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Told:
    """How a command ended and what it printed."""

    status: int
    printed: str
    said: str

    @property
    def document(self) -> Any:
        """What it told programs."""
        return json.loads(self.printed)

    @property
    def checks(self) -> dict[str, Any]:
        """What the doctor told programs, by the names of its checks."""
        return {check["name"]: check for check in self.document}


Keydesk = Callable[..., Told]
