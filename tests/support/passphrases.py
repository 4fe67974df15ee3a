"""Keys wrapped with passphrases at no cost, where the cost is not what is tested."""

from __future__ import annotations

import functools

import pytest

from kiosk.pki import passphrases


def cheap_wrapping(patched: pytest.MonkeyPatch) -> None:
    """Wrap with as little of Argon2id as there is; what was wrapped names its own costs to whoever opens it."""
    least = functools.partial(passphrases.Wrapped, memory=8, passes=1, lanes=1)
    patched.setattr(passphrases, "Wrapped", least)
