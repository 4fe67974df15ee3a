"""What the desk's verbs need of the configuration."""

from __future__ import annotations

import msgspec

from kiosk.pki.passwords import DUMMY_VERIFIER
from kiosk.settings import Exchange


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
