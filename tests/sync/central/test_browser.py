"""Chromium, as a payer's phone and as the staff's screen, on the real server."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import DeliveryTold, InvoiceTold
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import PaidHow
from kiosk.domain.payment_codes import confirmation_key, confirmation_matches
from kiosk.domain.scanned_confirmations import require_scanned
from kiosk.pki.device_keys import device_verify
from tests.support.kiosk_double import KioskDouble
from tests.support.processes import CentreProcess
from tests.support.values import present
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("serving")]
PHONE = (390, 844)
SCREEN = (1280, 900)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: apt install chromium chromium-driver")
        pytest.skip("Chromium is not installed: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS:
        options.add_argument(flag)
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture(scope="module")
def server(served: CentreProcess) -> str:
    return served.address


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("KEYDESK_TEST_PICTURES")
    return Path(kept) if kept else tmp_path_factory.mktemp("pictures")


def _phone(browser: webdriver.Chrome) -> None:
    metrics = {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _screen(browser: webdriver.Chrome) -> None:
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.set_window_size(*SCREEN)


def _whole(browser: webdriver.Chrome, file: Path) -> Image.Image:
    # after a click the next page may not be laid out yet, and a picture of no width is an error
    complete = "return document.readyState === 'complete' && document.documentElement.scrollWidth > 0"
    wait_until(lambda: browser.execute_script(complete), "the page is laid out")
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
    content = base64.b64decode(shot["data"])
    file.write_bytes(content)
    return Image.open(BytesIO(content)).convert("RGB")


def _until(browser: webdriver.Chrome, selector: str) -> None:
    """Wait for the page that a click leads to: until then the old one may still be looked at."""

    def found() -> bool:
        with contextlib.suppress(StaleElementReferenceException):
            return bool(browser.find_elements(By.CSS_SELECTOR, selector))
        return False

    wait_until(found, selector)


def test_a_payer_declines_pays_and_reads_the_confirmation(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    placed = live.place()
    _phone(browser)
    browser.get((server + live.page_path(placed)).replace("http://", "HTTP://"))
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    assert browser.find_element(By.CSS_SELECTOR, "[data-order]").text == number_in(placed.order)
    _whole(browser, pictures / "pay.png")
    browser.find_element(By.CSS_SELECTOR, "button.decline").click()
    _until(browser, "[data-declined]")
    _whole(browser, pictures / "declined.png")
    browser.find_element(By.CSS_SELECTOR, "button.pay").click()
    _until(browser, "[data-state=paid]")
    code = browser.find_element(By.CSS_SELECTOR, "[data-confirmation]").text
    secret = confirmation_key(live.answer.payment_secret)
    assert confirmation_matches(code, placed.order_code, 34000, secret)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    picture = _whole(browser, pictures / "paid.png")
    (scanned,) = zxingcpp.read_barcodes(picture)
    text = browser.find_element(By.CSS_SELECTOR, "[data-scan-text]").get_attribute("data-scan-text")
    assert scanned.text == text
    centre = live.answer.centre_key
    require_scanned(scanned.text, placed.order_code, 34000, lambda m, s: device_verify(centre, m, s))


def test_a_forged_code_is_refused_in_plain_words(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    placed = live.place()
    path = live.page_path(placed)
    _phone(browser)
    browser.get(server + path[:-1] + ("0" if path[-1] != "0" else "1"))
    _whole(browser, pictures / "refused.png")
    assert "请勿支付" in browser.find_element(By.TAG_NAME, "body").text


def _fits(browser: webdriver.Chrome) -> bool:
    """Whether nothing is wider than the phone."""
    width: int = browser.execute_script("return document.documentElement.scrollWidth")
    return width <= PHONE[0]


def test_a_payer_goes_from_the_paid_page_to_the_order(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    placed = live.place()
    _phone(browser)
    browser.get(server + live.page_path(placed))
    browser.find_element(By.CSS_SELECTOR, "button.pay").click()
    _until(browser, "[data-orders]")
    browser.find_element(By.CSS_SELECTOR, "[data-orders]").click()
    card = f"[data-order='{number_in(placed.order)}']"
    _until(browser, card)
    assert "已付款，待绑定" in browser.find_element(By.CSS_SELECTOR, card).text
    assert _fits(browser)
    _whole(browser, pictures / "orders-of-the-payer.png")


def test_a_new_operator_sets_the_password_by_the_link_of_the_message(
    browser: webdriver.Chrome, served: CentreProcess, pictures: Path
) -> None:
    token = served.django(
        "from sync.central.login.first_passwords import invite\n"
        "from sync.central.members.models import Operator\n"
        "Operator.objects.filter(account='11000004').update(phone='13912341234')\n"
        "print(invite('11000004', now).token)"
    ).strip()
    _phone(browser)
    browser.delete_all_cookies()
    browser.get(f"{served.address}/password/{token}")
    _until(browser, "[data-sets]")
    assert browser.current_url == f"{served.address}/password/"
    assert "11000004" in browser.find_element(By.CSS_SELECTOR, "[data-account]").text
    assert _fits(browser)
    _whole(browser, pictures / "password.png")
    for typed, mark in (("short-1", "[data-said=short]"), ("Aa#9-_xy", "[data-done]")):
        browser.find_element(By.ID, "password").send_keys(typed)
        browser.find_element(By.ID, "again").send_keys(typed)
        browser.find_element(By.CSS_SELECTOR, "form button").click()
        _until(browser, mark)
        assert _fits(browser)
    _whole(browser, pictures / "password-set.png")
    browser.get(f"{served.address}/password/{token}")
    _until(browser, "[data-over]")
    _whole(browser, pictures / "password-over.png")


def test_a_member_signs_in_with_password_and_code_and_sees_the_orders(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    placed = live.place()
    live.pushed()
    _phone(browser)
    browser.delete_all_cookies()
    browser.get(f"{server}/orders/")
    assert _fits(browser)
    _whole(browser, pictures / "orders-sign-in.png")
    browser.find_element(By.ID, "account").send_keys("11000001")
    browser.find_element(By.ID, "password").send_keys("Keydesk-1")
    browser.find_element(By.CSS_SELECTOR, "button[value=sign-in]").click()
    _until(browser, "#code")
    _whole(browser, pictures / "orders-code.png")
    asked = live.send("GET", f"{server}/sandbox/messages?account=11000001", {}, b"")
    newest = msgspec.json.decode(asked.body)["messages"][0]["text"]
    browser.find_element(By.ID, "code").send_keys(*re.findall(r"[0-9]{6}", newest))
    browser.find_element(By.CSS_SELECTOR, "button[value=code]").click()
    _until(browser, "[data-account]")
    card = f"[data-order='{number_in(placed.order)}']"

    def listed() -> bool:
        browser.get(f"{server}/orders/")
        return bool(browser.find_elements(By.CSS_SELECTOR, card))

    wait_until(listed, "the order is in the books")
    assert _fits(browser)
    _whole(browser, pictures / "orders.png")
    live.append(OrderPaid(placed.order, PaidHow.DESK, 34000, live.now(), supervisor="林涛"))
    live.pushed()
    offer = f"{card} [data-offer=delivery]"

    def offered() -> bool:
        browser.get(f"{server}/orders/")
        return bool(browser.find_elements(By.CSS_SELECTOR, offer))

    wait_until(offered, "the payment is in the books")
    browser.find_element(By.CSS_SELECTOR, offer).click()
    _until(browser, "[data-form=delivery]")
    browser.get(f"{server}/orders/")
    browser.find_element(By.CSS_SELECTOR, "button[value=leave]").click()
    _until(browser, "[data-signs-in]")


def _fill(browser: webdriver.Chrome, **typed: str) -> None:
    """Type anew what these fields have, and send the form."""
    for name, text in typed.items():
        field = browser.find_element(By.ID, name)
        field.clear()
        field.send_keys(text)
    browser.find_element(By.CSS_SELECTOR, "button[value=ask]").click()


def _give_an_address(browser: webdriver.Chrome, pictures: Path) -> None:
    """From the orders' page through the form, wrong at first."""
    browser.find_element(By.CSS_SELECTOR, "[data-offer=delivery]").click()
    _until(browser, "[data-form=delivery]")
    assert _fits(browser)
    phone = browser.find_element(By.ID, "phone")
    assert not phone.is_displayed()  # the bound phone is chosen
    _whole(browser, pictures / "delivery.png")
    browser.find_element(By.CSS_SELECTOR, "label[for=bound]").click()
    assert phone.is_displayed()
    _fill(browser, phone="12345", region="河南省郑州市金水区", address="花园路1号院2号楼")
    _until(browser, "[data-fault=phone]")
    assert "号码不对" in browser.find_element(By.CSS_SELECTOR, "[data-fault=phone]").text
    assert _fits(browser)
    _whole(browser, pictures / "delivery-wrong.png")
    _fill(browser, phone="138 1234 5678")
    _until(browser, "[data-done=delivery-kept]")


