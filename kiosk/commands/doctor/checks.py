"""One thing that `keydesk doctor` looked at."""

from __future__ import annotations

import enum

import msgspec


class Level(enum.StrEnum):
    """The result of a check; only FAILED keeps the desk from working."""

    WORKS = "works"
    MISSING = "missing"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: what was found, and what to do when it is not well."""

    name: str
    level: Level
    found: str
    advice: str = ""
