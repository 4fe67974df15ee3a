"""The centre's configuration: its file, the environment, and what is refused."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

import sync.central
from kiosk.domain.working_days import USUAL
from sync.central import command
from sync.central.centre_keys import load_keys, make_keys
from sync.central.configuration import (
    CONFIG,
    DATA,
    ENVIRONMENT,
    HOSTS,
    CentreConfiguration,
    PaymentProviderName,
    SmsProviderName,
    load,
)
from sync.central.errors import ConfigurationWrong, CryptographyUnusable, ProvidersUnchosen
from tests.support.no_libcrypto import no_libcrypto

EXAMPLE = Path(sync.central.__file__).parent / "example.toml"


def test_the_example_file_holds_every_key_with_its_default() -> None:
    assert load({CONFIG: str(EXAMPLE)}) == CentreConfiguration()
    written = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert set(written) == set(CentreConfiguration.__struct_fields__)


def test_the_environment_counts_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "central.toml"
    file.write_text('data = "/somewhere"\nsms = "none"\nhosts = ["here"]\n', encoding="utf-8")
    loaded = load({CONFIG: str(file), DATA: str(tmp_path), HOSTS: "one,two"})
    assert (loaded.directory, loaded.hosts, loaded.sms) == (tmp_path, ("one", "two"), SmsProviderName.NONE)


LOOPBACK = ("127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST.", "desk.localhost", "[::1]")
EVERYBODY = "0.0.0.0"  # noqa: S104 - it is refused
BEYOND = (
    EVERYBODY,
    "::",
    "192.168.1.5",
    "fe80::1",
    "desk.example.cn",
    "127.0.0.1.example.cn",
    "localhost.cn",
)
CHOSEN = {"provider": PaymentProviderName.NONE, "sms": SmsProviderName.SANDBOX}


@pytest.mark.parametrize("host", LOOPBACK)
def test_the_sandbox_serves_this_machine_without_being_chosen(host: str) -> None:
    CentreConfiguration().require_choice(host)
    assert CentreConfiguration().plays_payments
    assert CentreConfiguration().plays_messages


@pytest.mark.parametrize("beyond", BEYOND)
@pytest.mark.parametrize(
    "given", [{}, {"sms": SmsProviderName.NONE}, {"provider": PaymentProviderName.SANDBOX}]
)
def test_nobody_else_is_served_before_both_providers_were_chosen(
    beyond: str, given: dict[str, PaymentProviderName | SmsProviderName]
) -> None:
    configuration = replace(CentreConfiguration(), **given)
    missing = tuple(key for key in ("provider", "sms") if key not in given)
    for each, host in (
        (configuration, beyond),
        (replace(configuration, hosts=("127.0.0.1", beyond)), "127.0.0.1"),
        (
            replace(
                configuration, origins=(f"https://[{beyond}]" if ":" in beyond else f"https://{beyond}",)
            ),
            "::1",
        ),
    ):
        with pytest.raises(ProvidersUnchosen) as refused:
            each.require_choice(host)
        assert refused.value.keys == missing
        replace(each, **CHOSEN).require_choice(host)


def test_serving_others_unchosen_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOSTS, "127.0.0.1")
    monkeypatch.setenv(DATA, str(tmp_path / "centre"))
    for chosen in ("PROVIDER", "SMS"):
        monkeypatch.delenv(ENVIRONMENT + chosen)
    assert command.main(["serve", "--host", EVERYBODY, "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert 'provider = "none"、sms = "none"' in said
    assert not (tmp_path / "centre").exists()


@pytest.mark.parametrize(
    "line", ['sms = "pigeon"', 'provider = "nobody"', "smss = 1", "data = ", "system = 3"]
)
def test_a_wrong_key_or_value_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "central.toml"
    file.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigurationWrong):
        load({CONFIG: str(file)})


def test_a_machine_without_libcrypto_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        no_libcrypto(monkeypatch),
        pytest.raises(CryptographyUnusable, match=r"libcrypto-none.so.3.*libssl3"),
    ):
        make_keys(tmp_path, "An exchange", 1_795_000_000)


def _configured(tmp_path: Path, text: str) -> CentreConfiguration:
    file = tmp_path / "central.toml"
    file.write_text(text, encoding="utf-8")
    return load({CONFIG: str(file)})


def test_a_calendar_names_the_working_days_of_further_years(tmp_path: Path) -> None:
    (tmp_path / "days.toml").write_text("[2027]\nholidays = [[2027-01-01, 2027-01-03]]\nworking = []\n")
    configured = _configured(tmp_path, f'calendar = "{tmp_path}/days.toml"')
    assert not configured.working_days.is_working(date(2027, 1, 1))
    assert load({}).working_days is USUAL


@pytest.mark.parametrize("key", ["calendar", "follow_picture"])
def test_a_file_that_is_missing_or_no_such_thing_is_told_at_once(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationWrong, match=key):
        _configured(tmp_path, f'{key} = "{tmp_path}/none"')
    (tmp_path / "nonsense").write_text("nonsense")
    with pytest.raises(ConfigurationWrong, match=key):
        _configured(tmp_path, f'{key} = "{tmp_path}/nonsense"')


@pytest.mark.parametrize(
    "address", ["desk.example.cn", "ftp://desk.example.cn", "https://desk.example.cn/orders/", "https://"]
)
def test_an_address_under_which_no_link_would_work_is_told_at_once(tmp_path: Path, address: str) -> None:
    for right in ("", "https://desk.example.cn", "http://127.0.0.1:8000/"):
        assert _configured(tmp_path, f'address = "{right}"').address == right
    with pytest.raises(ConfigurationWrong, match="address"):
        _configured(tmp_path, f'address = "{address}"')


@pytest.mark.parametrize(
    ("beginning", "media_type"), [(b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg")]
)
def test_a_picture_to_follow_is_a_small_png_or_jpeg(
    tmp_path: Path, beginning: bytes, media_type: str
) -> None:
    picture = tmp_path / "follow"
    picture.write_bytes(beginning.ljust(512 * 1024, b"\0"))
    shown = _configured(tmp_path, f'follow_picture = "{picture}"').picture_to_follow
    assert shown is not None
    assert shown.media_type == media_type
    larger = tmp_path / "larger"
    larger.write_bytes(beginning.ljust(512 * 1024 + 1, b"\0"))
    with pytest.raises(ConfigurationWrong, match="512 KiB"):
        _configured(tmp_path, f'follow_picture = "{larger}"')


def test_keys_that_others_may_read_are_their_owners_alone_once_they_are_loaded(tmp_path: Path) -> None:
    make_keys(tmp_path, "An exchange", 1_795_000_000)
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    load_keys.cache_clear()
    load_keys(tmp_path)
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}
