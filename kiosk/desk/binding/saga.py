"""Binding a key to a paid order: a saga whose every step is durable before the next begins.

    started → key pair made → certificate issued → written → read back and proved → bound

`bind` continues from the last step in the journal and from what is on the token: a key pair without its entry is
generated again, a certificate without its entry is compared and counts as written. A renewal keeps the key pair; when it
cannot be finished while the token is still there, the old certificate is restored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

import structlog

from hardware.ports import (
    AttestationRefused,
    Attesting,
    Doubtful,
    HardwareError,
    KeyOrigin,
    MalformedAnswer,
    Token,
    TokenFault,
)
from kiosk.desk.authority import issuing_authority, secret
from kiosk.desk.binding.issuing import issue, member_of, require_may_issue
from kiosk.desk.errors import DeskError, DeskRefused, TokenUnusable
from kiosk.desk.orders.quoting import require_approved
from kiosk.desk.orders.receipts import queue_receipt, registration_of
from kiosk.desk.orders.views import order_view, own_order, require_paid
from kiosk.desk.tokens.fitness import factory_pin_fits, require_fits
from kiosk.desk.tokens.own_key import certificate_to_restore, require_own_key
from kiosk.desk.tokens.pin import unlock
from kiosk.desk.tokens.reading import TokenFacts, token_refused
from kiosk.desk.tokens.selection import Chosen, chosen_token
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import STEPS_SHOWN, BindingProgress, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.entries.bindings import (
    BindingStarted,
    Bound,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import EntryRefused
from kiosk.domain.guard import certificate_under_way
from kiosk.domain.ledger import Binding, BindingStep, Certificate, Order, OrderStatus
from kiosk.pki.errors import CertificateInvalid, PkiError
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import KeyAlgorithm, suite
from kiosk.pki.verification import verify_chain
from kiosk.store.errors import DatabaseError
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.vault import VaultItem

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction

_LOG = structlog.get_logger()
_CHALLENGE = b"keydesk proof of a written certificate\x00"
_CHALLENGE_RANDOM = 32

_KEY_PAIR_STEP = STEPS_SHOWN[BindingStep.KEY_PAIR_MADE]


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """One call of `bind`: the desk, the chosen token, the order's reference, the member and the progress callback."""

    desk: Desk
    chosen: Chosen
    reference: str
    account: str
    progress: Callable[[BindingProgress], None]

    @property
    def token(self) -> Token:
        """The open token."""
        return self.chosen.token

    def paid(self, tx: Transaction) -> Order:
        """The order as it stands in this transaction. Raises DeskRefused when it may not be bound (any more).

        A renewal is refused once the key was reported lost or replaced, here or elsewhere, even halfway through.
        """
        order = require_paid(own_order(tx, self.reference, self.account))
        if not order.kind.wants_new_token:
            key, attempt = key_on_record(tx, order.account), order.binding
            if attempt is not None and key is not None and key.token_serial != attempt.token_serial:
                raise DeskRefused(Refusal.BEGUN_ON_REPLACED_KEY, rests_on_feed=True)
            if key is not None and key.lost:
                raise DeskRefused(Refusal.KEY_STATE_CHANGED, rests_on_feed=True)
        return order

    def append(self, body: AnyBody) -> None:
        """Make one step durable. Raises DeskRefused."""
        with self.desk.database.write() as tx:
            self.paid(tx)
            tx.append(body, self.desk.clock)

    def report(self, step: int, *, done: bool) -> None:
        """Report progress."""
        self.progress(BindingProgress(step, done))


def bind(
    desk: Desk,
    session: Session,
    reference: str,
    pin: str | None,
    progress: Callable[[BindingProgress], None],
    *,
    last_try_confirmed: bool = False,
    serial: str | None = None,
) -> BoundView:
    """Bind the token that is in, from wherever an earlier call stopped. Takes seconds.

    Of several tokens it takes the one with that `serial`, else the one that the order needs; calling again continues.
    Raises DeskRefused, TokenUnusable.
    """
    with desk.database.read() as tx:
        require_paid(own_order(tx, reference, session.account))
    with chosen_token(desk, serial=serial, order=reference) as chosen:
        token = chosen.token
        work = _Work(desk, chosen, reference, session.account, progress)
        work.report(1, done=False)
        order, facts, finished = _begin(work)
        if not finished:
            factory = token.factory_pin if factory_pin_fits(order, facts) else None
            unlock(token, pin, factory_pin=factory, last_try_confirmed=last_try_confirmed)
            if isinstance(token, Doubtful) and token.doubtful:
                facts = chosen.facts()
        _report_passed_steps(work, order)
        old = _old_certificate(desk, order, facts)
        try:
            if order.binding is None:
                _start(work, facts, old)
            return _run(work)
        except (DeskError, HardwareError, EntryRefused, DatabaseError) as ended:
            if old is not None:
                _restore_old_certificate(work, old, ended)
            raise


