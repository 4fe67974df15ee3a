"""The functions of GM/T 0016 that are used here: their parameters, as a table.

A row's parameters are in the order of the C prototype (GM/T 0016-2012, chapter 7). What a parameter takes from a
call's arguments and gives to its results is told by its kind.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Kind(enum.Enum):
    """One parameter, or a pointer and its length together."""

    HANDLE = enum.auto()
    """Takes a handle (int)."""
    NUMBER = enum.auto()
    """Takes a ULONG, DWORD or BOOL (int)."""
    TEXT = enum.auto()
    """Takes the bytes of a text, which gets its ending zero here."""
    DATA = enum.auto()
    """Takes bytes; stands for two parameters, pointer and length."""
    STRUCTURE = enum.auto()
    """Takes the bytes of a structure or key; stands for the pointer alone."""
    CIPHER_PARAMETERS = enum.auto()
    """Takes nothing: a BLOCKCIPHERPARAM of zeros, by value."""
    NEW_HANDLE = enum.auto()
    """Gives a handle (int)."""
    NEW_NUMBER = enum.auto()
    """Gives a ULONG or BOOL (int)."""
    FILLED = enum.auto()
    """Takes a length in bytes and gives that many; stands for pointer and length."""
    NEW_STRUCTURE = enum.auto()
    """Takes a capacity in bytes and gives them all; stands for the pointer alone."""
    BUFFER = enum.auto()
    """Takes a capacity in bytes (0: a null pointer, which asks for the length) and gives the length that the
    library reported (int) and what it wrote (bytes); stands for pointer and pointer to length."""


class Prototype(msgspec.Struct, frozen=True):
    """One function's parameters; a library without one that is not `required` is still of use."""

    parameters: tuple[Kind, ...]
    required: bool = True


_GIVES: Final[Mapping[Kind, tuple[type[int | bytes], ...]]] = {
    Kind.NEW_HANDLE: (int,),
    Kind.NEW_NUMBER: (int,),
    Kind.FILLED: (bytes,),
    Kind.NEW_STRUCTURE: (bytes,),
    Kind.BUFFER: (int, bytes),
}

_H, _N, _T, _D = Kind.HANDLE, Kind.NUMBER, Kind.TEXT, Kind.DATA

PROTOTYPES: Final[Mapping[str, Prototype]] = {
    # 7.1 device management
    "SKF_WaitForDevEvent": Prototype((Kind.BUFFER, Kind.NEW_NUMBER), required=False),
    "SKF_EnumDev": Prototype((_N, Kind.BUFFER)),
    "SKF_ConnectDev": Prototype((_T, Kind.NEW_HANDLE)),
    "SKF_DisConnectDev": Prototype((_H,)),
    "SKF_GetDevInfo": Prototype((_H, Kind.NEW_STRUCTURE)),
    # 7.2 access control
    "SKF_DevAuth": Prototype((_H, _D), required=False),
    "SKF_ChangePIN": Prototype((_H, _N, _T, _T, Kind.NEW_NUMBER), required=False),
    "SKF_GetPINInfo": Prototype((_H, _N, Kind.NEW_NUMBER, Kind.NEW_NUMBER, Kind.NEW_NUMBER)),
    "SKF_VerifyPIN": Prototype((_H, _N, _T, Kind.NEW_NUMBER)),
    "SKF_UnblockPIN": Prototype((_H, _T, _T, Kind.NEW_NUMBER), required=False),
    "SKF_ClearSecureState": Prototype((_H,), required=False),
    # 7.3 application management
    "SKF_CreateApplication": Prototype((_H, _T, _T, _N, _T, _N, _N, Kind.NEW_HANDLE), required=False),
    "SKF_EnumApplication": Prototype((_H, Kind.BUFFER)),
    "SKF_DeleteApplication": Prototype((_H, _T), required=False),
    "SKF_OpenApplication": Prototype((_H, _T, Kind.NEW_HANDLE)),
    "SKF_CloseApplication": Prototype((_H,)),
    # 7.5 container management
    "SKF_CreateContainer": Prototype((_H, _T, Kind.NEW_HANDLE)),
    "SKF_OpenContainer": Prototype((_H, _T, Kind.NEW_HANDLE)),
    "SKF_CloseContainer": Prototype((_H,)),
    "SKF_EnumContainer": Prototype((_H, Kind.BUFFER)),
    "SKF_GetContainerType": Prototype((_H, Kind.NEW_NUMBER), required=False),
    "SKF_ImportCertificate": Prototype((_H, _N, _D)),
    "SKF_ExportCertificate": Prototype((_H, _N, Kind.BUFFER)),
    # 7.6 cryptographic services
    "SKF_GenRandom": Prototype((_H, Kind.FILLED)),
    "SKF_GenECCKeyPair": Prototype((_H, _N, Kind.NEW_STRUCTURE)),
    "SKF_ECCSignData": Prototype((_H, _D, Kind.NEW_STRUCTURE)),
    "SKF_ExportPublicKey": Prototype((_H, _N, Kind.BUFFER)),
    "SKF_SetSymmKey": Prototype((_H, Kind.STRUCTURE, _N, Kind.NEW_HANDLE), required=False),
    "SKF_EncryptInit": Prototype((_H, Kind.CIPHER_PARAMETERS), required=False),
    "SKF_Encrypt": Prototype((_H, _D, Kind.BUFFER), required=False),
    "SKF_DigestInit": Prototype((_H, _N, Kind.STRUCTURE, _D, Kind.NEW_HANDLE), required=False),
    "SKF_Digest": Prototype((_H, _D, Kind.BUFFER), required=False),
    "SKF_CloseHandle": Prototype((_H,), required=False),
}
"""The table, by the functions' names."""


def fits(function: str, results: Sequence[int | bytes]) -> bool:
    """Whether there are as many results as a call of that function gives, each of its type."""
    gives = [each for kind in PROTOTYPES[function].parameters for each in _GIVES.get(kind, ())]
    return [type(result) for result in results] == gives
