"""How a command fails: one plain sentence that says what to do, and exit status 1.

CommandError
"""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot do it; the message says why and what to do."""
