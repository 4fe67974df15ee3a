"""How a key can be kept, and what somebody is asked who opens it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias


class Way(enum.StrEnum):
    """How the key is kept."""

    PLAIN = "plain"
    """As it is, beside the database."""
    TPM = "tpm"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a way


class Question(enum.Enum):
    """What somebody at the terminal is asked for, and why; `AGAIN` where the last answer opened nothing."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a question
    PASSPHRASE_AGAIN = "passphrase-again"  # noqa: S105 - as above
    CODE = "code"
    """The TPM does not open the key: the recovery code."""
    CODE_AGAIN = "code-again"


Asking: TypeAlias = Callable[[Path, Question], str | None]
"""Asks somebody for what opens the key in that file; None where nobody is there."""


def ask_nobody(_path: Path, _question: Question) -> None:
    """Nobody is there."""
