"""Whose a token is: one answer from the journal, the feed, the bindings under way and the token itself.

What may be done to the token is judged by the verbs, from this answer. The strongest ground comes first: a binding
under way on it; an account's key in use with its serial; a member's certificate on it that is not known to be out of
use; a key on hold or revoked with its serial; any other certificate on it. The serial counts before the certificate,
which anybody may have copied, and so does the key pair.

Vendors ship tokens of one serial (twins). Those that are in at once are told apart by their key pairs; of one alone a
claim counts most that its key pair bears out. A blank one alone counts as the key on record, which it may have been.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.tokens.reading import TokenFacts, issued_certificate
from kiosk.desk.tokens.views import KeyStatus
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.ledger import CertificateStatus
from kiosk.store.keys_on_record import certificate_on_record, key_on_record

if TYPE_CHECKING:
    from kiosk.pki.certificates import IssuedCertificate
    from kiosk.store.transaction import Transaction


class Ground(enum.StrEnum):
    """What the answer rests on."""

    BINDING = "binding"
    """A binding on it was begun and not finished."""
    JOURNAL = "journal"
    """Its serial is that of an account's key, by this kiosk's journal (and perhaps by the feed as well)."""
    FEED = "feed"
    """Its serial is that of an account's key, by the feed alone."""
    KNOWN_CERTIFICATE = "known-certificate"
    """A member's certificate on it that the record or the feed has, or has a later one than."""
    UNKNOWN_CERTIFICATE = "unknown-certificate"
    """A member's certificate on it that neither has."""
    ANOTHER_AUTHORITY = "another-authority"
    """A certificate on it that is no member's, or bytes that are no certificate."""
    KEY_PAIR = "key-pair"
    """A key pair on it, and nothing that says whose."""
    NOTHING = "nothing"
    """It is blank, and no account's key has its serial."""


class Owner(msgspec.Struct, frozen=True):
    """Whose a token is or was: the account, the order that it was made for, and the key on record that it is.

    `certificate` is the number of the member's certificate on it, "" without one, and `not_after` its end (UTC
    seconds).
    """

    status: KeyStatus
    ground: Ground
    account: str | None = None
    order: str | None = None
    key: KeyOnRecord | None = None
    certificate: str = ""
    not_after: int | None = None

    @property
    def taken(self) -> bool:
        """Whether its contents, or its place in the record, are or may be somebody's: it is not free for a new key.

        One that is blank and on record as a key in use is not free either: that loss was not reported yet.
        """
        match self.status:
            case KeyStatus.UNDER_WAY | KeyStatus.IN_USE | KeyStatus.OUT_OF_STEP | KeyStatus.ON_HOLD:
                return True
            case KeyStatus.BLANK:
                return self.key is not None and not self.key.lost
            case KeyStatus.UNKNOWN:
                return self.ground is not Ground.KEY_PAIR
            case KeyStatus.REVOKED | KeyStatus.NOT_PREPARED:
                return False


UNPREPARED = Owner(KeyStatus.NOT_PREPARED, Ground.NOTHING)
"""A token that lacks the desk's application and is not taken."""


class _Claim(msgspec.Struct, frozen=True):
    """An account whose key on record has the token's serial, and what on the token bears it out."""

    account: str
    ground: Ground
    key: KeyOnRecord
    same_key_pair: bool
    same_certificate: bool

    @property
    def weight(self) -> tuple[bool, bool, bool, bool, int]:
        """Of several claims the greatest counts: one in use, then what the token bears out, then the latest."""
        key = self.key
        return not key.lost, self.same_key_pair, self.same_certificate, not key.revoked, key.not_before

    @property
    def stands(self) -> bool:
        """Whether it counts before the certificate of another account on the token."""
        return not self.key.lost or self.same_key_pair or self.same_certificate


def owner_of(tx: Transaction, facts: TokenFacts) -> Owner:
    """Whose the token with these contents is."""
    settled = owner_without_binding(tx, facts)
    under_way = _under_way(tx, facts.serial)
    if under_way is None or _is_another(tx, under_way, facts, settled):
        return settled
    return msgspec.structs.replace(under_way, certificate=settled.certificate, not_after=settled.not_after)


def owner_without_binding(tx: Transaction, facts: TokenFacts) -> Owner:
    """Whose the token would be without the binding under way on it."""
    issued = issued_certificate(facts.certificate)
    owner = _settled(tx, facts, issued)
    if issued is None:
        return owner
    return msgspec.structs.replace(owner, certificate=issued.number, not_after=issued.not_after)


