"""The agent's commands over https through a proxy to the real centre."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.store.agent_state import ContactFault
from kiosk.text.contact_faults import PROXY_UNUSABLE
from tests.support.forked import ran
from tests.support.odd_servers import whole
from tests.support.processes import CentreProcess, KioskProcess
from tests.support.proxies import TunnelProxy
from tests.support.tls_servers import Authority, Terminator

pytestmark = pytest.mark.xdist_group("central")
USER, PASSWORD = "desk", "p@ss:w/rd"
LOGIN = "desk:p%40ss%3Aw%2Frd@"


@pytest.fixture
def proxy() -> Iterator[TunnelProxy]:
    made = TunnelProxy()
    yield made
    made.close()


class Configured:
    """A kiosk whose configuration file names the centre, its authority and what proxy."""

    def __init__(self, kiosk: KioskProcess, file: Path, authority: Path, port: int) -> None:
        self.kiosk, self.file, self.authority, self.port = kiosk, file, authority, port

    def through(self, proxy: str) -> None:
        self.file.write_text(
            f'[centre]\nurl = "https://localhost:{self.port}"\ncertificate_authority = "{self.authority}"\n'
            f'proxy = "{proxy}"\n'
        )

    def run(self, module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        options = ("--config", str(self.file), "--data", str(self.kiosk.directory))
        return ran(
            module, *arguments, *options, environment={**os.environ, "LC_ALL": "C.UTF-8", **environment}
        )

    def once(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("sync.agent.command", "once", **environment)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def good(authority: Authority) -> ssl.SSLContext:
    return authority.server("good", "DNS:localhost")


@pytest.fixture
def configured(
    kiosk: KioskProcess, central: CentreProcess, authority: Authority, good: ssl.SSLContext, tmp_path: Path
) -> Iterator[Configured]:
    terminator = Terminator(central.port)
    terminator.context = good
    yield Configured(kiosk, tmp_path / "keydesk.toml", authority.file, terminator.port)
    terminator.close()


def test_a_batch_goes_through_the_configured_proxy_whose_password_is_told_nowhere(
    configured: Configured, proxy: TunnelProxy
) -> None:
    kiosk = configured.kiosk
    kiosk.place("11000001")
    configured.through(f"http://{LOGIN}127.0.0.1:{proxy.port}")
    done = configured.once()
    assert (done.returncode, done.stderr) == (0, "")
    assert kiosk.backlog() == 0
    expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert {(each.method, each.target) for each in proxy.asked} == {
        ("CONNECT", f"localhost:{configured.port}")
    }
    assert {each.headers["proxy-authorization"] for each in proxy.asked} == {f"Basic {expected}"}

    proxy.refusal = whole(407, b"", {"proxy-authenticate": 'Basic realm="desk"'})
    refused = configured.once()
    told = [refused, configured.run("sync.agent.command", "status", "--json")]
    told += [configured.run("kiosk.commands.cli", each) for each in ("status", "doctor")]
    printed = "".join(each.stdout + each.stderr for each in told)
    assert f"http://127.0.0.1:{proxy.port}" in printed
    printed += "".join(each.read_text() for each in kiosk.directory.glob("*.log*"))
    for secret in (PASSWORD, LOGIN, expected):
        assert secret not in printed


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_makes_no_tunnel_refused(
    configured: Configured, proxy: TunnelProxy, status: int
) -> None:
    proxy.refusal = whole(status, b"<html>no</html>")
    configured.through(f"http://127.0.0.1:{proxy.port}")
    done = configured.once()
    assert done.returncode == 1
    assert "代理拒绝" in done.stderr
    assert str(status) in done.stderr


def test_a_proxy_that_is_not_there_is_not_taken_for_the_centre(
    configured: Configured, proxy: TunnelProxy
) -> None:
    proxy.close()
    configured.through(f"http://127.0.0.1:{proxy.port}")
    done = configured.once()
    assert done.returncode == 1
    assert "没有连上代理" in done.stderr


def test_what_is_no_proxy_is_said_without_repeating_it(configured: Configured) -> None:
    configured.through(f"https://{LOGIN}127.0.0.1:1")
    done = configured.once()
    assert done.returncode == 1
    assert PROXY_UNUSABLE[0] in done.stderr
    assert "desk" not in done.stderr.replace("keydesk", "")
    doctor = configured.run("kiosk.commands.cli", "doctor").stdout
    assert PROXY_UNUSABLE[0] in doctor
    assert LOGIN not in doctor


def test_the_environments_proxies_are_not_followed(configured: Configured) -> None:
    configured.through("")
    dead = "http://127.0.0.1:9"
    done = configured.once(HTTPS_PROXY=dead, https_proxy=dead, ALL_PROXY=dead)
    assert (done.returncode, done.stderr) == (0, "")
    assert configured.kiosk.state().failure is not ContactFault.PROXY_UNREACHABLE
