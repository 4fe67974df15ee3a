"""The real programs in a terminal of tmux: keys in, the screen's text out, and the processes behind it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image

from kiosk.demo.launcher import NETWORK_SWITCH
from kiosk.domain.ledger import Certificate
from kiosk.store.database import Database
from kiosk.store.keyfile import load
from kiosk.store.status import read_status
from kiosk.store.vault import VaultItem
from tests.support.waiting import Patience, wait_until

BIN = Path(sys.executable).parent
GM_USER = ("-vfyopt", "distid:1234567812345678")


class Terminal:
    """A tmux window of our own in which a program runs."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        # A socket's path has room for some hundred characters, which pytest's folders can exceed.
        self._folder = Path(tempfile.mkdtemp(prefix="keydesk-tmux-"))
        self._size = ["-x", str(columns), "-y", str(lines)]

    def start(self, *command: str | Path) -> None:
        """Run a program; the window stays when it ends, and tells its exit status and whether it echoes."""
        program = shlex.join(map(str, command))
        told = "stty -a | grep -qw -- -echo && echo MUTE || echo ECHOES"
        self._tmux(
            "new-session", "-d", "-s", "desk", *self._size, f"{program}; echo LEFT WITH $?; {told}; cat"
        )

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        for key in keys:
            self._tmux("send-keys", "-t", "desk", key)
            time.sleep(0.05)

    def type(self, *fields: str) -> None:
        """Type into one field after the other; the cursor stays in the last."""
        for place, text in enumerate(fields):
            if place:
                self.press("Tab")
            self._tmux("send-keys", "-l", "-t", "desk", text)
            time.sleep(0.05)

    def type_bytes(self, data: bytes) -> None:
        """Send bytes as they are, as a paste or a disturbed line does."""
        self._tmux("send-keys", "-H", "-t", "desk", *(f"{byte:02x}" for byte in data))

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-t", "desk", "-x", str(columns), "-y", str(lines))

    def text(self) -> str:
        """What the screen shows."""
        return self._tmux("capture-pane", "-p", "-t", "desk")

    def wait(self, expected: str) -> str:
        """The screen once it matches."""
        patience = Patience()
        while not re.search(expected, shown := self.text()):
            assert not patience.ended(), f"{expected!r} did not come; the screen shows\n{shown}"
            time.sleep(0.1)
        return shown

    def close(self) -> None:
        """Close the window, as somebody who closes a terminal does."""
        socket = self._folder / "socket"
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _tmux(self, *arguments: str) -> str:
        environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        command = ["tmux", "-S", str(self._folder / "socket"), "-f", "/dev/null", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return done.stdout


_INK = {"█": (0, 0), "▀": (0, 255), "▄": (255, 0)}
_MODULE = 4


def codes_on(shown: str) -> list[str]:
    """What a phone reads on the screen, whose cells are two modules each, one above the other."""
    rows = shown.splitlines()
    picture = Image.new("L", (max(map(len, rows)), 2 * len(rows)), 255)
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            for half, ink in enumerate(_INK.get(cell, (255, 255))):
                picture.putpixel((column, 2 * line + half), ink)
    size = picture.width * _MODULE, picture.height * _MODULE
    return [each.text for each in zxingcpp.read_barcodes(picture.resize(size, Image.Resampling.NEAREST))]


def started(stack: ExitStack, *command: str | Path) -> subprocess.Popen[str]:
    """Start a program that is stopped with the stack."""
    process = subprocess.Popen(
        [*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )

    def stop() -> None:
        process.terminate()
        process.communicate()

    stack.callback(stop)
    return process


def first_line(process: subprocess.Popen[str]) -> str:
    """What a program prints first."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


class Desk:
    """A data directory, the terminal before it, and the commands that read it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.terminal = Terminal()

    def new_terminal(self) -> Terminal:
        """Close the window and open another."""
        self.terminal.close()
        self.terminal = Terminal()
        return self.terminal

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `keydesk` on the data directory."""
        command: list[str | Path] = [BIN / "keydesk", *arguments, "--data", self.directory]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def told(self, *arguments: str) -> Any:
        """What a command that must succeed tells programs."""
        done = self.command(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def database(self) -> Database:
        """The database that the programs work on."""
        return Database.open(self.directory / "keydesk.db", load(self.directory / "keydesk.key"))

    def serves(self, account: str) -> bool:
        """Whether the feed was read through and has brought the prices and that member."""
        with closing(self.database()) as database, database.read() as tx:
            known = bool(tx.feed.schedules()) and tx.members.operator(account) is not None
            return known and tx.feed.rows.is_whole()

    def orders_of(self, account: str) -> list[Any]:
        """The orders of one account, newest first."""
        return [order for order in self.told("orders") if order["account"] == account]

    def keys_of(self, account: str) -> list[Any]:
        """The certificates of one account, newest first."""
        return [key for key in self.told("keys") if key["account"] == account]

    def journal(self) -> list[Any]:
        """The journal as exported, oldest first."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "journal.jsonl"
            done = self.command("journal", "export", "--output", str(file))
            assert done.returncode == 0, done.stdout + done.stderr
            return [json.loads(line) for line in file.read_text().splitlines()]

    def entries(self, kind: str, account: str) -> list[Any]:
        """The entries of that kind on an account, oldest first."""
        bodies = [entry["body"] for entry in self.journal()]
        return [body for body in bodies if body["kind"] == kind and body["account"] == account]

    def backlog(self) -> int:
        """How many entries the centre has not, as `keydesk status` tells it, without its process at every look."""
        with closing(self.database()) as database, database.read() as tx:
            return read_status(tx).backlog

    def processes(self, *words: str) -> list[int]:
        """The Python programs whose command line names the data directory and these words."""
        wanted = [str(self.directory).encode(), *(word.encode() for word in words)]
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                python = "python" in (entry / "exe").readlink().name
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if python and all(word in command for word in wanted):
                found.append(int(entry.name))
        return sorted(found)

    def all_gone(self) -> None:
        """See to it that every program has ended."""
        patience = Patience()
        while left := self.processes():
            assert not patience.ended(), f"programs stay behind: {[_command_of(each) for each in left]}"
            time.sleep(0.05)


def _command_of(process: int) -> str:
    """The command line of a program that may just have ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return f"{process} " + Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    return f"{process} has ended since"


class Demo(Desk):
    """`keydesk demo` and the way round in its screens."""

    def start(self) -> str:
        """Start it in a new window; its first screen."""
        terminal = self.new_terminal()
        terminal.start(BIN / "keydesk", "demo", "--data", self.directory)
        return terminal.wait("请选择要办理的业务")

    def home(self) -> None:
        """Start it unless it runs, connect it, and come to the first screen."""
        (self.directory / NETWORK_SWITCH).unlink(missing_ok=True)
        if not self.processes("kiosk.demo.app"):
            self.start()
        self.back_out()

    def back_out(self) -> None:
        """Press Escape until the first screen is back; a key that is in is taken out on the way."""
        wait_until(self._backed_out, "Escape leads home")

    def _backed_out(self) -> bool:
        shown = self.terminal.text()
        if "请选择要办理的业务" in shown:
            return True
        if "请取走key盘" in shown:
            self.take_key()
            return True
        self.terminal.press("Escape")
        time.sleep(0.5)
        return False

    def kill(self, *words: str) -> None:
        """Kill -9 the one program that these words name."""
        (process,) = self.processes(*words)
        os.kill(process, signal.SIGKILL)

    def drawer(self, thing: str) -> str:
        """Open the drawer and do one thing of its list; the screen then, with the drawer still open."""
        self.terminal.press("F12")
        # The list comes a moment after the heading.
        shown = self.terminal.wait(f"演示抽屉(?s:.*){re.escape(thing)}")
        rows = [row.rpartition("█")[2] for row in shown.splitlines() if "█" in row]
        listed = [row for row in rows[1:] if row.strip(" │▁▂▃▄▅▆▇") and "── " not in row]
        place = next(place for place, row in enumerate(listed) if thing in row)
        self.terminal.press(*["Down"] * place, "Enter")
        time.sleep(0.3)
        return self.terminal.text()

    def close_drawer(self) -> None:
        """Close the drawer."""
        # It is gone for a moment where the step beneath it changes.
        self.terminal.wait("演示抽屉")
        self.terminal.press("Escape")
        # A key pressed right behind Escape would be read together with it, as one of Alt's.
        wait_until(lambda: "演示抽屉" not in self.terminal.text(), "the drawer closes")
        time.sleep(0.2)

    def insert(self, name: str) -> None:
        """Put a virtual key in, from the drawer."""
        self.drawer(name)
        self.terminal.wait("插入了")
        self.close_drawer()
        self.terminal.wait("key盘 已插")

    def take_key(self) -> None:
        """Pull the key that the desk waits for, from the drawer; the first screen comes by itself."""
        self.terminal.wait("请取走key盘")
        self.drawer("拔出key盘")
        self.close_drawer()
        self.terminal.wait("请选择要办理的业务")

    def order(self, choice: str, *fields: str) -> str:
        """Go from home over the notice and the fields to the screen that follows."""
        self.terminal.press(choice)
        self.terminal.wait("您要办理")
        self.terminal.press("Enter")
        self.terminal.wait("带 . 的都要填")
        self.terminal.type(*fields)
        self.terminal.press("Enter")
        return self.terminal.wait("订单号|确认挂失|换一项业务")

    def continue_order(self, account: str) -> None:
        """「继续办理」 with the account's password."""
        self.home()
        self.terminal.press("7")
        self.terminal.wait("登录账号")
        self.terminal.type(account, f"Keydesk-{account[-1]}")
        self.terminal.press("Enter")


class Openssl:
    """Debian's own OpenSSL as the judge of certificates, link by link."""

    def __init__(self, folder: Path, database: Database) -> None:
        with database.read() as tx:
            self.root = self._pem(folder / "root.pem", tx.vault.get(VaultItem.ROOT_CERTIFICATE))
            self.issuing = self._pem(folder / "issuing.pem", tx.vault.get(VaultItem.ISSUING_CERTIFICATE))
            self._certificates = tx.ledger.certificates()
        self._folder = folder

    def certificate(self, number: str) -> Certificate:
        """One that the kiosk issued."""
        return next(each for each in self._certificates if each.number == number)

    def accepts_issuing(self) -> bool:
        """Whether the root vouches for the kiosk's own certificate."""
        return self._verify("-CAfile", self.root, self.issuing)

    def accepts(self, number: str, by: Path | None = None) -> bool:
        """Whether the kiosk's certificate, or another, vouches for a member's."""
        member = self._pem(self._folder / f"{number}.pem", self.certificate(number).certificate)
        return self._verify("-partial_chain", "-trusted", by or self.issuing, member)

    @staticmethod
    def _verify(*arguments: str | Path) -> bool:
        command = ["openssl", "verify", *GM_USER, *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    @staticmethod
    def _pem(file: Path, der: bytes | None) -> Path:
        assert der is not None
        command = ["openssl", "x509", "-inform", "DER", "-out", str(file)]
        subprocess.run(command, check=True, input=der)
        return file
