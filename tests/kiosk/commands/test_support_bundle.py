"""`keydesk support-bundle`: what it tells, and that nothing of what was planted everywhere is in it."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kiosk.commands.support import machine
from kiosk.commands.support.settings import told_of_configuration, told_of_sentence
from kiosk.configuration import Configuration
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.personal import DeliveryAddress
from kiosk.store.agent_state import ContactFault
from kiosk.store.database import Database
from kiosk.store.keyfile import load
from kiosk.store.vault import VaultItem
from tests.support.commands import Keydesk

PASSWORD, PIN, TOKEN, HEXADECIMAL = "Wheat-88!", "907351", "enrol-Q7ZK-3M9P-XX41", "C0FFEE" * 8
NAME, ENTERPRISE, LEGAL_PERSON = "欧阳海棠", "桐柏试验粮油有限公司", "司马长风"
PHONE, DOCUMENT, ADDRESS, MAIL = (
    "13987654321",
    "410105199003071234",
    "花园路17号院3单元",
    "haitang@example.cn",
)
STAFF, VERIFIER = "慕容青", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
PEM = "-----BEGIN PRIVATE KEY-----\nMHcCAQEEIBkg\n-----END PRIVATE KEY-----"
PLANTED = (
    *(
        PASSWORD,
        PIN,
        TOKEN,
        HEXADECIMAL,
        NAME,
        ENTERPRISE,
        LEGAL_PERSON,
        PHONE,
        DOCUMENT,
        ADDRESS,
        MAIL,
        STAFF,
    ),
    *(VERIFIER, "MHcCAQEEIBkg", "aGFzaA"),
)

CONFIGURATION = f"""
[centre]
url = "https://desk:{PASSWORD}@centre.example.cn:8443/{TOKEN}"
payment_page = "https://pay.example.cn/{TOKEN}"
proxy = "http://desk:{PASSWORD}@proxy.example.cn:3128"

[exchange]
name = "{ENTERPRISE}"
payee = "{NAME}"
support = ["{PHONE}"]
initial_pin = "{PIN}"

[backup]
recipients = ["{TOKEN}"]

[gmt]
administrator_pin = "{PIN}"
device_key = "{HEXADECIMAL[:32]}"

[piv]
factory_pin = "{PIN}"
management_key = "{HEXADECIMAL}"
unblocking_pin = "{PIN}12"

