"""Assembling a desk: database, devices, log. Shared by `keydesk run` and the demo."""

from __future__ import annotations

import logging
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TextIO, cast

import structlog

from hardware import traffic
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import ReceiptPrinter, Scanner, TokenSource
from hardware.sources import CombinedTokenSource, NamedSource
from hardware.token.registry import Driver, gmt_driver, piv_driver
from hardware.token.skf.source import SkfTokenSource
from kiosk.configuration import Configuration, LogLevel
from kiosk.desk.context import Desk, DeskSettings
from kiosk.store.agent_lock import agent_runs
from kiosk.store.database import Database
from kiosk.store.log_file import LogFile
from kiosk.store.system_clock import SystemClock


def card_drivers(configuration: Configuration) -> tuple[Driver, ...]:
    """The drivers of cards in readers, in the order in which they are tried."""
    return gmt_driver(configuration.gmt), piv_driver(configuration.piv)


def token_source(configuration: Configuration) -> TokenSource:
    """Every source of tokens: the readers first, then each vendor's library in a process of its own."""
    readers = NamedSource("pcsc", PcscTokenSource(card_drivers(configuration)))
    libraries = (NamedSource(profile.name, SkfTokenSource((profile,))) for profile in configuration.skf)
    return CombinedTokenSource((readers, *libraries))


def make_desk(
    configuration: Configuration,
    database: Database,
    clock: SystemClock,
    tokens: TokenSource,
    printer: ReceiptPrinter,
    scanner: Scanner | None,
) -> Desk:
    """The desk over these parts."""
    return Desk(
        database=database,
        clock=clock,
        random=os.urandom,
        tokens=tokens,
        printer=printer,
        scanner=scanner,
        settings=DeskSettings(configuration.payment_page, configuration.exchange),
        agent_runs=partial(agent_runs, database.path.parent),
    )


def log_to(file: Path, level: LogLevel = LogLevel.INFO) -> None:
    """Send the log to a file, and with it whatever a library writes to standard error behind the screens.

    On the terminal it would spoil the picture. Textual paints on Python's own standard error, so that gets the terminal
    under another number. Nothing here raises where the file cannot be written: the desk works without its log.
    """
    screen = os.fdopen(os.dup(2), "w", encoding="utf-8")
    log = cast("TextIO", LogFile(file, standing_for=2))
    sys.__stderr__ = screen  # type: ignore[misc]  # Textual takes its screen from there
    sys.stderr = log
    _log_lines_to(log, level)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(log),
    )


def _log_lines_to(output: TextIO, level: LogLevel) -> None:
    """Send what is logged line by line (the drivers' traffic, and libraries' warnings), times in UTC."""
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(output)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.addLevelName(traffic.LEVEL, "TRAFFIC")
    logging.getLogger(traffic.LOGGER).setLevel(
        traffic.LEVEL if level is LogLevel.TRAFFIC else logging.WARNING
    )
