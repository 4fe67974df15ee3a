"""Whether a token is the right one for an order: before it is touched, and again before the binding begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.tokens.ownership import Ground, Owner, owner_of, owner_without_binding
from kiosk.desk.tokens.reading import issued_certificate
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import FOREIGN_CONTENTS, SAME_SERIAL, TokenRefusal, TokenRefused
from kiosk.domain.ledger import Binding, BindingStep, Order
from kiosk.store.keys_on_record import certificate_on_record, key_before

if TYPE_CHECKING:
    from kiosk.desk.tokens.reading import TokenFacts
    from kiosk.domain.decisions import KeyOnRecord
    from kiosk.store.transaction import Transaction


def require_fits(tx: Transaction, order: Order, facts: TokenFacts) -> None:
    """Refuse a token that is not the right one for the order. Raises TokenUnusable, DeskRefused."""
    attempt = order.binding
    if attempt is not None:
        _require_of_attempt(attempt, facts)
    require_free(tx, order, facts)
    if order.kind.wants_new_token:
        return
    # also in the middle: a key that was lost meanwhile is not taken into use by its renewal
    key = key_before(tx, order)
    if key is None or key.lost:
        raise DeskRefused(Refusal.KEY_STATE_CHANGED, rests_on_feed=True)
    if attempt is None or attempt.certificate is None:
        _require_on_record(tx, order, facts, key)


def require_free(tx: Transaction, order: Order, facts: TokenFacts) -> None:
    """Refuse a token that is somebody's where the order's binding has yet to make a key on it.

    An attempt that was interrupted before goes on with whatever its own account has there. Raises TokenUnusable.
    """
    attempt = order.binding
    if not order.kind.wants_new_token or (attempt is not None and not _wants_key_on(attempt, facts)):
        return
    owner = owner_of(tx, facts) if attempt is None else owner_without_binding(tx, facts)
    own = owner.account == order.account
    if owner.taken and (attempt is None or not own):
        raise _trouble(TokenRefusal.NOT_BLANK, None, facts.serial) if own else _anothers(owner, facts)


def _wants_key_on(attempt: Binding, facts: TokenFacts) -> bool:
    """Whether the attempt would make its key on that token: one that it did not begin on is refused as SWAPPED."""
    return attempt.public_key is None and attempt.token_serial == facts.serial


def factory_pin_fits(order: Order, facts: TokenFacts) -> bool:
    """Whether the token, as far as the order goes, may be one that nobody changed the PIN of.

    So is a blank one for a new or replacement order, and one that this very attempt began with. A key that holds a
    certificate is not blank, even where its public key cannot be told: its PIN is somebody's, and so are its tries.
    """
    attempt = order.binding
    began = attempt is not None and attempt.step is not BindingStep.BOUND
    return order.kind.wants_new_token and (facts.blank or began)


def _require_of_attempt(attempt: Binding, facts: TokenFacts) -> None:
    if attempt.token_serial != facts.serial:
        raise _trouble(TokenRefusal.SWAPPED, attempt.token_serial, facts.serial)
    if attempt.public_key is not None and attempt.public_key != facts.public_key:
        # the key pair that was certified is gone: only a supervisor's abandoning leads on
        raise _trouble(TokenRefusal.PROOF_FAILED, attempt.token_serial, facts.serial)


def _require_on_record(tx: Transaction, order: Order, facts: TokenFacts, key: KeyOnRecord) -> None:
    if facts.serial != key.token_serial:
        owner = owner_of(tx, facts)
        if owner.taken and owner.account != order.account:
            raise _anothers(owner, facts)
        raise _trouble(TokenRefusal.NOT_THE_KEY_ON_RECORD, key.token_serial, facts.serial)
    if facts.public_key is None:
        raise _trouble(TokenRefusal.NO_KEY_TO_RENEW, key.token_serial, facts.serial)
    known = issued_certificate(certificate_on_record(tx, key, order.account))
    if known is not None and known.public_key != facts.public_key:
        raise _trouble(TokenRefusal.NOT_THE_KEY_ON_RECORD, key.token_serial, facts.serial)


def _anothers(owner: Owner, facts: TokenFacts) -> TokenUnusable:
    """Told with what makes it another's where that is no account's key pair."""
    detail = FOREIGN_CONTENTS if owner.ground is Ground.ANOTHER_AUTHORITY else None
    if facts.blank and owner.status is KeyStatus.BLANK:
        detail = SAME_SERIAL
    return TokenUnusable(TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=facts.serial, detail=detail))


def _trouble(trouble: TokenRefusal, expected: str | None, found: str) -> TokenUnusable:
    return TokenUnusable(TokenRefused(trouble, expected=expected, found=found))
