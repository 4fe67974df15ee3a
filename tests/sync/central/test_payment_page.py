from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from msgspec.structs import replace

from kiosk.domain.entries.orders import (
    OrderCancelled,
    OrderPaid,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.feed import PaymentConfirmed, PaymentReturned, RefundPaid
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import out_trade_no, parse_order_reference
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.payment_codes import confirmation_digits, confirmation_key, order_code_text
from sync.central.centre_keys import CentreKeys
from sync.central.configuration import PaymentProviderName
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.rows import order_record
from sync.central.ledger.settling import may_pay_back, request_refund
from sync.central.payments import paying
from sync.central.payments.models import AttemptState, Payment, PaymentAttempt, PaymentState, SandboxTrade
from sync.central.payments.pages import read_bill
from sync.central.payments.sandbox import SandboxProvider
from tests.support.books import remarks
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db
JSON = {"accept": "application/json"}


def _get(path: str, browser: Client | None = None) -> dict[str, Any]:
    body: dict[str, Any] = (browser or Client()).get(path, headers=JSON).json()
    return body


def _post(path: str, action: str, browser: Client | None = None) -> dict[str, Any]:
    body: dict[str, Any] = (browser or Client()).post(path, {"action": action}, headers=JSON).json()
    return body


def _confirmed(kiosk: KioskDouble) -> list[PaymentConfirmed]:
    return [item for item in kiosk.feed() if isinstance(item, PaymentConfirmed)]


def test_the_page_shows_who_what_and_how_much(kiosk: KioskDouble) -> None:
    page = Client().get(kiosk.page_path(kiosk.place())).content.decode()
    for text in (
        "郑州华粮科技有限公司",
        "新办key盘",
        "国产密钥",
        "证书费用",
        "服务费",
        "￥340.00",
        "11000001",
    ):
        assert text in page
    assert "data-confirmation" not in page
    assert 'name="viewport"' in page


def test_who_has_paid_is_told_the_drivers_way_as_the_site_does(kiosk: KioskDouble) -> None:
    path = kiosk.page_path(kiosk.place())
    assert "data-driver" not in Client().get(path).content.decode()
    paid = Client().post(path, {"action": "pay"}, follow=True).content.decode()
    for word in ("data-driver", "「用户登录」→「下载安装」", "「以管理员身份运行」"):
        assert word in paid


def test_every_page_of_the_sandbox_says_that_it_is_one(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kiosk.page_path(kiosk.place())
    payable = Client().get(path)
    paid = Client().post(path, {"action": "pay"}, follow=True)
    refused = Client().get("/P/NONSENSE")
    assert all("data-sandbox" in page.content.decode() for page in (payable, paid, refused))
    without = replace(settings.KEYDESK, provider=PaymentProviderName.NONE)
    monkeypatch.setattr(settings, "KEYDESK", without)
    assert "data-sandbox" not in Client().get(path).content.decode()


def test_without_a_provider_nobody_pays_by_a_button(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = replace(settings.KEYDESK, provider=PaymentProviderName.NONE)
    monkeypatch.setattr(settings, "KEYDESK", without)
    path = kiosk.page_path(kiosk.place())
    page = Client().get(path).content.decode()
    assert "data-no-provider" in page
    assert "<button" not in page
    for action in ("pay", "decline"):
        assert _post(path, action)["state"] == "payable"
    assert not PaymentAttempt.objects.exists()
    assert not _confirmed(kiosk)


def test_the_address_is_taken_in_small_letters_and_without_its_p(kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    text = order_code_text(placed.order_code)
    for path in (f"/P/{text}", f"/p/{text.lower()}", f"/{text}", f"/P/{text}/"):
        assert _get(path)["order"] == placed.order


def test_paying_twice_pays_once(kiosk: KioskDouble) -> None:
    path, browser = kiosk.page_path(kiosk.place()), Client()
    first, second = _post(path, "pay", browser), _post(path, "pay", browser)
    assert first["state"] == second["state"] == "paid"
    assert first["confirmation"] == second["confirmation"]
    assert PaymentAttempt.objects.count() == SandboxTrade.objects.count() == 1
    assert len(_confirmed(kiosk)) == 1


def test_declining_closes_the_attempt_and_paying_uses_the_next(kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    path, reference = kiosk.page_path(placed), parse_order_reference(placed.order)
    declined = _post(path, "decline")
    assert (declined["state"], declined["confirmation"]) == ("payable", "")
    assert _post(path, "pay")["state"] == "paid"
    attempts = list(PaymentAttempt.objects.order_by("attempt").values_list("out_trade_no", "state"))
    assert attempts == [
        (out_trade_no(reference, 1), AttemptState.CLOSED),
        (out_trade_no(reference, 2), AttemptState.PAID),
    ]
    assert list(SandboxTrade.objects.order_by("out_trade_no").values_list("state", flat=True)) == [
        "CLOSED",
        "SUCCESS",
    ]


def test_a_form_post_returns_to_the_page(kiosk: KioskDouble) -> None:
    path = kiosk.page_path(kiosk.place())
    client = Client(enforce_csrf_checks=True)
    declined = client.post(path, {"action": "decline"}, follow=True)
    assert "data-declined" in declined.content.decode()
    paid = client.post(path, {"action": "pay"}, follow=True).content.decode()
    assert "支付成功" in paid
    assert "data-scan-text" in paid
    assert "<svg" in paid


def test_json_bodies_and_rubbish(kiosk: KioskDouble) -> None:
    path = kiosk.page_path(kiosk.place())
    for body in (b'{"action": "steal"}', b"{", b"[]"):
        assert Client().post(path, body, content_type="application/json").status_code == 400
    paid = Client().post(path, b'{"action": "pay"}', content_type="application/json", headers=JSON)
    assert paid.json()["state"] == "paid"
    assert Client().put(path).status_code == 405


@pytest.mark.parametrize("position", [5, 12, 20, 27, 30, 37])
def test_a_token_that_was_tampered_with_is_refused(kiosk: KioskDouble, position: int) -> None:
    placed = kiosk.place()
    forged = bytearray(placed.order_code)
    forged[position] ^= 1
    response = Client().get(f"/P/{order_code_text(bytes(forged))}", headers=JSON)
    assert (response.status_code, response.json()["trouble"]) == (403, "forged")
    assert not Payment.objects.exists()


def test_tokens_of_another_or_an_unknown_kiosk_are_refused(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.number = 3  # signs in kiosk 3's name with its own secret
    assert Client().get(kiosk.page_path(other.place())).status_code == 403
    other.number = 77
    assert Client().get(kiosk.page_path(other.place())).status_code == 403


@pytest.mark.parametrize("text", ["x", "0" * 60, "0" * 62, "U" * 61, "0" * 61])
def test_what_is_no_token_is_not_found(db: None, text: str) -> None:
    assert Client().get(f"/P/{text}").status_code == 404


def test_an_expired_bill_is_not_paid(kiosk: KioskDouble, clock: Callable[[int], None]) -> None:
    path = kiosk.page_path(kiosk.place())
    clock(901)
    assert _post(path, "pay")["state"] == "expired"
    assert not Payment.objects.exists()
    assert "订单已过期" in Client().get(path).content.decode()


@pytest.mark.parametrize(("window", "later", "state"), [(120, 600, "payable"), (3600, 1800, "expired")])
def test_an_order_is_payable_as_long_as_its_kiosk_waits_whatever_policy_came_since(
    kiosk: KioskDouble, keys: CentreKeys, clock: Callable[[int], None], window: int, later: int, state: str
) -> None:
    kiosk.feed()
    path = kiosk.page_path(kiosk.place())
    kiosk.pushed()
    limits = policies.newest(3)
    assert limits is not None
    policies.issue(3, replace(policies.read(limits), payment_window=window), keys, kiosk.now())
    clock(later)
    assert _post(path, "pay" if state == "expired" else "decline")["state"] == state


def test_a_bill_from_the_future_is_refused(kiosk: KioskDouble) -> None:
    kiosk.clock_offset = 3600
    placed = kiosk.place()
    response = Client().get(kiosk.page_path(placed), headers=JSON)
    assert (response.status_code, response.json()["trouble"]) == (409, "clock")


def test_a_cancelled_order_takes_no_money(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderCancelled(placed.order, "member"))
    kiosk.pushed()
    path = kiosk.page_path(placed)
    assert _get(path)["state"] == "cancelled"
    assert _post(path, "pay")["state"] == "cancelled"
    assert not Payment.objects.exists()


def test_money_that_raced_a_cancel_is_refunded_on_both_sides(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    path = kiosk.page_path(placed)
    kiosk.append(OrderCancelled(placed.order, "member"))
    assert _post(path, "pay")["state"] == "paid"  # the centre did not know yet
    kiosk.pushed()
    assert _get(path)["state"] == "refunding"
    assert _get(path)["confirmation"] == ""
    (confirmed,) = _confirmed(kiosk)
    kiosk.append(
        OrderPaid(
            placed.order,
            PaidHow.FEED,
            confirmed.amount,
            confirmed.paid_at,
            confirmed.transaction,
            kiosk.feed_key(confirmed),
        )
    )
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    assert row.status == OrderStatus.REFUNDING.value
    assert may_pay_back(row)
    payment = Payment.objects.get()
    assert paying.pay_back(payment, int(time.time()))
    assert not paying.pay_back(payment, int(time.time()))
    (back,) = [item for item in kiosk.feed() if isinstance(item, RefundPaid)]
    assert (back.order, back.amount) == (placed.order, 34000)
    kiosk.append(RefundCompleted(placed.order, back.amount, kiosk.feed_key(back)))
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDED.value
    assert _get(path)["state"] == "refunded"
    trade = SandboxTrade.objects.get()
    assert (trade.state, trade.out_refund_no) == ("REFUND", PaymentAttempt.objects.get().out_refund_no)


def test_money_heard_of_after_a_decline_is_taken_all_the_same(kiosk: KioskDouble, keys: CentreKeys) -> None:
    placed = kiosk.place()
    now = int(time.time())
    bill = read_bill(order_code_text(placed.order_code), keys, now)
    attempt = paying.open_attempt(bill, now)
    assert attempt is not None
    SandboxProvider().pay(attempt.out_trade_no, now)  # the payer was quicker than the close
    paying.decline(bill, now)
    assert Payment.objects.get().state == PaymentState.PAID
    assert len(_confirmed(kiosk)) == 1


def _paid_after_the_close(number: str, now: int) -> None:
    """The provider tells of money for an attempt that it had closed."""
    trades = SandboxTrade.objects.filter(out_trade_no=number)
    assert trades.update(state="SUCCESS", transaction=f"LATE{number[-6:]}", paid_at=now) == 1
    paying.settle(number, paying.provider().query(number), now)


@pytest.mark.parametrize("later", [0, 3600])
def test_money_taken_by_a_server_that_died_before_noting_it_is_found_when_the_page_is_opened_again(
    kiosk: KioskDouble, clock: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    path = kiosk.page_path(kiosk.place())
    kiosk.pushed()
    with monkeypatch.context() as killed:
        killed.setattr(paying, "settle", lambda *_: 1 // 0)
        assert Client().post(path, {"action": "pay"}).status_code == 500
    assert SandboxTrade.objects.get().state == "SUCCESS"
    clock(later)
    kiosk.clock_offset = later
    assert _get(path)["state"] == _get(path)["state"] == "paid"
    assert len(_confirmed(kiosk)) == 1


@pytest.mark.parametrize("bound", [False, True])
def test_money_that_came_in_twice_is_pointed_out_and_goes_back_alone(
    kiosk: KioskDouble,
    bound: bool,  # noqa: FBT001 - the parameter
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    path = kiosk.page_path(placed)
    now = int(time.time())
    _post(path, "decline")
    _post(path, "pay")
    first, second = PaymentAttempt.objects.order_by("attempt")
    _paid_after_the_close(first.out_trade_no, now)
    _paid_after_the_close(first.out_trade_no, now)
    payment = Payment.objects.get()
    assert payment.transaction == SandboxTrade.objects.get(pk=second.pk).transaction
    (alarm,) = Alarm.objects.filter(kind=AlarmKind.PAID_TWICE)
    assert "340.00" in alarm.detail
    confirmed = _confirmed(kiosk)
    assert len({each.transaction for each in confirmed}) == 2
    for each in confirmed:
        number = kiosk.feed_key(each)
        told = (placed.order, PaidHow.FEED, each.amount, each.paid_at, each.transaction, number)
        kiosk.append(OrderPaid(*told))
    if bound:
        kiosk.certificate(placed)
        kiosk.finish(placed)
    kiosk.pushed()
    before = LedgerOrder.objects.get(reference=placed.order)
    assert before.status == (OrderStatus.BOUND if bound else OrderStatus.PAID).value
    assert paying.return_surplus(payment, now) == 34_000
    assert paying.return_surplus(payment, now) == 0
    alarm.refresh_from_db()
    assert alarm.cleared_at == now
    (back,) = [item for item in kiosk.feed() if isinstance(item, PaymentReturned)]
    returned = (back.order, back.transaction, back.amount)
    assert returned == (placed.order, f"LATE{first.out_trade_no[-6:]}", 34_000)
    assert SandboxTrade.objects.get(pk=first.pk).state == "REFUND"
    assert SandboxTrade.objects.get(pk=second.pk).state == "SUCCESS"
    kiosk.append(SurplusReturned(*returned, kiosk.feed_key(back)))
    kiosk.append(SurplusReturned(placed.order, payment.transaction, 34_000, kiosk.feed_key(back)))
    kiosk.pushed()
    after = order_record(LedgerOrder.objects.get(reference=placed.order))
    assert (after.status.value, after.received, after.returned) == (before.status, 34_000, 34_000)
    assert remarks()[max(remarks())] == ["echoed-already"]


def test_a_refund_of_an_order_that_was_paid_twice_gives_both_back(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    path = kiosk.page_path(placed)
    now = int(time.time())
    _post(path, "decline")
    _post(path, "pay")
    first = PaymentAttempt.objects.get(attempt=1)
    _paid_after_the_close(first.out_trade_no, now)
    assert paying.pay_back(Payment.objects.get(), now)
    (back,) = [item for item in kiosk.feed() if isinstance(item, RefundPaid)]
    assert back.amount == 68_000
    assert not Alarm.objects.filter(kind=AlarmKind.PAID_TWICE, cleared_at=None).exists()
    assert paying.return_surplus(Payment.objects.get(), now) == 0
    assert set(SandboxTrade.objects.values_list("state", flat=True)) == {"REFUND"}


def test_a_refund_is_granted_by_the_owning_kiosk_alone(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    _post(kiosk.page_path(placed), "pay")
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    assert not may_pay_back(row)
    assert request_refund(row, "admin", "asked", kiosk.now())
    kiosk.append(RefundGranted(placed.order, "林涛", "asked"))
    kiosk.pushed()
    assert may_pay_back(LedgerOrder.objects.get(reference=placed.order))


def test_a_dead_kiosks_orders_are_paid_back_once_it_is_revoked(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    _post(kiosk.page_path(placed), "pay")
    kiosk.append(OrderPaid(placed.order, PaidHow.SCAN, 34000, kiosk.now()))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    assert not may_pay_back(row)
    Kiosk.objects.update(state=KioskState.REVOKED)
    assert may_pay_back(row)
    assert not request_refund(row, "admin", "asked", kiosk.now())


def test_a_code_without_money_raises_an_alarm_until_the_money_comes(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    now = int(time.time())
    attempt = paying.open_attempt(read_bill(order_code_text(placed.order_code), keys, now), now)
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    alarm = Alarm.objects.get(kind=AlarmKind.UNPAID_CONFIRMATION)
    assert (alarm.subject, alarm.cleared_at) == (placed.order, None)
    assert attempt is not None
    paying.settle(attempt.out_trade_no, SandboxProvider().pay(attempt.out_trade_no, now), now)
    alarm.refresh_from_db()
    assert alarm.cleared_at == now


def test_a_code_with_money_raises_none(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    _post(kiosk.page_path(placed), "pay")
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    assert not Alarm.objects.exists()


def test_a_renewal_costs_230(kiosk: KioskDouble) -> None:
    kiosk.feed()
    shown = _get(kiosk.page_path(kiosk.place(account="11000002", kind=OrderKind.RENEWAL)))
    assert (shown["amount"], len(shown["lines"])) == (23000, 2)


def test_a_revoked_kiosks_bills_are_not_paid(kiosk: KioskDouble) -> None:
    path = kiosk.page_path(kiosk.place())
    Kiosk.objects.update(state=KioskState.REVOKED)
    assert Client().post(path, {"action": "pay"}).status_code == 403


def test_what_was_ordered_at_a_machine_that_was_replaced_is_still_shown_with_the_code_that_the_new_one_takes(
    kiosk: KioskDouble,
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()
    unheard = kiosk.place(account="11000006", kind=OrderKind.RENEWAL)
    browser = Client()
    before = _post(kiosk.page_path(placed), "pay", browser)
    machine = KioskDouble(3).enrol(give_token(3, kiosk.now()))
    page = _get(kiosk.page_path(placed), browser)
    key = confirmation_key(machine.answer.payment_secret)
    assert page["state"] == "paid"
    assert (
        page["confirmation"] == confirmation_digits(placed.order_code, 34_000, key) != before["confirmation"]
    )
    # Nobody has this order: it was lost with its machine.
    assert Client().get(kiosk.page_path(unheard), headers=JSON).status_code == 403
    assert Client().post(kiosk.page_path(unheard), {"action": "pay"}).status_code == 403
    assert Payment.objects.count() == 1


def test_an_unexpected_error_shows_a_number_and_no_traceback(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kiosk.page_path(kiosk.place())

    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("sync.central.payments.views.page_view", fail)
    response = Client().get(path)
    assert response.status_code == 500
    assert "错误编号" in response.content.decode()
    assert "secret detail" not in response.content.decode()
