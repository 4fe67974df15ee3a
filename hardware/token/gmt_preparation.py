"""Preparing a GM/T key for the desk: making the application that the profile names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.token.gmt_layout import DEVICE_CHALLENGE, Instruction
from hardware.token.gmt_pin import pin_key, seal
from hardware.token.gmt_session import GmtSession

if TYPE_CHECKING:
    from hardware.apdu import Transport
    from hardware.token.gmt_profile import GmtProfile

_ANYONE_WITH_USER_PIN = 0x10
_ADMINISTRATOR_TRIES = 10


def create_application(
    transport: Transport, profile: GmtProfile, administrator_pin: str, user_tries: int = 10
) -> None:
    """Make the profile's application, whose user PIN is the factory PIN.

    Raises SecurityNotSatisfied where the profile's device key is another, PinInvalid, TokenFull, TokenFault.
    """
    session = GmtSession(transport, profile)
    key = bytes.fromhex(profile.device_key)
    proof = seal(key, session.random(DEVICE_CHALLENGE))
    session.demand(Instruction.DEVICE_AUTHENTICATION, proof=proof)
    session.demand(
        Instruction.CREATE_APPLICATION,
        administrator_key=seal(key, pin_key(administrator_pin)),
        administrator_tries=_ADMINISTRATOR_TRIES,
        user_key=seal(key, pin_key(profile.factory_pin)),
        user_tries=user_tries,
        rights=_ANYONE_WITH_USER_PIN,
        name=profile.application.encode(),
    )
