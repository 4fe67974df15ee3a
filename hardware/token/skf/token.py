"""A key that its vendor's library reaches (GM/T 0016): `ports.Token` over single SKF calls."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar, assert_never

import msgspec
from cryptography.hazmat.primitives import hashes

from hardware.crypto.certificate_file import certificate_in_file
from hardware.crypto.sm2 import USER_ID, sm2
from hardware.ports import (
    KeyAlgorithm,
    LibraryFailure,
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    PinInvalid,
    PinState,
    TokenError,
    TokenFault,
    VendorLibraryFailed,
)
from hardware.token.skf.codes import SarCode
from hardware.token.skf.handles import SkfHandles
from hardware.token.skf.layout import (
    DEVICE_INFORMATION,
    PUBLIC_KEY,
    SIGNATURE,
    DeviceInformation,
    der_signature,
    length_of,
    public_key_blob,
)
from hardware.token.skf.pins import change_pin, pin_state, unblock_pin, user_pin, verify_pin
from hardware.token.skf.preparation import erase
from hardware.token.skf.probes import (
    NOT_THIS_ALGORITHM,
    WIDTHS,
    device_information,
    key_algorithms,
    public_key,
)
from hardware.token.skf.profile import DigestBy, administrator_pin_possible
from hardware.token.skf.session import LONGEST_CERTIFICATE, SkfSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hardware.ports import Token
    from hardware.token.skf.wire import Answer


_CURVE: Final = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"  # a
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"  # b
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"  # x of G
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"  # y of G
)
"""The SM2 curve's parameters in the order in which Z takes them (GB/T 32918.5)."""


def signer_digest(point: bytes, user_id: bytes = USER_ID) -> bytes:
    """Return Z of a public key (04 ‖ x ‖ y), 32 bytes."""
    return _sm3((8 * len(user_id)).to_bytes(2) + user_id + _CURVE + point[1:])


def message_digest(point: bytes, message: bytes, user_id: bytes = USER_ID) -> bytes:
    """Return the 32 bytes that are signed for a message."""
    return _sm3(signer_digest(point, user_id) + message)


def _sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


_SIGNATURE_KEY: Final = 1
_SM3: Final = 1
"""SGD_SM3 (GM/T 0006)."""

_DIGEST_LENGTH: Final = 32
_LONGEST_BLOB: Final = 256
_SLACK: Final = 64
"""Bytes beyond DEVINFO's, for vendors whose structure is longer."""

_LONGEST_MESSAGE: Final = 128 * 1024
_MOST_RANDOM: Final = 64
_SUSPICIOUS: Final = 8
"""So many random bytes are never all zero."""


