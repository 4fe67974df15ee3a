"""Putting a desk together: its database, its devices, its screens. What `keydesk run` and the demo share."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import structlog

from hardware.ports import ReceiptPrinter, Scanner, TokenSource
from kiosk.configuration import Configuration
from kiosk.desk.context import Desk
from kiosk.desk.settings import DeskSettings
from kiosk.store.database import Database
from kiosk.store.errors import StoreExists, StoreMissing
from kiosk.store.keyfile import load, load_or_create
from kiosk.store.system_clock import SystemClock

DATABASE = "keydesk.db"
KEY_FILE = "keydesk.key"


def open_database(directory: Path) -> Database:
    """The database of a data directory. Raises StoreError, OSError; StoreMissing when there is none."""
    if not (directory / KEY_FILE).exists():
        raise StoreMissing(directory / DATABASE)
    return Database.open(directory / DATABASE, load(directory / KEY_FILE))


def open_or_create_database(directory: Path) -> Database:
    """The database of a data directory, made when there is none. Raises StoreError, OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    key = load_or_create(directory / KEY_FILE)
    if not (directory / DATABASE).exists():
        try:
            return Database.create(directory / DATABASE, key)
        except StoreExists:
            pass  # the agent made it in between
    return Database.open(directory / DATABASE, key)


def desk_settings(configuration: Configuration) -> DeskSettings:
    """What the desk is told of the exchange."""
    exchange, screen = configuration.exchange, configuration.screen
    return DeskSettings(
        payment_page=configuration.payment_page,
        system_name=exchange.system,
        exchange_name=exchange.name,
        payee=exchange.payee,
        support=exchange.support,
        official_account=exchange.official_account,
        factory_pin=configuration.gmt.factory_pin,
        idle=screen.idle,
        countdown=screen.countdown,
    )


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
        settings=desk_settings(configuration),
    )


def log_to(file: Path) -> None:
    """Send the log to a file, and with it whatever a library writes to standard error behind the screens.

    GmSSL prints a line for every wrong signature; on the terminal it would spoil the picture. Textual paints on
    Python's own standard error, so that gets the terminal under another number.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    screen = os.fdopen(os.dup(2), "w", encoding="utf-8")
    os.dup2(descriptor, 2)
    sys.__stderr__ = screen  # type: ignore[misc]  # Textual takes its screen from there
    output = os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")
    logging.basicConfig(stream=output, level=logging.WARNING, force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(output),
    )
