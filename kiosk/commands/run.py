"""`keydesk run`: the kiosk with its real devices."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from hardware.crypto.sm2 import sm2
from hardware.ports import Scanner
from hardware.printer import AbsentPrinter, EscposPrinter
from hardware.scanner import SerialScanner
from kiosk.assembly import log_to, make_desk, token_source
from kiosk.commands.failures import CommandError, sentence
from kiosk.configuration import Configuration, load
from kiosk.store.agent_lock import serving
from kiosk.store.location import open_or_create_database
from kiosk.store.system_clock import SystemClock
from kiosk.text.asking import ask_on_terminal
from kiosk.text.command_line import spoken
from kiosk.text.contact_faults import page_flaw
from kiosk.text.failures import with_advice
from kiosk.text.waiting import say_waiting

if TYPE_CHECKING:
    from kiosk.store.database import Database


_STOPPED = 128 + signal.SIGTERM


def run(arguments: argparse.Namespace) -> int:
    """Show the screens until the process is stopped; SIGTERM ends it by that signal, once all is closed.

    Raises CommandError, ConfigurationError, LibcryptoUnusable, StoreError.
    """
    text = spoken().text
    configuration = load(arguments.config)
    directory = arguments.data or configuration.directory
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise CommandError(text("密钥服务台要在终端里运行，窗口至少 80×24"))
    sm2()  # here, where a missing library can still be said
    if (flaw := page_flaw(configuration.centre.page, text)) is not None:
        raise CommandError(with_advice(*flaw, text))
    with ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            stack.enter_context(serving(directory))
            database = open_or_create_database(directory, configuration.marker, say_waiting, ask_on_terminal)
        except OSError as error:
            raise CommandError(sentence(error, text)) from error
        status = _shown(configuration, directory, database)
    if status == _STOPPED:
        _end_by_signal()
    return status


def _end_by_signal() -> None:
    """End as one does who was asked to: a service manager takes any status but 0 for a failure, and this signal for its stop."""
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _shown(configuration: Configuration, directory: Path, database: Database) -> int:
    """Show the screens, then close what was opened; the exit status."""
    from kiosk.ui.app import run_app  # noqa: PLC0415 - Textual only once there is something to show

    with closing(database), closing(_printer(configuration)) as printer:
        desk = make_desk(
            configuration,
            database,
            SystemClock(),
            token_source(configuration),
            printer,
            _scanner(configuration),
        )
        log_to(directory / "log" / "desk.log", configuration.log.level)
        return run_app(desk, configuration)


def _printer(configuration: Configuration) -> AbsentPrinter | EscposPrinter:
    return AbsentPrinter() if configuration.printer is None else EscposPrinter(configuration.printer)


def _scanner(configuration: Configuration) -> Scanner | None:
    return None if configuration.scanner is None else SerialScanner(configuration.scanner)