def _ask_for_an_invoice(browser: webdriver.Chrome, pictures: Path) -> None:
    """The same of an invoice."""
    browser.find_element(By.CSS_SELECTOR, "[data-offer=invoice]").click()
    _until(browser, "[data-form=invoice]")
    assert _fits(browser)
    _fill(browser, email="fin@example.cn", credit_code="91110000MA0EXA0150")
    _until(browser, "[data-fault=credit_code]")
    assert "校验位不对" in browser.find_element(By.CSS_SELECTOR, "[data-fault=credit_code]").text
    _whole(browser, pictures / "invoice-wrong.png")
    _fill(browser, credit_code="91110000MA0EXA015Y")
    _until(browser, "[data-done=invoice-kept]")


def _until_said(browser: webdriver.Chrome, words: str) -> None:
    """Wait for a message of the console that says so: the one before may still be looked at."""

    def found() -> bool:
        with contextlib.suppress(StaleElementReferenceException):
            lists = browser.find_elements(By.CSS_SELECTOR, ".messagelist")
            return any(words in each.text for each in lists)
        return False

    wait_until(found, words)


def _fulfil(browser: webdriver.Chrome, server: str, number: str) -> None:
    """Mail the key and make the invoice out, as staff."""
    _sign_in(browser, server)
    browser.get(f"{server}/admin/ledger/ledgerrequests/?delivery__exact=asked")
    browser.find_element(By.LINK_TEXT, number).click()
    _until(browser, "[name=mailed-carrier]")
    assert "花园路1号院2号楼" in browser.find_element(By.TAG_NAME, "body").text
    browser.find_element(By.NAME, "mailed-carrier").send_keys("顺丰速运")
    browser.find_element(By.NAME, "mailed-tracking").send_keys("SF1234567890")
    browser.find_element(By.NAME, "mailed").click()
    _until_said(browser, "已寄出 顺丰速运")
    browser.find_element(By.NAME, "issued-number").send_keys("26412000000012345678")
    browser.find_element(By.NAME, "issued").click()
    _until_said(browser, "已开发票")


