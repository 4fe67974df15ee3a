"""Reaching the token that is meant, also where several are in.

One token is the one that is meant, whatever it is. Of several it is the one whose serial was chosen; the one that an
order needs (the attempt's own, a renewal's key on record, the only one that a new key can be made of); or the
account's own. Where that leaves more than one the member is asked. A card that nobody can read is passed over as long
as there is another.

A key that an earlier visit left in its reader is nobody's here but the staff's.

Of several with one serial (twins) it is the one that the order fits or whose key pair is the account's; where nothing
tells, one has to be pulled. Two of one serial with the same contents are one token, reached by two ways.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from hardware.ports import HardwareError, TokenHeld, TokenNotPrepared
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.tokens.fitness import require_fits
from kiosk.desk.tokens.reading import (
    TokenFacts,
    issued_certificate,
    token_refused,
    token_view,
    unprepared_view,
)
from kiosk.desk.views.status import KeyAnswer
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.ledger import OrderStatus
from kiosk.store.keys_on_record import certificate_on_record, key_before, key_on_record

if TYPE_CHECKING:
    from hardware.ports import Token, TokenPresence
    from kiosk.desk.context import Desk
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction

    Fits = Callable[[TokenFacts], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """The token that is meant, the reader that it is in, and the public keys of the others of its serial that are in."""

    token: Token
    reader: str
    twins: frozenset[bytes] = frozenset()

    def facts(self) -> TokenFacts:
        """What is on the token. Raises TokenError."""
        return TokenFacts.of(self.token, self.twins)

    def view(self, facts: TokenFacts) -> TokenView:
        """The token as the screens show it. Raises TokenError."""
        return token_view(self.token, self.reader, facts)


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a verb knows of the token that it wants: the serial that was chosen, else an order, else an account.

    `left_too` where it may also be one that an earlier visit left in its reader.
    """

    serial: str | None = None
    order: str | None = None
    account: str | None = None
    left_too: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """One of several tokens: what was read from it, or why nothing could be; an unprepared one has no facts."""

    presence: TokenPresence
    view: TokenView | None = None
    facts: TokenFacts | None = None
    refused: TokenRefused | None = None

    @property
    def twins(self) -> frozenset[bytes]:
        """The public keys of the others of its serial."""
        return self.facts.twins if self.facts is not None else frozenset()


@contextlib.contextmanager
def chosen_token(
    desk: Desk,
    serial: str | None = None,
    order: str | None = None,
    account: str | None = None,
    *,
    by_staff: bool = False,
) -> Iterator[Chosen]:
    """The token that is meant, nobody else talking to it. Raises TokenUnusable, also for what fails inside.

    Staff also reach one that an earlier visit left in its reader.
    """
    wanted = Wanted(serial, order, account, by_staff)
    with desk.token_lock:
        try:
            seen = _meant(desk, wanted)
            with contextlib.closing(desk.tokens.open(seen.presence)) as token:
                _require_serial(token, serial)
                with _naming(token):
                    yield Chosen(token, seen.presence.reader, seen.twins)
        except HardwareError as error:
            raise TokenUnusable(token_refused(error)) from error


def read_token(
    desk: Desk, reference: str | None = None, serial: str | None = None, *, by_staff: bool = False
) -> TokenView:
    """What the token says of itself, without a PIN; of several the one that the order needs.

    Raises TokenUnusable, also for one that is not right for that order; DeskRefused where no key is right for it.
    """
    with chosen_token(desk, serial=serial, order=reference, by_staff=by_staff) as chosen:
        facts = chosen.facts()
        with desk.database.read() as tx:
            order = tx.ledger.order(reference) if reference is not None else None
            if order is not None and order.status is OrderStatus.PAID:
                require_fits(tx, order, facts)
        return chosen.view(facts)


def key_answer(desk: Desk) -> KeyAnswer:
    """Whether a key is in that no visit left there, asked of the key itself; no matter whose it is."""
    with desk.token_lock:
        try:
            present = desk.left_keys.others(desk.tokens.present())
        except HardwareError:
            return KeyAnswer.UNKNOWN
        if not present:
            return KeyAnswer.GONE
        return KeyAnswer.IN if any(_answers(desk, each) for each in present) else KeyAnswer.UNKNOWN


def _answers(desk: Desk, presence: TokenPresence) -> bool:
    """Whether it can be reached, be it that another program did."""
    try:
        desk.tokens.open(presence).close()
    except TokenHeld:
        return True
    except HardwareError:
        return False
    return True


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


def _meant(desk: Desk, wanted: Wanted) -> _Seen:
    """The token that is meant. Raises TokenUnusable, HardwareError."""
    present = desk.tokens.present()
    others = desk.left_keys.others(present)
    if present and not others and not wanted.left_too:
        raise TokenUnusable(TokenRefused(TokenRefusal.LEFT_BEHIND))
    if not wanted.left_too:
        present = others
    if not present:
        raise TokenUnusable(TokenRefused(TokenRefusal.ABSENT))
    if len(present) == 1:
        return _Seen(present[0])
    seen = [_look(desk, presence) for presence in present]
    readable = _distinct(tuple(each for each in seen if each.view is not None))
    held = next((each.refused for each in seen if each.refused is not None and _is_held(each.refused)), None)
    if not readable:
        raise TokenUnusable(held or seen[0].refused or TokenRefused(TokenRefusal.SEVERAL))
    return _pick(desk, readable, wanted, held)


