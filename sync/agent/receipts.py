"""The centre's receipts in the kiosk's store: the newest is kept, and shown with every request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.store.vault import VaultItem
from sync.protocol.receipts import believed, tells_more

if TYPE_CHECKING:
    from kiosk.store.database import Database
    from kiosk.store.transaction import Transaction


class StoredReceipts:
    """The receipts of an enrolled machine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> str:
        """The newest one's text; empty before the first. Raises StoreError."""
        with self._database.read() as tx:
            return tx.agent.receipt()

    def keep(self, text: str) -> None:
        """Keep one that the centre signed for this kiosk and that tells more than the one here. Raises StoreError."""
        with self._database.read() as tx:
            wanted = _is_wanted(tx, text)
        if wanted:
            with self._database.write() as tx:
                keep_receipt(tx, text)


def keep_receipt(tx: Transaction, text: str) -> None:
    """Keep a receipt in this transaction, as `StoredReceipts.keep` does."""
    if _is_wanted(tx, text):
        tx.agent.put_receipt(text)


def _is_wanted(tx: Transaction, text: str) -> bool:
    identity, centre_key = tx.identity, tx.vault.get(VaultItem.CENTRE_KEY)
    if identity is None or centre_key is None:
        return False
    came = believed(text, identity.kiosk, centre_key)
    if came is None:
        return False
    held = believed(tx.agent.receipt(), identity.kiosk, centre_key)
    return held is None or tells_more(came, held)
