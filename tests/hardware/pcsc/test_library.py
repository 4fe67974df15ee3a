"""The structure and numbers of libpcsclite as its C header and pyscard have them."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from smartcard import scard  # type: ignore[import-untyped]

from hardware.pcsc import library
from hardware.pcsc.library import Code, Disposition, Protocols, Share, StateBits, SystemLibrary
from hardware.ports import ReaderUnavailable
from tests.support.pcsc import do_without

if TYPE_CHECKING:
    from pathlib import Path

SIZES = """
#include <stddef.h>
#include <stdio.h>
#include <winscard.h>
int main(void) {
  printf("%zu %zu %zu %zu %zu %zu %zu %zu %zu\\n", sizeof(SCARD_READERSTATE), offsetof(SCARD_READERSTATE, szReader),
    offsetof(SCARD_READERSTATE, pvUserData), offsetof(SCARD_READERSTATE, dwCurrentState),
    offsetof(SCARD_READERSTATE, dwEventState), offsetof(SCARD_READERSTATE, cbAtr),
    offsetof(SCARD_READERSTATE, rgbAtr), sizeof(SCARD_IO_REQUEST), sizeof(DWORD));
}
"""


def test_the_structures_are_those_of_the_header(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        do_without("needs a C compiler and PC/SC's headers: apt-get install gcc libc6-dev libpcsclite-dev")
    source, program = tmp_path / "sizes.c", tmp_path / "sizes"
    source.write_text(SIZES)
    subprocess.run([compiler, "-I/usr/include/PCSC", source, "-o", program], check=True)
    told = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    state = library._ReaderState
    ours = [
        ctypes.sizeof(state),
        *(getattr(state, name).offset for name, *_ in state._fields_),
        ctypes.sizeof(library._Request),
        ctypes.sizeof(ctypes.c_ulong),
    ]
    assert [int(each) for each in told] == ours


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Code.SUCCESS, scard.SCARD_S_SUCCESS),
        (Code.CANCELLED, scard.SCARD_E_CANCELLED),
        (Code.INSUFFICIENT_BUFFER, scard.SCARD_E_INSUFFICIENT_BUFFER),
        (Code.TIMEOUT, scard.SCARD_E_TIMEOUT),
        (Code.SHARING_VIOLATION, scard.SCARD_E_SHARING_VIOLATION),
        (Code.NO_READERS_AVAILABLE, scard.SCARD_E_NO_READERS_AVAILABLE),
        (Code.SECURITY_VIOLATION, scard.SCARD_W_SECURITY_VIOLATION),
        (Share.EXCLUSIVE, scard.SCARD_SHARE_EXCLUSIVE),
        (Share.SHARED, scard.SCARD_SHARE_SHARED),
        (Share.DIRECT, scard.SCARD_SHARE_DIRECT),
        (Protocols.T0, scard.SCARD_PROTOCOL_T0),
        (Protocols.T1, scard.SCARD_PROTOCOL_T1),
        (Disposition.LEAVE, scard.SCARD_LEAVE_CARD),
        (Disposition.RESET, scard.SCARD_RESET_CARD),
        (StateBits.UNAWARE, scard.SCARD_STATE_UNAWARE),
        (StateBits.CHANGED, scard.SCARD_STATE_CHANGED),
        (StateBits.EMPTY, scard.SCARD_STATE_EMPTY),
        (StateBits.PRESENT, scard.SCARD_STATE_PRESENT),
        (StateBits.EXCLUSIVE, scard.SCARD_STATE_EXCLUSIVE),
        (StateBits.IN_USE, scard.SCARD_STATE_INUSE),
        (library.SYSTEM, scard.SCARD_SCOPE_SYSTEM),
    ],
)
def test_the_numbers_are_pyscards(ours: int, theirs: int) -> None:
    assert ours == theirs & 0xFFFFFFFF


@pytest.mark.parametrize("name", ["libpcsclite-none.so.1", "libc.so.6"])
def test_a_library_that_is_missing_or_another_is_told(name: str) -> None:
    with pytest.raises(ReaderUnavailable, match="libpcsclite cannot be loaded"):
        SystemLibrary(name)
