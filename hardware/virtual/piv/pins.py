"""The virtual PIV card's commands on its application and its PINs (SP 800-73-4 part 2, 3.1.1 and 3.2.1 to 3.2.3)."""

from __future__ import annotations

import hmac
from typing import Final, NoReturn

import msgspec

from hardware.virtual.iso7816 import Refusal, Request, refuse
from hardware.virtual.piv.apdu import StatusWord
from hardware.virtual.piv.objects import pack
from hardware.virtual.piv.state import KeyReference, Memory, PinRecord

APPLICATION: Final = bytes.fromhex("A000000308000010000100")
"""The PIV card application's identifier with its version (SP 800-73-4 part 1, 2.2)."""

_PROVIDER: Final = 5
_CARD_MANAGER: Final = bytes.fromhex("A000000151000000")
_BY_NAME: Final = 0x04
_LENGTH: Final = 8
_SHORTEST: Final = 6
_PADDING: Final = b"\xff"
_LOG_OUT: Final = 0xFF


def select(memory: Memory, request: Request) -> bytes:
    """SELECT: the PIV application by its whole or its shortened name, or the card manager, which ends its session."""
    if request.p1 != _BY_NAME or request.p2 != 0:
        refuse(StatusWord.WRONG_PARAMETERS)
    name = request.data
    if len(name) >= _PROVIDER and APPLICATION.startswith(name):
        memory.session.selected = True
        return _template()
    if _CARD_MANAGER.startswith(name):
        memory.forget()
        return pack(0x6F, pack(0x84, _CARD_MANAGER) + pack(0xA5, pack(0x9F65, b"\xff")))
    raise Refusal(StatusWord.NOT_FOUND)


def _template() -> bytes:
    """Make the application property template (SP 800-73-4 part 2, table 3)."""
    authority = pack(0x79, pack(0x4F, APPLICATION[:_PROVIDER]))
    return pack(0x61, pack(0x4F, APPLICATION[_PROVIDER:]) + authority)


def verify(memory: Memory, request: Request) -> bytes:
    """VERIFY: present the PIN, ask for its tries, or log out with P1 FF."""
    if request.p2 != KeyReference.PIN:
        refuse(StatusWord.NO_REFERENCE)
    session = memory.session
    session.fresh_pin = False
    if request.p1 == _LOG_OUT and not request.data:
        session.verified = False
        return b""
    if request.p1 != 0:
        refuse(StatusWord.WRONG_PARAMETERS)
    if not request.data:
        if not session.verified:
            _tell_tries(memory.record.pin, blocked=not memory.record.pin.tries_left)
        return b""
    _prove(memory, KeyReference.PIN, request.data)
    session.verified = session.fresh_pin = True
    return b""


def change_reference_data(memory: Memory, request: Request) -> bytes:
    """CHANGE REFERENCE DATA: another PIN or PUK, given the old one."""
    if request.p1 != 0:
        refuse(StatusWord.WRONG_PARAMETERS)
    if request.p2 not in (KeyReference.PIN, KeyReference.UNBLOCKING_PIN):
        refuse(StatusWord.NO_REFERENCE)
    reference = KeyReference(request.p2)
    new = _proved_new(memory, reference, reference, request.data)
    _store(memory, reference, msgspec.structs.replace(_pin_of(memory, reference), value=new))
    if reference is KeyReference.PIN:
        memory.session.verified = True
    return b""


def reset_retry_counter(memory: Memory, request: Request) -> bytes:
    """RESET RETRY COUNTER: another PIN with all its tries, given the PUK."""
    if request.p1 != 0:
        refuse(StatusWord.WRONG_PARAMETERS)
    if request.p2 != KeyReference.PIN:
        refuse(StatusWord.NO_REFERENCE)
    new = _proved_new(memory, KeyReference.UNBLOCKING_PIN, KeyReference.PIN, request.data)
    pin = memory.record.pin
    _store(memory, KeyReference.PIN, msgspec.structs.replace(pin, value=new, tries_left=pin.tries_allowed))
    return b""


def _proved_new(memory: Memory, proved: KeyReference, changed: KeyReference, data: bytes) -> bytes:
    """Cut the new value from the one that proves the right to set it.

    A new value that cannot be one costs no try, but on a YubiKey, which looks at the old one first. Raises Refusal
    with 6700, 6A80 and what `_prove` raises.
    """
    if len(data) != 2 * _LENGTH:
        refuse(StatusWord.WRONG_LENGTH)
    old, new = data[:_LENGTH], data[_LENGTH:]
    possible = _possible(memory, changed, new)
    first = memory.record.yubikey_serial is None and _pin_of(memory, proved).tries_left > 0
    if first and not possible:
        refuse(StatusWord.WRONG_DATA)
    _prove(memory, proved, old)
    if not possible:
        refuse(StatusWord.WRONG_DATA)
    return new


def _possible(memory: Memory, reference: KeyReference, value: bytes) -> bool:
    """Whether 8 bytes can be a PIN: 6 to 8 digits, then FF; a PUK's and a YubiKey's characters are free (2.4.3)."""
    text = value.rstrip(_PADDING)
    free = reference is KeyReference.UNBLOCKING_PIN or memory.record.yubikey_serial is not None
    return len(value) == _LENGTH and len(text) >= _SHORTEST and (free or text.isdigit())


def _prove(memory: Memory, reference: KeyReference, presented: bytes) -> None:
    """Check a PIN or PUK; the try is counted on the disk before the comparison.

    Raises Refusal with 6983, 6A80 for what cannot be one (a YubiKey counts that as a wrong one) and 63CX.
    """
    pin = _pin_of(memory, reference)
    if not pin.tries_left:
        _forget_pin(memory, reference)
        refuse(StatusWord.PIN_BLOCKED)
    if len(presented) != _LENGTH or not (
        memory.record.yubikey_serial is not None or _possible(memory, reference, presented)
    ):
        refuse(StatusWord.WRONG_DATA)
    _forget_pin(memory, reference)
    counted = msgspec.structs.replace(pin, tries_left=pin.tries_left - 1)
    _store(memory, reference, counted)
    if not hmac.compare_digest(presented, pin.value):
        _tell_tries(counted, blocked=False)
    _store(memory, reference, msgspec.structs.replace(pin, tries_left=pin.tries_allowed))


def _tell_tries(pin: PinRecord, *, blocked: bool) -> NoReturn:
    """Raise Refusal with 63CX, 63C0 after the last try too, or with 6983 where it was blocked before."""
    raise Refusal(StatusWord.PIN_BLOCKED if blocked else StatusWord.PIN_TRIES + pin.tries_left)


def _forget_pin(memory: Memory, reference: KeyReference) -> None:
    if reference is KeyReference.PIN:
        memory.session.verified = False


def _pin_of(memory: Memory, reference: KeyReference) -> PinRecord:
    record = memory.record
    return record.pin if reference is KeyReference.PIN else record.unblocking_pin


def _store(memory: Memory, reference: KeyReference, pin: PinRecord) -> None:
    record = memory.record
    if reference is KeyReference.PIN:
        memory.store(msgspec.structs.replace(record, pin=pin))
    else:
        memory.store(msgspec.structs.replace(record, unblocking_pin=pin))