[[skf]]
library = "/opt/vendor/libskf.so"
factory_pin = "{PIN}"
administrator_pin = "{PIN}55"
device_key = "{HEXADECIMAL[:32]}"
"""

EVERYTHING = f"{PASSWORD} {PIN} {TOKEN} {NAME} {PHONE} {DOCUMENT} {ADDRESS} {MAIL} {HEXADECIMAL}"
LINES = (
    json.dumps({"event": EVERYTHING, "level": "info", "timestamp": "2026-11-22T08:00:00Z"}),
    *(
        json.dumps(
            {"event": "failed", "level": "warning", "kind": "ExchangeFailed", "entries": 12, name: value}
        )
        for name in (
            "error",
            "problem",
            "reason",
            "verb",
            "night",
            "program",
            "account",
            "token",
            NAME,
            PASSWORD,
        )
        for value in (EVERYTHING, PASSWORD, NAME, PIN, f"Errno 111: {os.strerror(111)} {PASSWORD}")
    ),
    *(json.dumps({"event": "sent", name: int(PHONE)}) for name in ("entries", "until", "phone")),
    json.dumps({"event": "sent", "entries": [NAME, {"pin": PIN}]}),
    json.dumps(
        {
            "event": "a thread broke down",
            "exception": f'Traceback (most recent call last):\n  File "/home/{NAME}/kiosk/desk/service.py", line 119, in verb\n'
            f'    sign_in("{PASSWORD}")\nkiosk.store.errors.StoreBusy: {EVERYTHING}\nValueError: {EVERYTHING}',
        }
    ),
    f'{{"event": "cut short {EVERYTHING}',
    json.dumps([EVERYTHING]),
    EVERYTHING,
    *PEM.splitlines(),
    f"2026-11-22T08:00:00.123Z WARNING hardware.pcsc: {EVERYTHING}",
    f"2026-11-22T08:00:00.123Z WARNING {PASSWORD}: {EVERYTHING}",
    f"2026-11-22T08:00:00.123Z TRAFFIC hardware.traffic: 80 18 00 01 {EVERYTHING} -> {HEXADECIMAL} 90 00 (12.0 ms)",
    f"2026-11-22T08:00:00.123Z TRAFFIC hardware.traffic: {EVERYTHING}",
    f'  File "/opt/{PASSWORD}.py", line 3, in work',
    f"{NAME}: {PASSWORD}",
)


def _bundle(file: Path) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(file.read_bytes()))) as archive:
        return {
            each.name.removeprefix("keydesk-support/"): archive.extractfile(each).read().decode()  # type: ignore[union-attr]
            for each in archive
        }


def _plant(directory: Path) -> None:
    """Put every kind of secret and personal fact into all that a bundle is made from."""
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with closing(database), database.write() as tx:
        tx.members.put_enterprise(Enterprise("91410100MA00000017", ENTERPRISE, LEGAL_PERSON, Review.APPROVED))
        tx.members.put_operator(Operator("11000001", "91410100MA00000017", NAME, Review.APPROVED, VERIFIER))
        tx.members.put_staff(StaffMember(STAFF, Role.SUPERVISOR, VERIFIER))
        tx.personal.put(DeliveryAddress(NAME, "河南省", ADDRESS, PHONE), "11000001", 1)
        tx.vault.put(VaultItem.NEXT_ISSUING_KEY, PEM.encode())
        state = msgspec.structs.replace(
            tx.agent.get(),
            error=EVERYTHING,
            failure=ContactFault.REFUSED,
            refusal=f"no {PHONE} '{NAME}' {MAIL}",
        )
        tx.agent.put(state)
    folder = directory / "log"
    folder.mkdir()
    for name in ("desk.log", "desk.log.1", "sync.log"):
        (folder / name).write_text("\n".join(LINES), encoding="utf-8")
    (folder / f"desk.log.{PASSWORD}").write_text(EVERYTHING, encoding="utf-8")


def _systemctl(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager that says more than it was asked."""
    place.mkdir()
    program = place / "systemctl"
    program.write_text(
        "#!/bin/sh\nprintf 'Id=keydesk.service\\nActiveState=active\\nNRestarts=2\\n"
        f"Environment=TOKEN={TOKEN}\\nResult={NAME}\\nStatusText={PASSWORD}\\n'\n",
        encoding="utf-8",
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    monkeypatch.setattr(machine, "RUNNING", place)


@pytest.fixture
def planted(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | Path]:
    """The options of a machine in which everything is planted."""
    _plant(directory)
    _systemctl(tmp_path / "programs", monkeypatch)
    configuration = tmp_path / "keydesk.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    return ["--config", configuration, "--data", directory]


def test_nothing_of_what_was_planted_everywhere_is_in_it(
    keydesk: Keydesk, planted: list[str | Path], tmp_path: Path
) -> None:
    told = keydesk("support-bundle", tmp_path / "bundle.tar.gz", *planted)
    assert (told.status, told.said) == (0, "")
    assert "没有密码、PIN、密钥和个人资料" in told.printed
    parts = _bundle(tmp_path / "bundle.tar.gz")
    assert set(parts) == {
        *("README.txt", "configuration.json", "doctor.json", "store.json", "units.txt", "versions.json"),
        *("log/desk.log", "log/desk.log.1", "log/sync.log"),
    }
    found = [(name, secret) for name, content in parts.items() for secret in PLANTED if secret in content]
    assert found == []


def test_what_a_stranger_needs_is_in_it(keydesk: Keydesk, planted: list[str | Path], tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    assert keydesk("support-bundle", file, *planted, "--json").document == {
        "file": str(file),
        "size": file.stat().st_size,
    }
    parts = _bundle(file)
    store = json.loads(parts["store.json"])
    assert store["rows"]["operators"] == 1
    assert store["journal"]["sound"] is True
    assert store["journal"]["head"]["sequence"] == store["status"]["sequence"] == 7
    assert store["status"]["failure"] == "refused"
    configuration = json.loads(parts["configuration.json"])
    assert configuration["centre.url"] == "https://centre.example.cn:8443"
    assert configuration["centre.proxy"] == "http://proxy.example.cn:3128 (with a password)"
    assert (configuration["gmt.administrator_pin"], configuration["skf.1.library"]) == (
        "set",
        "/opt/vendor/libskf.so",
    )
    checks = {each["name"]: each for each in json.loads(parts["doctor.json"])}
    assert checks["数据库"]["level"] == "works"
    assert json.loads(parts["versions.json"])["libraries"]["msgspec"] == msgspec.__version__
    assert parts["units.txt"] == "Id=keydesk.service\nActiveState=active\nNRestarts=2\n"
    log = parts["log/desk.log"]
    assert os.strerror(111) in log
    assert '"kind": "ExchangeFailed"' in log
    assert "kiosk/desk/service.py:119, in verb" in log
    assert "kiosk.store.errors.StoreBusy" in log
    assert "80 18 00 01 … -> 90 00 (12.0 ms)" in log


def test_nobody_else_reads_it_and_no_file_is_written_over(
    keydesk: Keydesk, directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.tar.gz"
    assert keydesk("support-bundle", file, "--data", directory).status == 0
    assert file.stat().st_mode & 0o077 == 0
    before = file.read_bytes()
    refused = keydesk("support-bundle", file, "--data", directory)
    assert (refused.status, file.read_bytes()) == (1, before)
    assert "请另取一个文件名" in refused.said
    nowhere = keydesk("support-bundle", tmp_path / "nowhere" / "x", "--data", directory)
    assert nowhere.status == 1
    assert "不能写入" in nowhere.said


def test_without_a_name_it_lies_in_the_current_folder(
    keydesk: Keydesk, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert keydesk("support-bundle", "--data", directory).status == 0
    (file,) = tmp_path.glob("keydesk-support-*.tar.gz")
    assert file.name.removeprefix("keydesk-support-").removesuffix(".tar.gz").isdecimal()


@pytest.mark.parametrize(
    "configuration",
    [f"[gmt]\n{PASSWORD} = 1\n", f'[key]\nseal = "{TOKEN}"\n', f'"{NAME}" = "{PASSWORD}"\n', f'"{PASSWORD}'],
)
def test_a_configuration_and_a_store_that_cannot_be_read_are_told_without_what_is_in_them(
    keydesk: Keydesk, tmp_path: Path, configuration: str
) -> None:
    file, data = tmp_path / "keydesk.toml", tmp_path / "desk"
    file.write_text(configuration, encoding="utf-8")
    data.mkdir()
    (data / "keydesk.db").write_text(EVERYTHING, encoding="utf-8")
    (data / "keydesk.key").write_text(TOKEN, encoding="utf-8")
    (data / "keydesk.key").chmod(0o600)
    assert keydesk("support-bundle", tmp_path / "bundle", "--config", file, "--data", data).status == 0
    parts = _bundle(tmp_path / "bundle")
    assert json.loads(parts["store.json"])["fault"] == "KeyFileInvalid"
    assert "fault" in json.loads(parts["configuration.json"])
    whole = "".join(parts.values())
    assert [secret for secret in PLANTED if secret in whole] == []


def test_a_damaged_journal_is_told_by_its_place(
    keydesk: Keydesk, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with closing(database), database.write() as tx:
        tx._connection.execute("DELETE FROM orders")
    assert keydesk("support-bundle", tmp_path / "bundle", "--data", directory).status == 0
    journal = json.loads(_bundle(tmp_path / "bundle")["store.json"])["journal"]
    assert (journal["sound"], journal["different"], journal["different_in"]) == (False, 2, ["orders"])


def test_a_sentence_loses_what_it_quotes() -> None:
    said = f"请点「收费表」，不是「{NAME}」；'{PASSWORD}' 在 https://desk:{PASSWORD}@pay.example.cn/{TOKEN}，电话 {PHONE}"
    assert told_of_sentence(said) == "请点「…」，不是「…」；'…' 在 https://pay.example.cn，电话 …"


def test_a_new_setting_is_hidden_until_it_is_listed() -> None:
    told: dict[str, Any] = told_of_configuration(Configuration())
    assert told["gmt.device_key"] == "set"
    assert told["log.level"] == "info"
    assert {place for place, value in told.items() if value == "111111"} == set()
