import tomllib
from pathlib import Path

import pytest

from hardware.scanner import ScannerSettings
from kiosk.configuration import Configuration, ConfigurationError, Language, load

EXAMPLE = Path(__file__).resolve().parents[2] / "keydesk.example.toml"


def test_the_example_file_holds_every_key_with_its_default() -> None:
    assert load(EXAMPLE) == Configuration()
    written = {section: set(keys) for section, keys in tomllib.loads(EXAMPLE.read_text()).items()}
    known = {section: set(getattr(Configuration(), section).__struct_fields__) for section in written}
    assert written == known
    assert set(written) | {"printer", "scanner"} == set(Configuration.__struct_fields__)


@pytest.mark.parametrize("connection", ["serial", "usb", "network", "file"])
def test_the_example_s_devices_are_valid_when_they_are_taken_over(tmp_path: Path, connection: str) -> None:
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    chosen = [line for line in lines if not line.startswith("connection") or f'"{connection}"' in line]
    file = tmp_path / "keydesk.toml"
    file.write_text("\n".join(line for line in chosen if "=" in line or line.startswith("[")))
    configuration = load(file)
    assert configuration.printer is not None
    assert type(configuration.printer.connection).__name__.lower() == f"{connection}connection"
    assert configuration.scanner == ScannerSettings("/dev/kiosk/scanner")


def test_values_are_read(tmp_path: Path) -> None:
    file = tmp_path / "keydesk.toml"
    file.write_text('[centre]\nurl = "https://centre.example"\n[screen]\nlanguage = "en"\n')
    configuration = load(file)
    assert configuration.screen.language is Language.ENGLISH
    assert configuration.payment_page == "HTTPS://CENTRE.EXAMPLE"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[centre]\nuri = 'x'\n", "uri"),
        ("[centr]\n", "centr"),
        ("[screen]\nidle = 'soon'\n", "screen.idle"),
        ("[printer]\nconnection = { type = 'fax' }\n", "printer.connection"),
        ("[centre\n", "TOML"),
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
