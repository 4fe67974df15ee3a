"""libpcsclite's functions (PC/SC Workgroup, part 5; its header winscard.h) through ctypes, readers' names as bytes.

A reader's name is whatever bytes its driver or `reader.conf.d` gives. Bindings that take names for text lose every
reader where one has another encoding (decision 19), so they stay bytes here. Every function returns the result code
first, as 32 bits. Sizes are those of Linux: DWORD and LONG are as wide as a pointer.
"""

from __future__ import annotations

import ctypes
import enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from hardware.ports import ReaderTrouble, ReaderUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME: Final = "libpcsclite.so.1"
_LONGEST_ATR: Final = 33
_LONGEST_ANSWER: Final = 4 + 3 + (1 << 16) + 3 + 2
_CODE: Final = 0xFFFFFFFF
_ROUNDS: Final = 5
"""How often the list of readers is asked for anew where it grew meanwhile."""

_Long = ctypes.c_long
_Dword = ctypes.c_ulong


class Code(enum.IntEnum):
    """The result codes that are told apart."""

    SUCCESS = 0
    CANCELLED = 0x80100002
    INSUFFICIENT_BUFFER = 0x80100008
    TIMEOUT = 0x8010000A
    SHARING_VIOLATION = 0x8010000B
    NO_READERS_AVAILABLE = 0x8010002E
    SECURITY_VIOLATION = 0x8010006A


class Share(enum.IntEnum):
    """How a card is connected to."""

    EXCLUSIVE = 1
    SHARED = 2
    DIRECT = 3


class Protocols(enum.IntFlag):
    """The protocols of ISO/IEC 7816-3."""

    NONE = 0
    T0 = 1
    T1 = 2


class Disposition(enum.IntEnum):
    """What becomes of the card when it is given up."""

    LEAVE = 0
    RESET = 1


class StateBits(enum.IntFlag):
    """A reader's state; the service counts insertions and removals in the upper half."""

    UNAWARE = 0
    CHANGED = 0x0002
    EMPTY = 0x0010
    PRESENT = 0x0020
    EXCLUSIVE = 0x0080
    IN_USE = 0x0100


SYSTEM: Final = 2
"""The only scope there is."""


class Found(NamedTuple):
    """What the service says of one reader."""

    reader: bytes
    state: int
    atr: bytes


class PcscLibrary(Protocol):
    """The functions that are needed; contexts and cards are handles."""

    def establish(self) -> tuple[int, int]:
        """SCardEstablishContext: the context."""
        ...

    def release(self, context: int) -> int:
        """SCardReleaseContext."""
        ...

    def cancel(self, context: int) -> int:
        """SCardCancel."""
        ...

    def list_readers(self, context: int) -> tuple[int, tuple[bytes, ...]]:
        """SCardListReaders: their names."""
        ...

    def status_change(
        self, context: int, timeout: int, known: Sequence[tuple[bytes, int]]
    ) -> tuple[int, tuple[Found, ...]]:
        """SCardGetStatusChange: the readers' states once they differ from those that are known; `timeout` in ms."""
        ...

    def connect(
        self, context: int, reader: bytes, share: Share, protocols: Protocols
    ) -> tuple[int, int, Protocols]:
        """SCardConnect: the card, and its protocol, which means nothing unless the code is SUCCESS."""
        ...

    def transmit(self, card: int, protocol: Protocols, command: bytes) -> tuple[int, bytes]:
        """SCardTransmit: the answer."""
        ...

    def disconnect(self, card: int, disposition: Disposition) -> int:
        """SCardDisconnect."""
        ...


class _ReaderState(ctypes.Structure):
    _fields_ = (
        ("reader", ctypes.c_char_p),
        ("user_data", ctypes.c_void_p),
        ("current", _Dword),
        ("event", _Dword),
        ("length", _Dword),
        ("atr", ctypes.c_ubyte * _LONGEST_ATR),
    )


class _Request(ctypes.Structure):
    _fields_ = (("protocol", _Dword), ("length", _Dword))


