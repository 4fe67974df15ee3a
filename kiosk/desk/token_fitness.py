"""Whether the token that is in is the right one for an order: read live, compared with the record.

An attempt under way wants its own token. A new or replacement order wants one that is blank, or whose key pair
belongs to nobody's key; a renewal wants the token on record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.key_on_record import certificate_on_record, key_on_record
from kiosk.desk.tokens import issued_certificate
from kiosk.desk.views import Refusal, TokenRefused, TokenTrouble
from kiosk.domain.ledger import Binding, BindingStep, Order, OrderStatus

if TYPE_CHECKING:
    from kiosk.desk.token_facts import TokenFacts
    from kiosk.domain.decisions import KeyOnRecord
    from kiosk.store.transaction import Transaction


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
    holder = _holder(tx, facts, besides=order.number)
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
        holder = _holder(tx, facts, besides=order.number)
        other = holder is not None and holder != order.account
        trouble = TokenTrouble.ANOTHER_MEMBERS if other else TokenTrouble.NOT_THE_KEY_ON_RECORD
        raise _trouble(trouble, None if other else key.token_serial, facts.serial)
    if facts.public_key is None:
        raise _trouble(TokenTrouble.NO_KEY_TO_RENEW, key.token_serial, facts.serial)
    known = issued_certificate(certificate_on_record(tx, key, order.account))
    if known is not None and known.public_key != facts.public_key:
        raise _trouble(TokenTrouble.NOT_THE_KEY_ON_RECORD, key.token_serial, facts.serial)


def _holder(tx: Transaction, facts: TokenFacts, *, besides: str) -> str | None:
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
