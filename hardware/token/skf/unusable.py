"""Why a vendor's library cannot be used, and what to do about it; used in the worker's process.

The system's loader passes over a file for another processor as if there were none, so the file is looked at here.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.ports import LibraryTrouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAGIC: Final = b"\x7fELF"
_HEADER: Final = 20
_CLASS, _ORDER, _MACHINE = 4, 5, 18
"""Where an ELF file's header has its word length (1: 32 bits, 2: 64), byte order (1: little) and processor."""

_PROCESSORS: Final[Mapping[int, str]] = {
    3: "x86",
    8: "mips",
    40: "arm",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
    0x9916: "sw_64",
}
"""The processors' numbers (e_machine) that are met where such keys are used."""

_BITS: Final[Mapping[int, str]] = {1: "32-bit", 2: "64-bit"}

_OF_THE_PROFILE: Final = "correct `library` in [[skf]], or install the vendor's package"
_FOR_THIS_MACHINE: Final = "install the vendor's package for this machine"
_SHOWN: Final = 3
"""Names of missing functions that a message gives."""


class Unusable(msgspec.Struct, frozen=True):
    """Why a library cannot be used: in words for the log, and as a trouble with its detail."""

    trouble: LibraryTrouble
    reason: str
    detail: str = ""


class _Kind(msgspec.Struct, frozen=True):
    """What kind of machine a file's code is for."""

    bits: int
    order: int
    processor: int

    def __str__(self) -> str:
        """Name it as people do."""
        processor = _PROCESSORS.get(self.processor, f"processor {self.processor}")
        return f"{processor}, {_BITS.get(self.bits, 'another word length')}"


def why_unusable(  # noqa: PLR0911 - one row a reason
    path: str, reason: str, interpreter: Path = Path("/proc/self/exe")
) -> Unusable:
    """Say why the loader refused a library and what to do; `reason` is the loader's."""
    absent, _, rest = reason.partition(": ")
    if rest.startswith("cannot open shared object file") and absent != path:
        said = f"it needs {absent}, which is not there: install the package that has it"
        return Unusable(LibraryTrouble.NEEDS, said, absent)
    if "/" not in path:
        advice = "give `library` in [[skf]] its whole path, or install the vendor's package"
        said = f"the loader finds no such library for this machine ({reason}): {advice}"
        return Unusable(LibraryTrouble.NOT_FOUND, said)
    try:
        with Path(path).open("rb") as opened:
            header = opened.read(_HEADER)
    except FileNotFoundError:
        return Unusable(LibraryTrouble.ABSENT, f"there is no such file: {_OF_THE_PROFILE}")
    except IsADirectoryError:
        return Unusable(LibraryTrouble.FOLDER, f"it is a folder: {_OF_THE_PROFILE}")
    except OSError as failure:
        said = f"it cannot be read ({failure.strerror}): let the desk's user read it"
        return Unusable(LibraryTrouble.UNREADABLE, said, failure.strerror or "")
    kind = _kind(header)
    if kind is None:
        return Unusable(LibraryTrouble.NO_LIBRARY, f"it is no library of this system: {_OF_THE_PROFILE}")
    own = _own_kind(interpreter)
    if own is not None and kind != own:
        said = f"it is for {kind}, this machine needs {own}: {_FOR_THIS_MACHINE}"
        return Unusable(LibraryTrouble.ANOTHER_MACHINE, said, f"{kind} / {own}")
    said = f"the loader refuses it ({reason}): {_FOR_THIS_MACHINE} again"
    return Unusable(LibraryTrouble.REFUSED, said, reason)


def why_incomplete(missing: Sequence[str]) -> Unusable:
    """Say that a library lacks functions of GM/T 0016, and what to do."""
    more = f" and {len(missing) - _SHOWN} more functions" if len(missing) > _SHOWN else ""
    shown = ", ".join(missing[:_SHOWN])
    said = (
        f"it has no {shown}{more} of GM/T 0016 (SKF): "
        "name the vendor's SKF library in [[skf]], or ask the vendor for one that has them"
    )
    return Unusable(LibraryTrouble.INCOMPLETE, said, shown)


def _kind(header: bytes) -> _Kind | None:
    """Read an ELF header; None where it is none."""
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return None
    order = header[_ORDER]
    (processor,) = struct.unpack_from("<H" if order == 1 else ">H", header, _MACHINE)
    return _Kind(header[_CLASS], order, processor)


def _own_kind(interpreter: Path) -> _Kind | None:
    """What kind of machine the program that runs is for."""
    try:
        with interpreter.open("rb") as opened:
            return _kind(opened.read(_HEADER))
    except OSError:
        return None
