"""A machine without the system's libcrypto."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from hardware.crypto import sm2


@contextlib.contextmanager
def no_libcrypto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the first use of SM2 look for a library that is not there."""
    with monkeypatch.context() as patched:
        patched.setattr(sm2, "NAMES", ("libcrypto-none.so.3",))
        sm2.sm2.cache_clear()
        yield
    sm2.sm2.cache_clear()
