"""The system's libcrypto (OpenSSL 3.0 or newer), loaded by its name: what is called of it, and its faults.

The wheel of the cryptography package carries a libcrypto of its own, and so do many Pythons, but none that can be called. Ours
works in a library context of its own, which no openssl.cnf and no FIPS setting reaches. Calls that work for long release
Python's lock; those that take less than the lock's hand-over keep it.
"""

from __future__ import annotations

import ctypes
import enum
import sys
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES: Final = (
    ("libcrypto.so.3",)
    if sys.platform != "darwin"
    # Homebrew's; macOS ends a process that loads its own libcrypto.
    else (
        "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
        "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    )
)
OLDEST: Final = 0x30000000
"""OPENSSL_VERSION_NUMBER of 3.0.0 (MNN00PP0)."""

_VERSION_STRING: Final = 6
"""OPENSSL_VERSION_STRING, e.g. 3.0.19 (openssl/crypto.h)."""

_ERROR_LENGTH: Final = 256

_INT, _ULONG, _SIZE, _TEXT, _POINTER = (
    ctypes.c_int,
    ctypes.c_ulong,
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_void_p,
)


class Parameter(ctypes.Structure):
    """OSSL_PARAM (openssl/core.h)."""

    _fields_ = (
        ("key", _TEXT),
        ("data_type", ctypes.c_uint),
        ("data", _TEXT),
        ("data_size", _SIZE),
        ("return_size", _SIZE),
    )


_Kind: TypeAlias = "type[ctypes.c_int | ctypes.c_ulong | ctypes.c_size_t | ctypes.c_char_p | ctypes.c_void_p]"
_Prototype: TypeAlias = "tuple[_Kind | None, tuple[_Kind, ...]]"

# Name: result, arguments. Man pages: OSSL_LIB_CTX(3), EVP_PKEY_fromdata(3), EVP_DigestSignInit(3), EVP_PKEY_gettable_params(3).
_BRIEF: Final[Mapping[str, _Prototype]] = {
    "OpenSSL_version": (_TEXT, (_INT,)),
    "OpenSSL_version_num": (_ULONG, ()),
    "OSSL_LIB_CTX_new": (_POINTER, ()),
    "OSSL_PROVIDER_load": (_POINTER, (_POINTER, _TEXT)),
    "ERR_peek_last_error": (_ULONG, ()),
    "ERR_error_string_n": (None, (_ULONG, _TEXT, _SIZE)),
    "ERR_clear_error": (None, ()),
    "EVP_PKEY_CTX_new_from_name": (_POINTER, (_POINTER, _TEXT, _TEXT)),
    "EVP_PKEY_CTX_new_from_pkey": (_POINTER, (_POINTER, _POINTER, _TEXT)),
    "EVP_PKEY_CTX_free": (None, (_POINTER,)),
    "EVP_PKEY_CTX_set1_id": (_INT, (_POINTER, _TEXT, _SIZE)),
    "EVP_PKEY_fromdata_init": (_INT, (_POINTER,)),
    "EVP_PKEY_keygen_init": (_INT, (_POINTER,)),
    "EVP_PKEY_get_octet_string_param": (_INT, (_POINTER, _TEXT, _TEXT, _SIZE, _POINTER)),
    "EVP_PKEY_get_bn_param": (_INT, (_POINTER, _TEXT, _POINTER)),
    "EVP_PKEY_free": (None, (_POINTER,)),
    "BN_bn2binpad": (_INT, (_POINTER, _TEXT, _INT)),
    "BN_clear_free": (None, (_POINTER,)),
    "EVP_MD_CTX_new": (_POINTER, ()),
    "EVP_MD_CTX_free": (None, (_POINTER,)),
    "EVP_MD_CTX_set_pkey_ctx": (None, (_POINTER, _POINTER)),
    "EVP_DigestSignInit_ex": (_INT, (_POINTER, _POINTER, _TEXT, _POINTER, _TEXT, _POINTER, _POINTER)),
    "EVP_DigestVerifyInit_ex": (_INT, (_POINTER, _POINTER, _TEXT, _POINTER, _TEXT, _POINTER, _POINTER)),
}
_LONG: Final[Mapping[str, _Prototype]] = {
    "EVP_PKEY_fromdata": (_INT, (_POINTER, _POINTER, _INT, _POINTER)),
    "EVP_PKEY_generate": (_INT, (_POINTER, _POINTER)),
    "EVP_PKEY_pairwise_check": (_INT, (_POINTER,)),
    "EVP_DigestSign": (_INT, (_POINTER, _TEXT, _POINTER, _TEXT, _SIZE)),
    "EVP_DigestVerify": (_INT, (_POINTER, _TEXT, _SIZE, _TEXT, _SIZE)),
}


class LibcryptoFault(enum.Enum):
    """Why no libcrypto serves."""

    MISSING = "missing"
    """None is there under its name."""
    TOO_OLD = "too old"
    """It is older than OpenSSL 3.0, or another library of that name."""
    WITHOUT_SM2 = "without SM2"
    """It was built without SM2, or gives a wrong answer to the standard's example."""


class LibcryptoUnusable(Exception):
    """SM2 cannot be used on this machine; `detail` is the library's or the linker's own word."""

    def __init__(self, fault: LibcryptoFault, detail: str) -> None:
        super().__init__(
            f"libcrypto of OpenSSL 3.0 or newer, with SM2, is needed: {fault.value} ({detail}); "
            "install it, on Debian the package libssl3 or libssl3t64"
        )
        self.fault = fault
        self.detail = detail


class LibcryptoFailed(Exception):
    """A call failed though its arguments are sound: memory or randomness is out."""


class Libcrypto:
    """The loaded library; `brief` and `long` are its functions that keep and release Python's lock."""

    def __init__(self, names: tuple[str, ...] = NAMES) -> None:
        """Load the first of these libraries that is there. Raises LibcryptoUnusable."""
        self.brief, self.long = _loaded(names)
        self.version = _require_version(self.brief)
        _declare(self.brief, _BRIEF)
        _declare(self.long, _LONG)
        self.context: int | None = self.brief.OSSL_LIB_CTX_new()
        if self.context is None or self.brief.OSSL_PROVIDER_load(self.context, b"default") is None:
            raise LibcryptoUnusable(LibcryptoFault.WITHOUT_SM2, self.last_error())

    def last_error(self) -> str:
        """Return the library's word for its last failure in this thread, and forget them all.

        Python's own ssl module shares the list and would take them for its own.
        """
        text = ctypes.create_string_buffer(_ERROR_LENGTH)
        self.brief.ERR_error_string_n(self.brief.ERR_peek_last_error(), text, _ERROR_LENGTH)
        self.brief.ERR_clear_error()
        return text.value.decode("ascii", "replace")


def _loaded(names: tuple[str, ...]) -> tuple[ctypes.PyDLL, ctypes.CDLL]:
    reasons = []
    for name in names:
        try:
            return ctypes.PyDLL(name), ctypes.CDLL(name)
        except OSError as error:
            reasons.append(str(error))
    raise LibcryptoUnusable(LibcryptoFault.MISSING, "; ".join(reasons))


def _require_version(library: ctypes.PyDLL) -> str:
    """Return the version's text. Raises LibcryptoUnusable before anything else of the library is called."""
    try:
        _declare(library, {name: _BRIEF[name] for name in ("OpenSSL_version_num", "OpenSSL_version")})
        number, text = library.OpenSSL_version_num(), library.OpenSSL_version(_VERSION_STRING)
    except LibcryptoUnusable as error:
        raise LibcryptoUnusable(LibcryptoFault.TOO_OLD, error.detail) from error
    if number < OLDEST:
        raise LibcryptoUnusable(LibcryptoFault.TOO_OLD, f"{number:#x}")
    return str(text, "ascii", "replace")


def _declare(library: ctypes.CDLL, prototypes: Mapping[str, _Prototype]) -> None:
    for name, (result, arguments) in prototypes.items():
        try:
            function = library[name]
        except AttributeError as error:
            raise LibcryptoUnusable(LibcryptoFault.WITHOUT_SM2, str(error)) from error
        function.restype, function.argtypes = result, arguments
        setattr(library, name, function)
