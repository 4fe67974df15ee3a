"""Payments of order tokens: one open attempt at a time, each settled once and confirmed to the owning kiosk."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from kiosk.domain.identifiers import out_trade_no, parse_order_reference
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.models import Kiosk
from sync.central.journal.alarms import clear_alarm, raise_alarm
from sync.central.journal.models import AlarmKind
from sync.central.ledger.open_orders import tell_open_orders
from sync.central.payments.models import (
    SETTLED,
    UNPAID,
    AttemptState,
    DeskPayment,
    DeskPaymentState,
    Payment,
    PaymentAttempt,
    PaymentState,
)
from sync.central.payments.news import owning_kiosk, tell_money
from sync.central.payments.pages import Bill
from sync.central.payments.payers import began
from sync.central.payments.provider import NoProvider, PaymentProvider, Trade, TradeState
from sync.central.payments.sandbox import SandboxProvider
from sync.central.payments.vouched import raise_paid_twice

_NO_NEWS = {TradeState.UNKNOWN, TradeState.NOT_PAID}


def provider() -> PaymentProvider:
    """The provider of this centre."""
    return SandboxProvider() if settings.KEYDESK.plays_payments else NoProvider()


def takes_money() -> bool:
    """Whether payers can pay here at all."""
    return not isinstance(provider(), NoProvider)


def open_attempt(bill: Bill, now: int) -> PaymentAttempt | None:
    """The open attempt, else a new one, prepared with the provider; None when the order is paid or has another code."""
    with transaction.atomic():
        payment = _locked(bill, now)
        if payment.state not in UNPAID or bytes(payment.token) != bill.data:
            return None
        attempt = payment.attempts.filter(state=AttemptState.OPEN).first()
        if attempt is None:
            number = payment.attempts.count() + 1
            attempt = PaymentAttempt.objects.create(
                out_trade_no=out_trade_no(bill.code.reference, number),
                payment=payment,
                attempt=number,
                opened_at=now,
            )
        provider().prepare(attempt.out_trade_no, bill.amount, bill.order)
        return attempt


def ask_provider(order: str, now: int) -> None:
    """Ask the provider for the state of an order's open attempts: a server may have died before it recorded one.

    A centre that was put back asks for those that it may have forgotten too, before another is begun or money goes back.
    """
    attempts = PaymentAttempt.objects.filter(payment_id=order, state=AttemptState.OPEN)
    for number in attempts.values_list("out_trade_no", flat=True):
        trade = provider().query(number)
        if trade.state not in _NO_NEWS:
            settle(number, trade, now)
    while _may_have_forgotten() and (forgotten := _taken_back(order, now)) is not None:
        settle(*forgotten, now)


def list_forgotten(bill: Bill, now: int) -> None:
    """List the payment of a bill that the centre forgot when it was put back, if the provider knows of one."""
    if not _may_have_forgotten() or Payment.objects.filter(order=bill.order).exists():
        return
    if provider().query(out_trade_no(bill.code.reference, 1)).state is not TradeState.UNKNOWN:
        with transaction.atomic():
            _locked(bill, now)


def _may_have_forgotten() -> bool:
    return present_incarnation() > 1


def _taken_back(order: str, now: int) -> tuple[str, Trade] | None:
    """The attempt after those on record, put on record with its trade; None where the provider knows of none."""
    with transaction.atomic():
        payment = Payment.objects.select_for_update().filter(order=order).first()
        if payment is None:
            return None
        number = payment.attempts.count() + 1
        name = out_trade_no(parse_order_reference(order), number)
        trade = provider().query(name)
        if trade.state is TradeState.UNKNOWN:
            return None
        PaymentAttempt.objects.create(out_trade_no=name, payment=payment, attempt=number, opened_at=now)
    return name, trade


def pay(bill: Bill, now: int, browser: str = "") -> None:
    """Pay a bill as the sandbox's payer, with the browser of that name (payers.py)."""
    using = provider()
    attempt = open_attempt(bill, now) if isinstance(using, SandboxProvider) else None
    if isinstance(using, SandboxProvider) and attempt is not None:
        if browser:
            began(attempt, browser)
        settle(attempt.out_trade_no, using.pay(attempt.out_trade_no, now), now)


def decline(bill: Bill, now: int) -> None:
    """Close the open attempt, since the payer gave up; paying again uses the next one."""
    attempt = open_attempt(bill, now)
    if attempt is not None:
        settle(attempt.out_trade_no, provider().close(attempt.out_trade_no), now)


