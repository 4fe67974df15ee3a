"""The agent's log: one JSON line for each event in `log/sync.log` under the data directory, rotated by size.

Events carry numbers, kinds and outcomes; never keys, enrolment tokens, passwords or bodies.
"""

from __future__ import annotations

import logging
from pathlib import Path

import structlog

from kiosk.store.log_file import LogFile

_NAME = "keydesk.sync"


def open_log(directory: Path) -> structlog.typing.FilteringBoundLogger:
    """The agent's logger, which writes to `log/` in that data directory; it works on where nothing can be written."""
    folder = directory / "log"
    handler = logging.StreamHandler(LogFile(folder / "sync.log"))
    standard = logging.getLogger(f"{_NAME}.{folder}")
    standard.setLevel(logging.INFO)
    standard.propagate = False
    standard.handlers = [handler]
    return logger_over(standard)


def logger_over(standard: logging.Logger) -> structlog.typing.FilteringBoundLogger:
    """A structured logger over a logger of the standard library."""
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        standard,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return logger
