"""One thing that `keydesk doctor` looks at, and how it came out."""

from __future__ import annotations

import enum

import msgspec


class Level(enum.StrEnum):
    """How a check came out; only FAILED keeps the desk from working."""

    WORKS = "works"
    MISSING = "missing"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: what was found, and what to do when it is not well."""

    name: str
    level: Level
    found: str
    advice: str = ""
