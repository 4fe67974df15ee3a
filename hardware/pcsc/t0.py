"""Commands for cards that speak T=0: how a command becomes what is transmitted (ISO/IEC 7816-3, 12.2).

T=0 has five bytes of header, CLA INS P1 P2 P3, and carries data in one direction only:

    case 1   CLA INS P1 P2                  P3 = 00
    case 2   CLA INS P1 P2 Le               P3 = Le, 00 where it is more than 255
    case 3   CLA INS P1 P2 Lc data          P3 = Lc
    case 4   CLA INS P1 P2 Lc data Le       P3 = Lc; Le is left out, the card answers 61xx

Commands in the long form go as short ones where their data has up to 255 bytes, else in pieces by ENVELOPE (C2).
"""

from __future__ import annotations

from typing import Final

_HEADER: Final = 4
_LONGEST: Final = 0xFF
_LONG_HEADER: Final = 7
_ENVELOPE: Final = 0xC2
_LENGTH: Final = 2


def units(command: bytes) -> tuple[bytes, ...]:
    """Return what is transmitted for a command, in order; all but the last must be answered with 9000.

    What is no command by ISO/IEC 7816-4, 5.1 is returned as it is.
    """
    header, body = command[:_HEADER], command[_HEADER:]
    if not body:
        return (header + b"\x00",)
    if len(body) == 1 or (not body[0] and len(command) < _LONG_HEADER):
        return (command,)
    if body[0]:
        return (header + body[: 1 + body[0]],)
    if len(command) == _LONG_HEADER:
        expected = int.from_bytes(body[1:])
        return (header + bytes((expected if expected <= _LONGEST else 0,)),)
    length = int.from_bytes(body[1 : 1 + _LENGTH])
    if length <= _LONGEST:
        data = body[1 + _LENGTH : 1 + _LENGTH + length]
        return (header + bytes((length,)) + data,)
    return tuple(
        bytes((header[0], _ENVELOPE, 0, 0, len(piece))) + piece
        for piece in (command[at : at + _LONGEST] for at in range(0, len(command), _LONGEST))
    )
