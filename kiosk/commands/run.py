"""`keydesk run`: the kiosk with its real devices."""

from __future__ import annotations

import argparse
import sys

from hardware.crypto.sm2 import sm2
from hardware.ports import ReceiptPrinter, Scanner
from hardware.printer import AbsentPrinter, EscposPrinter
from hardware.scanner import SerialScanner
from kiosk.assembly import log_to, make_desk, token_source
from kiosk.commands.failures import CommandError, sentence
from kiosk.configuration import Configuration, load
from kiosk.store.location import open_or_create_database
from kiosk.store.system_clock import SystemClock
from kiosk.text.command_line import spoken
from kiosk.text.waiting import say_waiting


def run(arguments: argparse.Namespace) -> int:
    """Show the screens until the process is stopped. Raises CommandError, ConfigurationError, LibcryptoUnusable, StoreError."""
    text = spoken().text
    configuration = load(arguments.config)
    directory = arguments.data or configuration.directory
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise CommandError(text("密钥服务台要在终端里运行，窗口至少 80×24"))
    sm2()  # here, where a missing library can still be said
    try:
        database = open_or_create_database(directory, configuration.marker, say_waiting)
    except OSError as error:
        raise CommandError(sentence(error, text)) from error
    from kiosk.ui.app import run_app  # noqa: PLC0415 - Textual only once there is something to show

    desk = make_desk(
        configuration,
        database,
        SystemClock(),
        token_source(configuration),
        _printer(configuration),
        _scanner(configuration),
    )
    log_to(directory / "log" / "desk.log", configuration.log.level)
    return run_app(desk, configuration)


def _printer(configuration: Configuration) -> ReceiptPrinter:
    return AbsentPrinter() if configuration.printer is None else EscposPrinter(configuration.printer)


def _scanner(configuration: Configuration) -> Scanner | None:
    return None if configuration.scanner is None else SerialScanner(configuration.scanner)