def owner_of_unprepared(tx: Transaction, serial: str) -> Owner:
    """Whose the token of that serial is, which lacks the desk's application; UNPREPARED where it is not taken."""
    claim = _strongest(_claims(tx, TokenFacts(serial, None, None), None))
    owner = _under_way(tx, serial) or (_by_claim(tx, claim) if claim else UNPREPARED)
    return owner if owner.taken else UNPREPARED


def _under_way(tx: Transaction, serial: str) -> Owner | None:
    """Whose binding on the token of that serial is under way."""
    order = tx.ledger.binding_on(serial)
    if order is None:
        return None
    key = key_on_record(tx, order.account)
    here = key if key is not None and key.token_serial == serial else None
    return Owner(KeyStatus.UNDER_WAY, Ground.BINDING, order.account, order.reference, here)


def _is_another(tx: Transaction, under_way: Owner, facts: TokenFacts, settled: Owner) -> bool:
    """Whether the binding under way is on another token of that serial: its key pair is there, or another account's here."""
    order = tx.ledger.order(under_way.order) if under_way.order is not None else None
    made = order.binding.public_key if order is not None and order.binding is not None else None
    if made is None or made == facts.public_key:
        return False
    return made in facts.twins or (
        settled.status is KeyStatus.IN_USE and settled.account != under_way.account
    )


def _settled(tx: Transaction, facts: TokenFacts, issued: IssuedCertificate | None) -> Owner:
    """Whose it is where no binding on it is under way."""
    claim = _strongest(_claims(tx, facts, issued))
    if facts.public_key is None and not facts.certificate:
        if claim is None:
            return Owner(KeyStatus.BLANK, Ground.NOTHING)
        return Owner(KeyStatus.BLANK, claim.ground, claim.account, key=claim.key)
    by_certificate = _by_certificate(tx, facts, issued)
    if claim is None:
        return by_certificate
    others = by_certificate.status is KeyStatus.UNKNOWN and by_certificate.account not in (
        None,
        claim.account,
    )
    return by_certificate if others and not claim.stands else _by_claim(tx, claim)


def _claims(tx: Transaction, facts: TokenFacts, issued: IssuedCertificate | None) -> tuple[_Claim, ...]:
    """The accounts whose key on record has that serial.

    A token that was erased and bound again stands at two accounts until the first has another key.
    """
    by_journal = tx.ledger.accounts_of_token(facts.serial)
    by_feed = tx.feed.accounts_of_token(facts.serial)
    found = []
    for account in dict.fromkeys((*by_journal, *by_feed)):
        key = key_on_record(tx, account)
        if key is None or key.token_serial != facts.serial:
            continue  # the account has a later key
        known = issued_certificate(certificate_on_record(tx, key, account))
        if known is not None and known.public_key in facts.twins - {facts.public_key}:
            continue  # the account's key is the other one of that serial
        claim = _Claim(
            account,
            Ground.JOURNAL if account in by_journal else Ground.FEED,
            key,
            same_key_pair=known is not None and known.public_key == facts.public_key,
            same_certificate=issued is not None and issued.number == key.number,
        )
        found.append(claim)
    return tuple(found)


def _strongest(claims: tuple[_Claim, ...]) -> _Claim | None:
    return max(claims, key=lambda each: each.weight, default=None)


def _by_claim(tx: Transaction, claim: _Claim) -> Owner:
    key = claim.key
    if key.revoked:
        status = KeyStatus.REVOKED
    elif key.lost:
        status = KeyStatus.ON_HOLD
    else:
        status = KeyStatus.IN_USE if claim.same_certificate else KeyStatus.OUT_OF_STEP
    certificate = tx.ledger.certificate(key.number)
    return Owner(status, claim.ground, claim.account, certificate.order if certificate else None, key)


def _by_certificate(tx: Transaction, facts: TokenFacts, issued: IssuedCertificate | None) -> Owner:
    """By what is on it alone: a certificate is somebody's until it is known to be superseded, void or revoked."""
    if issued is None:
        ground = Ground.ANOTHER_AUTHORITY if facts.certificate else Ground.KEY_PAIR
        return Owner(KeyStatus.UNKNOWN, ground)
    ours = tx.ledger.certificate(issued.number)
    account = ours.account if ours else issued.account
    key = key_on_record(tx, account)
    on_record = key is not None and key.number == issued.number
    ended = ours is not None and ours.status in {CertificateStatus.REVOKED, CertificateStatus.VOID}
    if key is not None:
        ended = ended or (key.revoked if on_record else key.not_before > issued.not_before)
    known = ended or on_record or ours is not None
    return Owner(
        KeyStatus.REVOKED if ended else KeyStatus.UNKNOWN,
        Ground.KNOWN_CERTIFICATE if known else Ground.UNKNOWN_CERTIFICATE,
        account,
        ours.order if ours else None,
    )