def settle(number: str, trade: Trade, now: int) -> None:
    """Record the state of a trade, in every state of the order; recording it again changes nothing."""
    with telling(now) as told:
        attempt = PaymentAttempt.objects.get(out_trade_no=number)
        payment = Payment.objects.select_for_update().get(order=attempt.payment_id)
        attempt.refresh_from_db()
        if trade.state is TradeState.CLOSED and attempt.state == AttemptState.OPEN:
            attempt.state = AttemptState.CLOSED
            attempt.save(update_fields=["state"])
        went_back = trade.state is TradeState.REFUNDED
        if not (went_back or trade.state is TradeState.SUCCESS) or attempt.state in SETTLED:
            return
        if payment.attempts.filter(state__in=SETTLED, transaction=trade.transaction).exists():
            detail = (
                f"交易号 {trade.transaction} 在两次支付尝试里都有（{number}）：按一笔入账，请与支付机构核对"
            )
            raise_alarm(AlarmKind.PAID_TWICE, payment.kiosk, number, detail, now)
            return
        attempt.state, attempt.transaction = AttemptState.PAID, trade.transaction
        attempt.amount, attempt.paid_at = trade.amount, trade.paid_at
        attempt.save(update_fields=["state", "transaction", "amount", "paid_at"])
        first = payment.state in UNPAID
        if went_back:
            _note_return(payment, attempt, now)
        elif first:
            payment.state, payment.paid_at = PaymentState.PAID, trade.paid_at
            payment.transaction = trade.transaction
            payment.save()
        else:
            detail = (
                f"又收到 {trade.amount / 100:.2f} 元，交易号 {trade.transaction}；请在「缴费」里退回多付的款"
            )
            raise_alarm(AlarmKind.PAID_TWICE, payment.kiosk, trade.transaction, detail, now)
        tell_money(told, [payment.order])
        tell_open_orders(told, [payment.account])
        # With the kiosk's row locked, what the kiosk uploaded meanwhile is visible.
        Kiosk.objects.select_for_update().get(number=owning_kiosk(payment))
        if first and not went_back and DeskPayment.objects.filter(order=payment.order).exists():
            raise_paid_twice(payment, now)
        clear_alarm(AlarmKind.UNPAID_CONFIRMATION, payment.kiosk, payment.order, "收款已到", now)


def _note_return(payment: Payment, attempt: PaymentAttempt, now: int) -> None:
    """Note that an attempt's money went back before the centre was put back: with its order, or beside other money."""
    attempt.state = AttemptState.RETURNED
    if payment.state == PaymentState.OPEN:
        attempt.state = AttemptState.REFUNDED
        payment.state, payment.transaction = PaymentState.REFUNDED, attempt.transaction
        payment.paid_at, payment.refunded_at = attempt.paid_at, now
        payment.save()
    attempt.save(update_fields=["state"])


def pay_back(payment: Payment, now: int) -> bool:
    """Refund an order through the provider and tell the kiosk; False when the provider did not."""
    ask_provider(payment.order, now)
    taken = payment.attempts.filter(state=AttemptState.PAID)
    with telling(now) as told:
        payment = Payment.objects.select_for_update().get(order=payment.order)
        if payment.state != PaymentState.PAID:
            return False
        using: PaymentProvider = provider()
        attempts = list(taken)
        trades = [_refunded(using, attempt) for attempt in attempts]
        if not trades or any(trade.state is not TradeState.REFUNDED for trade in trades):
            return False
        for attempt in attempts:
            clear_alarm(AlarmKind.PAID_TWICE, payment.kiosk, attempt.transaction, "随订单退回", now)
        taken.update(state=AttemptState.REFUNDED)
        payment.state, payment.refunded_at = PaymentState.REFUNDED, now
        payment.save(update_fields=["state", "refunded_at"])
        tell_money(told, [payment.order])
        tell_open_orders(told, [payment.account])
    return True


def return_surplus(payment: Payment, now: int) -> int:
    """Refund what came in beside the order's payment, in every state of the order; how many fen went back."""
    returned = 0
    ask_provider(payment.order, now)
    with telling(now) as told:
        payment = Payment.objects.select_for_update().get(order=payment.order)
        for attempt in list(surplus(payment)):
            trade = _refunded(provider(), attempt)
            if trade.state is not TradeState.REFUNDED:
                continue
            attempt.state = AttemptState.RETURNED
            attempt.save(update_fields=["state"])
            tell_money(told, [payment.order])
            clear_alarm(AlarmKind.PAID_TWICE, payment.kiosk, attempt.transaction, "多付已退回", now)
            returned += attempt.amount
            if attempt.transaction == payment.transaction:  # the desk's money is the order's payment
                payment.state, payment.transaction, payment.refunded_at = PaymentState.VOUCHED, "", now
                payment.save(update_fields=["state", "transaction", "refunded_at"])
                tell_open_orders(told, [payment.account])
                clear_alarm(AlarmKind.PAID_TWICE, payment.kiosk, payment.order, "多付已退回", now)
    return returned


def _refunded(using: PaymentProvider, attempt: PaymentAttempt) -> Trade:
    """The attempt's trade after its refund was asked for: again, where the answer was lost or another's failed."""
    return using.refund(attempt.out_trade_no, attempt.out_refund_no, attempt.amount)


def surplus(payment: Payment) -> QuerySet[PaymentAttempt]:
    """The paid attempts beside the order's payment, which is one of them or the desk's own money."""
    paid = payment.attempts.filter(state=AttemptState.PAID)
    if DeskPayment.objects.filter(order=payment.order, state=DeskPaymentState.RECEIVED).exists():
        return paid
    return paid.exclude(transaction=payment.transaction)


def _locked(bill: Bill, now: int) -> Payment:
    opened = {
        "order_number": str(bill.code.order),
        "kiosk": bill.code.order.kiosk,
        "account": bill.code.account,
        "kind": bill.code.kind.value,
        "token": bill.data,
        "amount": bill.amount,
    }
    Payment.objects.get_or_create(order=bill.order, defaults={**opened, "opened_at": now})
    payment = Payment.objects.select_for_update().get(order=bill.order)
    if (
        not payment.token
    ):  # listed because a kiosk reported it; what is to be paid is in the order's own token
        for name, value in opened.items():
            setattr(payment, name, value)
        payment.save(update_fields=list(opened))
    return payment
