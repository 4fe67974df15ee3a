"""A vendor's library, bound by ctypes; used in the worker's process alone.

Libraries differ in the width of ULONG (4 bytes, or 8 where it is `unsigned long`) and of handles (pointers, or
int). Numbers and handles that come back are therefore read from eight zeroed bytes, of which the library fills as
many as it knows: that is right for both on a little-endian machine.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

from hardware.token.skf.layout import PROTOTYPES, Kind
from hardware.token.skf.unusable import Unusable, why_incomplete, why_unusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GUARD: Final = 4096
"""Bytes behind every buffer in which a library that writes too much is caught before it does harm."""

_PATTERN: Final = 0xA5

_INITIALISATION_VECTOR: Final = 32
"""The IV field of BLOCKCIPHERPARAM, before its three ULONGs (GM/T 0016-2012, 6.4.12)."""


class LibraryUnusable(Exception):
    """The library cannot be loaded or lacks a function."""

    def __init__(self, why: Unusable) -> None:
        super().__init__(why.reason)
        self.why = why


class BufferOverrun(Exception):
    """The library wrote more than it was given room for."""


class _ShortParameters(ctypes.Structure):
    """BLOCKCIPHERPARAM where ULONG has four bytes."""

    _pack_ = 1
    _fields_ = (("data", ctypes.c_uint8 * (_INITIALISATION_VECTOR + 3 * 4)),)


class _LongParameters(ctypes.Structure):
    """BLOCKCIPHERPARAM where ULONG has eight bytes."""

    _pack_ = 1
    _fields_ = (("data", ctypes.c_uint8 * (_INITIALISATION_VECTOR + 3 * 8)),)


class _Buffer:
    """Room for a library to write into, with a guard behind it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._memory = ctypes.create_string_buffer(capacity + _GUARD)
        ctypes.memset(ctypes.byref(self._memory, capacity), _PATTERN, _GUARD)

    @property
    def pointer(self) -> Any:
        """What the library is given."""
        return ctypes.byref(self._memory)

    def read(self) -> bytes:
        """Return all of it. Raises BufferOverrun."""
        written = self._memory.raw
        if written.count(_PATTERN, self._capacity) != _GUARD:
            raise BufferOverrun
        return written[: self._capacity]


class _Call:
    """One call: its C arguments, and what is read back after it."""

    def __init__(
        self, parameters: Sequence[Kind], arguments: Sequence[int | bytes], ulong_bytes: int
    ) -> None:
        self.converted: list[Any] = []
        self._results: list[ctypes.c_uint64 | _Buffer | tuple[ctypes.c_uint64, _Buffer | None]] = []
        self._secret: list[Any] = []
        self._ulong_bytes = ulong_bytes
        taken = iter(arguments)
        for kind in parameters:
            self._convert(kind, taken)

    def results(self) -> list[int | bytes]:
        """Read what the library gave. Raises BufferOverrun."""
        found: list[int | bytes] = []
        for result in self._results:
            if isinstance(result, ctypes.c_uint64):
                found.append(result.value)
            elif isinstance(result, _Buffer):
                found.append(result.read())
            else:
                length, buffer = result
                written = b"" if buffer is None else buffer.read()
                found.extend((length.value, written[: length.value]))
        return found

    def wipe(self) -> None:
        """Overwrite what was handed over: there may be a PIN in it."""
        for memory in self._secret:
            ctypes.memset(memory, 0, ctypes.sizeof(memory))

    def _convert(self, kind: Kind, taken: Iterator[int | bytes]) -> None:
        match kind:
            case Kind.HANDLE:
                self.converted.append(ctypes.c_void_p(_number(taken)))
            case Kind.NUMBER:
                self.converted.append(ctypes.c_uint64(_number(taken)))
            case Kind.TEXT | Kind.STRUCTURE:
                self.converted.append(self._given(_bytes(taken)))
            case Kind.DATA:
                data = _bytes(taken)
                self.converted.extend((self._given(data), ctypes.c_uint64(len(data))))
            case Kind.CIPHER_PARAMETERS:
                self.converted.append(_ShortParameters() if self._ulong_bytes == 4 else _LongParameters())  # noqa: PLR2004 - the width itself
            case Kind.NEW_HANDLE | Kind.NEW_NUMBER:
                self._awaited(ctypes.c_uint64())
            case Kind.FILLED:
                capacity = _number(taken)
                self._awaited(_Buffer(capacity))
                self.converted.append(ctypes.c_uint64(capacity))
            case Kind.NEW_STRUCTURE:
                self._awaited(_Buffer(_number(taken)))
            case Kind.BUFFER:
                self._measured(_number(taken))

    def _given(self, data: bytes) -> Any:
        memory = ctypes.create_string_buffer(data)
        self._secret.append(memory)
        return memory

    def _awaited(self, result: ctypes.c_uint64 | _Buffer) -> None:
        self._results.append(result)
        self.converted.append(result.pointer if isinstance(result, _Buffer) else ctypes.byref(result))

    def _measured(self, capacity: int) -> None:
        length = ctypes.c_uint64(capacity)
        buffer = _Buffer(capacity) if capacity else None
        self._results.append((length, buffer))
        self.converted.extend((None if buffer is None else buffer.pointer, ctypes.byref(length)))


class Library:
    """One loaded library. Raises LibraryUnusable where it is missing, broken or no SKF library."""

    def __init__(self, path: str, ulong_bytes: int) -> None:
        self._ulong_bytes = ulong_bytes
        try:
            self._library = ctypes.CDLL(path)
        except OSError as failure:
            raise LibraryUnusable(why_unusable(path, str(failure))) from None
        missing = [
            name for name, row in PROTOTYPES.items() if row.required and not hasattr(self._library, name)
        ]
        if missing:
            raise LibraryUnusable(why_incomplete(missing))

    def call(self, function: str, arguments: Sequence[int | bytes]) -> tuple[int, list[int | bytes]]:
        """Call one function and return its code and what it gave.

        Raises LibraryUnusable where the library has no such function, and BufferOverrun.
        """
        entry = getattr(self._library, function, None)
        if entry is None:
            raise LibraryUnusable(why_incomplete([function]))
        entry.restype = ctypes.c_uint32
        call = _Call(PROTOTYPES[function].parameters, arguments, self._ulong_bytes)
        try:
            code: int = entry(*call.converted)
            return code, call.results()
        finally:
            call.wipe()


def _number(taken: Iterator[int | bytes]) -> int:
    value = next(taken)
    if not isinstance(value, int):
        raise TypeError("a number is wanted")
    return value


def _bytes(taken: Iterator[int | bytes]) -> bytes:
    value = next(taken)
    if not isinstance(value, bytes):
        raise TypeError("bytes are wanted")
    return value