def _begin(work: _Work) -> tuple[Order, TokenFacts, bool]:
    """What is durable so far and what is on the token, once they fit together; and whether only `bound` is left."""
    facts = work.chosen.facts()
    with work.desk.database.read() as tx:
        order = work.paid(tx)
        require_fits(tx, order, facts)
        if order.binding is None or order.binding.certificate is None:
            require_approved(tx, order.account)
            if certificate_under_way(tx.ledger, order.account) is not None:
                raise DeskRefused(Refusal.ANOTHER_BINDING_UNFINISHED)
            require_may_issue(work.desk, tx, order)
        attempt = order.binding
        certificate = tx.ledger.certificate(attempt.certificate) if attempt and attempt.certificate else None
    proved = attempt is not None and attempt.step is BindingStep.PROVED
    finished = proved and certificate is not None and certificate.certificate == facts.certificate
    return order, facts, finished


def _report_passed_steps(work: _Work, order: Order) -> None:
    """Report the steps that a resumed attempt has behind it."""
    reached = STEPS_SHOWN.get(order.binding.step, 0) if order.binding else 0
    for step in range(1, reached):
        if step != _KEY_PAIR_STEP or order.kind.wants_new_token:
            work.report(step, done=True)


def _run(work: _Work) -> BoundView:
    """Take one durable step after the other until the key is bound."""
    while True:
        with work.desk.database.read() as tx:
            order = work.paid(tx)
            attempt = order.binding
            certificate = (
                tx.ledger.certificate(attempt.certificate) if attempt and attempt.certificate else None
            )
        if attempt is None:  # a supervisor abandoned it in the meantime
            raise DeskRefused(Refusal.RECORD_DISAGREES)
        shown = STEPS_SHOWN.get(attempt.step)
        if shown is not None:
            work.report(shown, done=True)
        match attempt.step:
            case BindingStep.STARTED if order.kind.wants_new_token:
                _make_key_pair(work, attempt)
            case BindingStep.STARTED | BindingStep.KEY_PAIR_MADE:
                _issue(work, order, attempt)
            case BindingStep.ISSUED:
                _write(work, attempt, _require(certificate))
            case BindingStep.WRITTEN:
                _prove(work, attempt, _require(certificate))
            case BindingStep.PROVED:
                return _finish(work, attempt, _require(certificate))
            case BindingStep.BOUND | BindingStep.ABANDONED:
                raise DeskRefused(Refusal.RECORD_DISAGREES)
            case _:
                assert_never(attempt.step)


def _old_certificate(desk: Desk, order: Order, facts: TokenFacts) -> bytes | None:
    """The certificate (DER) that a renewal restores when it cannot be finished; None for a new token.

    An earlier attempt or order may have left its own certificate on the token; the one on record counts.
    """
    if order.kind.wants_new_token:
        return None
    if order.binding is not None:
        return order.binding.old_certificate
    before = (each.old_certificate for each in order.bindings if each.token_serial == facts.serial)
    with desk.database.read() as tx:
        belongs = certificate_to_restore(tx, require_own_key(tx, order.account, facts), facts)
    return next(before, belongs or facts.certificate)


def _start(work: _Work, facts: TokenFacts, old: bytes | None) -> None:
    """Record the token after checking it again; a renewal also records its public key and its old certificate."""
    with work.desk.database.write() as tx:
        order = work.paid(tx)
        require_fits(tx, order, facts)
        renews = not order.kind.wants_new_token
        row, key = tx.ledger.register(order.account), key_on_record(tx, order.account)
        body = BindingStarted(
            order=order.reference,
            attempt=len(order.bindings) + 1,
            token_serial=facts.serial,
            driver=work.token.driver,
            algorithm=work.token.algorithm.value,
            public_key=facts.public_key if renews else None,
            old_certificate=old,
            key=key if renews and (row is None or key != row.key) else None,
        )
        tx.append(body, work.desk.clock)


def _make_key_pair(work: _Work, attempt: Binding) -> None:
    """Generate it, even when the token has one: there is no telling whether that one was completed."""
    work.report(_KEY_PAIR_STEP, done=False)
    public_key = work.token.generate_key_pair()
    work.append(KeyPairMade(work.reference, attempt.attempt, public_key))


def _issue(work: _Work, order: Order, attempt: Binding) -> None:
    """Have the token sign the request, and issue."""
    work.report(3, done=False)
    algorithm = KeyAlgorithm(attempt.algorithm)
    with work.desk.database.read() as tx:
        organisation = issuing_authority(tx, work.desk.clock.wall()).organisation
    try:
        info = certification_request_info(
            organisation, member_of(order), algorithm, attempt.public_key or b""
        )
        request = assemble(info, algorithm, work.token.sign(info))
    except PkiError as error:
        raise _unproved(attempt) from error
    origin = _origin(work.token, attempt.public_key or b"")
    with work.desk.database.write() as tx:
        issue(work.desk, tx, work.paid(tx), attempt, request, origin)


