"""Entries of a key outside a binding: losses, holds, PINs, erasing.

`token_serial` is a token's serial number. `account` is empty for a token that is no account's key.
"""

from __future__ import annotations

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import Body


class LossReported(Body, tag="loss-reported", frozen=True):
    """挂失: the account's certificate goes on hold."""

    account: str
    key: KeyOnRecord


class KeyFound(Body, tag="key-found", frozen=True):
    """A key was handed in; the certificate of the account whose key it is goes on hold until its owner comes."""

    account: str
    token_serial: str
    staff: str
    key: KeyOnRecord | None = None


class HoldLifted(Body, tag="hold-lifted", frozen=True):
    """解除挂失: the owner has the key and its PIN; `key` is the key while on hold, `staff` the witness."""

    account: str
    key: KeyOnRecord
    staff: str


class PinChanged(Body, tag="pin-changed", frozen=True):
    """The member changed the PIN; not `certain` where the key's answer was lost."""

    account: str
    token_serial: str
    certain: bool = True


class PinChangeSkipped(Body, tag="pin-change-skipped", frozen=True):
    """The member chose not to change the factory PIN."""

    account: str
    token_serial: str


class PinUnblocked(Body, tag="pin-unblocked", frozen=True):
    """A supervisor replaced a blocked or forgotten PIN; not `certain` where the key's answer was lost."""

    account: str
    token_serial: str
    supervisor: str
    certain: bool = True


class KeyErased(Body, tag="key-erased", frozen=True):
    """Staff began to erase a token; `certificate` is the number of the one on it, if any.

    Written before the token is touched, so that every blank or half-erased token has an explanation; erasing it again
    completes it, under an entry of its own.
    """

    account: str
    token_serial: str
    staff: str
    certificate: str = ""
