"""One running demo for every row of the guide, in a window with room for whole notices; and staff at the centre's console."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.support.terminal import BIN, Demo, Terminal
from tests.support.waiting import wait_until


class Console:
    """A browser of staff that speaks plain HTTP with the centre of the demo."""

    def __init__(self, address: str) -> None:
        self.client = httpx2.Client(base_url=address, follow_redirects=True)
        self.post("/admin/login/", username="admin", password="Keydesk-admin", next="/admin/")

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


class GuideDemo(Demo):
    """The demo at 120×36; its accounts are served by one test each."""

    def start(self) -> str:
        """Start it in a new window of that size, not of the size that the environment names."""
        self.terminal.close()
        self.terminal = Terminal(120, 36)
        plain = ("env", "-u", "COLUMNS", "-u", "LINES")
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
def console(guide: GuideDemo) -> Iterator[Console]:
    """Staff, signed in to the console."""
    made = Console(guide.centre)
    yield made
    made.client.close()
