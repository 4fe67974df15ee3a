"""The structures of GM/T 0016 as bytes (GM/T 0016-2012, 6.4), read and made by one table of fields.

The standard packs them without gaps; ULONG has four bytes, with some vendors eight, in the machine's order
(little-endian), and some leave gaps: `hardware.token.skf.probes` finds out. The fields and their order are verified by several
public headers, widths and packing are disputed; the four-byte, packed DEVINFO is that of a published dump from a key (294 bytes).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.crypto import signatures
from hardware.crypto.sm2 import ORDER, PointInvalid, sm2
from hardware.ports import MalformedAnswer, SerialMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


ULONG: Final = 0
"""Stands for a ULONG's length in the tables below."""

DEVICE_INFORMATION: Final = (
    ("version", 2),
    ("manufacturer", 64),
    ("issuer", 64),
    ("label", 32),
    ("serial", 32),
    ("hardware_version", 2),
    ("firmware_version", 2),
    ("symmetric_algorithms", ULONG),
    ("asymmetric_algorithms", ULONG),
    ("hash_algorithms", ULONG),
    ("authentication_algorithm", ULONG),
    ("total_space", ULONG),
    ("free_space", ULONG),
    ("longest_ecc_input", ULONG),
    ("longest_input", ULONG),
    ("reserved", 64),
)
"""DEVINFO. Some vendors' headers lack the two ULONGs before `reserved`; nothing is read from there on."""

PUBLIC_KEY: Final = (("bits", ULONG), ("x", 64), ("y", 64))
"""ECCPUBLICKEYBLOB: coordinates right-aligned, big-endian."""

SIGNATURE: Final = (("r", 64), ("s", 64))
"""ECCSIGNATUREBLOB: right-aligned, big-endian."""

KEY_BITS: Final = 256
COORDINATE: Final = 32


class DeviceInformation(msgspec.Struct, frozen=True):
    """What SKF_GetDevInfo says of a key; algorithms as GM/T 0006 numbers them, spaces in bytes."""

    manufacturer: str
    label: str
    serial: str
    symmetric_algorithms: int
    asymmetric_algorithms: int
    hash_algorithms: int
    authentication_algorithm: int
    total_space: int
    free_space: int


def length_of(fields: Sequence[tuple[str, int]], ulong_bytes: int) -> int:
    """Return a packed structure's length in bytes."""
    return sum(length or ulong_bytes for _, length in fields)


def unpack(
    fields: Sequence[tuple[str, int]], data: bytes, ulong_bytes: int, *, packed: bool = True
) -> dict[str, bytes]:
    """Cut a structure into its fields' bytes. Raises MalformedAnswer where it is too short."""
    values: dict[str, bytes] = {}
    at = 0
    for name, length in fields:
        if not length and not packed:
            at += -at % ulong_bytes
        values[name] = data[at : at + (length or ulong_bytes)]
        if len(values[name]) != (length or ulong_bytes):
            raise MalformedAnswer(f"the structure ends within {name}")
        at += length or ulong_bytes
    return values


def device_information(data: bytes, ulong_bytes: int, *, packed: bool) -> DeviceInformation:
    """Read DEVINFO. Raises SerialMissing, MalformedAnswer where the serial number is no printable text."""
    values = unpack(DEVICE_INFORMATION[:-3], data, ulong_bytes, packed=packed)
    serial = _text(values["serial"])
    if not serial:
        raise SerialMissing("the serial number is blank")
    if not (serial.isascii() and serial.isprintable()):
        raise MalformedAnswer("the serial number is no printable text")
    return DeviceInformation(
        manufacturer=_text(values["manufacturer"]),
        label=_text(values["label"]),
        serial=serial,
        symmetric_algorithms=_number(values["symmetric_algorithms"]),
        asymmetric_algorithms=_number(values["asymmetric_algorithms"]),
        hash_algorithms=_number(values["hash_algorithms"]),
        authentication_algorithm=_number(values["authentication_algorithm"]),
        total_space=_number(values["total_space"]),
        free_space=_number(values["free_space"]),
    )


def public_point(data: bytes, ulong_bytes: int) -> bytes:
    """Read ECCPUBLICKEYBLOB as the point 04 ‖ x ‖ y.

    Raises MalformedAnswer for another form or a point off the curve.
    """
    values = unpack(PUBLIC_KEY, data, ulong_bytes)
    if _number(values["bits"]) != KEY_BITS:
        raise MalformedAnswer("the public key has not 256 bits")
    point = b"\x04" + _aligned(values["x"]) + _aligned(values["y"])
    try:
        sm2().require_point(point)
    except PointInvalid:
        raise MalformedAnswer("the public key is no point of the SM2 curve") from None
    return point


def public_key_blob(point: bytes, ulong_bytes: int) -> bytes:
    """Make ECCPUBLICKEYBLOB of the point 04 ‖ x ‖ y."""
    x, y = point[1 : 1 + COORDINATE], point[1 + COORDINATE :]
    return KEY_BITS.to_bytes(ulong_bytes, "little") + x.rjust(64, b"\0") + y.rjust(64, b"\0")


def der_signature(data: bytes) -> bytes:
    """Read ECCSIGNATUREBLOB as DER (r, s). Raises MalformedAnswer for what no signature can be."""
    values = unpack(SIGNATURE, data, 4)
    r, s = (int.from_bytes(_aligned(values[name])) for name in ("r", "s"))
    try:
        return signatures.encode(r, s, ORDER)
    except ValueError as error:
        raise MalformedAnswer(str(error)) from None


def names(data: bytes) -> tuple[bytes, ...]:
    """Read a list of texts, each with its ending zero, that a further zero ends."""
    return tuple(name for name in data.split(b"\0\0", 1)[0].split(b"\0") if name)


def _aligned(number: bytes) -> bytes:
    if any(number[:-COORDINATE]):
        raise MalformedAnswer("a number is not right-aligned")
    return number[-COORDINATE:]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def text_of(data: bytes) -> str:
    """Read a vendor's text, UTF-8 or else GB 18030, with what cannot be shown on a screen replaced."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _text(data: bytes) -> str:
    return text_of(data.split(b"\0", 1)[0].rstrip())


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
