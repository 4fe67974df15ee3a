"""The steps of a binding in one kiosk's view of an order: one attempt at a time, each step after the one before.

started → key pair made → issued → written → proved → bound        (a renewal goes from started to issued)
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Binding, BindingStep, Order, OrderStatus
from kiosk.domain.order_steps import in_state
from kiosk.domain.remarks import DoesNotFollow, RemarkReason

AttemptStep = (
    BindingStarted
    | KeyPairMade
    | CertificateIssued
    | CertificateWritten
    | CertificateProved
    | Bound
    | BindingAbandoned
)


def step(order: Order, body: AttemptStep) -> Order:  # noqa: PLR0911 - one case an entry kind
    """The order after one step of an attempt. Raises DoesNotFollow."""
    in_state(order, OrderStatus.PAID)
    match body:
        case BindingStarted():
            return _started(order, body)
        case KeyPairMade():
            attempt = replace(
                _after(order, body, BindingStep.STARTED),
                step=BindingStep.KEY_PAIR_MADE,
                public_key=body.public_key,
            )
            return _with(_of_new_token(order), attempt)
        case CertificateIssued():
            before = BindingStep.KEY_PAIR_MADE if order.kind.wants_new_token else BindingStep.STARTED
            attempt = replace(_after(order, body, before), step=BindingStep.ISSUED, certificate=body.number)
            return _with(order, attempt)
        case CertificateWritten():
            return _with(order, replace(_after(order, body, BindingStep.ISSUED), step=BindingStep.WRITTEN))
        case CertificateProved():
            return _with(order, replace(_after(order, body, BindingStep.WRITTEN), step=BindingStep.PROVED))
        case Bound():
            attempt = replace(_after(order, body, BindingStep.PROVED), step=BindingStep.BOUND)
            return replace(_with(order, attempt), status=OrderStatus.BOUND)
        case BindingAbandoned():
            return _with(order, replace(_current(order, body.attempt), step=BindingStep.ABANDONED))
        case _:
            assert_never(body)


def _started(order: Order, body: BindingStarted) -> Order:
    """A first attempt, or one after an abandoned one."""
    if order.binding is not None or body.attempt != len(order.bindings) + 1:
        raise DoesNotFollow(RemarkReason.BINDING_IN_ANOTHER_STEP, order.reference)
    renews = order.kind is OrderKind.RENEWAL
    if renews and body.public_key is None:
        raise DoesNotFollow(RemarkReason.ANOTHER_TOKEN, order.reference)
    attempt = Binding(
        attempt=body.attempt,
        token_serial=body.token_serial,
        driver=body.driver,
        algorithm=body.algorithm,
        step=BindingStep.STARTED,
        public_key=body.public_key if renews else None,
        old_certificate=body.old_certificate,
    )
    return replace(order, bindings=(*order.bindings, attempt))


def _of_new_token(order: Order) -> Order:
    if not order.kind.wants_new_token:
        raise DoesNotFollow(RemarkReason.BINDING_IN_ANOTHER_STEP, order.reference)
    return order


def _current(order: Order, number: int) -> Binding:
    attempt = order.binding
    if attempt is None or attempt.attempt != number:
        raise DoesNotFollow(RemarkReason.BINDING_IN_ANOTHER_STEP, order.reference)
    return attempt


def _after(order: Order, body: AttemptStep, before: BindingStep) -> Binding:
    attempt = _current(order, body.attempt)
    if attempt.step is not before:
        raise DoesNotFollow(RemarkReason.BINDING_IN_ANOTHER_STEP, order.reference)
    return attempt


def _with(order: Order, attempt: Binding) -> Order:
    return replace(order, bindings=(*order.bindings[:-1], attempt))
