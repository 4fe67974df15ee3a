"""What tests of several floors share: a PC/SC service with virtual readers, and a vendor's library of our own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How long an example takes says how busy the machine is, and nothing of the program.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")

_SOCKET = Path("/run/pcscd/pcscd.comm")
_LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_USUAL_PORT = 35963
_SOFT_TOKEN = Path(__file__).with_name("soft_token")


class PcscService:
    """A pcscd with virtual readers: ours, or one that ran already (`process` is None)."""

    def __init__(
        self, place: tuple[str, int], command: tuple[str, ...] = (), log: Path = Path(os.devnull)
    ) -> None:
        self.place = place
        self._command = command
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start our own and wait until its readers are there."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        if not _ready(self.process, self.place[1]):
            self.stop()
            _do_without(f"pcscd does not start here: {self._log.read_text(errors='replace')[-500:]}")

    def stop(self) -> None:
        """Stop our own."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None


@pytest.fixture(scope="module")
def pcsc_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PcscService]:
    """Start a service on free ports unless one runs already, and stop it afterwards.

    PC/SC has one socket a machine, so a lock keeps other test processes waiting. Where the service cannot be
    had, the tests are skipped with the reason; under CI they fail.
    """
    with _alone():
        if _connects(_SOCKET):
            if not _listening(_USUAL_PORT):
                _do_without("a pcscd without vsmartcard-vpcd runs already")
            yield PcscService(("127.0.0.1", _USUAL_PORT))
            return
        program = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not _LIBRARY.exists():
            _do_without("needs pcscd and vsmartcard-vpcd: apt-get install pcscd vsmartcard-vpcd")
        port = _two_free_ports()
        folder = tmp_path_factory.mktemp("reader.conf.d")
        (folder / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{port:04X}\n'
            f"LIBPATH {_LIBRARY}\nCHANNELID 0x{port:04X}\n"
        )
        command = (program, "--foreground", "--config", str(folder))
        service = PcscService(("127.0.0.1", port), command, tmp_path_factory.mktemp("pcscd") / "log")
        service.start()
        try:
            yield service
        finally:
            service.stop()


@pytest.fixture
def pcscd(pcsc_service: PcscService) -> tuple[str, int]:
    """Give host and port of vpcd's first slot, behind a running pcscd; the second is the next port."""
    return pcsc_service.place


@pytest.fixture
def restart_pcscd(pcsc_service: PcscService) -> Callable[[], None]:
    """Give a function that stops pcscd and starts it again."""
    if pcsc_service.process is None:
        _do_without("the pcscd that runs is not the tests' own and is left alone")

    def restart() -> None:
        pcsc_service.stop()
        pcsc_service.start()

    return restart


@pytest.fixture(scope="session")
def soft_token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the soft token (tests/soft_token), once a run, and give the library's path.

    Where it cannot be compiled, the tests are skipped with the reason; under CI they fail.
    """
    compiler = shutil.which("gcc")
    if (
        compiler is None
        or shutil.which("make") is None
        or not _compiles(compiler, "#include <openssl/evp.h>")
    ):
        _do_without("needs a C compiler and OpenSSL's headers: apt-get install gcc make libc6-dev libssl-dev")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    library = folder / "libsofttoken.so"
    with (folder / "soft_token.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            fresh = library.with_suffix(".new")
            subprocess.run(
                ["make", "-s", "-C", _SOFT_TOKEN, f"CC={compiler}", f"LIBRARY={fresh}"], check=True
            )
            fresh.rename(library)
    return library


def _compiles(compiler: str, source: str) -> bool:
    command = [compiler, "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input=source.encode(), capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"keydesk-tests-pcscd-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _listening(port: int) -> bool:
    """Look into the kernel's table: connecting would put a card into the reader."""
    lines = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    return any(
        columns[1].endswith(f":{port:04X}") and columns[3] == "0A"
        for columns in (line.split() for line in lines)
    )


def _two_free_ports() -> int:
    """Find a port that is free together with its successor."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def _ready(service: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until and service.poll() is None:
        if _connects(_SOCKET) and _listening(port) and _listening(port + 1):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
