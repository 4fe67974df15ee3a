"""Writing small files so that a power cut leaves the old content or the new one, whole.

Whoever keeps keys, cards or settings in a file writes it with this. It stands on the ground floor because the virtual
cards need it as well as the desk, the agent and the centre.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file's content; it is on the disk when this returns, and only its owner can read it.

    Raises OSError; the old content then stands.
    """
    with _draft(path, content) as draft:
        draft.replace(path)
        flush_folder(path.parent)


def create_durably(path: Path, content: bytes) -> None:
    """Make a new file in the same way. Raises FileExistsError when the name is taken, and OSError."""
    with _draft(path, content) as draft:
        publish(draft, path)


def publish(draft: Path, path: Path) -> None:
    """Give a finished file another name, durably. Raises FileExistsError when the name is taken, and OSError."""
    os.link(draft, path)
    flush_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside the one that is meant, its content on the disk; gone afterwards."""
    descriptor, name = tempfile.mkstemp(
        prefix=f".{path.name}.", dir=path.parent
    )  # readable by its owner alone
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
