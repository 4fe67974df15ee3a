"""What a stranger may read of a line of the logs: what has a form that only the program itself gives, and nothing else.

No list of what is secret could be complete, since a sentence in a log may carry whatever a library found in its hands. So what is
told is what is known: the program's own events, its numbers, kinds and outcomes, where in the program it was, the header of a
command to a key, and the system's own reasons. Of the rest only its length stays.
"""

from __future__ import annotations

import builtins
import errno
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

_EVENT = re.compile(r"[a-z][a-z ,'-]{0,79}")
_CODE = re.compile(r"[a-z]{2,}(-[a-z]{2,}){0,5}")
_KIND = re.compile(r"[A-Z][A-Za-z]{2,39}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]{8,15}(Z|\+00:00)?")
_NIGHT = re.compile(r"\d{4}-\d\d-\d\d")
_PROGRAM = re.compile(r"keydesk(-sync)? [0-9][0-9a-z.+]{0,20}")
_HIGHEST = 999_999_999
"""Above it a number may be a telephone's or a document's."""

_NUMBERS = frozenset(
    {
        *(
            "after",
            "applied",
            "count",
            "entries",
            "entries_back",
            "epoch",
            "failures",
            "findings",
            "kept",
            "kiosk",
        ),
        *("of_other_strands", "rows", "sequence", "size", "strand", "unconfirmed", "until"),
    }
)
_CODES = frozenset({"flaw", "level", "reason", "step", "trouble", "verb"})
_KINDS = frozenset({"alignment", "entry", "kind"})

_OWN = frozenset({"hardware", "kiosk", "sync"})
_LIBRARIES = frozenset(
    {
        *("asyncio", "cryptography", "escpos", "httpcore2", "httpx2", "msgspec", "serial", "smartcard"),
        *("sqlcipher3", "sqlite_utils", "structlog", "textual", "usb"),
    }
)
_REASONS = {os.strerror(number) for number in errno.errorcode}
_BUILT_IN = {
    name
    for name, each in vars(builtins).items()
    if isinstance(each, type) and issubclass(each, BaseException)
}

_LOGGED = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<level>[A-Z]+) (?P<name>[a-z][\w.]*): (?P<said>.*)",
    re.ASCII,
)
_TRAFFIC = re.compile(
    r"(?P<header>(?:[0-9A-F]{2} ){3}[0-9A-F]{2})\b.* -> (?P<answer>.*?)(?P<took> \(\d+\.\d ms\))?", re.ASCII
)
_STATUS = re.compile(r"(?:.* )?(?P<word>[0-9A-F]{2} [0-9A-F]{2})", re.ASCII)
_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<where>[\w<>.]+))?', re.ASCII)
_MODULES = re.compile(
    r"(?:^|/)((?:hardware|kiosk|sync)/[\w/]+\.py|(?:site-packages|python3\.\d+)/[\w/.-]+\.py)$", re.ASCII
)
_RAISED = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?::(?P<said>.*))?", re.ASCII)
_HEADINGS = ("Traceback (most recent call last):", "The above exception", "During handling of the above")


def told_of_line(line: str) -> str:
    """A line of a log without whatever might be a secret or a personal fact."""
    if line.startswith("{"):
        try:
            event = json.loads(line)
        except ValueError:
            return _length(line)
        return json.dumps(_told_of_event(event)) if isinstance(event, dict) else _length(line)
    logged = _LOGGED.fullmatch(line)
    if logged is None or not _is_known(logged["name"]):
        return _told_of_text(line)
    said = _told_of_traffic(logged["said"]) if logged["level"] == "TRAFFIC" else _told_of_text(logged["said"])
    level = logged["level"] if logged["level"] in {"TRAFFIC", "WARNING", "ERROR", "CRITICAL"} else "?"
    name = logged["name"] if logged["name"].partition(".")[0] in _OWN else logged["name"].partition(".")[0]
    return f"{logged['time']} {level} {name}: {said}"


def _told_of_event(event: dict[str, Any]) -> dict[str, Any]:
    """The fields of a structured line; one of a name that is not known is not even named."""
    told: dict[str, Any] = {}
    hidden = 0
    for name, value in event.items():
        if _is_plain_number(name, value) or (isinstance(value, str) and _has_form(name, value)):
            told[name] = value
        elif name in {"error", "problem"} and isinstance(value, str):
            told[name] = _told_of_text(value)
        elif name == "exception" and isinstance(value, str):
            told[name] = [told_of_line(each) for each in value.splitlines() if each.strip()]
        else:
            hidden += 1
    return {**told, "hidden": hidden} if hidden else told


def _is_plain_number(name: str, value: object) -> bool:
    return name in _NUMBERS and isinstance(value, int) and abs(value) <= _HIGHEST


def _has_form(name: str, value: str) -> bool:
    match name:
        case "event":
            return _EVENT.fullmatch(value) is not None
        case "timestamp":
            return _TIME.fullmatch(value) is not None
        case "night":
            return _NIGHT.fullmatch(value) is not None
        case "program":
            return _PROGRAM.fullmatch(value) is not None
        case _ if name in _KINDS:
            return _KIND.fullmatch(value) is not None
        case _:
            return name in _CODES and _CODE.fullmatch(value) is not None


def _told_of_traffic(said: str) -> str:
    """The four bytes of a command's header and the answer's two, which say what was asked for and how it went."""
    found = _TRAFFIC.fullmatch(said)
    if found is None:
        return said if said == "closed" else _length(said)
    status = _STATUS.fullmatch(found["answer"])
    answer = status["word"] if status is not None else _length(found["answer"])
    return f"{found['header']} … -> {answer}{found['took'] or ''}"


def _told_of_text(text: str) -> str:
    """Of a traceback its frames and the kinds of its errors; of any other text the system's reasons that stand in it."""
    bare = text.strip()
    if any(bare.startswith(heading) for heading in _HEADINGS):
        return next(heading for heading in _HEADINGS if bare.startswith(heading))
    frame = _FRAME.fullmatch(text)
    if frame is not None:
        module = _MODULES.search(frame["file"])
        where = f", in {frame['where']}" if module and frame["where"] else ""
        return f"  {module[1] if module else '…'}:{frame['line']}{where}"
    raised = _RAISED.fullmatch(bare)
    if raised is not None and _is_error(raised["name"]):
        return (
            raised["name"] if not raised["said"] else f"{raised['name']}: {_length(raised['said'].strip())}"
        )
    return _length(text)


def _is_known(logger: str) -> bool:
    return logger.partition(".")[0] in _OWN | _LIBRARIES | {"keydesk"}


def _is_error(name: str) -> bool:
    root, dot, _ = name.partition(".")
    return name in _BUILT_IN or (bool(dot) and root in _OWN | _LIBRARIES | sys.stdlib_module_names)


def _length(text: str) -> str:
    """How long a text was, and which of the system's reasons stand in it."""
    reasons = "; ".join(sorted(_reasons_in(text)))
    return f"<{len(text)} characters>" if not reasons else f"<{len(text)} characters: {reasons}>"


def _reasons_in(text: str) -> Iterator[str]:
    return (reason for reason in _REASONS if reason in text)
