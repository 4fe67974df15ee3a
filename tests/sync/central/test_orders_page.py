"""「我的订单」→「华商订单」 at /orders/."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from msgspec.structs import replace

from kiosk.domain.entries.orders import DeliveryChosen, OrderCancelled, OrderPaid, OrderPlaced
from kiosk.domain.entries.requests import DeliveryAsked, InvoiceAsked, InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import Delivery, PaidHow
from kiosk.domain.lockouts import ACCOUNT_RULE
from kiosk.domain.policy import DAY
from sync.central.configuration import SmsProviderName
from sync.central.journal.signals import incarnation_began
from sync.central.login import sessions
from sync.central.login.codes import CODE_SECONDS
from sync.central.login.models import MemberSession, PasswordTry, SandboxMessage
from sync.central.login.sessions import SignIn
from sync.central.members.models import Operator
from sync.central.payments import payers
from sync.central.payments.orders import views, visitors
from tests.support.kiosk_double import ENTERPRISE, KioskDouble
from tests.support.query_plans import faults, statements

pytestmark = pytest.mark.django_db
ORDERS = visitors.PATH
ACCOUNT, PASSWORD = "11000001", "Keydesk-1"
NOON = int(datetime(2026, 11, 10, 4, tzinfo=UTC).timestamp())
"""Of a Tuesday in China."""


@pytest.fixture(autouse=True)
def _cheap_dummy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier of nobody's password has its real costs."""
    verifier = "$argon2id$v=19$m=8,t=1,p=1$DRhZmGV1SP8N2KV17Oqy3Q$KudCdqhFTnyrHkvOfdFOK6VcPr3BRznsc4tgpxeHRhM"
    monkeypatch.setattr(sessions, "DUMMY_VERIFIER", verifier)


@pytest.fixture
def placed(kiosk: KioskDouble) -> OrderPlaced:
    kiosk.feed()
    return kiosk.place()


@pytest.fixture
def payer(kiosk: KioskDouble, placed: OrderPlaced) -> Client:
    """The browser that paid."""
    browser = Client()
    assert browser.post(kiosk.page_path(placed), {"action": "pay"}, follow=True).status_code == 200
    return browser


def _text(browser: Client) -> str:
    return browser.get(ORDERS).content.decode()


def _post(browser: Client, **fields: str) -> str:
    return browser.post(ORDERS, fields, follow=True).content.decode()


def _code() -> str:
    (code,) = re.findall(r"\d{6}", SandboxMessage.objects.latest("id").text)
    return str(code)


def _signed_in(account: str = ACCOUNT, password: str = PASSWORD) -> Client:
    browser = Client()
    assert "data-asks-code" in _post(browser, action="sign-in", account=account, password=password)
    assert "data-account" in _post(browser, action="code", code=_code())
    return browser


def _statuses(page: str) -> list[str]:
    return re.findall(r'data-status="([a-z]+)"', page)


def _notes(page: str) -> list[str]:
    return re.findall(r'data-note="([a-z-]+)"', page)


def test_the_browser_that_paid_sees_its_order_at_once(payer: Client, placed: OrderPlaced) -> None:
    page = _text(payer)
    assert f'data-order="{number_in(placed.order)}"' in page
    assert "已付款，待绑定" in page
    for said in (ACCOUNT, ENTERPRISE, "￥340.00", "新办key盘"):
        assert said in page
    assert "data-signs-in" in page  # for the account's other orders


