"""Having Django work on a copy of the centre in place of the centre itself; once in a process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from sync.central import configuration
from sync.central.errors import CopyUnsound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def working_on(copy: Path) -> Iterator[None]:
    """Set Django up over a copy's database and keys, its tables brought up to date.

    Raises TablesNewer, CopyUnsound where the database does not bear it.
    """
    os.environ[configuration.DATA] = str(copy.resolve())
    import django  # noqa: PLC0415 - its settings are read now
    from django.db import DatabaseError, connections  # noqa: PLC0415

    from sync.central.preparing import apply_migrations  # noqa: PLC0415

    django.setup()
    try:
        apply_migrations()
        yield
    except (DatabaseError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CopyUnsound(str(error)) from error
    finally:
        connections.close_all()
