"""What the centre signs (Ed25519): its time and its policies."""

from __future__ import annotations

import msgspec

from kiosk.domain.policy import Policy, SignedPolicy, SignedTime
from kiosk.pki.device_keys import device_sign, device_verify
from kiosk.pki.errors import PublicKeyInvalid


def sign_policy(policy: Policy, centre_key: bytes) -> SignedPolicy:
    """Sign a policy; `centre_key` is the Ed25519 seed."""
    data = msgspec.json.encode(policy)
    return SignedPolicy(data, device_sign(centre_key, data))


def policy_holds(signed: SignedPolicy, centre_key: bytes) -> bool:
    """Whether the centre (its public key) signed this policy."""
    try:
        return device_verify(centre_key, signed.policy, signed.signature)
    except PublicKeyInvalid:
        return False


def sign_time(kiosk: int, time: int, centre_key: bytes) -> SignedTime:
    """Sign the centre's time (UTC seconds) for one kiosk; `centre_key` is the Ed25519 seed."""
    return SignedTime(kiosk, time, device_sign(centre_key, SignedTime.message(kiosk, time)))


def time_holds(signed: SignedTime, kiosk: int, centre_key: bytes) -> bool:
    """Whether the centre (its public key) signed this time for this kiosk."""
    if signed.kiosk != kiosk:
        return False
    try:
        message = SignedTime.message(signed.kiosk, signed.time)
        return device_verify(centre_key, message, signed.signature)
    except (OverflowError, PublicKeyInvalid):
        return False