def _is_held(refused: TokenRefused) -> bool:
    return refused.reason is TokenRefusal.HELD


def _distinct(seen: tuple[_Seen, ...]) -> tuple[_Seen, ...]:
    """Each token once, and what tells it from the others of its serial.

    A key that a reader and its vendor's library both find has the same contents by both ways, or lacks the desk's
    application by one of them.
    """
    found: dict[tuple[str | None, bytes | None, bytes | None], _Seen] = {}
    for each in seen:
        if each.facts is not None:
            found.setdefault((each.facts.serial, each.facts.public_key, each.facts.certificate), each)
    read = {_serial(each) for each in found.values()}
    kept = {each.presence for each in found.values()}
    unprepared: dict[str | None, _Seen] = {}
    for each in seen:
        if each.facts is None and _serial(each) not in read:
            unprepared.setdefault(_serial(each), each)
    kept |= {each.presence for each in unprepared.values()}
    return tuple(_beside(each, tuple(found.values())) for each in seen if each.presence in kept)


def _beside(one: _Seen, others: tuple[_Seen, ...]) -> _Seen:
    """That token with the public keys of the others of its serial."""
    if one.facts is None:
        return one
    keys = frozenset(
        each.facts.public_key
        for each in others
        if each is not one and each.facts is not None and each.facts.serial == one.facts.serial
        if each.facts.public_key is not None
    )
    return dataclasses.replace(one, facts=msgspec.structs.replace(one.facts, twins=keys))


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


def _pick(desk: Desk, seen: tuple[_Seen, ...], wanted: Wanted, held: TokenRefused | None) -> _Seen:
    """The one that is meant; where none is, it may be the one that is held. Raises TokenUnusable."""
    with desk.database.read() as tx:
        order = tx.ledger.order(wanted.order) if wanted.order is not None else None
        key = key_on_record(tx, wanted.account) if wanted.account is not None else None
        certificate = None if key is None else certificate_on_record(tx, key, wanted.account or "")

        def fits(facts: TokenFacts) -> bool:
            if order is not None:
                return _fits(tx, order, facts)
            known = issued_certificate(certificate)
            return known is not None and known.public_key == facts.public_key

        if wanted.serial is not None:
            return _of_serial(seen, wanted.serial, TokenRefusal.SWAPPED, fits, held)
        if order is not None:
            return _for_order(tx, order, seen, fits, held)
        if key is not None and any(_serial(each) == key.token_serial for each in seen):
            return _of_serial(seen, key.token_serial, TokenRefusal.SEVERAL, fits, held)
        if key is not None and held is not None:
            raise TokenUnusable(held)
    return _only(seen)


def _for_order(
    tx: Transaction, order: Order, seen: tuple[_Seen, ...], fits: Fits, held: TokenRefused | None
) -> _Seen:
    attempt = order.binding
    if attempt is not None:
        return _of_serial(seen, attempt.token_serial, TokenRefusal.SWAPPED, fits, held)
    if not order.kind.wants_new_token:
        key = key_before(tx, order)
        if key is not None:
            return _of_serial(seen, key.token_serial, TokenRefusal.NOT_THE_KEY_ON_RECORD, fits, held)
    fitting = tuple(each for each in seen if each.facts is not None and fits(each.facts))
    if fitting and len({_serial(each) for each in fitting}) == 1:
        return fitting[0]
    if not fitting and held is not None:
        raise TokenUnusable(held)
    return _only(fitting or seen)


def _fits(tx: Transaction, order: Order, facts: TokenFacts) -> bool:
    try:
        require_fits(tx, order, facts)
    except (TokenUnusable, DeskRefused):
        return False
    return True


def _of_serial(
    seen: tuple[_Seen, ...], serial: str, otherwise: TokenRefusal, fits: Fits, held: TokenRefused | None
) -> _Seen:
    """The token of that serial, which may be the held one; else the only one, which is told what is wrong with it."""
    named = tuple(each for each in seen if _serial(each) == serial)
    if len(named) == 1:
        return named[0]
    if named:
        fitting = tuple(each for each in named if each.facts is not None and fits(each.facts))
        if fitting:
            return fitting[0]
        raise TokenUnusable(TokenRefused(TokenRefusal.TWINS, found=serial))
    if held is not None:
        raise TokenUnusable(held)
    if len(seen) == 1:
        return seen[0]
    raise TokenUnusable(TokenRefused(otherwise, expected=serial, candidates=_views(seen)))


def _only(seen: tuple[_Seen, ...]) -> _Seen:
    if len(seen) == 1:
        return seen[0]
    serials = [_serial(each) for each in seen]
    twin = next((each for each in serials if serials.count(each) > 1), None)
    if twin is not None:
        raise TokenUnusable(TokenRefused(TokenRefusal.TWINS, found=twin))
    raise TokenUnusable(TokenRefused(TokenRefusal.SEVERAL, candidates=_views(seen)))


def _serial(seen: _Seen) -> str | None:
    return seen.view.serial if seen.view is not None else None


def _views(seen: tuple[_Seen, ...]) -> tuple[TokenView, ...]:
    return tuple(each.view for each in seen if each.view is not None)
