"""挂失, 拾获登记 and 解除挂失: placing an account's certificate on hold, at once and free of charge, and lifting the hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.ports import TokenNotPrepared
from kiosk.desk.authority import require_staff
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.keys.status import key_view
from kiosk.desk.keys.views import FoundView, LiftedView, LossView
from kiosk.desk.tokens.own_key import require_key_pair, require_own_key
from kiosk.desk.tokens.ownership import Owner, owner_of, owner_of_unprepared
from kiosk.desk.tokens.pin import unlock
from kiosk.desk.tokens.reading import TokenFacts, unprepared_view
from kiosk.desk.tokens.selection import chosen_token
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.fees import OrderKind
from kiosk.domain.guard import open_order
from kiosk.domain.ledger import CertificateStatus
from kiosk.pki.suites import suite
from kiosk.store.keys_on_record import key_on_record

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.tokens.selection import Chosen
    from kiosk.desk.views.people import Session, StaffSession
    from kiosk.desk.views.tokens import TokenView
    from kiosk.domain.decisions import KeyOnRecord
    from kiosk.pki.certificates import IssuedCertificate
    from kiosk.store.transaction import Transaction

_CHALLENGE = b"keydesk proof of a found key\x00"
_CHALLENGE_RANDOM = 32


def report_loss(desk: Desk, session: Session) -> LossView:
    """Place the account's certificate on hold. Raises DeskRefused NO_KEY.

    A key that is on hold already is reported again: its hold may have been lifted elsewhere. A revoked one stays
    revoked.
    """
    with desk.database.write() as tx:
        key = _key(tx, session.account)
        if not key.revoked:
            tx.append(LossReported(session.account, key), desk.clock)
            key = _key(tx, session.account)
        return LossView(key, registered=_registered(tx, session.account))


def loss_registered(desk: Desk, account: str) -> bool:
    """Whether the centre has received this kiosk's last entry about the account's loss; cheap."""
    with desk.database.read() as tx:
        return _registered(tx, account)


def key_found(desk: Desk, staff: StaffSession, serial: str | None = None) -> FoundView:
    """Record that the inserted token was handed in; a key in use goes on hold until its owner comes.

    Raises TokenUnusable, DeskRefused.
    """
    with desk.database.read() as tx:
        require_staff(tx, staff)
    with chosen_token(desk, serial=serial, by_staff=True) as chosen:
        view, facts = _read(chosen)
    with desk.database.write() as tx:
        require_staff(tx, staff)
        owner = _owner(tx, view, facts)
        # a blank token allows no login, even if its serial is on record
        key = owner.key if owner.status is not KeyStatus.BLANK else None
        if key is not None and key.revoked:
            key = None
        # a key that is on hold already is reported again: its hold may have been lifted elsewhere
        tx.append(KeyFound(owner.account or "", view.serial, staff.name, key), desk.clock)
        after = _owner(tx, view, facts)
        return FoundView(key_view(desk, tx, view, after), held=key is not None and not key.lost)


def lift_hold(
    desk: Desk,
    session: Session,
    staff: StaffSession,
    pin: str,
    *,
    last_try_confirmed: bool = False,
    serial: str | None = None,
) -> LiftedView:
    """Take the account's certificate into use again, once the key on record proved its PIN by a signature.

    Raises DeskRefused (NO_KEY, KEY_REVOKED, REPLACEMENT_OPEN), TokenUnusable (NOT_ON_HOLD).
    """
    with desk.database.read() as tx:
        _require_liftable(tx, session.account, staff)
    with chosen_token(desk, serial=serial, account=session.account, by_staff=True) as chosen:
        token = chosen.token
        facts = chosen.facts()
        with desk.database.read() as tx:
            own = require_own_key(tx, session.account, facts)
        certificate = require_key_pair(own, facts)
        unlock(token, pin, factory_pin=None, last_try_confirmed=last_try_confirmed)
        challenge = _CHALLENGE + desk.random(_CHALLENGE_RANDOM)
        _require_signed(certificate, challenge, token.sign(challenge), facts.serial)
    with desk.database.write() as tx:
        key = _require_liftable(tx, session.account, staff)
        if key.number != own.key.number:
            raise DeskRefused(Refusal.KEY_STATE_CHANGED)
        tx.append(HoldLifted(session.account, key, staff.name), desk.clock)
        return LiftedView(_key(tx, session.account), registered=_registered(tx, session.account))


def _key(tx: Transaction, account: str) -> KeyOnRecord:
    key = key_on_record(tx, account)
    if key is None:
        raise DeskRefused(Refusal.NO_KEY, rests_on_feed=True)
    return key


def _require_liftable(tx: Transaction, account: str, staff: StaffSession) -> KeyOnRecord:
    """The account's key, if its hold may be lifted. Raises DeskRefused, TokenUnusable."""
    require_staff(tx, staff)
    key = _key(tx, account)
    certificate = tx.ledger.certificate(key.number)
    if key.revoked or (certificate is not None and certificate.status is CertificateStatus.REVOKED):
        raise DeskRefused(Refusal.KEY_REVOKED)
    if not key.lost:
        raise TokenUnusable(TokenRefused(TokenRefusal.NOT_ON_HOLD, found=key.token_serial))
    if open_order(tx.ledger, account, OrderKind.REPLACEMENT) is not None:
        raise DeskRefused(Refusal.REPLACEMENT_OPEN)
    return key


def _require_signed(certificate: IssuedCertificate, message: bytes, signature: bytes, serial: str) -> None:
    if not suite(certificate.algorithm).verify(certificate.public_key, message, signature):
        raise TokenUnusable(TokenRefused(TokenRefusal.PROOF_FAILED, found=serial))


def _read(chosen: Chosen) -> tuple[TokenView, TokenFacts | None]:
    """What is on the token; one that lacks the desk's application has its serial alone. Raises TokenError."""
    try:
        facts = TokenFacts.as_far_as_readable(chosen.token)
    except TokenNotPrepared:
        return unprepared_view(chosen.token, chosen.reader), None
    return chosen.view(facts), facts


def _owner(tx: Transaction, view: TokenView, facts: TokenFacts | None) -> Owner:
    return owner_of(tx, facts) if facts else owner_of_unprepared(tx, view.serial)


def _registered(tx: Transaction, account: str) -> bool:
    """Whether the centre has every entry about a hold of the account's key."""
    return not tx.journal.concerns_hold(account, after=tx.agent.get().high_water)