def test_a_payer_gives_an_address_asks_for_an_invoice_and_sees_what_became_of_them(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    placed = live.place()
    _phone(browser)
    browser.delete_all_cookies()
    browser.get(server + live.page_path(placed))
    browser.find_element(By.CSS_SELECTOR, "button.pay").click()
    _until(browser, "[data-orders]")
    browser.find_element(By.CSS_SELECTOR, "[data-orders]").click()
    _until(browser, "[data-offer=delivery]")
    _whole(browser, pictures / "orders-to-fill-in.png")

    _give_an_address(browser, pictures)
    _ask_for_an_invoice(browser, pictures)
    shown = browser.find_element(By.CSS_SELECTOR, f"[data-order='{number_in(placed.order)}']").text
    for said in ("待寄出", "李**", "138****5678", "待开票", "f***@example.cn"):
        assert said in shown
    assert _fits(browser)
    _whole(browser, pictures / "orders-asked.png")

    _fulfil(browser, server, number_in(placed.order))
    _phone(browser)
    browser.get(f"{server}/orders/")
    shown = browser.find_element(By.CSS_SELECTOR, f"[data-order='{number_in(placed.order)}']").text
    for said in ("已寄出", "顺丰速运 SF1234567890", "已开票", "26412000000012345678"):
        assert said in shown
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-offer]")
    assert _fits(browser)
    _whole(browser, pictures / "orders-done.png")
    told = {type(each): each for each in live.feed() if getattr(each, "order", "") == placed.order}
    assert (told[DeliveryTold].tracking, told[InvoiceTold].number) == ("SF1234567890", "26412000000012345678")


