"""Chromium, as a payer's phone and as the staff's screen, on the real server."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from kiosk.domain.identifiers import number_in
from kiosk.domain.payment_codes import confirmation_key, confirmation_matches
from kiosk.domain.scanned_confirmations import require_scanned
from kiosk.pki.device_keys import device_verify
from tests.support.kiosk_double import KioskDouble
from tests.support.processes import CentreProcess
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


def test_staff_sign_in_and_see_the_kiosk(
    browser: webdriver.Chrome, server: str, live: KioskDouble, pictures: Path
) -> None:
    live.feed()
    live.place()
    live.pushed()
    _screen(browser)
    browser.get(server + "/admin/")
    browser.find_element(By.NAME, "username").send_keys("admin")
    browser.find_element(By.NAME, "password").send_keys("Keydesk-admin")
    browser.find_element(By.CSS_SELECTOR, "input[type=submit]").click()
    _until(browser, "#logout-form")
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
