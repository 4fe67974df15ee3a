"""SM2 signatures with SM3 and a user ID (GB/T 32918.2, GM/T 0009), on libcrypto.

A private key is its scalar (32 bytes, big-endian), a public key the uncompressed point 04 ‖ x ‖ y (65 bytes, SEC 1,
section 2.3.3), a signature DER (r, s). What libcrypto takes and no signature may rest on is refused before it is asked:
scalars out of range (it signs with n − 1 for ever), points in another form, a missing user ID (it has no default).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import weakref
from typing import TYPE_CHECKING, Final

from hardware.crypto import signatures
from hardware.crypto.libcrypto import (
    NAMES,
    Libcrypto,
    LibcryptoFailed,
    LibcryptoFault,
    LibcryptoUnusable,
    Parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER_ID: Final = b"1234567812345678"
"""The user ID of whoever has no other (GM/T 0009, section 10)."""

LONGEST_USER_ID: Final = 8190
"""Bytes: libcrypto wants the length in bits below 65,535."""

ORDER: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
"""The order n of the curve (GB/T 32918.5)."""

KEPT_KEYS: Final = 1024
"""Public keys that stay decoded, the least used go first; decoding is a seventh of a verification, one key 2 KB."""

_SCALAR, _POINT, _UNCOMPRESSED = 32, 65, 0x04
_LONGEST_SIGNATURE: Final = 72

# openssl/evp.h and openssl/core.h
_PUBLIC, _PAIR = 0x86, 0x87
_UNSIGNED, _UTF8, _OCTETS = 2, 4, 5


class PointInvalid(ValueError):
    """These bytes are no uncompressed point of the curve."""


class ScalarInvalid(ValueError):
    """These bytes are no private key, or not the one of the point beside them."""


class _Key:
    """A decoded key (EVP_PKEY), freed with its last user."""

    def __init__(self, library: Libcrypto, handle: int) -> None:
        self.handle = handle
        weakref.finalize(self, library.brief.EVP_PKEY_free, handle).atexit = False


class Sm2:
    """The operations; all may be called from any thread, and after a fork."""

    def __init__(self, library: Libcrypto) -> None:
        self._library = library
        self._brief, self._long = library.brief, library.long
        self._kept = functools.lru_cache(KEPT_KEYS)(self._decoded)

    @property
    def version(self) -> str:
        """The version of OpenSSL, e.g. 3.0.19."""
        return self._library.version

    def generate(self) -> tuple[bytes, bytes]:
        """Make a key pair with libcrypto's randomness: scalar and point."""
        made = ctypes.c_void_p()
        with self._named() as context:
            self._require(self._brief.EVP_PKEY_keygen_init(context) == 1)
            self._require(self._long.EVP_PKEY_generate(context, ctypes.byref(made)) == 1)
        return self._parts(_Key(self._library, self._handle(made.value)))

    def sign(self, scalar: bytes, point: bytes, message: bytes, user_id: bytes = USER_ID) -> bytes:
        """Sign a message. Raises ScalarInvalid, PointInvalid; whether the two belong together is for `require_pair`.

        Raises ValueError for a user ID that is empty or longer than 8,190 bytes.
        """
        made = ctypes.create_string_buffer(_LONGEST_SIGNATURE)
        length = ctypes.c_size_t(_LONGEST_SIGNATURE)
        key = self._pair(scalar, point)
        with self._digesting(key, user_id, self._brief.EVP_DigestSignInit_ex) as digest:
            done = self._long.EVP_DigestSign(digest, made, ctypes.byref(length), message, len(message))
            self._require(done == 1)
        return made.raw[: length.value]

    def verify(self, point: bytes, message: bytes, signature: bytes, user_id: bytes = USER_ID) -> bool:
        """Whether the signature holds; one in another encoding does not. Raises PointInvalid.

        Raises ValueError for a user ID that is empty or longer than 8,190 bytes.
        """
        key = self._kept(point)
        try:
            signatures.decode(signature, ORDER)
        except ValueError:
            return False
        with self._digesting(key, user_id, self._brief.EVP_DigestVerifyInit_ex) as digest:
            done: int = self._long.EVP_DigestVerify(digest, signature, len(signature), message, len(message))
            self._require(done >= 0)
            if done != 1:
                self._brief.ERR_clear_error()
            return done == 1

    def require_point(self, point: bytes) -> None:
        """Raise PointInvalid unless these are the 65 bytes of a point on the curve."""
        self._kept(point)

    def require_pair(self, scalar: bytes, point: bytes) -> None:
        """Raise ScalarInvalid or PointInvalid unless scalar and point belong together."""
        key = self._pair(scalar, point)
        with self._of(key) as context:
            if self._long.EVP_PKEY_pairwise_check(context) != 1:
                raise ScalarInvalid(f"scalar and point do not belong together: {self._library.last_error()}")

    def _pair(self, scalar: bytes, point: bytes) -> _Key:
        """Decode a private key. It is kept nowhere: libcrypto overwrites it with its last user."""
        _require_uncompressed(point)
        # GB/T 32918.2, section 6.1: the private key is at most n − 2, because 1 + d is inverted.
        if len(scalar) != _SCALAR or not 1 <= int.from_bytes(scalar) <= ORDER - 2:
            raise ScalarInvalid("the scalar is out of range")
        key = self._from_data(point, scalar)
        if key is None:
            raise PointInvalid("not a point on the SM2 curve")
        return key

    def _decoded(self, point: bytes) -> _Key:
        _require_uncompressed(point)
        key = self._from_data(point, None)
        if key is None:
            raise PointInvalid("not a point on the SM2 curve")
        return key

    def _from_data(self, point: bytes, scalar: bytes | None) -> _Key | None:
        """Build a key; None where libcrypto takes the point or scalar for none."""
        parts = [_parameter(b"group", _UTF8, b"SM2"), _parameter(b"pub", _OCTETS, point)]
        if scalar is not None:
            native = int.from_bytes(scalar).to_bytes(_SCALAR, sys.byteorder)
            parts.append(_parameter(b"priv", _UNSIGNED, native))
        parameters = (Parameter * (len(parts) + 1))(*parts)
        made = ctypes.c_void_p()
        with self._named() as context:
            self._require(self._brief.EVP_PKEY_fromdata_init(context) == 1)
            selection = _PUBLIC if scalar is None else _PAIR
            if self._long.EVP_PKEY_fromdata(context, ctypes.byref(made), selection, parameters) != 1:
                self._brief.ERR_clear_error()
                return None
        return _Key(self._library, self._handle(made.value))

    def _parts(self, key: _Key) -> tuple[bytes, bytes]:
        point, scalar = ctypes.create_string_buffer(_POINT), ctypes.create_string_buffer(_SCALAR)
        length, number = ctypes.c_size_t(), ctypes.c_void_p()
        self._require(
            self._brief.EVP_PKEY_get_octet_string_param(
                key.handle, b"pub", point, _POINT, ctypes.byref(length)
            )
            == 1
            and length.value == _POINT
            and self._brief.EVP_PKEY_get_bn_param(key.handle, b"priv", ctypes.byref(number)) == 1
        )
        written = self._brief.BN_bn2binpad(number, scalar, _SCALAR)
        self._brief.BN_clear_free(number)
        self._require(written == _SCALAR)
        return scalar.raw, point.raw

    @contextlib.contextmanager
    def _named(self) -> Iterator[int]:
        """Open a context for new SM2 keys."""
        context = self._handle(self._brief.EVP_PKEY_CTX_new_from_name(self._library.context, b"SM2", None))
        try:
            yield context
        finally:
            self._brief.EVP_PKEY_CTX_free(context)

    @contextlib.contextmanager
    def _of(self, key: _Key) -> Iterator[int]:
        """Open a context for one key."""
        context = self._handle(
            self._brief.EVP_PKEY_CTX_new_from_pkey(self._library.context, key.handle, None)
        )
        try:
            yield context
        finally:
            self._brief.EVP_PKEY_CTX_free(context)

    @contextlib.contextmanager
    def _digesting(self, key: _Key, user_id: bytes, begin: Callable[..., int]) -> Iterator[int]:
        """Open a digest of SM3 over the signer's user ID and point, ready for the message."""
        if not 1 <= len(user_id) <= LONGEST_USER_ID:
            raise ValueError(f"a user ID of {len(user_id)} bytes")
        digest = self._handle(self._brief.EVP_MD_CTX_new())
        try:
            with self._of(key) as context:
                self._brief.EVP_MD_CTX_set_pkey_ctx(digest, context)
                # The ID first: the digest begins with it.
                self._require(
                    self._brief.EVP_PKEY_CTX_set1_id(context, user_id, len(user_id)) == 1
                    and begin(digest, None, b"SM3", self._library.context, None, key.handle, None) == 1
                )
                yield digest
        finally:
            self._brief.EVP_MD_CTX_free(digest)

    def _handle(self, pointer: int | None) -> int:
        if pointer is None:
            raise LibcryptoFailed(self._library.last_error())
        return pointer

    def _require(self, done: bool) -> None:  # noqa: FBT001 - what it requires
        if not done:
            raise LibcryptoFailed(self._library.last_error())


