"""The centre's configuration: its file, the environment, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import sync.central
from sync.central.centre_keys import make_keys
from sync.central.configuration import (
    CONFIG,
    DATA,
    HOSTS,
    CentreConfiguration,
    SmsProviderName,
    load,
)
from sync.central.errors import ConfigurationWrong, CryptographyUnusable
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
