"""One running demo for every row of the guide, in a window with room for whole notices; and browsers that speak with its centre."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator

import httpx2
import pytest

from kiosk.domain.promises import china_day, invoicing_goes_on
from kiosk.domain.working_days import USUAL
from tests.support.terminal import BIN, Demo, Terminal
from tests.support.waiting import wait_until

DAY = 86_400
_SET_CLOCK = """\
import time

machines = time.time
time.time = lambda: machines() + {ahead}
"""
_LONGEST_MONTH = 31


class Browser:
    """Somebody's browser, which speaks plain HTTP with the centre of the demo."""

    def __init__(self, address: str) -> None:
        self.client = httpx2.Client(base_url=address, follow_redirects=True)

    def get(self, path: str) -> str:
        """The page at that path."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **typed: str) -> str:
        """What the page says to this form."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert token is not None
        answer = self.client.post(path, data={"csrfmiddlewaretoken": token[1], **typed})
        assert answer.status_code == 200, answer.text
        return answer.text


def to_the_pause() -> int:
    """The seconds by which clocks are to be set so that invoicing pauses today and tomorrow; whole days."""
    ahead = (days * DAY for days in range(_LONGEST_MONTH))
    now = int(time.time())
    return next(
        each
        for each in ahead
        if all(invoicing_goes_on(china_day(now + each + day), USUAL) for day in (0, DAY))
    )


class GuideDemo(Demo):
    """The demo at 120×36, on a day on which invoicing pauses; its accounts are served by one test each."""

    def start(self) -> str:
        """Start it in a new window of that size, not of the size that the environment names, with its processes' clocks set."""
        self.terminal.close()
        self.terminal = Terminal(120, 36)
        clock = self.directory.with_name("clock")
        if not clock.exists():
            clock.mkdir()
            (clock / "sitecustomize.py").write_text(_SET_CLOCK.format(ahead=to_the_pause()))
        plain = ("env", "-u", "COLUMNS", "-u", "LINES", f"PYTHONPATH={clock}")
        self.terminal.start(*plain, BIN / "keydesk", "demo", "--data", self.directory)
        return self.terminal.wait("请选择要办理的业务")

    @property
    def centre(self) -> str:
        """The address of its central server."""
        return f"http://127.0.0.1:{(self.directory / 'port').read_text().strip()}"

    def home(self) -> None:
        """Come to the first screen, with no key left in."""
        super().home()
        if "key盘 已插" in self.terminal.text():
            self.drawer("拔出key盘")
            self.close_drawer()
            self.terminal.wait("key盘 未插")

    def pay(self) -> None:
        """Pay on the member's phone, and go on with the key at hand; a renewal asks for no key."""
        self.drawer("扫码并付款")
        shown = self.terminal.wait("key盘在手里吗|绑定或更新key盘")
        self.close_drawer()
        if "key盘在手里吗" in shown:
            self.terminal.press("1")
        self.terminal.wait("绑定或更新key盘")

    def reach(self, key: str, expected: str) -> str:
        """Press a key until it has led there: one that comes before a page is painted is meant for none."""

        def there() -> bool:
            if re.search(expected, self.terminal.text()):
                return True
            self.terminal.press(key)
            time.sleep(1)
            return False

        wait_until(there, f"{key} leads to {expected}")
        return self.terminal.wait(expected)

    def staff(self) -> None:
        """The supervisor signs in over the step."""
        self.reach("F6", "工作人员登录")
        self.terminal.type("lt", "Super-1")
        self.terminal.press("Enter")
        self.terminal.wait("主管 林涛")

    def refund(self, reason: str) -> None:
        """Have the order that staff chose refunded, up to the answer."""
        self.terminal.press("Tab", "Tab", "Tab", "Tab", "Enter")
        self.terminal.wait("退款后 订单")
        self.terminal.type(reason)
        self.terminal.press("Enter")

    def message(self, account: str) -> str:
        """The newest text message on the phone of an account."""
        answer = httpx2.get(f"{self.centre}/sandbox/messages", params={"account": account})
        return str(answer.json()["messages"][0]["text"])

    def query(self, account: str, password: str) -> None:
        """「查询」 with the account."""
        self.back_out()
        self.reach("5", "查看key盘状态、有效期和订单")
        self.terminal.type(account, password)
        self.terminal.press("Enter")


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideDemo]:
    """The running demo: kiosk, agent and centre are processes of their own."""
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is not installed, and under CI nothing may be left out")
        pytest.skip("needs tmux: apt-get install tmux")
    made = GuideDemo(tmp_path_factory.mktemp("guide") / "data")
    made.start()
    yield made
    made.terminal.close()
    made.all_gone()


@pytest.fixture
def browser(guide: GuideDemo) -> Iterator[Browser]:
    """A browser that nobody has signed in with."""
    made = Browser(guide.centre)
    yield made
    made.client.close()


@pytest.fixture
def console(browser: Browser) -> Browser:
    """Staff, signed in to the console."""
    browser.post("/admin/login/", username="admin", password="Keydesk-admin", next="/admin/")
    return browser
