"""`keydesk support-bundle`: the archive, and what goes into it. It is made of what works: a part that fails says so in its place."""

from __future__ import annotations

import argparse
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from hardware.disk import create_durably
from kiosk.commands.doctor.command import look
from kiosk.commands.failures import CommandError, sentence
from kiosk.commands.output import document, line
from kiosk.commands.status import read_status
from kiosk.commands.support.log_lines import told_of_line
from kiosk.commands.support.machine import units, versions
from kiosk.commands.support.settings import hidden_in, told_of_configuration, told_of_sentence
from kiosk.configuration import Configuration, ConfigurationError, load
from kiosk.domain.errors import EntryMalformed
from kiosk.store.agent_lock import agent_runs
from kiosk.store.database import Database
from kiosk.store.errors import StoreError
from kiosk.store.location import open_database
from kiosk.store.migrations import LATEST
from kiosk.store.system_clock import SystemClock
from kiosk.store.verify import Verification, verify
from kiosk.text.asking import ask_on_terminal
from kiosk.text.command_line import spoken
from kiosk.text.times import moment
from kiosk.text.waiting import say_waiting

_LOGS = ("desk.log", "sync.log")
_NAMED = 100  # tables whose rows differ are named for so many rows at most


def run(arguments: argparse.Namespace) -> int:
    """Write it. Raises CommandError."""
    text = spoken().text
    now = SystemClock().wall()
    stamp = re.sub(r"\D", "", moment(now))
    file: Path = arguments.file or Path(f"keydesk-support-{stamp}.tar.gz")
    if file.exists():  # before the work, which takes a while
        raise CommandError(text("{file} 已经存在；请另取一个文件名", file=file))
    content = _archive(_parts(arguments, now), now)
    try:
        create_durably(file, content)
    except FileExistsError as error:
        raise CommandError(text("{file} 已经存在；请另取一个文件名", file=file)) from error
    except OSError as error:
        raise CommandError(text("{file} 不能写入：{reason}", file=file, reason=error.strerror)) from error
    if arguments.json:
        document({"file": str(file), "size": len(content)})
        return 0
    line(text("报修资料已写到 {file}（{size} KB）", file=file, size=-(-len(content) // 1000)))
    line(text("里面没有密码、PIN、密钥和个人资料；发出以前，可以自己打开来看"))
    return 0


def _archive(parts: Iterator[tuple[str, bytes]], now: int) -> bytes:
    """The parts as a compressed archive; `now` in UTC seconds."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in parts:
            entry = tarfile.TarInfo(f"keydesk-support/{name}")
            entry.size, entry.mtime, entry.mode = len(content), now, 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _parts(arguments: argparse.Namespace, now: int) -> Iterator[tuple[str, bytes]]:
    told = versions()
    yield "README.txt", _about(now, told["program"]).encode()
    yield "versions.json", _json(told)
    yield "units.txt", "\n".join((*units(), "")).encode()
    try:
        configuration = load(arguments.config)
    except ConfigurationError as error:
        yield "configuration.json", _json({"fault": error.fault.value, "table": error.table})
        configuration = Configuration()
    else:
        yield "configuration.json", _json(told_of_configuration(configuration))
    yield "doctor.json", _json(_doctor(arguments, hidden_in(configuration)))
    directory: Path = arguments.data or configuration.directory
    yield "store.json", _json(_store(directory, configuration))
    yield from _logs(directory / "log")


def _about(now: int, program: str) -> str:
    """What the archive is, file by file; `now` in UTC seconds."""
    text = spoken().text
    lines = (
        text("密钥服务台的报修资料，{time} 由 {program} 做成", time=moment(now), program=program),
        "",
        "doctor.json         " + text("检查结果（keydesk doctor）"),
        "versions.json       " + text("程序、系统和各库的版本"),
        "configuration.json  " + text("配置：密码、PIN、密钥和名称只说有没有（set）"),
        "store.json          " + text("数据库的版次、各表的行数、同步的状态、日志的末条和核对结果"),
        "units.txt           " + text("systemd 各单元的状态；不由 systemd 管的机器没有"),
        "log/                " + text("两个程序的日志：只留程序自己的用语、数字和出错的位置，其余只说有多长"),
        "",
        text("里面没有密码、PIN、密钥和个人资料；发出以前，可以自己打开来看"),
        "",
    )
    return "\n".join(lines)


def _doctor(arguments: argparse.Namespace, hidden: frozenset[str]) -> list[dict[str, str]]:
    return [
        {
            "name": check.name,
            "level": check.level.value,
            "found": told_of_sentence(check.found, hidden),
            "advice": told_of_sentence(check.advice, hidden),
        }
        for check in look(arguments, spoken().text)
    ]


def _store(directory: Path, configuration: Configuration) -> dict[str, Any]:
    """The schema, how many rows there are, the state of the connection, and whether the journal is whole."""
    try:
        database = open_database(directory, waiting=say_waiting, asking=ask_on_terminal)
    except (StoreError, OSError) as error:
        return _fault(error)
    try:
        with database.read() as tx:
            counts = tx.row_counts()
            status = read_status(tx, SystemClock(), configuration.backup, agent_runs=agent_runs(directory))
    except (StoreError, OSError) as error:
        return _fault(error)
    else:
        bare = msgspec.structs.replace(
            status,
            error=told_of_line(status.error) if status.error else "",
            refusal=told_of_sentence(status.refusal),
        )
        return {"schema": LATEST, "rows": counts, "status": bare, "journal": _journal(database)}
    finally:
        database.close()


def _journal(database: Database) -> dict[str, Any]:
    """The journal's head, and what checking it found: the rows that differ by their tables alone."""
    try:
        found = verify(database)
    except (StoreError, EntryMalformed, OSError) as error:
        return _fault(error)
    return {"sound": found.sound and not found.different, **_findings(found)}


def _findings(found: Verification) -> dict[str, Any]:
    return {
        "entries": found.entries,
        "head": None if found.tip is None else {"sequence": found.tip.sequence, "hash": found.tip.hash.hex()},
        "damaged_pages": len(found.damaged_pages),
        "broken_at": None if found.broken is None else found.broken.sequence,
        "unsound_start": found.unsound_start,
        "different": found.different,
        "different_in": sorted({each.partition(" ")[0] for each in found.differences[:_NAMED]}),
    }


def _fault(error: Exception) -> dict[str, Any]:
    """What kind of failure it was; its own sentence without what it quotes."""
    return {"fault": type(error).__name__, "said": told_of_sentence(sentence(error, spoken().text))}


def _logs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The logs of both programs and the older ones beside them, line by line without what is nobody's business."""
    for log in _LOGS:
        for file in sorted(folder.glob(f"{log}*")):
            if file.name.removeprefix(log).removeprefix(".").isdecimal() or file.name == log:
                yield f"log/{file.name}", _told_of_log(file)


def _told_of_log(file: Path) -> bytes:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"{type(error).__name__}\n".encode()
    return "".join(f"{told_of_line(each)}\n" for each in lines).encode()


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"
