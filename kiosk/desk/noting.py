"""Noting in the journal what a token has done already.

The token cannot take it back, so a journal that cannot be written then stops nobody: it is a fault for the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from kiosk.domain.errors import EntryRefused
from kiosk.store.errors import StoreError

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.journal import AnyBody

_LOG = structlog.get_logger()


def note_done(desk: Desk, body: AnyBody) -> bool:
    """Append the entry; whether that succeeded."""
    try:
        with desk.database.write() as tx:
            tx.append(body, desk.clock)
    except (EntryRefused, StoreError) as error:
        _LOG.error("done and not noted", entry=type(body).__name__, problem=str(error))
        return False
    return True
