"""What the desk's verbs need of the configuration."""

from __future__ import annotations

import msgspec

from kiosk.settings import Exchange

# The verifier of a password that nobody has, with the parameters that the centre gives to all.
DUMMY_VERIFIER = (
    "$argon2id$v=19$m=65536,t=3,p=4$YXvkFx6HjtXdIlIGR+6f9w$gURvCXCSNaQH9P5gNPwCiX+U/J6jDzN5fTCfAY8zEx0"
)


class DeskSettings(msgspec.Struct, frozen=True):
    """Addresses, names and waiting times of one desk.

    `payment_page` is the base address in QR codes; `challenge_wait` and `judgement_wait` are how long (seconds) a
    login check waits for the centre's two answers; `dummy_verifier` (Argon2id) is checked where an account is
    unknown, so that this takes as long as a wrong password.
    """

    payment_page: str
    exchange: Exchange = Exchange()
    challenge_wait: float = 4.0
    judgement_wait: float = 6.0
    dummy_verifier: str = DUMMY_VERIFIER