def test_the_paid_page_leads_there_and_says_the_state_in_words(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    page = payer.get(kiosk.page_path(placed)).content.decode()
    assert f'href="{ORDERS}"' in page
    assert "已付款，待绑定" in page
    assert "关注公众号「郑州华粮」" in page


@pytest.mark.usefixtures("payer")
def test_another_browser_sees_no_order_and_is_asked_who_it_is() -> None:
    page = _text(Client())
    assert "data-signs-in" in page
    assert "data-order" not in page
    assert ACCOUNT not in page


@pytest.mark.parametrize("how", ["paid here", "paid at the desk", "cancelled"])
def test_a_receipts_code_shows_the_state_and_no_personal_fact(
    kiosk: KioskDouble, placed: OrderPlaced, how: str
) -> None:
    match how:
        case "paid here":
            Client().post(kiosk.page_path(placed), {"action": "pay"})
        case "paid at the desk":
            kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
        case _:
            kiosk.append(OrderCancelled(placed.order, "member"))
    kiosk.pushed()
    page = Client().get(kiosk.page_path(placed)).content.decode()
    assert ("已付款，待绑定" if how.startswith("paid") else "订单已取消") in page
    for fact in (ACCOUNT, ENTERPRISE, "李晓梅"):
        assert fact not in page


def test_account_password_and_code_show_all_orders_of_the_account(
    kiosk: KioskDouble, placed: OrderPlaced
) -> None:
    kiosk.place(kind=OrderKind.RENEWAL, nonce=b"other6")
    kiosk.pushed()
    browser = _signed_in()
    assert "用于查看我的订单" in SandboxMessage.objects.latest("id").text
    page = _text(browser)
    assert page.count("data-order=") == 2
    assert number_in(placed.order) in page
    assert f"账号 {ACCOUNT}" in page


def test_an_account_without_orders_is_told_so(examples: object) -> None:
    del examples
    assert "data-none" in _text(_signed_in())


def test_orders_of_others_are_not_shown(kiosk: KioskDouble, placed: OrderPlaced) -> None:
    kiosk.place(account="11000002", nonce=b"other6")
    kiosk.pushed()
    page = _text(_signed_in())
    assert page.count("data-order=") == 1
    assert number_in(placed.order) in page


def test_an_order_that_was_paid_before_its_kiosk_told_of_it_is_shown(payer: Client) -> None:
    del payer
    assert _statuses(_text(_signed_in())) == ["paid"]


@pytest.mark.usefixtures("examples")
def test_a_wrong_password_and_an_unknown_account_get_the_same_answer() -> None:
    wrong = Client()
    pages = [
        _post(wrong, action="sign-in", account=account, password="nonsense")
        for account in (ACCOUNT, "99999999", "0", "admin", "")
    ]
    tokens = re.compile(r'value="[A-Za-z0-9]{64}"')
    assert len({tokens.sub("", page) for page in pages}) == 1
    assert 'data-said="wrong"' in pages[0]
    assert not SandboxMessage.objects.exists()
    assert not MemberSession.objects.exists()


@pytest.mark.usefixtures("examples")
def test_five_wrong_passwords_lock_the_account_and_no_other(clock: Callable[[int], None]) -> None:
    browser = Client()
    for _ in range(ACCOUNT_RULE.failures):
        _post(browser, action="sign-in", account=ACCOUNT, password="nonsense")
    assert 'data-said="locked"' in _post(browser, action="sign-in", account=ACCOUNT, password=PASSWORD)
    assert not SandboxMessage.objects.exists()
    _signed_in("11000002", "Keydesk-2")
    clock(ACCOUNT_RULE.duration)
    assert "data-asks-code" in _post(browser, action="sign-in", account=ACCOUNT, password=PASSWORD)


@pytest.mark.usefixtures("examples")
def test_a_right_password_takes_the_tries_back() -> None:
    for _ in range(2):
        for _ in range(ACCOUNT_RULE.failures - 1):
            _post(Client(), action="sign-in", account=ACCOUNT, password="nonsense")
        _signed_in()
    assert not PasswordTry.objects.exists()


@pytest.mark.usefixtures("examples")
def test_the_password_alone_shows_nothing(kiosk: KioskDouble, placed: OrderPlaced) -> None:
    kiosk.pushed()
    browser = Client()
    page = _post(browser, action="sign-in", account=ACCOUNT, password=PASSWORD)
    assert "data-asks-code" in page
    assert number_in(placed.order) not in page
    wrong = f"{(int(_code()) + 1) % 10**6:06d}"
    assert 'data-said="wrong-code"' in _post(browser, action="code", code=wrong)
    assert number_in(placed.order) not in _text(browser)


@pytest.mark.usefixtures("examples")
def test_three_wrong_codes_end_it_and_an_old_one_is_wrong(clock: Callable[[int], None]) -> None:
    browser = Client()
    _post(browser, action="sign-in", account=ACCOUNT, password=PASSWORD)
    right = _code()
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    pages = [_post(browser, action="code", code=wrong) for _ in range(3)]
    assert ["data-asks-code" in page for page in pages] == [True, True, False]
    assert "data-account" not in _post(browser, action="code", code=right)
    _post(browser, action="sign-in", account=ACCOUNT, password=PASSWORD)
    clock(CODE_SECONDS + 1)
    assert "data-account" not in _post(browser, action="code", code=_code())


@pytest.mark.usefixtures("examples")
def test_a_code_is_for_the_browser_that_asked() -> None:
    asked, thief = Client(), Client()
    _post(asked, action="sign-in", account=ACCOUNT, password=PASSWORD)
    assert "data-account" not in _post(thief, action="code", code=_code())
    assert "data-account" in _post(asked, action="code", code=_code())


@pytest.mark.usefixtures("examples")
def test_an_account_gets_five_codes_an_hour(clock: Callable[[int], None]) -> None:
    pages = [_post(Client(), action="sign-in", account=ACCOUNT, password=PASSWORD) for _ in range(6)]
    assert SandboxMessage.objects.count() == sessions.CODES_AN_HOUR
    assert 'data-said="too-many"' in pages[-1]
    clock(3601)
    assert "data-asks-code" in _post(Client(), action="sign-in", account=ACCOUNT, password=PASSWORD)


@pytest.mark.usefixtures("examples")
def test_a_session_ends_by_itself_and_by_leaving(clock: Callable[[int], None]) -> None:
    browser = _signed_in()
    name = browser.cookies[visitors.COOKIE].value
    assert "data-signs-in" in _post(browser, action="leave")
    browser.cookies[visitors.COOKIE] = name
    assert "data-signs-in" in _text(browser)
    other = _signed_in()
    clock(sessions.SESSION_SECONDS - 5)
    assert "data-account" in _text(other)
    clock(sessions.SESSION_SECONDS + 5)
    assert "data-signs-in" in _text(other)


@pytest.mark.usefixtures("examples")
def test_a_centre_that_was_put_back_has_nobody_signed_in() -> None:
    browser = _signed_in()
    incarnation_began.send(sender=None, number=2, now=0)
    assert "data-signs-in" in _text(browser)


@pytest.mark.usefixtures("examples")
def test_without_a_phone_or_messages_nobody_is_let_in_by_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setattr(settings, "KEYDESK", replace(settings.KEYDESK, sms=SmsProviderName.NONE))
        page = _text(Client())
        assert 'name="password"' not in page
        assert "到服务台查询" in page
        said = _post(Client(), action="sign-in", account=ACCOUNT, password=PASSWORD)
        assert "data-account" not in said
    Operator.objects.filter(account=ACCOUNT).update(phone="")
    assert 'data-said="no-phone"' in _post(Client(), action="sign-in", account=ACCOUNT, password=PASSWORD)
    assert not MemberSession.objects.exists()


@pytest.mark.usefixtures("examples")
def test_only_hashes_of_codes_and_cookies_are_stored() -> None:
    browser = _signed_in()
    row = MemberSession.objects.get()
    assert browser.cookies[visitors.COOKIE].value not in {row.key, row.code_hash}
    assert _code() not in row.code_hash
    cookie = browser.cookies[visitors.COOKIE]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", ORDERS)


@pytest.mark.usefixtures("examples")
def test_a_form_of_another_site_signs_nobody_in() -> None:
    strict = Client(enforce_csrf_checks=True)
    fields = {"action": "sign-in", "account": ACCOUNT, "password": PASSWORD}
    assert strict.post(ORDERS, fields).status_code == 403
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', _text(strict)))
    fields["csrfmiddlewaretoken"] = token
    assert strict.post(ORDERS, fields, headers={"Origin": "https://other.example"}).status_code == 403
    assert strict.post(ORDERS, fields, headers={"Origin": "http://testserver"}).status_code == 302


def test_the_browser_tells_the_origin_of_the_pages_own_forms() -> None:
    """Under no-referrer it is null, which is refused as another site's."""
    assert Client().get(ORDERS)["Referrer-Policy"] == "same-origin"


@pytest.mark.usefixtures("examples")
def test_passwords_of_one_address_are_limited_and_the_page_stays() -> None:
    browser = Client()
    fields = {"action": "sign-in", "account": "99999999", "password": "nonsense"}
    statuses = [browser.post(ORDERS, fields).status_code for _ in range(31)]
    assert (statuses[29], statuses[30]) == (302, 429)
    assert browser.post(ORDERS, fields)["Retry-After"] == "60"
    assert browser.get(ORDERS).status_code == 200


def test_the_page_runs_nothing_and_is_not_kept(payer: Client) -> None:
    for answer in (Client().get(ORDERS), payer.get(ORDERS), _signed_in().get(ORDERS)):
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer["Cache-Control"] == "no-store"
        body = answer.content.decode()
        assert not re.search(r"<script|<style| style=| on[a-z]+=", body)


def test_other_methods_and_actions_are_refused() -> None:
    assert Client().put(ORDERS).status_code == 405
    assert Client().post(ORDERS, {"action": "pay"}).status_code == 400
    assert Client().get("/orders")["Location"] == ORDERS


def _paid_at(kiosk: KioskDouble, placed: OrderPlaced, **changes: object) -> None:
    paid = OrderPaid(placed.order, PaidHow.DESK, 34000, NOON, supervisor="林涛")
    kiosk.append(replace(paid, **changes), wall=NOON)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the page's clock to noon of a day in China."""

    def set_to(day: str) -> None:
        moment = int(datetime.fromisoformat(f"{day}T04:00:00+00:00").timestamp())
        monkeypatch.setattr(views, "centre_now", lambda: moment)

    return set_to


def _page_on(browser: Client, day: str, at: Callable[[str], None]) -> str:
    at(day)
    MemberSession.objects.update(expires=2**40, began_at=0)
    return _text(browser)


def test_what_is_promised_is_told_with_its_days(
    kiosk: KioskDouble, placed: OrderPlaced, at: Callable[[str], None]
) -> None:
    _paid_at(kiosk, placed)
    kiosk.pushed()
    browser = _signed_in()
    page = _page_on(browser, "2026-11-10", at)
    assert _notes(page) == ["dispatch", "invoice"]
    assert "最迟 11 月 13 日" in page
    assert "预计 11 月 17 日至11 月 19 日" in page
    page = _page_on(browser, "2026-11-30", at)
    assert _notes(page) == ["dispatch-after-address", "invoice-pause"]
    assert "今天填写，最迟 12 月 3 日" in page
    assert "12 月 7 日恢复" in page
    page = _page_on(browser, "2026-12-30", at)
    assert "放假安排尚未公布" in page


def test_what_was_asked_for_is_promised_from_the_day_on_which_it_was_asked(
    kiosk: KioskDouble, placed: OrderPlaced, at: Callable[[str], None]
) -> None:
    _paid_at(kiosk, placed)
    asked_at = NOON + 14 * DAY  # the 24th, the last day before the pause
    kiosk.append(DeliveryAsked(placed.order, ACCOUNT, bytes(32), "member"), wall=asked_at)
    special = InvoiceKind.SPECIAL
    kiosk.append(InvoiceAsked(placed.order, ACCOUNT, special, bytes(32), "member"), wall=asked_at)
    kiosk.pushed()
    browser = _signed_in()
    page = _page_on(browser, "2026-11-25", at)
    assert _notes(page) == ["dispatch", "invoice"]
    assert "填写地址后 3 个工作日内寄出，最迟 11 月 27 日" in page
    assert "已申请，预计 12 月 1 日至12 月 3 日" in page
    page = _page_on(browser, "2026-12-04", at)
    assert _notes(page) == ["overdue", "invoice-overdue"]
    assert "应已在 11 月 27 日前寄出" in page
    assert "应已在 12 月 3 日前发到邮箱" in page


def test_an_invoice_that_was_asked_in_the_pause_waits_and_is_told_so(
    kiosk: KioskDouble, placed: OrderPlaced, at: Callable[[str], None]
) -> None:
    _paid_at(kiosk, placed)
    asked = InvoiceAsked(placed.order, ACCOUNT, InvoiceKind.ORDINARY, bytes(32), "member")
    kiosk.append(asked, wall=NOON + 15 * DAY)
    kiosk.pushed()
    browser = _signed_in()
    page = _page_on(browser, "2026-11-26", at)
    assert "invoice-pause" in _notes(page)
    assert "12 月 7 日恢复；已申请，顺延，预计 12 月 14 日至12 月 16 日" in page
    page = _page_on(browser, "2026-12-08", at)
    assert "invoice" in _notes(page)
    assert "已申请，预计 12 月 14 日至12 月 16 日" in page


@pytest.mark.parametrize(("delivery", "note"), [(Delivery.COUNTER, "counter"), (Delivery.MAIL, "dispatch")])
def test_a_key_that_is_handed_over_at_the_counter_is_not_promised_by_mail(
    kiosk: KioskDouble, placed: OrderPlaced, at: Callable[[str], None], delivery: Delivery, note: str
) -> None:
    _paid_at(kiosk, placed)
    kiosk.append(DeliveryChosen(placed.order, delivery))
    kiosk.pushed()
    assert _notes(_page_on(_signed_in(), "2026-11-10", at)) == [note, "invoice"]


def test_a_renewal_promises_no_key(kiosk: KioskDouble, at: Callable[[str], None]) -> None:
    kiosk.feed()
    placed = kiosk.place(kind=OrderKind.RENEWAL)
    _paid_at(kiosk, placed, amount=23000)
    kiosk.pushed()
    assert _notes(_page_on(_signed_in(), "2026-11-10", at)) == ["bring", "invoice"]


def test_an_order_that_was_bound_or_given_up_says_so(kiosk: KioskDouble, placed: OrderPlaced) -> None:
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.certificate(placed)
    kiosk.finish(placed)
    other = kiosk.place(nonce=b"other6")
    kiosk.append(OrderCancelled(other.order, "member"))
    kiosk.pushed()
    page = _text(_signed_in())
    assert sorted(_statuses(page)) == ["bound", "cancelled"]
    assert _notes(page) in (["invoice"], ["invoice-pause"])
    assert "已绑定" in page
    assert "已取消" in page


def test_the_picture_to_follow_is_shown_once_it_is_configured(
    tmp_path: Path, payer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "<img" not in _text(payer)
    assert payer.get("/orders/follow").status_code == 404
    file = tmp_path / "follow.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\nrest")
    monkeypatch.setattr(settings, "KEYDESK", replace(settings.KEYDESK, follow_picture=str(file)))
    assert 'src="/orders/follow"' in _text(payer)
    answer = payer.get("/orders/follow")
    assert (answer["Content-Type"], answer.content) == ("image/png", file.read_bytes())


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's plans")
def test_no_page_reads_a_table_that_grows_from_end_to_end(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    del placed
    kiosk.pushed()
    with statements() as sent:
        _text(payer)
        browser = _signed_in()
        _text(browser)
        _post(browser, action="leave")
    asked = [one for one in sent if one.sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(asked) > 10
    assert not [(each, one.sql) for one in asked for each in faults(one, {})]


def test_a_browsers_name_is_the_payers() -> None:
    """So that the browser that paid at /P/ is known at /orders/."""
    assert Client().get(ORDERS).cookies[payers.COOKIE]["path"] == "/"


@pytest.mark.usefixtures("examples")
def test_codes_that_were_sent_while_the_clock_was_ahead_do_not_count() -> None:
    now = int(time.time())
    for ahead in (30 * DAY, 0):
        for _ in range(sessions.CODES_AN_HOUR):
            assert sessions.begin(ACCOUNT, PASSWORD, now + ahead).said is SignIn.CODE_SENT
        assert sessions.begin(ACCOUNT, PASSWORD, now + ahead).said is SignIn.TOO_MANY


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "hex", "rot13", "idna", "gbk", "UTF-8"])
@pytest.mark.usefixtures("examples")
def test_a_form_in_another_encoding_is_refused(charset: str) -> None:
    fields = {"action": "sign-in", "account": ACCOUNT, "password": "+2AA-\\ud800"}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    ]
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    browser = Client(raise_request_exception=False)
    answer = browser.generic("POST", ORDERS, "".join([*parts, "--x--\r\n"]), content_type=kind)
    assert answer.status_code == (302 if charset == "UTF-8" else 415)
