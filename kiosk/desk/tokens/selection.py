"""Reaching the token that is meant, also where several are in.

One token is the one that is meant, whatever it is. Of several it is the one whose serial was chosen; the one that an
order needs (the attempt's own, a renewal's key on record, the only one that a new key can be made of); or the
account's own. Where that leaves more than one the member is asked. A card that nobody can read is passed over as long
as there is another.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hardware.ports import HardwareError, TokenNotPrepared
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.tokens.fitness import require_fits, require_free
from kiosk.desk.tokens.reading import TokenFacts, token_refused, token_view, unprepared_view
from kiosk.desk.views import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.ledger import OrderStatus
from kiosk.store.keys_on_record import key_before, key_on_record

if TYPE_CHECKING:
    from hardware.ports import Token, TokenPresence
    from kiosk.desk.context import Desk
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """The token that is meant, and the reader that it is in."""

    token: Token
    reader: str

    def view(self, facts: TokenFacts) -> TokenView:
        """The token as the screens show it. Raises TokenError."""
        return token_view(self.token, self.reader, facts)


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a verb knows of the token that it wants: the serial that was chosen, else an order, else an account."""

    serial: str | None = None
    order: str | None = None
    account: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """One of several tokens: what was read from it, or why nothing could be; an unprepared one has no facts."""

    presence: TokenPresence
    view: TokenView | None = None
    facts: TokenFacts | None = None
    refused: TokenRefused | None = None


@contextlib.contextmanager
def chosen_token(
    desk: Desk, serial: str | None = None, order: str | None = None, account: str | None = None
) -> Iterator[Chosen]:
    """The token that is meant, nobody else talking to it. Raises TokenUnusable, also for what fails inside."""
    wanted = Wanted(serial, order, account)
    with desk.token_lock:
        try:
            presence = _presence(desk, wanted)
            with contextlib.closing(desk.tokens.open(presence)) as token:
                _require_serial(token, serial)
                with _naming(token):
                    yield Chosen(token, presence.reader)
        except HardwareError as error:
            raise TokenUnusable(token_refused(error)) from error


def read_token(desk: Desk, reference: str | None = None, serial: str | None = None) -> TokenView:
    """What the token says of itself, without a PIN; of several the one that the order needs.

    Raises TokenUnusable, also for one that is somebody's where the order makes a new key.
    """
    with chosen_token(desk, serial=serial, order=reference) as chosen:
        facts = TokenFacts.of(chosen.token)
        with desk.database.read() as tx:
            order = tx.ledger.order(reference) if reference is not None else None
            if order is not None and order.status is OrderStatus.PAID:
                require_free(tx, order, facts)
        return chosen.view(facts)


@contextlib.contextmanager
def _naming(token: Token) -> Iterator[None]:
    """A token that lacks the desk's application is named: staff prepare it by its serial."""
    try:
        yield
    except TokenNotPrepared as error:
        raise TokenUnusable(TokenRefused(TokenRefusal.NOT_PREPARED, found=token.serial)) from error


def _require_serial(token: Token, serial: str | None) -> None:
    if serial is not None and token.serial != serial:
        raise TokenUnusable(TokenRefused(TokenRefusal.SWAPPED, expected=serial, found=token.serial))


def _presence(desk: Desk, wanted: Wanted) -> TokenPresence:
    """Where the token that is meant is. Raises TokenUnusable, HardwareError."""
    present = desk.tokens.present()
    if not present:
        raise TokenUnusable(TokenRefused(TokenRefusal.ABSENT))
    if len(present) == 1:
        return present[0]
    seen = [_look(desk, presence) for presence in present]
    # a key that a reader and its vendor's library both find is one key
    readable = tuple({each.view.serial: each for each in reversed(seen) if each.view is not None}.values())
    if not readable:
        raise TokenUnusable(seen[0].refused or TokenRefused(TokenRefusal.SEVERAL))
    return _pick(desk, readable[::-1], wanted).presence


def _look(desk: Desk, presence: TokenPresence) -> _Seen:
    """Read one of several tokens and give it up again; what cannot be read is no failure yet."""
    try:
        with contextlib.closing(desk.tokens.open(presence)) as token:
            try:
                facts = TokenFacts.of(token)
                return _Seen(presence, token_view(token, presence.reader, facts), facts)
            except TokenNotPrepared:
                return _Seen(presence, unprepared_view(token, presence.reader))
    except HardwareError as error:
        return _Seen(presence, refused=token_refused(error))


def _pick(desk: Desk, seen: tuple[_Seen, ...], wanted: Wanted) -> _Seen:
    """The one that is meant. Raises TokenUnusable."""
    if wanted.serial is not None:
        return _of_serial(seen, wanted.serial, TokenRefusal.SWAPPED)
    with desk.database.read() as tx:
        order = tx.ledger.order(wanted.order) if wanted.order is not None else None
        if order is not None:
            return _for_order(tx, order, seen)
        key = key_on_record(tx, wanted.account) if wanted.account is not None else None
    own = [each for each in seen if key is not None and _serial(each) == key.token_serial]
    return own[0] if own else _only(seen)


def _for_order(tx: Transaction, order: Order, seen: tuple[_Seen, ...]) -> _Seen:
    attempt = order.binding
    if attempt is not None:
        return _of_serial(seen, attempt.token_serial, TokenRefusal.SWAPPED)
    if not order.kind.wants_new_token:
        key = key_before(tx, order)
        if key is not None:
            return _of_serial(seen, key.token_serial, TokenRefusal.NOT_THE_KEY_ON_RECORD)
    fitting = tuple(each for each in seen if each.facts is not None and _fits(tx, order, each.facts))
    return _only(fitting or seen)


def _fits(tx: Transaction, order: Order, facts: TokenFacts) -> bool:
    try:
        require_fits(tx, order, facts)
    except (TokenUnusable, DeskRefused):
        return False
    return True


def _of_serial(seen: tuple[_Seen, ...], serial: str, otherwise: TokenRefusal) -> _Seen:
    """The token of that serial; the only one goes on without it, and is told what is wrong with it."""
    for each in seen:
        if _serial(each) == serial:
            return each
    if len(seen) == 1:
        return seen[0]
    raise TokenUnusable(TokenRefused(otherwise, expected=serial, candidates=_views(seen)))


def _only(seen: tuple[_Seen, ...]) -> _Seen:
    if len(seen) == 1:
        return seen[0]
    raise TokenUnusable(TokenRefused(TokenRefusal.SEVERAL, candidates=_views(seen)))


def _serial(seen: _Seen) -> str | None:
    return seen.view.serial if seen.view is not None else None


def _views(seen: tuple[_Seen, ...]) -> tuple[TokenView, ...]:
    return tuple(each.view for each in seen if each.view is not None)