def _sign_in(browser: webdriver.Chrome, server: str) -> None:
    """Sign in as staff, unless the browser is."""
    _screen(browser)
    browser.get(server + "/admin/")
    if browser.find_elements(By.ID, "logout-form"):
        return
    browser.find_element(By.NAME, "username").send_keys("admin")
    browser.find_element(By.NAME, "password").send_keys("Keydesk-admin")
    browser.find_element(By.CSS_SELECTOR, "input[type=submit]").click()
    _until(browser, "#logout-form")


def _row(browser: webdriver.Chrome, address: str, *said: str) -> WebElement | None:
    """The row of a list that says all of that."""
    browser.get(address)
    rows = browser.find_elements(By.CSS_SELECTOR, "#result_list tbody tr")
    return next((row for row in rows if all(each in row.text for each in said)), None)


def _act(browser: webdriver.Chrome, address: str, action: str, remark: str, *said: str) -> str:
    """Choose the row that says all of that, once it is there, and act on it; what the page then says."""
    wait_until(lambda: _row(browser, address, *said) is not None, " ".join(said))
    row = present(_row(browser, address, *said))
    row.find_element(By.CSS_SELECTOR, "input.action-select").click()
    Select(browser.find_element(By.NAME, "action")).select_by_value(action)
    browser.find_element(By.NAME, "remark").send_keys(remark)
    browser.find_element(By.CSS_SELECTOR, ".actions button[type=submit]").click()
    _until(browser, ".messagelist")
    return browser.find_element(By.CSS_SELECTOR, ".messagelist").text


def test_staff_decide_a_matter_and_undo_it(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    placed = live.place(lines=())
    live.pushed()
    _sign_in(browser, server)
    page, number = f"{server}/admin/ledger/matter/", number_in(placed.order)
    said = _act(browser, page, "accept", "核对过", number, "价格", "待处理")
    assert "照收：1 项" in said
    _whole(browser, pictures / "matter-decided.png")
    said = _act(browser, page, "reopen", "看错了", number, "价格", "已处理")
    assert "重新暂缓" in said
    _whole(browser, pictures / "matter-reopened.png")
    assert _row(browser, page, number, "待处理", "看错了") is not None


def test_staff_read_a_revoked_machines_quarantine_into_the_books(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.pushed()
    _sign_in(browser, server)
    machines, kiosk = f"{server}/admin/fleet/machine/", f"{live.number} 号机"
    assert "已吊销" in _act(browser, machines, "revoke", "机器丢失", kiosk, "在用")
    placed = live.place()
    assert live.pushed().quarantined
    _row(browser, machines, kiosk)
    _whole(browser, pictures / "machines.png")
    said = _act(browser, machines, "take_over", "机器找回", kiosk, "有")
    assert "接不上的 0 条" in said
    _whole(browser, pictures / "machine-taken-over.png")
    orders = f"{server}/admin/ledger/ledgerorder/"
    wait_until(
        lambda: _row(browser, orders, number_in(placed.order)) is not None, "the order is in the books"
    )
    strands = f"{server}/admin/journal/strand/"
    said = _act(browser, strands, "set_aside", "不认", live.last.hash.hex().upper()[:8])
    _whole(browser, pictures / "strands.png")
    assert "搁置：1 条日志线" in said


def test_staff_sign_in_and_see_the_kiosk(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    live.place()
    live.pushed()
    _sign_in(browser, server)
    body = browser.find_element(By.TAG_NAME, "body")
    assert "密钥服务台 中心" in body.text
    _whole(browser, pictures / "console.png")
    header = browser.find_element(By.ID, "header")
    assert (
        header.value_of_css_property("background-color") != "rgba(0, 0, 0, 0)"
    )  # the style sheet was served
    for page in ("fleet/kiosk", "ledger/ledgerorder", "journal/entry", "members/operator"):
        browser.get(f"{server}/admin/{page}/")
        _whole(browser, pictures / f"{page.replace('/', '-')}.png")
    browser.get(f"{server}/admin/fleet/kiosk/")
    assert str(live.number) in browser.find_element(By.ID, "result_list").text
