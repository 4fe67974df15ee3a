"""What the token that is in is, by the record: whose key, and whether it is in use.

A token that a binding was begun on belongs to that binding; one that is empty is blank, whatever was on it; else the
serial on record counts before the certificate, which anybody may have copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.tokens.reading import issued_certificate
from kiosk.desk.views import KeyStanding, Refusal, TokenRefused, TokenTrouble
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.ledger import Binding, BindingStep, Certificate, CertificateStatus, Order, OrderStatus
from kiosk.pki.certificates import IssuedCertificate
from kiosk.store.keys_on_record import certificate_on_record, key_on_record

if TYPE_CHECKING:
    from kiosk.desk.tokens.reading import TokenFacts
    from kiosk.store.transaction import Transaction


class Standing(msgspec.Struct, frozen=True):
    """What a token is: whose it is or was, the order that it was made for, and its key where it is one on record.

    `certificate` is the number of what is on it.
    """

    standing: KeyStanding
    account: str | None = None
    order: str | None = None
    key: KeyOnRecord | None = None
    certificate: str = ""


class OwnKey(msgspec.Struct, frozen=True):
    """An account's key on record, and its certificate where the record has it."""

    key: KeyOnRecord
    certificate: IssuedCertificate | None


def standing_of(tx: Transaction, facts: TokenFacts) -> Standing:
    """What the token with these contents is."""
    issued = issued_certificate(facts.certificate)
    number = issued.number if issued else ""
    for order in tx.ledger.orders(status=OrderStatus.PAID):
        attempt = order.binding
        if attempt is not None and attempt.token_serial == facts.serial:
            key = _key_here(tx, order.account, facts.serial)
            return Standing(KeyStanding.UNDER_WAY, order.account, order.number, key, number)
    holder = _holder(tx, facts.serial, issued)
    if facts.public_key is None and not facts.certificate:
        return Standing(KeyStanding.BLANK, holder)
    if holder is None and issued is None:
        holder = _told_by_feed(tx, facts.serial)
    if holder is not None:
        key = _key_here(tx, holder, facts.serial)
        if key is not None:
            return Standing(_of_key(key, number), holder, _order_of(tx, key.number), key, number)
    if issued is None:
        return Standing(KeyStanding.UNKNOWN)
    ours = tx.ledger.certificate(issued.number)
    account = ours.account if ours else issued.account
    return Standing(
        _of_certificate(tx, issued, ours), account, ours.order if ours else None, certificate=number
    )


def require_own(tx: Transaction, account: str, facts: TokenFacts) -> OwnKey:
    """The account's key on record, which the token must be. Raises DeskRefused NO_KEY, TokenUnusable."""
    key = key_on_record(tx, account)
    if key is None:
        raise DeskRefused(Refusal.NO_KEY, rests_on_feed=True)
    if key.token_serial != facts.serial:
        holder = standing_of(tx, facts).account
        other = holder is not None and holder != account
        trouble = TokenTrouble.ANOTHER_MEMBERS if other else TokenTrouble.NOT_THE_KEY_ON_RECORD
        expected = None if other else key.token_serial
        raise TokenUnusable(TokenRefused(trouble, expected=expected, found=facts.serial))
    return OwnKey(key, issued_certificate(certificate_on_record(tx, key, account)))


def require_key_pair(own: OwnKey, facts: TokenFacts) -> IssuedCertificate:
    """The certificate on record, whose key pair the token must hold. Raises TokenUnusable, DeskRefused.

    Without a certificate on record nothing tells whose the key pair is.
    """
    if facts.public_key is None:
        raise TokenUnusable(TokenRefused(TokenTrouble.NO_CERTIFICATE, found=facts.serial))
    if own.certificate is None:
        raise DeskRefused(Refusal.RECORD_DISAGREES, rests_on_feed=True)
    if own.certificate.public_key != facts.public_key:
        serial = own.key.token_serial
        raise TokenUnusable(
            TokenRefused(TokenTrouble.NOT_THE_KEY_ON_RECORD, expected=serial, found=facts.serial)
        )
    return own.certificate


def _holder(tx: Transaction, serial: str, issued: IssuedCertificate | None) -> str | None:
    """The account whose key on record is the token of that serial; what the feed alone knows shows by its certificate.

    One that was erased and bound again stands at two accounts until the first has another key: the later counts.
    """
    told = (row.account for row in tx.ledger.accounts() if row.key and row.key.token_serial == serial)
    here = [(key.not_before, account) for account in told if (key := _key_here(tx, account, serial))]
    if here:
        return max(here)[1]
    if issued is not None and _key_here(tx, issued.account, serial) is not None:
        return issued.account
    return None


def _told_by_feed(tx: Transaction, serial: str) -> str | None:
    """The account whose key the feed says the token is, where no certificate of a member on it says so."""
    told = tx.feed.accounts_of_token(serial)
    return next((account for account in told if _key_here(tx, account, serial) is not None), None)


def _key_here(tx: Transaction, account: str, serial: str) -> KeyOnRecord | None:
    key = key_on_record(tx, account)
    return key if key is not None and key.token_serial == serial else None


def _of_key(key: KeyOnRecord, on_it: str) -> KeyStanding:
    if key.revoked:
        return KeyStanding.REVOKED
    if key.lost:
        return KeyStanding.ON_HOLD
    return KeyStanding.IN_USE if on_it == key.number else KeyStanding.OUT_OF_STEP


def _of_certificate(tx: Transaction, issued: IssuedCertificate, ours: Certificate | None) -> KeyStanding:
    """Of one that is no account's key on record: out of use, where this kiosk or the feed knows so."""
    if ours is not None and ours.status in {CertificateStatus.REVOKED, CertificateStatus.VOID}:
        return KeyStanding.REVOKED
    key = key_on_record(tx, ours.account if ours else issued.account)
    later = key is not None and key.number != issued.number and key.not_before > issued.not_before
    return KeyStanding.REVOKED if later else KeyStanding.UNKNOWN


