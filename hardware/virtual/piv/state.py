"""What a virtual PIV card remembers: without power in its file, and in a session."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from hardware.virtual.iso7816 import refuse
from hardware.virtual.piv.apdu import StatusWord

PinValue = Annotated[bytes, Meta(min_length=8, max_length=8)]
"""A PIN or PUK as it is presented: filled to 8 bytes with FF."""
Tries = Annotated[int, Meta(ge=0, le=15)]
"""As many tries as the status word 63CX can tell."""


class ManagementAlgorithm(enum.IntEnum):
    """What a management key can be for (SP 800-78-4, table 6-2)."""

    TRIPLE_DES = 0x03
    AES_128 = 0x08
    AES_192 = 0x0A
    AES_256 = 0x0C

    @property
    def key_length(self) -> int:
        """The bytes of such a key."""
        return {0x03: 24, 0x08: 16, 0x0A: 24, 0x0C: 32}[self]

    @property
    def block(self) -> int:
        """The bytes of its blocks, and so of a challenge."""
        return 8 if self is ManagementAlgorithm.TRIPLE_DES else 16


class PinRecord(msgspec.Struct, frozen=True):
    """A PIN or PUK in the 8 bytes in which it is presented, with its tries and what it was at the factory."""

    value: PinValue
    tries_left: Tries
    tries_allowed: Tries
    factory: PinValue


class ManagementRecord(msgspec.Struct, frozen=True):
    """The management key, and what it was at the factory. Raises ValueError for a length that is not its algorithm's."""

    algorithm: ManagementAlgorithm
    key: bytes
    factory: bytes

    def __post_init__(self) -> None:
        """Hold the keys to their length."""
        if {len(self.key), len(self.factory)} != {self.algorithm.key_length}:
            raise ValueError(f"a management key of this algorithm has {self.algorithm.key_length} bytes")


class KeyRecord(msgspec.Struct, frozen=True):
    """The key pair of a slot: the scalar in 32 bytes and the point 04 ‖ x ‖ y."""

    slot: int
    private_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    public_key: Annotated[bytes, Meta(min_length=65, max_length=65)]


class ObjectRecord(msgspec.Struct, frozen=True):
    """A data object: the number that tag 5C gives it, and its contents without the tag 53 around them."""

    number: int
    value: bytes


class PivCardRecord(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="profile", tag="piv", kw_only=True
):
    """The whole card. `room` is the bytes that it has for key pairs and data objects.

    `guid` is the 16 bytes that name the card, `yubikey_serial` the number that a YubiKey's own commands tell; None
    for a card that has no such commands. `attestation_key` is the scalar of slot F9, whose certificate is a data object.
    """

    guid: Annotated[bytes, Meta(min_length=16, max_length=16)]
    pin: PinRecord
    unblocking_pin: PinRecord
    management: ManagementRecord
    room: int
    yubikey_serial: Annotated[int, Meta(ge=0, lt=1 << 32)] | None = None
    attestation_key: Annotated[bytes, Meta(min_length=32, max_length=32)] | None = None
    keys: tuple[KeyRecord, ...] = ()
    objects: tuple[ObjectRecord, ...] = ()

    def key(self, slot: int) -> KeyRecord | None:
        """Return the key pair of a slot."""
        return next((each for each in self.keys if each.slot == slot), None)

    def with_key(self, key: KeyRecord) -> PivCardRecord:
        """Return the card with that key pair, in place of the one in its slot."""
        others = tuple(each for each in self.keys if each.slot != key.slot)
        return msgspec.structs.replace(self, keys=(*others, key))

    def value(self, number: int) -> bytes | None:
        """Return the contents of a data object."""
        return next((each.value for each in self.objects if each.number == number), None)

    def with_value(self, number: int, value: bytes) -> PivCardRecord:
        """Return the card with that data object, in place of the one with its number; without it if it is empty."""
        others = tuple(each for each in self.objects if each.number != number)
        added = (ObjectRecord(number, value),) if value else ()
        return msgspec.structs.replace(self, objects=(*others, *added))

    @property
    def used(self) -> int:
        """The bytes that key pairs and data objects take."""
        keys = sum(len(each.private_key) + len(each.public_key) for each in self.keys)
        return keys + sum(len(each.value) for each in self.objects)


class KeyReference(enum.IntEnum):
    """The PINs and keys that P2 names (SP 800-73-4 part 1, table 4)."""

    PIN = 0x80
    UNBLOCKING_PIN = 0x81
    AUTHENTICATION = 0x9A
    MANAGEMENT = 0x9B
    SIGNATURE = 0x9C
    KEY_MANAGEMENT = 0x9D
    CARD_AUTHENTICATION = 0x9E


@dataclasses.dataclass
class Session:
    """One time between power on and power off, or until another application is selected.

    `fresh_pin` says that the command before verified the PIN. `challenge` and `witness` are what the other side
    of GENERAL AUTHENTICATE is to prove itself with, once.
    """

    selected: bool = False
    verified: bool = False
    fresh_pin: bool = False
    administrator: bool = False
    challenge: bytes | None = None
    witness: bytes | None = None


class Memory(Protocol):
    """The parts of the card that a command works with."""

    @property
    def record(self) -> PivCardRecord:
        """What the card remembers."""
        ...

    @property
    def session(self) -> Session:
        """What it forgets."""
        ...

    def store(self, record: PivCardRecord) -> None:
        """Make a new state last before the answer goes out. Raises Refusal with 6581."""
        ...

    def forget(self) -> None:
        """Begin a new session."""
        ...

    def random(self, count: int) -> bytes:
        """Return that many random bytes."""
        ...


def demand_administrator(memory: Memory) -> None:
    """Refuse what only the holder of the management key may do. Raises Refusal with 6982."""
    if not memory.session.administrator:
        refuse(StatusWord.SECURITY_NOT_SATISFIED)


def store_within_room(memory: Memory, record: PivCardRecord) -> None:
    """Make a new state last, if it fits. Raises Refusal with 6A84 where it takes more room than there is, or 6581."""
    if record.used > record.room and record.used > memory.record.used:
        refuse(StatusWord.NO_ROOM)
    memory.store(record)
