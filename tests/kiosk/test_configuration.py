import os
import tomllib
from pathlib import Path

import pytest

from hardware.scanner import ScannerSettings
from hardware.token.piv.commands import Slot
from hardware.token.skf.probes import SM2_1
from hardware.token.skf.profile import Limits, SkfProfile, configured_profile
from kiosk.configuration import Configuration, ConfigurationError, LogLevel, load, user_file
from kiosk.settings import Display
from kiosk.text.catalogue import Language

EXAMPLE = Path(__file__).resolve().parents[2] / "keydesk.example.toml"


def uncommented(connection: str = "serial") -> str:
    """The example with its optional tables taken over, and one of the printer's connections."""
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    chosen = [line for line in lines if not line.startswith("connection") or f'"{connection}"' in line]
    return "\n".join(line for line in chosen if " = " in line or line.startswith("["))


def test_the_example_file_holds_every_key_with_its_default() -> None:
    assert load(EXAMPLE) == Configuration()
    written = {section: set(keys) for section, keys in tomllib.loads(EXAMPLE.read_text()).items()}
    known = {section: set(getattr(Configuration(), section).__struct_fields__) for section in written}
    assert written == known
    assert set(written) | {"printer", "scanner", "skf"} == set(Configuration.__struct_fields__)


def test_the_example_s_library_holds_every_key_with_the_generic_profile_s_value() -> None:
    (table,) = tomllib.loads(uncommented())["skf"]
    assert set(table) == set(SkfProfile.__struct_fields__) | {"profile"}
    assert set(table["limits"]) == set(Limits.__struct_fields__)
    assert table.pop("key_algorithm") == SM2_1[0]  # found out without it
    assert configured_profile(table) == configured_profile(
        {"profile": table["profile"], "library": table["library"]}
    )


@pytest.mark.parametrize("connection", ["serial", "usb", "network", "file"])
def test_the_example_s_devices_are_valid_when_they_are_taken_over(tmp_path: Path, connection: str) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text(uncommented(connection))
    configuration = load(file)
    assert configuration.printer is not None
    assert type(configuration.printer.connection).__name__.lower() == f"{connection}connection"
    assert configuration.scanner == ScannerSettings("/dev/kiosk/scanner")
    assert [profile.library for profile in configuration.skf] == ["/opt/vendor/libskf.so"]


def test_each_library_has_a_table_over_the_profile_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text(
        '[[skf]]\nlibrary = "/opt/one.so"\nname = "one"\n'
        '[[skf]]\nprofile = "longmai-gm3000"\napplication = "OURS"\nlimits = { call = 9.0 }\n'
    )
    one, longmai = load(file).skf
    assert (one.name, one.library, one.application) == ("one", "/opt/one.so", "KEYDESK")
    assert (longmai.name, longmai.application, longmai.limits.call) == ("longmai-gm3000", "OURS", 9.0)


@pytest.mark.parametrize("site", ["site.example", "ftp://site.example", "https://", f"https://{'a' * 200}"])
def test_a_site_that_no_code_on_a_receipt_could_lead_to_is_refused(tmp_path: Path, site: str) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text(f'[exchange]\nsite = "{site}"\n')
    with pytest.raises(ConfigurationError, match=r"exchange\.site"):
        load(file)
    file.write_text('[exchange]\nsite = "https://site.example/"\n')
    assert load(file).exchange.site == "https://site.example/"


def test_keys_by_driver_and_the_log_are_read(tmp_path: Path) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text('[log]\nlevel = "traffic"\n[piv]\nslot = "9C"\n[gmt]\npin_tries = 5\n')
    configuration = load(file)
    assert configuration.log.level is LogLevel.TRAFFIC
    assert configuration.piv.slot is Slot.SIGNATURE
    assert configuration.gmt.pin_tries == 5


@pytest.mark.parametrize(
    ("user", "environment", "data", "file"),
    [
        (0, {}, "/var/lib/keydesk", "/home/li/.config/keydesk/keydesk.toml"),
        (1000, {}, "/home/li/.local/share/keydesk", "/home/li/.config/keydesk/keydesk.toml"),
        (1000, {"XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c"}, "/d/keydesk", "/c/keydesk/keydesk.toml"),
        (
            1000,
            {"XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""},
            "/home/li/.local/share/keydesk",
            "/home/li/.config/keydesk/keydesk.toml",
        ),
    ],
)
def test_data_and_file_have_the_places_of_the_system_and_of_the_user(
    user: int, environment: dict[str, str], data: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/li", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert (Configuration().directory, user_file()) == (Path(data), Path(file))


def test_the_mark_that_an_editor_puts_in_front_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text('[centre]\nurl = "https://centre.example"\n', encoding="utf-8-sig")
    assert load(file).centre.url == "https://centre.example"


def test_values_are_read(tmp_path: Path) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text(
        '[centre]\nurl = "https://centre.example"\n[screen]\nlanguage = "en"\nidle = 60\ncountdown = 7\n'
    )
    configuration = load(file)
    assert configuration.screen == Display(Language.ENGLISH, idle=60, countdown=7)
    assert configuration.payment_page == "HTTPS://CENTRE.EXAMPLE"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[centre]\nuri = 'x'\n", "uri"),
        ("[centr]\n", "centr"),
        ("[screen]\nidle = 'soon'\n", "screen.idle"),
        ("[printer]\nconnection = { type = 'fax' }\n", "printer.connection"),
        ("[centre\n", "TOML"),
        ("[log]\nlevel = 'debug'\n", "log.level"),
        ("[piv]\nslot = '9E'\n", "piv.slot"),
        ("[piv]\nmanagement_key = '00'\n", "piv"),
        ("[skf]\nlibrary = 'x.so'\n", "two brackets"),
        ("skf = ['x.so']\n", "two brackets"),
        ("[[skf]]\nlibrary = 'x.so'\n[[skf]]\n", "skf, table 2"),
        ("[[skf]]\nprofile = 'nobody'\n", "nobody"),
        ("[[skf]]\nprofile = '/no/such.toml'\n", "skf, table 1"),
        ("[[skf]]\nlibrary = 'x.so'\nlibary = 'x.so'\n", "libary"),
        ('[backup]\ndestinations = [""]', "absolute"),
        ('[backup]\ndestinations = ["~/stick"]', "absolute"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=named):
        load(file)


def test_a_file_that_was_asked_for_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load(tmp_path / "absent.toml")