def _order_of(tx: Transaction, number: str) -> str | None:
    certificate = tx.ledger.certificate(number)
    return certificate.order if certificate else None


def to_put_back(tx: Transaction, own: OwnKey, facts: TokenFacts) -> bytes | None:
    """The certificate (DER) that belongs on the account's own key in place of the one on it; None where none does."""
    on_token = issued_certificate(facts.certificate)
    if on_token is None or own.certificate is None or own.certificate.public_key != facts.public_key:
        return None
    ours = tx.ledger.certificate(on_token.number)
    left = (
        ours is not None and ours.status is CertificateStatus.VOID and ours.certificate == facts.certificate
    )
    return own.certificate.der if left else None


def require_fits(tx: Transaction, order: Order, facts: TokenFacts) -> None:
    """Refuse a token that is not the right one for the order. Raises TokenUnusable, DeskRefused."""
    attempt = order.binding
    if attempt is not None:
        _require_attempt(attempt, facts)
    elif order.kind.wants_new_token:
        _require_unbound(tx, order, facts)
    if order.kind.wants_new_token:
        return
    # also in the middle: a key that was lost meanwhile is not taken into use by its renewal
    key = _key_in_use(tx, order)
    if attempt is None or attempt.certificate is None:
        _require_on_record(tx, order, facts, key)


def _require_attempt(attempt: Binding, facts: TokenFacts) -> None:
    if attempt.token_serial != facts.serial:
        raise _trouble(TokenTrouble.SWAPPED, attempt.token_serial, facts.serial)
    if attempt.public_key is not None and attempt.public_key != facts.public_key:
        # the key pair that was certified is gone: only a supervisor's abandoning leads on
        raise _trouble(TokenTrouble.PROOF_FAILED, attempt.token_serial, facts.serial)


def _require_unbound(tx: Transaction, order: Order, facts: TokenFacts) -> None:
    holder = _other_holder(tx, facts, besides=order.number)
    if holder is None:
        return
    trouble = TokenTrouble.NOT_BLANK if holder == order.account else TokenTrouble.ANOTHER_MEMBERS
    raise _trouble(trouble, None, facts.serial)


def _key_in_use(tx: Transaction, order: Order) -> KeyOnRecord:
    key = key_on_record(tx, order.account) or order.previous
    if key is None or key.lost:
        raise DeskRefused(Refusal.KEY_STATE_CHANGED, rests_on_feed=True)
    return key


def _require_on_record(tx: Transaction, order: Order, facts: TokenFacts, key: KeyOnRecord) -> None:
    if facts.serial != key.token_serial:
        holder = _other_holder(tx, facts, besides=order.number)
        other = holder is not None and holder != order.account
        trouble = TokenTrouble.ANOTHER_MEMBERS if other else TokenTrouble.NOT_THE_KEY_ON_RECORD
        raise _trouble(trouble, None if other else key.token_serial, facts.serial)
    if facts.public_key is None:
        raise _trouble(TokenTrouble.NO_KEY_TO_RENEW, key.token_serial, facts.serial)
    known = issued_certificate(certificate_on_record(tx, key, order.account))
    if known is not None and known.public_key != facts.public_key:
        raise _trouble(TokenTrouble.NOT_THE_KEY_ON_RECORD, key.token_serial, facts.serial)


def _other_holder(tx: Transaction, facts: TokenFacts, *, besides: str) -> str | None:
    """The account whose key the token is, as far as can be told; None for nobody's, "" for somebody unknown.

    A certificate that the record does not know is somebody's until it is known to be superseded, void or revoked.
    """
    for account in tx.ledger.accounts():
        if account.key is not None and account.key.token_serial == facts.serial:
            current = key_on_record(tx, account.account)
            here = current is not None and current.token_serial == facts.serial
            if current is not None and here and not _given_up(current, facts):
                return account.account
    for order in tx.ledger.orders(status=OrderStatus.PAID):
        attempt = order.binding
        if order.number != besides and attempt is not None and attempt.token_serial == facts.serial:
            return order.account
    if not facts.certificate:
        return None
    issued = issued_certificate(facts.certificate)
    if issued is None:
        return ""  # another authority's certificate
    current = key_on_record(tx, issued.account)
    if current is not None and current.number == issued.number:
        return None if current.revoked else issued.account
    superseded = tx.ledger.certificate(issued.number) is not None or (
        current is not None and current.not_before > issued.not_before
    )
    return None if superseded else issued.account


def _given_up(key: KeyOnRecord, facts: TokenFacts) -> bool:
    """Whether the account's key is out of use for good: revoked, or lost and erased, when only a replacement is left."""
    erased = facts.public_key is None and facts.certificate is None
    return key.revoked or (key.lost and erased)


def _trouble(trouble: TokenTrouble, expected: str | None, found: str) -> TokenUnusable:
    return TokenUnusable(TokenRefused(trouble, expected=expected, found=found))


def factory_pin_fits(order: Order, facts: TokenFacts) -> bool:
    """Whether the token, as far as the order goes, may be one that nobody changed the PIN of.

    So is a blank one for a new or replacement order, and one that this very attempt began with. A key that holds a
    certificate is not blank, even where its public key cannot be told: its PIN is somebody's, and so are its tries.
    """
    attempt = order.binding
    began = attempt is not None and attempt.step is not BindingStep.BOUND
    blank = facts.public_key is None and facts.certificate is None
    return order.kind.wants_new_token and (blank or began)
