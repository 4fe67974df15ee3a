"""The agent over https to the real centre behind a terminator of TLS, with certificates made by OpenSSL."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kiosk.domain.entries.orders import OrderCancelled
from kiosk.store.agent_state import LinkFault
from kiosk.text.catalogue import Catalogue, Language
from sync.agent.errors import AuthorityUnusable, CentreUntrusted
from sync.agent.exchanging import exchange
from sync.agent.line.network_switch import NetworkSwitch
from sync.agent.loop import Loop
from sync.agent.opening import AgentSettings, open_agent
from sync.agent.status import status
from sync.agent.wording import status_lines
from tests.support.forked import ran
from tests.support.processes import CentreProcess, KioskProcess
from tests.support.tls_servers import Authority, Terminator
from tests.support.waiting import ended, wait_until

pytestmark = pytest.mark.xdist_group("central")
PORTALS = {LinkFault.UNKNOWN_AUTHORITY, LinkFault.ANOTHER_HOST, LinkFault.NO_TLS}
"""What a captive portal over https looks like: by another issuer, for another host, or without TLS."""
CHINESE = Catalogue(Language.CHINESE).text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def good(authority: Authority) -> ssl.SSLContext:
    return authority.server("good", "DNS:localhost")


@pytest.fixture(scope="module")
def bad(authority: Authority) -> dict[LinkFault, ssl.SSLContext | None]:
    """What the terminator shows instead, by what is wrong with it."""
    other = Authority(authority.folder, "theirs")
    return {
        LinkFault.UNKNOWN_AUTHORITY: other.server("good", "DNS:localhost"),
        LinkFault.EXPIRED: authority.server("old", "DNS:localhost", "20200101000000Z", "20210101000000Z"),
        LinkFault.NOT_YET_VALID: authority.server(
            "early", "DNS:localhost", "20900101000000Z", "20910101000000Z"
        ),
        LinkFault.ANOTHER_HOST: authority.server("elsewhere", "DNS:centre.example"),
        LinkFault.NO_TLS: None,
    }


@pytest.fixture
def terminator(central: CentreProcess, good: ssl.SSLContext) -> Iterator[Terminator]:
    made = Terminator(central.port)
    made.context = good
    yield made
    made.close()


@pytest.fixture
def settings(kiosk: KioskProcess, terminator: Terminator, authority: Authority) -> AgentSettings:
    return AgentSettings(kiosk.directory, f"https://localhost:{terminator.port}", authority=authority.file)


@contextlib.contextmanager
def running(settings: AgentSettings) -> Iterator[None]:
    with open_agent(settings) as agent:
        loop = Loop(agent, NetworkSwitch(), lambda: 0.0)
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield
        finally:
            loop.stop.set()
            ended(thread)


def test_a_kiosk_is_enrolled_and_carries_over_https_with_the_authority_of_its_configuration(
    central: CentreProcess, terminator: Terminator, authority: Authority, tmp_path: Path
) -> None:
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text(
        f'[centre]\nurl = "https://localhost:{terminator.port}"\ncertificate_authority = "{authority.file}"\n'
    )
    token = central.tokens[max(central.tokens)]  # the other tests begin with the least

    def sync(command: str, *more: str) -> subprocess.CompletedProcess[str]:
        options = ("--config", str(configuration), "--data", str(tmp_path / "data"))
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return ran("sync.agent.command", command, *options, *more, environment=environment)

    terminator.context = Authority(tmp_path, "theirs").server("good", "DNS:localhost")
    refused = sync("enrol", "--token", token)
    assert refused.returncode == 1
    assert "中心的TLS证书不是本机信任的机构签发的" in refused.stderr
    assert "Traceback" not in refused.stderr
    terminator.context = authority.server("again", "DNS:localhost")
    assert sync("enrol", "--token", token).returncode == 0
    assert sync("once").returncode == 0
    configuration.write_text(configuration.read_text().replace("ours.pem", "no-such.pem"))
    nothing = sync("once")
    assert nothing.returncode == 1
    assert "no-such.pem" in nothing.stderr
    assert "certificate_authority" in nothing.stderr


def in_trouble(kiosk: KioskProcess, trouble: LinkFault) -> bool:
    return kiosk.state().trouble is trouble


def test_whoever_is_not_the_centre_gets_nothing_and_the_backlog_waits_for_the_centre(
    kiosk: KioskProcess,
    settings: AgentSettings,
    terminator: Terminator,
    good: ssl.SSLContext,
    bad: dict[LinkFault, ssl.SSLContext | None],
) -> None:
    for trouble, context in bad.items():
        terminator.context = context
        number, _ = kiosk.place("11000001")
        kiosk.append(OrderCancelled(number, "member"))
        before = [entry[:2] for entry in kiosk.centre_entries()]
        with running(settings):
            wait_until(partial(in_trouble, kiosk, trouble))
            with kiosk.database.read() as tx:
                report = status(tx)
            (told,) = [line for line in status_lines(report, CHINESE) if line.startswith("网络")]
            assert "中心的TLS证书" in told or "不是 https" in told
            assert ("网络可能要求登录" in told) is (trouble in PORTALS)
            assert report.backlog == kiosk.backlog() >= 2
            assert [entry[:2] for entry in kiosk.centre_entries()] == before
            terminator.context = good
            wait_until(lambda: kiosk.backlog() == 0 and kiosk.state().error == "")
        assert kiosk.state().trouble is None
        assert [each[0] for each in kiosk.centre_entries()] == kiosk.hashes()


def test_without_the_configured_authority_a_private_one_is_not_trusted(
    settings: AgentSettings, authority: Authority
) -> None:
    with (
        open_agent(AgentSettings(settings.directory, settings.centre)) as agent,
        pytest.raises(CentreUntrusted) as refused,
    ):
        exchange(agent)
    assert refused.value.trouble is LinkFault.UNKNOWN_AUTHORITY
    broken = authority.folder / "broken.pem"
    broken.write_text("no certificate\n")
    with pytest.raises(AuthorityUnusable):
        AgentSettings(settings.directory, settings.centre, authority=broken).transport()
    clear = settings.centre.replace("https", "http")
    with pytest.raises(AuthorityUnusable, match="not https"):
        AgentSettings(settings.directory, clear, authority=authority.file).transport()


def test_an_authority_without_the_one_above_it_is_unknown(
    settings: AgentSettings, terminator: Terminator, authority: Authority
) -> None:
    name, key = "between", ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    between = Authority(authority.folder, name)
    authority.openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (authority.folder / f"{name}.cnf").write_text("basicConstraints = critical, CA:TRUE\n")
    signer = ("-CA", authority.file.name, "-CAkey", "ours.key", "-extfile", f"{name}.cnf")
    authority.openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", "30", *signer)
    terminator.context = between.server("good", "DNS:localhost")
    with (
        open_agent(AgentSettings(settings.directory, settings.centre, authority=between.file)) as agent,
        pytest.raises(CentreUntrusted) as refused,
    ):
        exchange(agent)
    assert refused.value.trouble is LinkFault.UNKNOWN_AUTHORITY
