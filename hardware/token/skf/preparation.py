"""Making a key blank for the desk: device authentication, and the application that the profile names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from hardware.ports import ApplicationShared, DeviceKeyRefused, MalformedAnswer, NotSupported, TokenError
from hardware.token.skf.codes import SarCode
from hardware.token.skf.layout import names
from hardware.token.skf.session import LONGEST_LIST, SkfSession, handle_of

if TYPE_CHECKING:
    from hardware.token.skf.wire import Answer

_BLOCK: Final = 16
_SM4: Final = 0x0400
"""The algorithm's bits in SGD_SM4_ECB and its modes (GM/T 0006)."""

_ALGORITHM: Final = 0xFFFFFF00


def applications(session: SkfSession, device: int) -> tuple[bytes, ...]:
    """Return the names of the applications on a key, the desk's and others'."""
    code, answer, data = session.fetch("SKF_EnumApplication", device, longest=LONGEST_LIST)
    if code != SarCode.OK:
        raise session.failure("SKF_EnumApplication", answer, code)
    return names(data)


def erase(session: SkfSession, device: int, authentication_algorithm: int) -> None:
    """Take the profile's application away, if it is there, and make it anew; others are left alone.

    Raises DeviceKeyRefused, TokenFull, NotSupported where the profile has no device key or administrator PIN, and
    ApplicationShared where the application holds containers of others as well: they would go with it.
    """
    profile = session.profile
    if not (profile.device_key and profile.administrator_pin):
        raise NotSupported("erase")
    if _holds_others(session, device):
        raise ApplicationShared("the application holds containers of others")
    application = profile.application.encode()
    _authenticate(session, device, bytes.fromhex(profile.device_key), authentication_algorithm)
    if application in applications(session, device):
        code, answer = session.call(
            "SKF_DeleteApplication", device, application, seconds=profile.limits.erasure
        )
        if code not in (SarCode.OK, SarCode.APPLICATION_NOT_EXISTS):
            raise session.failure("SKF_DeleteApplication", answer, code)
    made = session.demand_handle(
        "SKF_CreateApplication",
        device,
        application,
        profile.administrator_pin.encode(),
        profile.administrator_tries,
        profile.factory_pin.encode(),
        profile.user_tries,
        profile.file_rights,
        seconds=profile.limits.erasure,
    )
    session.call("SKF_CloseApplication", made)


def _holds_others(session: SkfSession, device: int) -> bool:
    """Whether the profile's application holds a container that is not the profile's.

    One that cannot be opened, as an interrupted creation may leave it, does not keep it from being made anew; one that
    cannot be listed does: nobody knows what would go with it.
    """
    profile = session.profile
    code, answer = session.call("SKF_OpenApplication", device, profile.application.encode())
    if code != SarCode.OK:
        session.require_presence("SKF_OpenApplication", answer, code)
        return False
    application = handle_of("SKF_OpenApplication", answer)
    try:
        code, answer, data = session.fetch("SKF_EnumContainer", application, longest=LONGEST_LIST)
        if code not in (SarCode.OK, SarCode.CONTAINER_NOT_EXISTS):
            raise session.failure("SKF_EnumContainer", answer, code)
    finally:
        with contextlib.suppress(TokenError):
            session.call("SKF_CloseApplication", application)
    return bool(set(names(data)) - {profile.container.encode()})


def _authenticate(session: SkfSession, device: int, key: bytes, algorithm: int) -> None:
    """Prove the device key, once (GM/T 0016-2012, 7.2.3): random bytes of the key's, zeros up to a block, encrypted."""
    count = session.profile.device_challenge
    challenge = session.demand("SKF_GenRandom", device, count).results[0]
    if not isinstance(challenge, bytes):
        raise MalformedAnswer("SKF_GenRandom gave no bytes")
    block = challenge.ljust(_BLOCK, b"\0")
    if algorithm == 0 or algorithm & _ALGORITHM == _SM4:
        proof = _sealed(key, block)
    else:
        # SM1 and SSF33 exist in hardware alone.
        proof = _sealed_by_the_key(session, device, algorithm, key, block)
    code, answer = session.call("SKF_DevAuth", device, proof)
    if code == SarCode.OK:
        return
    session.require_presence("SKF_DevAuth", answer, code)
    if code == SarCode.NOT_SUPPORTED_YET:
        raise NotSupported("SKF_DevAuth")
    raise DeviceKeyRefused(f"SKF_DevAuth answered {answer.code:08X}")


def _sealed(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(SM4(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as the standard says
    return encryptor.update(block) + encryptor.finalize()


def _sealed_by_the_key(session: SkfSession, device: int, algorithm: int, key: bytes, block: bytes) -> bytes:
    cipher = handle_of("SKF_SetSymmKey", session.demand("SKF_SetSymmKey", device, key, algorithm))
    try:
        session.demand("SKF_EncryptInit", cipher)
        sealed: Answer = session.demand("SKF_Encrypt", cipher, block, 2 * _BLOCK)
    finally:
        with contextlib.suppress(TokenError):
            session.call("SKF_CloseHandle", cipher)
    data = sealed.results[-1]
    if not isinstance(data, bytes) or len(data) != _BLOCK:
        raise MalformedAnswer("SKF_Encrypt gave no block")
    return data
