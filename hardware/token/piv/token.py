"""The driver for PIV cards (NIST SP 800-73-4): one slot's P-256 key and its certificate.

A PIV card never tells the public key of a slot, so it is read from the slot's certificate object. Before there is a
certificate, that object holds a record of the public key instead, which is this project's own convention (tag 7F49
and no 70); an empty object is a blank token. An object that is there and holds nothing (an empty 70, or padding) is none
of the desk's: it is somebody's, unless the card tells that the slot has no key pair. So is, where
nothing tells of it, a key pair that the card calls imported or of another kind than the desk's. Where the card has no such command,
"emptied" below means a record without a key (7F49 with an empty point), which says that the slot is nobody's; an object that is
missing says nothing, and the card is asked itself (`occupancy`), again once the PIN was given. What the object says must be
true whenever the card may be pulled:

    generate_key_pair                    what a pull after it leaves
    1  the object emptied                the old key, of which nothing is said: blank
    2  the key pair made                 the new key, of which nothing is said: blank
    3  the record written                the new key and its record

so that the object never speaks of a key that has gone; on a blank token the key pair is just made again. Writing a
certificate replaces the object as a whole at the last link of its chain: before, the record or the certificate that
was there; after, the new one.

    erase                                what a pull after it leaves
    0  the other slots looked at         all as it was; where one is in use, it stays so
    1  the management key proved         all as it was; a refusal leaves that too
    2  the PUK proved, a PIN drawn       the old key and its certificate, for a PIN that nobody knows
    3  the object emptied                the old key, of which nothing is said, for that PIN: blank
    4  a key pair made over the old      a key of which nobody is told, for that PIN: blank
    5  the factory PIN given             a blank token

so that nothing is lost before both secrets were accepted, and the old key is never there for the PIN that everybody
knows. From any of these states `erase` begins again at 1 and completes.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.crypto.certificate_file import certificate_in
from hardware.ports import (
    AttestationRefused,
    KeyAlgorithm,
    KeyOrigin,
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    PinShared,
    PinState,
    TokenError,
    TokenNotPrepared,
    TokenRemoved,
)
from hardware.token.piv import pin as piv_pin
from hardware.token.piv.attestation import authorities_in, judge
from hardware.token.piv.commands import (
    SLOTS,
    Algorithm,
    AuthenticationTag,
    Instruction,
    KeyReference,
    ObjectIdentifier,
    Tag,
)
from hardware.token.piv.management import ManagementKey
from hardware.token.piv.objects import (
    NOT_UNDERSTOOD,
    VACATED,
    Container,
    certificate_object,
    checked_signature,
    encode,
    identifier,
    key_record,
    member,
    public_point,
    read_container,
)
from hardware.token.piv.occupancy import certified_elsewhere, found_in, used_elsewhere
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.session import KeyPair, PivSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.apdu import Channel
    from hardware.ports import Attesting, Doubtful, Token

_MOST_RANDOM: Final = 64


def select(channel: Channel) -> bool:
    """Whether a card has the PIV application, which is selected then. Raises TokenRemoved, TokenFault."""
    return PivSession(channel).select()


class PivToken:
    """An exclusive connection to one PIV card (`ports.Token`).

    Opening only selects the application and reads the serial number. `random` gives the desk's challenges and the PIN
    that stands while the token is erased. Raises TokenNotPrepared where the card has no such application, or nothing
    that tells it from other cards.

    In slot 9C every signature wants the PIN just before it (SP 800-73-4 part 1, table 4), so there the PIN that the
    card took is kept in memory until `close` and presented once for each signature; in 9A it is not kept.
    """

    def __init__(
        self,
        channel: Channel,
        profile: PivProfile | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._channel = channel
        self._profile = profile or PivProfile()
        self._slot = SLOTS[self._profile.slot]
        self._random = random
        self._session = PivSession(channel)
        self._management = ManagementKey(self._session, bytes.fromhex(self._profile.management_key), random)
        self._kept_pin: bytes | None = None
        # The certificate object as last seen; None where that is not known.
        self._empty: bool | None = None
        self._hollow = False  # it is there, and holds nothing
        self._vacated = False  # it says that the slot is nobody's
        self._pin_given = False
        # What the card was found to hold beside an empty object, and whether the PIN was given by then.
        self._found: tuple[KeyPair | None, bool] | None = None
        # Whether another slot has a certificate, once that was asked: the desk writes none there.
        self._serves: bool | None = None
        if not self._session.select():
            raise TokenNotPrepared("the card has no PIV application")
        self._serial = read_serial(self._session)

    @property
    def serial(self) -> str:
        """The serial number in decimal as it stands on a YubiKey, else the card's GUID or FASC-N in hexadecimal."""
        return self._serial

    @property
    def driver(self) -> str:
        """The profile's name, piv unless configured."""
        return self._profile.name

    @property
    def algorithm(self) -> KeyAlgorithm:
        """The desk makes P-256 key pairs on PIV cards."""
        return KeyAlgorithm.P256

    @property
    def application(self) -> str:
        """The card's only application for the desk."""
        return "PIV"

    @property
    def factory_pin(self) -> str:
        """The profile's."""
        return self._profile.factory_pin

    def public_key(self) -> bytes | None:
        """The slot's public key (04 ‖ x ‖ y), by its certificate or its record; None where neither tells one.

        A certificate of another kind of key, or one that cannot be read, tells none.
        """
        return self._container().public_key

    def certificate(self) -> bytes | None:
        """The slot's certificate (DER), unpacked and without padding but unparsed; None where there is none."""
        return self._container().certificate

    def pin_state(self) -> PinState:
        """Ask for the PIN's tries; what the card does not tell is as the profile says.

        Where it does not tell whose the PIN is, it is somebody's as soon as another slot, a retired one among them, has a
        certificate, or this one may have a key pair.
        """
        state = piv_pin.pin_state(self._session, self._profile)
        if state.factory is None and state.untouched:
            if self._empty is None:
                with contextlib.suppress(MalformedAnswer):
                    self._container()
            if self.doubtful or self._serves_elsewhere():
                return msgspec.structs.replace(state, factory=False)
        return state

    @property
    def doubtful(self) -> bool:
        """Whether the slot was taken for blank although the card does not tell without the PIN."""
        return bool(self._empty) and self._found == (None, False)

    def verify_pin(self, pin: str) -> None:
        """Present the PIN once. Raises WrongPin, PinBlocked, PinInvalid."""
        self._present(piv_pin.pin_block(pin))

    def change_pin(self, old: str, new: str) -> None:
        """Give the PIN another value, once. Raises WrongPin, PinBlocked, PinInvalid."""
        old_block, new_block = piv_pin.pin_block(old), piv_pin.pin_block(new)
        self._kept_pin, self._pin_given = None, False
        piv_pin.change(self._session, old_block, new_block)
        self._keep(new_block)

    def unblock_pin(self, unblocking_pin: str | None, new_pin: str) -> None:
        """Give the PIN a new value and all its tries by the PUK, once.

        Raises UnblockingPinRefused, UnblockingPinBlocked, PinInvalid, NotSupported where no PUK is given or configured.
        """
        chosen = unblocking_pin or self._profile.unblocking_pin
        if not chosen:
            raise NotSupported("unblock")
        blocks = piv_pin.unblocking_block(chosen), piv_pin.pin_block(new_pin)
        self._kept_pin, self._pin_given = None, False
        piv_pin.unblock(self._session, *blocks)

    def random(self, count: int) -> bytes:
        """Gather `count` (1 to 64) random bytes from the challenges that the card makes for its management key.

        PIV has no GET CHALLENGE. Raises MalformedAnswer where a challenge comes again.
        """
        if not 1 <= count <= _MOST_RANDOM:
            raise ValueError(f"1 to {_MOST_RANDOM} random bytes")
        challenges: list[bytes] = []
        while sum(map(len, challenges)) < count:
            challenge = self._management.challenge()
            if challenge in challenges:
                raise MalformedAnswer("the card makes the same challenge again")
            challenges.append(challenge)
        return b"".join(challenges)[:count]

    def erase(self) -> None:
        """Make the slot blank and the PIN the factory PIN with all its tries; other slots and objects stay.

        Called again it completes what was interrupted. Raises NotSupported where no PUK is configured, PinShared where
        another slot is in use, DeviceKeyRefused, UnblockingPinRefused and UnblockingPinBlocked, all before anything is
        touched.
        """
        unblocking_pin = self._profile.unblocking_pin
        if not unblocking_pin:
            raise NotSupported("erase")
        if used_elsewhere(self._session, self._slot):
            raise PinShared("another slot of the card is in use, and has the same PIN")
        self._management.require()
        self.unblock_pin(unblocking_pin, piv_pin.drawn_pin(self._random))
        self._make_key_pair()
        self.unblock_pin(unblocking_pin, self._profile.factory_pin)

    def generate_key_pair(self) -> bytes:
        """Make the slot's key pair and record its public key. Raises DeviceKeyRefused, TokenFull."""
        public_key = self._make_key_pair()
        self._write(key_record(public_key))
        return public_key

    def write_certificate(self, certificate: bytes) -> None:
        """Write the slot's certificate (DER), packed where it is too long else.

        Raises NoKeyPair where the object tells of no key pair, DeviceKeyRefused, TokenFull.
        """
        value = certificate_object(certificate, self._profile.longest_object)
        self._require_key_pair()
        self._write(value)

    def sign(self, message: bytes) -> bytes:
        """Hash with SHA-256 and have the card sign (GENERAL AUTHENTICATE, SP 800-73-4 part 2, appendix A.3); DER.

        Raises NoKeyPair, SecurityNotSatisfied.
        """
        self._require_key_pair()
        if self._kept_pin is not None:
            self._present(self._kept_pin)
        asked = encode(AuthenticationTag.RESPONSE, b"") + encode(
            AuthenticationTag.CHALLENGE, hashlib.sha256(message).digest()
        )
        data = self._session.demand(
            Instruction.GENERAL_AUTHENTICATE,
            Algorithm.P256,
            self._slot.key,
            encode(Tag.AUTHENTICATION_TEMPLATE, asked),
            awaits=True,
        )
        return checked_signature(member(data, Tag.AUTHENTICATION_TEMPLATE, AuthenticationTag.RESPONSE))

    def key_origin(self, public_key: bytes) -> KeyOrigin | None:
        """Where the slot's key pair was made, as Yubico attests (`attestation`); None where nobody says.

        Raises AttestationRefused, also where the card fails at telling: that is no reason to do without the key.
        """
        try:
            return self._attested(public_key)
        except (AttestationRefused, TokenRemoved):
            raise
        except TokenError as failure:
            raise AttestationRefused(f"the card fails at telling it: {failure}") from failure

    def _attested(self, public_key: bytes) -> KeyOrigin | None:
        authorities = authorities_in(self._profile.attestation_authorities)
        statement = self._session.attest(self._slot.key) if authorities else None
        if statement is None:
            return None
        device = read_container(self._session.read(ObjectIdentifier.ATTESTATION_CERTIFICATE)).certificate
        if device is None:
            return None
        return judge(certificate_in(statement) or b"", device, authorities, public_key, self._serial)

    def close(self) -> None:
        """Forget the PIN and give the card up; the reset that comes with it clears the card's security state."""
        self._kept_pin = None
        self._channel.close()

    def _container(self) -> Container:
        value = self._session.read(self._slot.certificate)
        container = read_container(value)
        self._vacated = container.vacated
        self._hollow = bool(value) and container.empty and not container.vacated
        if container.empty and not container.vacated:
            told = self._session.key_pair(self._slot.key)
            if told is None and not self._hollow:
                told = self._found_in_slot()
            if told is KeyPair.FOREIGN or (self._hollow and told is not KeyPair.NONE):
                container = Container(value or NOT_UNDERSTOOD)
        self._empty = container.empty
        return container

    def _found_in_slot(self) -> KeyPair | None:
        """What the card is found to hold, asked once without the PIN and once with it; what cannot be told then is somebody's."""
        if self._found is None or self._found[1] != self._pin_given:
            unlock = None
            if self._pin_given:
                unlock = self._present_again
            found = found_in(self._session, self._slot, unlock)
            if found is None and (self._pin_given or self._serves_elsewhere()):
                found = KeyPair.FOREIGN
            self._found = found, self._pin_given
        return self._found[0]

    def _serves_elsewhere(self) -> bool:
        if self._serves is None:
            self._serves = certified_elsewhere(self._session, self._slot)
        return self._serves

    def _present_again(self) -> None:
        if self._kept_pin is not None:
            self._present(self._kept_pin)

    def _require_key_pair(self) -> None:
        """Where the object is empty there may still be a key in the slot, but it is nobody's. Raises NoKeyPair."""
        if self._empty is None:
            self._container()
        if self._empty:
            raise NoKeyPair("nothing tells of a key pair in the slot")

    def _make_key_pair(self) -> bytes:
        """Empty the certificate object, then make a key pair, and return its public key (04 ‖ x ‖ y)."""
        self._management.require()
        told = self._session.metadata(KeyReference.PIN) is not None
        if not told and not self._vacated:
            self._write(VACATED)
        elif told and (self._hollow or not self._empty or self._vacated):
            self._write(b"")
        parameters = encode(Tag.KEY_PARAMETERS, encode(Tag.ALGORITHM, bytes((Algorithm.P256,))))
        data = self._session.demand(
            Instruction.GENERATE_ASYMMETRIC_KEY_PAIR, 0, self._slot.key, parameters, awaits=True
        )
        return public_point(member(data, Tag.PUBLIC_KEY))

    def _write(self, value: bytes) -> None:
        """Replace the certificate object, by the right of the management key."""
        self._management.require()
        self._empty = None  # until the card says that it was written
        self._session.write(self._slot.certificate, value)
        self._empty, self._hollow, self._vacated = value in (b"", VACATED), False, value == VACATED
        self._found = None

    def _present(self, block: bytes) -> None:
        self._kept_pin, self._pin_given = None, False
        piv_pin.verify(self._session, block)
        self._pin_given = True
        self._keep(block)

    def _keep(self, block: bytes) -> None:
        if self._slot.pin_always:
            self._kept_pin = block


def read_serial(session: PivSession) -> str:
    """Return what the card is called by: Yubico's serial number, else what its card holder identifier tells.

    Raises TokenNotPrepared where the card has neither.
    """
    number = session.serial_number()
    if number is not None:
        return str(number)
    name = identifier(session.read(ObjectIdentifier.CARD_HOLDER_UNIQUE_IDENTIFIER))
    if name is None:
        raise TokenNotPrepared("the card has neither a serial number nor a card holder unique identifier")
    return name


if TYPE_CHECKING:

    def _is_a_token(token: PivToken) -> Token:
        return token

    def _is_attesting(token: PivToken) -> Attesting:
        return token

    def _is_doubtful(token: PivToken) -> Doubtful:
        return token
