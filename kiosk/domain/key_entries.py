"""Journal entries about a key outside an order: its loss, its PIN, its end.

`token_serial` is the token's serial number. `account` is empty where nobody's key is concerned.
"""

from __future__ import annotations

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entry_body import Body


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
    """解除挂失: the owner has the key and its PIN; `key` as it stood on hold, `staff` looked on."""

    account: str
    key: KeyOnRecord
    staff: str


class PinChanged(Body, tag="pin-changed", frozen=True):
    """The member gave the key a PIN of their own; not `certain` where the key's answer was lost."""

    account: str
    token_serial: str
    certain: bool = True


class PinChangeSkipped(Body, tag="pin-change-skipped", frozen=True):
    """The member was asked to change the factory PIN and did not."""

    account: str
    token_serial: str


class PinUnblocked(Body, tag="pin-unblocked", frozen=True):
    """A supervisor gave the key a new PIN in place of a blocked or forgotten one; `certain` as above."""

    account: str
    token_serial: str
    supervisor: str
    certain: bool = True


class KeyErased(Body, tag="key-erased", frozen=True):
    """Staff set about making a token blank; `certificate` is the number of the one that was on it, if any.

    Written before the token is touched, so that a blank or half-erased token always has somebody who did it; erasing
    it again completes it, under an entry of its own.
    """

    account: str
    token_serial: str
    staff: str
    certificate: str = ""