def _parameter(key: bytes, kind: int, data: bytes) -> Parameter:
    """Name some bytes to libcrypto; the structure keeps them alive."""
    return Parameter(key, kind, data, len(data), 0)


def _require_uncompressed(point: bytes) -> None:
    if len(point) != _POINT or point[0] != _UNCOMPRESSED:
        raise PointInvalid("not an uncompressed point of 65 bytes")


# GM/T 0003.5, appendix A: key pair, message and a signature with the usual user ID.
_KNOWN_SCALAR: Final = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
_KNOWN_POINT: Final = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
_KNOWN_MESSAGE: Final = b"message digest"
_KNOWN_SIGNATURE: Final = signatures.encode(
    0xF5A03B06_48D2C463_0EEAC513_E1BB81A1_5944DA38_27D5B741_43AC7EAC_EEE720B3,
    0xB1B6AA29_DF212FD8_763182BC_0D421CA1_BB9038FD_1F7F42D4_840B69C4_85BBC1AA,
    ORDER,
)


def _require_known_answers(sm2: Sm2) -> None:
    """Raise LibcryptoUnusable unless the standard's example comes out, and its opposite does not."""
    try:
        sm2.require_pair(_KNOWN_SCALAR, _KNOWN_POINT)
        ours = sm2.sign(_KNOWN_SCALAR, _KNOWN_POINT, _KNOWN_MESSAGE)
        right = sm2.verify(_KNOWN_POINT, _KNOWN_MESSAGE, _KNOWN_SIGNATURE) and sm2.verify(
            _KNOWN_POINT, _KNOWN_MESSAGE, ours
        )
        wrong = sm2.verify(_KNOWN_POINT, _KNOWN_MESSAGE, _KNOWN_SIGNATURE, b"another")
    except (LibcryptoFailed, ValueError) as error:
        raise LibcryptoUnusable(LibcryptoFault.WITHOUT_SM2, str(error)) from error
    if wrong or not right:
        raise LibcryptoUnusable(LibcryptoFault.WITHOUT_SM2, "a wrong answer to the example of GM/T 0003.5")


def load(names: tuple[str, ...]) -> Sm2:
    """Load the first of these libraries and try it with the standard's example. Raises LibcryptoUnusable."""
    made = Sm2(Libcrypto(names))
    _require_known_answers(made)
    return made


@functools.cache
def sm2() -> Sm2:
    """Return the one that is in use, loaded by the first call. Raises LibcryptoUnusable."""
    return load(NAMES)
