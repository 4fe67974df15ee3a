from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from msgspec.structs import replace

from sync.central.configuration import SmsProviderName
from sync.central.login.codes import CODE_SECONDS
from sync.central.login.models import SandboxMessage
from sync.central.members.models import Operator
from sync.central.payments import payers, paying
from sync.central.payments.models import ConfirmationCode, Payment, PaymentAttempt
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db
JSON = {"accept": "application/json"}
ACCOUNT = "11000001"


@pytest.fixture
def path(kiosk: KioskDouble) -> str:
    return kiosk.page_path(kiosk.place())


@pytest.fixture
def payer(path: str) -> Client:
    """The browser that paid."""
    browser = Client()
    assert browser.post(path, {"action": "pay"}, headers=JSON).json()["confirmation"]
    return browser


def _shown(browser: Client, path: str) -> dict[str, Any]:
    body: dict[str, Any] = browser.get(path, headers=JSON).json()
    return body


def _post(browser: Client, path: str, **fields: str) -> dict[str, Any]:
    body: dict[str, Any] = browser.post(path, fields, headers=JSON).json()
    return body


def _killed(*_: object) -> None:
    raise ConnectionError


def _code() -> str:
    """The newest code on the operator's phone."""
    (code,) = re.findall(r"\d{6}", SandboxMessage.objects.latest("id").text)
    return str(code)


@pytest.mark.usefixtures("payer")
def test_whoever_photographed_the_qr_code_sees_that_it_is_paid_and_no_confirmation(path: str) -> None:
    other = Client()
    page = other.get(path).content.decode()
    shown = _shown(other, path)
    assert (shown["state"], shown["confirmation"], shown["scan_text"]) == ("paid", "", "")
    assert (shown["account"], shown["enterprise"]) == ("1100****", "")
    assert "data-hidden" in page
    assert "支付成功" in page
    assert ACCOUNT not in page
    assert "data-confirmation" not in page
    assert "data-scan-text" not in page


def test_pressing_the_button_of_what_is_paid_shows_nothing_to_another(path: str, payer: Client) -> None:
    assert _post(Client(), path, action="pay")["confirmation"] == ""
    assert _shown(payer, path)["confirmation"]


