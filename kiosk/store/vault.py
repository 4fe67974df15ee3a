"""Secrets, each sealed with AES-256-GCM under a key derived from the database's, its name as associated data."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.store.errors import StoreCorrupt
from kiosk.store.rows import Table

if TYPE_CHECKING:
    from sqlite3 import Connection

_NONCE_LENGTH = 12  # NIST SP 800-38D, section 8.2.2


class VaultItem(enum.StrEnum):
    """The vault's items."""

    ISSUING_KEY = "issuing-key"  # PKCS#8
    ISSUING_CERTIFICATE = "issuing-certificate"  # DER
    ROOT_CERTIFICATE = "root-certificate"  # DER
    DEVICE_KEY = "device-key"  # Ed25519, raw, 32 bytes
    PAYMENT_SECRET = "payment-secret"  # noqa: S105 - the name of a secret; 32 bytes
    CENTRE_KEY = "centre-key"  # Ed25519 public key, raw, 32 bytes
    NEXT_ISSUING_KEY = "next-issuing-key"  # both while this machine is being enrolled anew
    NEXT_DEVICE_KEY = "next-device-key"
    ENROL_TOKEN = "enrolment-token"  # noqa: S105 - the name of a secret; while the centre's root has to sign
    DEED = "deed"  # what the centre signed when it enrolled this machine, JSON


class Vault(Table):
    """The kiosk's secrets and the certificates that go with them."""

    def __init__(
        self, connection: Connection, path: Path, key: bytes, random: Callable[[int], bytes]
    ) -> None:
        super().__init__(connection, path)
        self._key = key
        self._random = random

    def get(self, name: VaultItem) -> bytes | None:
        """The secret of that name. Raises StoreCorrupt when it was changed."""
        from kiosk.pki.device_keys import unseal  # noqa: PLC0415 - as in put
        from kiosk.pki.errors import SealBroken  # noqa: PLC0415 - as in put

        row = self._connection.execute("SELECT sealed FROM vault WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        try:
            return unseal(self._key, row[0], _context(name))
        except SealBroken as error:
            raise StoreCorrupt(self._path, f"the seal of {name.value}") from error

    def put(self, name: VaultItem, secret: bytes) -> None:
        """Seal a secret, replacing an earlier one."""
        from kiosk.pki.device_keys import seal  # noqa: PLC0415 - the first screen need not wait for cryptography

        sealed = seal(self._key, self._random(_NONCE_LENGTH), secret, _context(name))
        self._connection.execute("INSERT OR REPLACE INTO vault (name, sealed) VALUES (?, ?)", (name, sealed))

    def drop(self, name: VaultItem) -> None:
        """Delete a secret, if it is there."""
        self._connection.execute("DELETE FROM vault WHERE name = ?", (name,))


def _context(name: VaultItem) -> bytes:
    return b"keydesk vault\x00" + name.value.encode("ascii")
