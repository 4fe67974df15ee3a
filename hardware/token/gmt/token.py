"""The driver for keys that speak GM/T 0017 (smart token interface, APDU layer)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hardware.apdu import EVERYTHING, Channel
from hardware.crypto.certificate_file import certificate_in_file
from hardware.crypto.sm2 import USER_ID
from hardware.ports import (
    KeyAlgorithm,
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    PinState,
    SerialMissing,
    TokenError,
)
from hardware.token.gmt.application import (
    create_container,
    find_container,
    open_application,
    renew_application,
)
from hardware.token.gmt.codec import der_signature, public_point
from hardware.token.gmt.commands import (
    KEY_BITS,
    Instruction,
    KeyPurpose,
    SignatureInput,
    StatusWord,
)
from hardware.token.gmt.pin import change_user_pin, pin_key, read_pin_state, unblock_user_pin, verify_user_pin
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.session import GmtSession, accept

if TYPE_CHECKING:
    from hardware.ports import Token

_LONGEST_PAIR: Final = 4 + 2 * 64
_MOST_RANDOM: Final = 64


class GmtToken:
    """An exclusive connection to one GM/T key (`ports.Token`).

    Opening reads the serial number and nothing else. The profile's application is opened when a method first
    wants it, its container made when a key pair is generated on a blank key.
    """

    def __init__(self, channel: Channel, profile: GmtProfile | None = None) -> None:
        self._channel = channel
        self._session = GmtSession(channel, profile or GmtProfile())
        self._serial = read_serial(self._session)
        self._opened_application: bytes | None = None
        self._opened_container: bytes | None = None

    @property
    def serial(self) -> str:
        """The serial number that GetDevInfo gave when the key was opened."""
        return self._serial

    @property
    def driver(self) -> str:
        """The profile's name, gmt unless configured."""
        return self._session.profile.name

    @property
    def algorithm(self) -> KeyAlgorithm:
        """GM/T keys make SM2 key pairs."""
        return KeyAlgorithm.SM2

    @property
    def application(self) -> str:
        """The application that the profile names."""
        return self._session.profile.application

    @property
    def factory_pin(self) -> str:
        """The factory PIN that the profile names."""
        return self._session.profile.factory_pin

    def public_key(self) -> bytes | None:
        """Export the signature public key (04 ‖ x ‖ y); None where there is no container or key pair."""
        container = self._container()
        if container is None:
            return None
        instruction = Instruction.EXPORT_PUBLIC_KEY
        answer = self._session.send(
            instruction,
            KeyPurpose.SIGNATURE,
            expected=_LONGEST_PAIR,
            application=self._application(),
            container=container,
        )
        if answer.status_word == StatusWord.NO_KEY_PAIR:
            return None
        return public_point(accept(instruction, answer))

    def certificate(self) -> bytes | None:
        """Export the signature certificate (DER), unparsed but without padding; None where there is none."""
        container = self._container()
        if container is None:
            return None
        instruction = Instruction.EXPORT_CERTIFICATE
        answer = self._session.send(
            instruction,
            KeyPurpose.SIGNATURE,
            expected=EVERYTHING,
            application=self._application(),
            container=container,
        )
        if answer.status_word in (StatusWord.NO_CERTIFICATE, StatusWord.NO_KEY_PAIR):
            return None
        return certificate_in_file(accept(instruction, answer))

    def pin_state(self) -> PinState:
        """Ask for the user PIN's tries; `factory` is None unless the card tells it."""
        return read_pin_state(self._session, self._application())

    def verify_pin(self, pin: str) -> None:
        """Prove the user PIN against the card's random bytes, once. Raises WrongPin, PinBlocked, PinInvalid."""
        key = pin_key(pin)
        verify_user_pin(self._session, self._application(), key)

    def change_pin(self, old: str, new: str) -> None:
        """Give the user PIN another value, once. Raises WrongPin, PinBlocked, PinInvalid."""
        key, new_key = pin_key(old), pin_key(new)
        change_user_pin(self._session, self._application(), key, new_key)

    def unblock_pin(self, unblocking_pin: str | None, new_pin: str) -> None:
        """Give the user PIN another value and all its tries back by the administrator PIN, once.

        None takes the profile's administrator PIN. Raises UnblockingPinRefused, UnblockingPinBlocked,
        PinInvalid, NotSupported where the profile names none.
        """
        chosen = self._session.profile.administrator_pin if unblocking_pin is None else unblocking_pin
        if unblocking_pin is None and not chosen:
            raise NotSupported("unblock")
        key, new_key = pin_key(chosen), pin_key(new_pin)
        unblock_user_pin(self._session, self._application(), key, new_key)

    def random(self, count: int) -> bytes:
        """Have the key make random bytes (GenRandom). Raises ValueError for a count that is not 1 to 64."""
        if not 1 <= count <= _MOST_RANDOM:
            raise ValueError(f"1 to {_MOST_RANDOM} random bytes can be asked for")
        return self._session.random(count)

    def erase(self) -> None:
        """Delete the profile's application with all that is in it and create it anew.

        Other applications are left alone. Called again it completes what was interrupted, and it prepares a
        key without the application. Raises DeviceKeyRefused, TokenFull, NotSupported, ApplicationShared.
        """
        self._opened_application = self._opened_container = None
        renew_application(self._session)

    def generate_key_pair(self) -> bytes:
        """Make the signature key pair, in its container, and return the public key as the key exports it."""
        container = self._container()
        if container is None:
            container = self._opened_container = create_container(self._session, self._application())
        self._session.demand(
            Instruction.GENERATE_ECC_KEY_PAIR,
            KeyPurpose.SIGNATURE,
            expected=_LONGEST_PAIR,
            application=self._application(),
            container=container,
            bits=KEY_BITS,
        )
        public = self.public_key()
        if public is None:
            raise MalformedAnswer("the card made a key pair and exports none")
        return public

    def write_certificate(self, certificate: bytes) -> None:
        """Write the signature certificate (DER), in a chain where it is long. Raises NoKeyPair, TokenFull."""
        self._session.demand(
            Instruction.IMPORT_CERTIFICATE,
            KeyPurpose.SIGNATURE,
            application=self._application(),
            container=self._needed_container(),
            certificate=certificate,
        )

    def sign(self, message: bytes) -> bytes:
        """Have the card hash with SM3 and the default user ID, and sign; DER. Raises NoKeyPair."""
        data = self._session.demand(
            Instruction.ECC_SIGN_DATA,
            SignatureInput.MESSAGE,
            expected=_LONGEST_PAIR,
            application=self._application(),
            container=self._needed_container(),
            user_id_length=len(USER_ID),
            user_id=USER_ID,
            message=message,
        )
        return der_signature(data)

    def close(self) -> None:
        """Clear the PIN's state and give the key up; a key that is gone has none left to clear."""
        application = self._opened_application
        if application is not None:
            with contextlib.suppress(TokenError):
                self._session.demand(Instruction.CLEAR_SECURE_STATE, application=application)
                self._session.demand(Instruction.CLOSE_APPLICATION, application=application)
        self._channel.close()

    def _application(self) -> bytes:
        """Open the profile's application once. Raises TokenNotPrepared."""
        if self._opened_application is None:
            self._opened_application = open_application(self._session)
        return self._opened_application

    def _container(self) -> bytes | None:
        """Open the profile's container once; where there is none the card is asked again each time."""
        if self._opened_container is None:
            self._opened_container = find_container(self._session, self._application())
        return self._opened_container

    def _needed_container(self) -> bytes:
        container = self._container()
        if container is None:
            raise NoKeyPair("the key has no container yet")
        return container


def read_serial(session: GmtSession) -> str:
    """Return the serial number from GetDevInfo: the text before the zeros that fill its field.

    Raises SerialMissing where it is empty, MalformedAnswer where it is not printable ASCII.
    """
    values = session.fields(Instruction.GET_DEVICE_INFORMATION)
    text = values["serial"].rstrip(b"\0 ").decode("ascii", errors="replace")
    if not text:
        raise SerialMissing("the serial number is blank")
    if not (text.isascii() and text.isprintable()):
        raise MalformedAnswer("the serial number is no printable text")
    return text


if TYPE_CHECKING:

    def _is_a_token(token: GmtToken) -> Token:
        return token