def test_the_browser_that_paid_reads_it_though_the_answer_was_lost(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client()
    browser.get(path)
    with monkeypatch.context() as broken:
        broken.setattr(paying, "settle", _killed)
        assert browser.post(path, {"action": "pay"}).status_code == 500
    assert _shown(browser, path)["confirmation"]
    assert _shown(Client(), path)["confirmation"] == ""


@pytest.mark.parametrize("name", ["", "0" * 31, "g" * 32, "0" * 32])
@pytest.mark.usefixtures("payer")
def test_a_made_up_name_reads_nothing(path: str, name: str) -> None:
    browser = Client()
    browser.cookies[payers.COOKIE] = name
    assert _shown(browser, path)["confirmation"] == ""


def test_the_cookie_is_kept_from_scripts_and_other_sites(path: str) -> None:
    for secure in (False, True):
        headers = {"X-Forwarded-Proto": "https"} if secure else {}
        cookie = Client().get(path, headers=headers).cookies[payers.COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert bool(cookie["secure"]) is secure


@pytest.mark.usefixtures("payer")
def test_the_operators_phone_shows_it_to_another_browser(path: str) -> None:
    other = Client()
    sent = other.post(path, {"action": "code", "account": f" {ACCOUNT} "}, follow=True)
    assert "data-sent" in sent.content.decode()
    assert "用于查看缴费确认码" in SandboxMessage.objects.latest("id").text
    shown = other.post(path, {"action": "confirm", "code": _code()}, follow=True).content.decode()
    assert "data-confirmation" in shown
    assert _shown(Client(), path)["confirmation"] == ""


@pytest.mark.usefixtures("payer")
def test_a_code_is_for_the_browser_that_asked(path: str) -> None:
    asked, thief = Client(), Client()
    _post(asked, path, action="code", account=ACCOUNT)
    assert _post(thief, path, action="confirm", code=_code())["confirmation"] == ""
    assert _post(asked, path, action="confirm", code=_code())["confirmation"]


@pytest.mark.usefixtures("payer")
def test_another_account_gets_no_code_and_the_same_answer(path: str) -> None:
    pages = []
    for account in ("11000002", ACCOUNT):
        browser = Client()
        pages.append(browser.post(path, {"action": "code", "account": account}, follow=True).content)
    assert pages[0] == pages[1]
    assert SandboxMessage.objects.count() == 1


@pytest.mark.usefixtures("payer")
def test_three_wrong_codes_end_it_and_an_old_one_is_wrong(path: str, clock: Callable[[int], None]) -> None:
    other = Client()
    _post(other, path, action="code", account=ACCOUNT)
    right = _code()
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    page = other.post(path, {"action": "confirm", "code": wrong}, follow=True).content.decode()
    assert "data-wrong" in page
    for _ in range(2):
        _post(other, path, action="confirm", code=wrong)
    assert _post(other, path, action="confirm", code=right)["confirmation"] == ""
    _post(other, path, action="code", account=ACCOUNT)
    clock(CODE_SECONDS + 1)
    assert _post(other, path, action="confirm", code=_code())["confirmation"] == ""


@pytest.mark.usefixtures("payer")
def test_an_order_gets_three_codes_an_hour_whoever_asks(path: str, clock: Callable[[int], None]) -> None:
    for _ in range(5):
        _post(Client(), path, action="code", account=ACCOUNT)
    assert SandboxMessage.objects.count() == payers.CODES_AN_HOUR
    clock(3600)
    _post(Client(), path, action="code", account=ACCOUNT)
    assert SandboxMessage.objects.count() == payers.CODES_AN_HOUR + 1


@pytest.mark.usefixtures("payer")
def test_without_messages_the_page_sends_the_payer_to_the_desk(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KEYDESK", replace(settings.KEYDESK, sms=SmsProviderName.NONE))
    page = Client().get(path).content.decode()
    assert "请服务台工作人员协助" in page
    assert 'value="code"' not in page
    other = Client()
    _post(other, path, action="code", account=ACCOUNT)
    assert not ConfirmationCode.objects.filter(tries_left__gt=0).exists()


@pytest.mark.usefixtures("payer")
def test_an_operator_without_a_phone_gets_no_code(path: str) -> None:
    Operator.objects.filter(account=ACCOUNT).update(phone="")
    _post(Client(), path, action="code", account=ACCOUNT)
    assert not ConfirmationCode.objects.exists()


def test_an_unpaid_order_sends_no_code(path: str) -> None:
    _post(Client(), path, action="code", account=ACCOUNT)
    _post(Client(), path, action="confirm", code="000000")
    assert not SandboxMessage.objects.exists()
    assert not Payment.objects.exists()


def test_pages_run_nothing_and_are_not_kept(path: str, payer: Client) -> None:
    answers = [
        Client().get(path),
        payer.get(path),
        payer.get(path, headers=JSON),
        Client().get("/P/" + "A" * 61),
    ]
    for answer in answers:
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer["Cache-Control"] == "no-store"
        body = answer.content.decode()
        assert "<script" not in body
        assert "<style" not in body
        assert " style=" not in body
    assert finders.find("payments/page.css")


def test_buttons_without_end_are_told_to_wait_and_the_page_stays(path: str) -> None:
    browser = Client()
    statuses = [browser.post(path, {"action": "decline"}, headers=JSON).status_code for _ in range(20)]
    assert statuses == [200] * 12 + [429] * 8
    assert PaymentAttempt.objects.count() == 12
    told = browser.post(path, {"action": "decline"})
    assert (told.status_code, told["Retry-After"]) == (429, "60")
    assert "请一分钟后再试" in told.content.decode()
    assert browser.get(path).status_code == 200


def test_whoever_else_has_the_code_does_not_use_up_the_payers_presses(path: str) -> None:
    """Each comes through the front on this machine, which names the browser's address last."""
    other = {**JSON, "X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
    payer = {**JSON, "X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    pressed = [Client().post(path, {"action": "decline"}, headers=other).status_code for _ in range(13)]
    assert (pressed[11], pressed[12]) == (200, 429)
    assert Client().post(path, {"action": "pay"}, headers=payer).status_code == 200


def test_an_address_is_believed_of_a_front_alone_and_all_together_are_limited(path: str) -> None:
    stranger = Client(REMOTE_ADDR="203.0.113.9")
    named = [{**JSON, "X-Forwarded-For": f"198.51.100.{number}"} for number in range(121)]
    pressed = [stranger.post(path, {"action": "decline"}, headers=each).status_code for each in named[:13]]
    assert (pressed[11], pressed[12]) == (200, 429)
    through = [Client().post(path, {"action": "decline"}, headers=each).status_code for each in named]
    assert (through[0], through[107], through[108]) == (200, 200, 429)
    odd = [{**JSON, "X-Forwarded-For": each} for each in ("", "unknown", "1.2.3.4:80", "é", ",")]
    assert {Client().post(path, {"action": "decline"}, headers=each).status_code for each in odd} == {429}


def test_codes_that_are_none_are_limited_and_right_ones_are_not(path: str) -> None:
    browser = Client()
    statuses = [browser.get("/P/" + "B" * 61).status_code for _ in range(61)]
    assert (statuses[59], statuses[60]) == (404, 429)
    assert browser.get(path).status_code == 200