_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _exclusively(
    verb: Callable[Concatenate[SkfToken, _Arguments], _Result],
) -> Callable[Concatenate[SkfToken, _Arguments], _Result]:
    """Keep other threads' calls to the library out until the verb is done."""

    @functools.wraps(verb)
    def alone(self: SkfToken, /, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        with self.session.process.exclusively():
            return verb(self, *arguments, **named)

    return alone


class SkfToken:
    """An exclusive connection to one key (`ports.Token`).

    Opening only reads: the application is opened when it is first needed, the container is made when a key pair is
    generated on a blank key. Raises TokenRemoved, MalformedAnswer, VendorLibraryFailed.
    """

    def __init__(self, session: SkfSession, device: bytes, closed: Callable[[], None] = lambda: None) -> None:
        self.session = session
        self._closed = closed
        self._point: bytes | None = None
        self._blob_ulong = session.profile.ulong_bytes
        self._pin: PinState | None = None
        with session.process.exclusively():
            self._device = session.demand_handle("SKF_ConnectDev", device)
            try:
                self._information = self._read_information()
            except TokenError:
                session.disconnect(self._device)
                raise
        self._handles = SkfHandles(session, self._device)

    @property
    def serial(self) -> str:
        """The serial number that SKF_GetDevInfo gave when the key was opened."""
        return self._information.serial

    @property
    def driver(self) -> str:
        """The profile's name, e.g. skf."""
        return self.session.profile.name

    @property
    def algorithm(self) -> KeyAlgorithm:
        """Such keys make SM2 key pairs."""
        return KeyAlgorithm.SM2

    @property
    def application(self) -> str:
        """The profile's application."""
        return self.session.profile.application

    @property
    def factory_pin(self) -> str:
        """The profile's factory PIN."""
        return self.session.profile.factory_pin

    @property
    def information(self) -> DeviceInformation:
        """What SKF_GetDevInfo said when the key was opened."""
        return self._information

    @_exclusively
    def public_key(self) -> bytes | None:
        """Export the signature public key (04 ‖ x ‖ y); None where there is no container or key pair."""
        container = self._handles.container()
        if container is None:
            return None
        code, answer, data = self.session.fetch(
            "SKF_ExportPublicKey", container, _SIGNATURE_KEY, longest=_LONGEST_BLOB
        )
        if code == SarCode.OK and any(data):
            self._point, self._blob_ulong = public_key(data, self._blob_ulong)
            return self._point
        self._point = None
        if code in (SarCode.OK, SarCode.KEY_NOT_FOUND):
            return None
        self.session.require_presence("SKF_ExportPublicKey", answer, code)
        if self._handles.is_empty(container):
            return None
        raise self.session.failure("SKF_ExportPublicKey", answer, code)

    @_exclusively
    def certificate(self) -> bytes | None:
        """Export the signature certificate (DER), unparsed but without padding; None where there is none."""
        container = self._handles.container()
        if container is None:
            return None
        code, answer, data = self.session.fetch(
            "SKF_ExportCertificate", container, _SIGNATURE_KEY, longest=LONGEST_CERTIFICATE
        )
        if code == SarCode.OK:
            return certificate_in_file(data)
        self.session.require_presence("SKF_ExportCertificate", answer, code)
        if code in (SarCode.CERTIFICATE_NOT_FOUND, SarCode.FILE_NOT_EXISTS, SarCode.KEY_NOT_FOUND):
            return None
        if self._handles.is_empty(container):
            return None
        raise self.session.failure("SKF_ExportCertificate", answer, code)

    @_exclusively
    def pin_state(self) -> PinState:
        """Ask for the user PIN's tries, and whether it is the factory's; all None where the library cannot say."""
        self._pin = pin_state(self.session, self._handles.application())
        return self._pin

    @_exclusively
    def verify_pin(self, pin: str) -> None:
        """Present the user PIN, once. Raises WrongPin, PinBlocked, PinInvalid.

        Where the library fails before it answered, nobody knows whether a try was used: VendorLibraryFailed.
        """
        given = user_pin(self.session, pin)
        with self._counting() as before:
            verify_pin(self.session, self._handles.application(), given, before)

    @_exclusively
    def change_pin(self, old: str, new: str) -> None:
        """Give the user PIN another value, once. Raises WrongPin, PinBlocked, PinInvalid."""
        given, chosen = user_pin(self.session, old), user_pin(self.session, new)
        with self._counting() as before:
            change_pin(self.session, self._handles.application(), given, chosen, before)

    @_exclusively
    def unblock_pin(self, unblocking_pin: str | None, new_pin: str) -> None:
        """Give the user PIN a new value with the administrator PIN, once; None takes the profile's.

        Raises UnblockingPinRefused, UnblockingPinBlocked, PinInvalid, NotSupported where the profile has none.
        """
        administrator = self.session.profile.administrator_pin if unblocking_pin is None else unblocking_pin
        if unblocking_pin is None and not administrator:
            raise NotSupported("unblock")
        if not administrator_pin_possible(administrator):
            raise PinInvalid("an administrator PIN has 1 to 16 printable ASCII characters")
        chosen = user_pin(self.session, new_pin)
        unblock_pin(self.session, self._handles.application(), administrator.encode(), chosen)

    @_exclusively
    def random(self, count: int) -> bytes:
        """Have the key make `count` (1 to 64) random bytes. Raises MalformedAnswer where they are all zero."""
        if not 1 <= count <= _MOST_RANDOM:
            raise ValueError(f"1 to {_MOST_RANDOM} random bytes")
        data = self.session.demand("SKF_GenRandom", self._device, count).results[0]
        if not isinstance(data, bytes) or len(data) != count or (count >= _SUSPICIOUS and not any(data)):
            raise MalformedAnswer("SKF_GenRandom gave no random bytes")
        return data

    @_exclusively
    def erase(self) -> None:
        """Make it blank: the profile's application anew, with the factory PIN; others' are left alone.

        Raises DeviceKeyRefused, TokenFull, ApplicationShared, NotSupported where the profile has no device key or
        administrator PIN.
        """
        self._handles.close()
        self._point = None
        erase(self.session, self._device, self._information.authentication_algorithm)

    @_exclusively
    def generate_key_pair(self) -> bytes:
        """Make the signature key pair, in its container, and return the public key as the key exports it."""
        container = self._handles.made_container()
        self._point = None
        made = self._made_key_pair(container).results[-1]
        public = self.public_key()
        if not isinstance(made, bytes) or public is None:
            raise MalformedAnswer("the key made a key pair and exports none")
        if public != public_key(made, self._blob_ulong)[0]:
            raise MalformedAnswer("the key exports another public key than it made")
        return public

    @_exclusively
    def write_certificate(self, certificate: bytes) -> None:
        """Write the signature certificate (DER). Raises NoKeyPair, TokenFull, ValueError over 16 KiB."""
        if not 0 < len(certificate) <= LONGEST_CERTIFICATE:
            raise ValueError(f"a certificate has up to {LONGEST_CERTIFICATE} bytes")
        self.session.demand(
            "SKF_ImportCertificate", self._handles.needed_container(), _SIGNATURE_KEY, certificate
        )

    @_exclusively
    def sign(self, message: bytes) -> bytes:
        """Sign the SM3 hash of the message with the default user ID; DER.

        Raises NoKeyPair, ValueError for more than 128 KiB where the library hashes.
        """
        container = self._handles.needed_container()
        point = self._point or self.public_key()
        if point is None:
            raise NoKeyPair("the container holds no key pair")
        digest = self._digest(point, message)
        signature = self.session.demand(
            "SKF_ECCSignData", container, digest, length_of(SIGNATURE, self.session.profile.ulong_bytes)
        ).results[-1]
        if not isinstance(signature, bytes):
            raise MalformedAnswer("SKF_ECCSignData gave no signature")
        signed = der_signature(signature)
        if not sm2().verify(point, message, signed) and sm2().verify(point, digest, signed):
            reason = f'it hashes what it signs: set digest = "{DigestBy.SIGNING}" in [[skf]]'
            raise VendorLibraryFailed(self.session.profile.library, LibraryFailure.HASHES, reason)
        return signed

    def close(self) -> None:
        """Clear the PIN's state and give the key up; a key or process that is gone has none left to clear."""
        with self.session.process.exclusively():
            if self.session.alive:
                self._handles.clear()
                with contextlib.suppress(TokenError):
                    self._handles.close()
            device, self._device = self._device, 0
            if device:
                self.session.disconnect(device)
        self._closed()

    def _read_information(self) -> DeviceInformation:
        profile = self.session.profile
        capacity = length_of(DEVICE_INFORMATION, max(WIDTHS)) + _SLACK
        data = self.session.demand("SKF_GetDevInfo", self._device, capacity).results[-1]
        if not isinstance(data, bytes):
            raise MalformedAnswer("SKF_GetDevInfo gave no structure")
        return device_information(data, profile.ulong_bytes, packed=profile.packed)

    @contextlib.contextmanager
    def _counting(self) -> Iterator[int | None]:
        """Give the tries that the user PIN has before it is presented; None where nobody can say."""
        if self._pin is None:
            with contextlib.suppress(MalformedAnswer, TokenFault):
                self.pin_state()
        before, self._pin = self._pin, None
        yield None if before is None else before.tries_left
        if before is not None:
            self._pin = msgspec.structs.replace(before, tries_left=before.tries_allowed)

    def _made_key_pair(self, container: int) -> Answer:
        """Have the key pair made, by the profile's algorithm or else by the likelier of the two that have its name.

        A library that refuses an algorithm has made nothing.
        """
        profile = self.session.profile
        numbers = (
            key_algorithms(self._information.asymmetric_algorithms)
            if profile.key_algorithm is None
            else (profile.key_algorithm,)
        )
        function, room = "SKF_GenECCKeyPair", length_of(PUBLIC_KEY, max(WIDTHS))
        refused: TokenError | None = None
        for number in numbers:
            code, answer = self.session.call(
                function, container, number, room, seconds=profile.limits.key_generation
            )
            if code == SarCode.OK:
                return answer
            refused = refused or self.session.failure(function, answer, code)
            if code not in NOT_THIS_ALGORITHM:
                break
        raise refused or NoKeyPair("there is no algorithm to make a key pair by")

    def _digest(self, point: bytes, message: bytes) -> bytes:
        """Return what SKF_ECCSignData is given for a message."""
        match self.session.profile.digest:
            case DigestBy.DESK:
                return message_digest(point, message)
            case DigestBy.LIBRARY:
                return self._library_digest(point, message)
            case DigestBy.SIGNING:
                if len(message) > _LONGEST_MESSAGE:
                    raise ValueError(f"the library hashes up to {_LONGEST_MESSAGE} bytes")
                return message
        assert_never(self.session.profile.digest)

    def _library_digest(self, point: bytes, message: bytes) -> bytes:
        """Have the library hash with the signer's public key and user ID (GM/T 0016-2012, 7.6.34)."""
        if len(message) > _LONGEST_MESSAGE:
            raise ValueError(f"the library hashes up to {_LONGEST_MESSAGE} bytes")
        blob = public_key_blob(point, self._blob_ulong)
        digest = self.session.demand_handle("SKF_DigestInit", self._device, _SM3, blob, USER_ID)
        try:
            data = self.session.demand("SKF_Digest", digest, message, 2 * _DIGEST_LENGTH).results[-1]
        finally:
            with contextlib.suppress(TokenError):
                self.session.call("SKF_CloseHandle", digest)
        if not isinstance(data, bytes) or len(data) != _DIGEST_LENGTH:
            raise MalformedAnswer("SKF_Digest gave no SM3 hash")
        return data


if TYPE_CHECKING:

    def _is_a_token(token: SkfToken) -> Token:
        return token
