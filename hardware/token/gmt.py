"""The driver for keys that speak GM/T 0017 (smart token interface, APDU layer)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hardware.apdu import EVERYTHING, Channel
from hardware.ports import KeyAlgorithm, MalformedAnswer, NoKeyPair, PinState, TokenError
from hardware.token.gmt_codec import der_signature, public_point, unpack
from hardware.token.gmt_layout import (
    CHALLENGE,
    DEFAULT_USER_ID,
    KEY_BITS,
    LAYOUTS,
    Instruction,
    KeyPurpose,
    PinKind,
    SignatureInput,
    StatusWord,
)
from hardware.token.gmt_pin import pin_key, pin_proof, seal
from hardware.token.gmt_profile import GmtProfile
from hardware.token.gmt_session import GmtSession, accept, refuse_pin

if TYPE_CHECKING:
    from hardware.ports import Token

_OPEN_ANSWER: Final = 0x0A
_LONGEST_PAIR: Final = 4 + 2 * 64


class GmtToken:
    """An exclusive connection to one GM/T key (`ports.Token`).

    Opening only reads: the container is made when a key pair is generated on a blank key. Raises
    TokenNotPrepared where the profile's application is missing.
    """

    def __init__(self, channel: Channel, profile: GmtProfile | None = None) -> None:
        self._channel = channel
        self._session = GmtSession(channel, profile or GmtProfile())
        self._serial = read_serial(self._session)
        self._application = open_application(self._session)
        self._container: bytes | None = None

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

    def public_key(self) -> bytes | None:
        """Export the signature public key (04 ‖ x ‖ y); None where there is no container or key pair."""
        container = self._found_container()
        if container is None:
            return None
        instruction = Instruction.EXPORT_PUBLIC_KEY
        answer = self._session.send(
            instruction,
            KeyPurpose.SIGNATURE,
            expected=_LONGEST_PAIR,
            application=self._application,
            container=container,
        )
        if answer.status_word == StatusWord.NO_KEY_PAIR:
            return None
        return public_point(accept(instruction, answer))

    def certificate(self) -> bytes | None:
        """Export the signature certificate (DER) as it stands on the key, unparsed; None where there is none."""
        container = self._found_container()
        if container is None:
            return None
        instruction = Instruction.EXPORT_CERTIFICATE
        answer = self._session.send(
            instruction,
            KeyPurpose.SIGNATURE,
            expected=EVERYTHING,
            application=self._application,
            container=container,
        )
        if answer.status_word in (StatusWord.NO_CERTIFICATE, StatusWord.NO_KEY_PAIR):
            return None
        return accept(instruction, answer) or None

    def pin_state(self) -> PinState:
        """Ask for the user PIN's tries; `factory` is None unless the card tells it."""
        instruction = Instruction.GET_PIN_INFORMATION
        data = self._session.demand(
            instruction, 0, PinKind.USER, expected=EVERYTHING, application=self._application
        )
        fields = LAYOUTS[instruction].answer
        values = unpack(fields[: len(data)] if len(data) == len(fields) - 1 else fields, data)
        factory = values.get("factory")
        left, allowed = values["tries_left"][0], values["tries_allowed"][0]
        if left > allowed:
            raise MalformedAnswer("more PIN tries left than allowed")
        return PinState(left, allowed, None if factory is None else factory != b"\x00")

    def verify_pin(self, pin: str) -> None:
        """Prove the user PIN against the card's random bytes, once. Raises WrongPin, PinBlocked, PinInvalid."""
        key = pin_key(pin)
        proof = pin_proof(key, self._session.random(CHALLENGE))
        instruction = Instruction.VERIFY_PIN
        answer = self._session.send(instruction, 0, PinKind.USER, application=self._application, proof=proof)
        if answer.status_word != StatusWord.SUCCESS:
            refuse_pin(instruction, answer.status_word)

    def change_pin(self, old: str, new: str) -> None:
        """Give the user PIN another value, once. Raises WrongPin, PinBlocked, PinInvalid."""
        key, new_key = pin_key(old), pin_key(new)
        proof = pin_proof(key, self._session.random(CHALLENGE))
        instruction = Instruction.CHANGE_PIN
        answer = self._session.send(
            instruction,
            0,
            PinKind.USER,
            application=self._application,
            proof=proof,
            sealed_key=seal(key, new_key),
        )
        if answer.status_word != StatusWord.SUCCESS:
            refuse_pin(instruction, answer.status_word)

    def generate_key_pair(self) -> bytes:
        """Make the signature key pair, in its container, and return the public key as the key exports it."""
        container = self._found_container()
        if container is None:
            container = self._container = self._create_container()
        self._session.demand(
            Instruction.GENERATE_ECC_KEY_PAIR,
            KeyPurpose.SIGNATURE,
            expected=_LONGEST_PAIR,
            application=self._application,
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
            application=self._application,
            container=self._needed_container(),
            certificate=certificate,
        )

    def sign(self, message: bytes) -> bytes:
        """Have the card hash with SM3 and the default user ID, and sign; DER. Raises NoKeyPair."""
        data = self._session.demand(
            Instruction.ECC_SIGN_DATA,
            SignatureInput.MESSAGE,
            expected=_LONGEST_PAIR,
            application=self._application,
            container=self._needed_container(),
            user_id_length=len(DEFAULT_USER_ID),
            user_id=DEFAULT_USER_ID,
            message=message,
        )
        return der_signature(data)

    def close(self) -> None:
        """Clear the PIN's state and give the key up; a key that is gone has none left to clear."""
        with contextlib.suppress(TokenError):
            self._session.demand(Instruction.CLEAR_SECURE_STATE, application=self._application)
            self._session.demand(Instruction.CLOSE_APPLICATION, application=self._application)
        self._channel.close()

    def _found_container(self) -> bytes | None:
        """Open the profile's container once; where there is none the card is asked again each time."""
        if self._container is None:
            instruction = Instruction.OPEN_CONTAINER
            name = self._session.profile.container.encode()
            answer = self._session.send(instruction, expected=2, application=self._application, name=name)
            if answer.status_word != StatusWord.NO_CONTAINER:
                data = accept(instruction, answer)
                self._container = unpack(LAYOUTS[instruction].answer, data)["container"]
        return self._container

    def _create_container(self) -> bytes:
        data = self._session.demand(
            Instruction.CREATE_CONTAINER,
            expected=2,
            application=self._application,
            name=self._session.profile.container.encode(),
        )
        return unpack(LAYOUTS[Instruction.CREATE_CONTAINER].answer, data)["container"]

    def _needed_container(self) -> bytes:
        container = self._found_container()
        if container is None:
            raise NoKeyPair("the key has no container yet")
        return container


def read_serial(session: GmtSession) -> str:
    """Return the serial number from GetDevInfo: the text before the zeros that fill its field.

    Raises MalformedAnswer where it is empty or not printable ASCII.
    """
    values = session.fields(Instruction.GET_DEVICE_INFORMATION)
    text = values["serial"].rstrip(b"\0 ").decode("ascii", errors="replace")
    if not (text and text.isascii() and text.isprintable()):
        raise MalformedAnswer("the serial number is no printable text")
    return text


def open_application(session: GmtSession) -> bytes:
    """Open the profile's application and return its two-byte number. Raises TokenNotPrepared."""
    instruction = Instruction.OPEN_APPLICATION
    name = session.profile.application.encode()
    data = session.demand(instruction, expected=_OPEN_ANSWER, name=name)
    return unpack(LAYOUTS[instruction].answer, data)["application"]


if TYPE_CHECKING:

    def _is_a_token(token: GmtToken) -> Token:
        return token
