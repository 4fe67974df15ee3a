"""Our own commands as processes of their own, forked from one that has imported them.

A command that is started by its name spends most of its processor time on imports. Here it begins behind them, with an
environment, a umask and standard streams of its own; nothing else of the process that tests is in it.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

_IMPORTED = [
    "sync.agent.command",
    "kiosk.commands.cli",
    "kiosk.commands.copies",
    "kiosk.commands.doctor.command",
    "kiosk.commands.journal",
    "kiosk.commands.privacy",
    "kiosk.commands.seal",
    "kiosk.commands.status",
    "sync.central.command",
]
"""The modules of the commands, and of the subcommands that are imported on first use."""


@functools.cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def ran(
    module: str, *arguments: str | Path, environment: Mapping[str, str], umask: int = 0o022
) -> subprocess.CompletedProcess[str]:
    """Run a module's `main` to its end, with nothing to read, and give its exit status and what it printed."""
    words = [module, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        child = _context().Process(target=_begin, args=(words, dict(environment), umask, (out, err)))
        child.start()
        child.join()
        status = child.exitcode
        assert status is not None
        return subprocess.CompletedProcess(words, status, out.read_text("utf-8"), err.read_text("utf-8"))


def _begin(words: list[str], environment: dict[str, str], umask: int, printed: tuple[Path, Path]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(printed, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they last as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.umask(umask)
    sys.argv = words
    try:
        sys.exit(importlib.import_module(words[0]).main())
    finally:
        _close_databases()


def _close_databases() -> None:
    """Do what an interpreter does when it ends, and a forked one does not."""
    from django.conf import settings  # noqa: PLC0415 - in the process that has it
    from django.db import connections  # noqa: PLC0415

    if settings.configured:
        connections.close_all()
