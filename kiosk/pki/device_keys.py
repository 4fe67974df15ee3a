"""A kiosk's or the centre's Ed25519 key (RFC 8032), and the sealing of secrets at rest.

A private key is its 32-byte seed, a public key 32 bytes, a signature 64.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiosk.pki.errors import PrivateKeyMalformed, PublicKeyInvalid, SealBroken

SEED_LENGTH = 32
PUBLIC_KEY_LENGTH = 32
SIGNATURE_LENGTH = 64
SEAL_KEY_LENGTH = 32
SEAL_NONCE_LENGTH = 12


def generate_device_key() -> bytes:
    """Make a private key with libcrypto's randomness."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def device_public_key(seed: bytes) -> bytes:
    """Return the public key of a private key. Raises PrivateKeyMalformed."""
    return _private(seed).public_key().public_bytes_raw()


def device_sign(seed: bytes, message: bytes) -> bytes:
    """Sign a message. Raises PrivateKeyMalformed."""
    return _private(seed).sign(message)


def device_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds. Raises PublicKeyInvalid."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise PublicKeyInvalid("no Ed25519 public key") from error
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _private(seed: bytes) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(seed)
    except ValueError as error:
        raise PrivateKeyMalformed("no Ed25519 private key") from error


def seal(key: bytes, nonce: bytes, secret: bytes, context: bytes) -> bytes:
    """Seal a secret with AES-256-GCM (NIST SP 800-38D); the result is nonce ‖ ciphertext ‖ tag.

    `key` has 32 bytes, `nonce` 12 that were never used with it; `context` says what the secret is and must be given
    again to open it. Raises ValueError for another length.
    """
    if len(key) != SEAL_KEY_LENGTH or len(nonce) != SEAL_NONCE_LENGTH:
        raise ValueError(f"key of {len(key)} bytes, nonce of {len(nonce)}")
    return nonce + AESGCM(key).encrypt(nonce, secret, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Open what `seal` made. Raises SealBroken."""
    nonce, body = sealed[:SEAL_NONCE_LENGTH], sealed[SEAL_NONCE_LENGTH:]
    try:
        return AESGCM(key).decrypt(nonce, body, context)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("the seal does not open with this key and context") from error