def _origin(token: Token, public_key: bytes) -> KeyOrigin | None:
    """Where the key pair was made, as the token's maker attests. Raises TokenError.

    What does not hold is not passed on, and no reason to refuse: most tokens attest nothing.
    """
    if not isinstance(token, Attesting):
        return None
    try:
        origin = token.key_origin(public_key)
    except AttestationRefused as refused:
        _LOG.warning("an attestation that does not hold", token=token.serial, problem=refused.reason)
        return None
    if origin is not None:
        _LOG.info("a key pair that was made on its token", token=token.serial, root=origin.root)
    return origin


def _write(work: _Work, attempt: Binding, certificate: Certificate) -> None:
    """Write the certificate, unless it is on the token: then only the entry was lost."""
    work.report(4, done=False)
    if work.token.certificate() != certificate.certificate:
        _write_certificate(work.token, certificate.certificate)
    work.append(CertificateWritten(work.reference, attempt.attempt))


def _write_certificate(token: Token, certificate: bytes) -> None:
    """Write it; where the answer was lost or spoilt, what is on the token decides. Raises TokenError."""
    try:
        token.write_certificate(certificate)
    except (TokenFault, MalformedAnswer):
        if token.certificate() != certificate:
            raise


def _require_on_token(token: Token, attempt: Binding, der: bytes) -> None:
    """The certificate reads back equal, written again once if it does not. Raises TokenUnusable, TokenError."""
    if token.certificate() == der:
        return
    _write_certificate(token, der)
    if token.certificate() != der:
        raise _unproved(attempt)


def _prove(work: _Work, attempt: Binding, certificate: Certificate) -> None:
    """Read the certificate back, judge its chain, and have the token sign a challenge with its key."""
    work.report(5, done=False)
    desk, der = work.desk, certificate.certificate
    _require_on_token(work.token, attempt, der)
    with desk.database.read() as tx:
        issuing, root = (
            secret(tx, item) for item in (VaultItem.ISSUING_CERTIFICATE, VaultItem.ROOT_CERTIFICATE)
        )
    challenge = _CHALLENGE + desk.random(_CHALLENGE_RANDOM)
    signature = work.token.sign(challenge)
    try:
        issued = verify_chain(der, issuing, root, max(desk.clock.wall(), certificate.not_before))
    except CertificateInvalid as error:
        raise _unproved(attempt) from error
    if not suite(issued.algorithm).verify(issued.public_key, challenge, signature):
        raise _unproved(attempt)
    work.append(CertificateProved(work.reference, attempt.attempt, challenge, signature))


def _finish(work: _Work, attempt: Binding, certificate: Certificate) -> BoundView:
    """Bind, once more sure that the certificate is on the token, and queue the receipt with it."""
    work.report(6, done=False)
    desk = work.desk
    _require_on_token(work.token, attempt, certificate.certificate)
    with desk.database.write() as tx:
        work.paid(tx)
        tx.append(Bound(work.reference, attempt.attempt), desk.clock)
        order = own_order(tx, work.reference)
        queue_receipt(desk, tx, order)
        view = BoundView(
            order=order_view(desk, tx, order),
            serial=certificate.token_serial,
            certificate=certificate.number,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            registration=registration_of(tx, certificate.number),
        )
    work.report(6, done=True)
    return view


def _restore_old_certificate(work: _Work, old: bytes, ended: Exception) -> None:
    """After a renewal stopped short: the old certificate on the token again, if the token still answers."""
    with work.desk.database.read() as tx:
        order = tx.ledger.order(work.reference)
    if order is not None and _stays(order):
        return
    try:
        if work.token.certificate() != old:
            work.token.write_certificate(old)
    except HardwareError as failed:
        # the next call continues from the journal, so the first failure is the one to report
        ended.add_note(f"the old certificate was not restored: {token_refused(failed).reason.value}")


def _stays(order: Order) -> bool:
    """Whether the new certificate on the token is good, be it that only the last entry is missing."""
    if not order.bindings:  # the order moved to another kiosk
        return False
    step = order.bindings[-1].step
    return step is BindingStep.BOUND or (step is BindingStep.PROVED and order.status is OrderStatus.PAID)


def _require(certificate: Certificate | None) -> Certificate:
    if certificate is None:
        raise DeskRefused(Refusal.RECORD_DISAGREES)
    return certificate


def _unproved(attempt: Binding) -> TokenUnusable:
    return TokenUnusable(TokenRefused(TokenRefusal.PROOF_FAILED, found=attempt.token_serial))