_P = ctypes.POINTER
_SIGNATURES: Final = {
    "SCardEstablishContext": (_Dword, ctypes.c_void_p, ctypes.c_void_p, _P(_Long)),
    "SCardReleaseContext": (_Long,),
    "SCardCancel": (_Long,),
    "SCardListReaders": (_Long, ctypes.c_char_p, ctypes.c_char_p, _P(_Dword)),
    "SCardGetStatusChange": (_Long, _Dword, _P(_ReaderState), _Dword),
    "SCardConnect": (_Long, ctypes.c_char_p, _Dword, _Dword, _P(_Long), _P(_Dword)),
    "SCardTransmit": (
        _Long,
        _P(_Request),
        ctypes.c_char_p,
        _Dword,
        _P(_Request),
        ctypes.c_char_p,
        _P(_Dword),
    ),
    "SCardDisconnect": (_Long, _Dword),
}


class SystemLibrary:
    """libpcsclite of this system (`PcscLibrary`); may be called from several threads. Raises ReaderUnavailable."""

    def __init__(self, name: str = _NAME) -> None:
        try:
            library = ctypes.CDLL(name)
            for function, arguments in _SIGNATURES.items():
                getattr(library, function).argtypes = arguments
                getattr(library, function).restype = _Long
        except (OSError, AttributeError) as failure:
            raise ReaderUnavailable(
                f"libpcsclite cannot be loaded: {failure}", ReaderTrouble.LIBRARY, name
            ) from None
        self._library = library

    def establish(self) -> tuple[int, int]:
        """Return the code and a new context."""
        context = _Long()
        code = self._library.SCardEstablishContext(SYSTEM, None, None, ctypes.byref(context))
        return code & _CODE, context.value

    def release(self, context: int) -> int:
        """Return the code."""
        return int(self._library.SCardReleaseContext(context)) & _CODE

    def cancel(self, context: int) -> int:
        """Return the code."""
        return int(self._library.SCardCancel(context)) & _CODE

    def list_readers(self, context: int) -> tuple[int, tuple[bytes, ...]]:
        """Return the code and the names of the list, each ending in 00 and the list in another."""
        code, length = int(Code.INSUFFICIENT_BUFFER), _Dword()
        for _ in range(_ROUNDS):
            code = self._library.SCardListReaders(context, None, None, ctypes.byref(length)) & _CODE
            if code != Code.SUCCESS:
                break
            buffer = ctypes.create_string_buffer(max(length.value, 1))
            code = self._library.SCardListReaders(context, None, buffer, ctypes.byref(length)) & _CODE
            if code != Code.INSUFFICIENT_BUFFER:
                names = buffer.raw[: length.value].split(b"\0") if code == Code.SUCCESS else []
                return code, tuple(name for name in names if name)
        return code, ()

    def status_change(
        self, context: int, timeout: int, known: Sequence[tuple[bytes, int]]
    ) -> tuple[int, tuple[Found, ...]]:
        """Return the code and every reader's state."""
        states = (_ReaderState * len(known))()
        for state, (reader, current) in zip(states, known, strict=True):
            state.reader, state.current = reader, current
        code = self._library.SCardGetStatusChange(context, timeout, states, len(known)) & _CODE
        found = (
            Found(reader, state.event, bytes(state.atr[: min(state.length, _LONGEST_ATR)]))
            for state, (reader, _) in zip(states, known, strict=True)
        )
        return code, tuple(found)

    def connect(
        self, context: int, reader: bytes, share: Share, protocols: Protocols
    ) -> tuple[int, int, Protocols]:
        """Return the code, the card and its protocol."""
        card, protocol = _Long(), _Dword()
        code = self._library.SCardConnect(
            context, reader, share, protocols, ctypes.byref(card), ctypes.byref(protocol)
        )
        return code & _CODE, card.value, Protocols(protocol.value & (Protocols.T0 | Protocols.T1))

    def transmit(self, card: int, protocol: Protocols, command: bytes) -> tuple[int, bytes]:
        """Return the code and the answer."""
        request = _Request(protocol, ctypes.sizeof(_Request))
        answer, length = ctypes.create_string_buffer(_LONGEST_ANSWER), _Dword(_LONGEST_ANSWER)
        code = self._library.SCardTransmit(
            card, ctypes.byref(request), command, len(command), None, answer, ctypes.byref(length)
        )
        code &= _CODE
        return code, ctypes.string_at(answer, length.value) if code == Code.SUCCESS else b""

    def disconnect(self, card: int, disposition: Disposition) -> int:
        """Return the code."""
        return int(self._library.SCardDisconnect(card, disposition)) & _CODE


if TYPE_CHECKING:

    def _is_a_library(library: SystemLibrary) -> PcscLibrary:
        return library
