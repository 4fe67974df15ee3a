"""Issuing a member's certificate inside the transaction that records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import (
    identity_of,
    issuing_authority,
    policy_of,
    require_clock,
    require_in_use,
    require_issuer_outlives,
    require_policy_holds,
)
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.certificate_numbers import draw_certificate_number
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.validity import validity
from kiosk.pki.errors import EndBeyondIssuer, PkiError, RequestInvalid
from kiosk.pki.names import MemberName
from kiosk.store.keys_on_record import key_on_record

if TYPE_CHECKING:
    from hardware.ports import KeyOrigin
    from kiosk.desk.context import Desk
    from kiosk.domain.ledger import Binding, Order
    from kiosk.store.transaction import Transaction


def require_may_issue(desk: Desk, tx: Transaction, order: Order) -> None:
    """Refuse before a token is touched what `issue` would refuse after. Raises DeskRefused."""
    require_in_use(tx)
    now, policy = desk.clock.wall(), policy_of(tx)
    require_clock(tx, desk.clock, policy)
    require_policy_holds(tx, policy, now)
    key = key_on_record(tx, order.account)
    end = validity(now, key.not_after if key else None, policy.certificate_years).end
    require_issuer_outlives(tx, end)


def member_of(order: Order) -> MemberName:
    """Whom the order's certificate is for."""
    return MemberName(order.account, order.enterprise)


def issue(
    desk: Desk,
    tx: Transaction,
    order: Order,
    attempt: Binding,
    request: bytes,
    origin: KeyOrigin | None = None,
) -> None:
    """Issue for the token's request (PKCS#10, DER) under a new number, and append the entry.

    What its maker attests of the key pair's `origin` stands in the certificate. The predecessor and the end that the validity is counted from are read here. Raises DeskRefused, TokenUnusable,
    EntryRefused.
    """
    require_may_issue(desk, tx, order)
    now, policy = desk.clock.wall(), policy_of(tx)
    key = key_on_record(tx, order.account)
    period = validity(now, key.not_after if key else None, policy.certificate_years)
    number = draw_certificate_number(
        identity_of(tx).kiosk, desk.random, lambda drawn: tx.ledger.certificate(drawn) is not None
    )
    authority = issuing_authority(tx, now)
    try:
        certificate = authority.issue(
            request,
            member_of(order),
            int(number),
            period.start,
            period.end,
            policy.clock_deviation,
            origin.statements if origin is not None else (),
        )
    except EndBeyondIssuer as error:
        raise DeskRefused(Refusal.ISSUER_ENDS_TOO_SOON) from error
    except RequestInvalid as error:
        raise TokenUnusable(TokenRefused(TokenRefusal.PROOF_FAILED, found=attempt.token_serial)) from error
    except PkiError as error:
        raise DeskRefused(Refusal.RECORD_DISAGREES) from error
    body = CertificateIssued(
        order=order.reference,
        attempt=attempt.attempt,
        number=str(number),
        certificate=certificate,
        not_before=period.start,
        not_after=period.end,
        policy=policy.number,
        predecessor=key.number if key else None,
        old_end=key.not_after if key else None,
    )
    tx.append(body, desk.clock)
