"""Whatever is wrong: exit status 1, nothing printed, and one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiosk.store.agent_lock import serving
from kiosk.store.location import DATABASE, KEY_FILE
from tests.support.commands import Told
from tests.support.no_libcrypto import no_libcrypto

Keydesk = Callable[..., Any]
READERS = (("orders",), ("keys",), ("status",), ("journal", "verify"), ("journal", "export"))


def _no_database(directory: Path) -> None:
    (directory / DATABASE).unlink()


def _another_key(directory: Path) -> None:
    (directory / KEY_FILE).write_text("00" * 32 + "\n")


def _cut_in_half(directory: Path) -> None:
    database = directory / DATABASE
    (directory / f"{DATABASE}-wal").unlink(missing_ok=True)
    content = database.read_bytes()
    database.write_bytes(content[: len(content) // 2])


def _no_key(directory: Path) -> None:
    (directory / KEY_FILE).unlink()


def _open_key(directory: Path) -> None:
    (directory / KEY_FILE).chmod(0o644)


def _half_a_key(directory: Path) -> None:
    (directory / KEY_FILE).write_text("00" * 16)


TROUBLES = (
    (_no_database, "没有数据库", "--data"),
    (_another_key, "密钥文件打不开数据库", "keydesk.key"),
    (_cut_in_half, "已损坏", "备份"),
    (_no_key, "keydesk.key 不能读写", "属主和权限"),
    (_open_key, "keydesk.key 不能用", "0600"),
    (_half_a_key, "keydesk.key 不能用", "放回原来的密钥文件"),
)


def _require_one_sentence(told: Told, *parts: str) -> None:
    assert told.status == 1
    assert told.printed == ""
    assert told.said.startswith("keydesk: ")
    assert told.said.count("\n") == 1
    for part in parts:
        assert part in told.said


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize(
    ("spoil", "found", "advice"), TROUBLES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_store_that_cannot_be_used_is_told_with_what_to_do(
    keydesk: Keydesk,
    directory: Path,
    command: tuple[str, ...],
    spoil: Callable[[Path], None],
    found: str,
    advice: str,
) -> None:
    spoil(directory)
    before = {file.name: file.read_bytes() for file in directory.iterdir()}
    _require_one_sentence(keydesk(*command, "--data", directory), found, advice)
    assert {name: (directory / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("name", ["nowhere", "."], ids=["missing", "empty"])
@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_where_there_is_no_store_none_is_made(
    keydesk: Keydesk, tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    told = keydesk(*command, "--data", tmp_path / name)
    _require_one_sentence(told, "没有数据库", "keydesk-sync enrol")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["show", "auto", "tpm", "plain", "unlock", "lock"])
def test_no_key_is_kept_otherwise_where_there_is_none(keydesk: Keydesk, tmp_path: Path, verb: str) -> None:
    told = keydesk("seal", verb, "--data", tmp_path / "nowhere")
    assert (told.status, told.said[:9]) == (1, "keydesk: ")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_backed_up_where_there_is_nothing(keydesk: Keydesk, tmp_path: Path) -> None:
    told = keydesk("backup", tmp_path / "copy", "--data", tmp_path / "nowhere")
    assert told.status == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [*READERS, ("run",)], ids=" ".join)
@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("[screen]\nidel = 90\n", "idel"),
        ('[screen]\nidle = "long"\n', "idle"),
        ("[screen\n", "TOML"),
        (None, "没有配置文件"),
    ],
    ids=["unknown-key", "wrong-kind", "no-toml", "no-file"],
)
def test_a_configuration_that_cannot_be_used_is_told_by_name(
    keydesk: Keydesk, tmp_path: Path, command: tuple[str, ...], content: str | None, part: str
) -> None:
    file = tmp_path / "keydesk.toml"
    if content is not None:
        file.write_text(content)
    _require_one_sentence(keydesk(*command, "--config", file), "keydesk.toml", part)


def test_the_screens_want_a_terminal(keydesk: Keydesk, tmp_path: Path) -> None:
    _require_one_sentence(keydesk("run", "--data", tmp_path / "run"), "终端", "80×24")
    _require_one_sentence(keydesk("demo", "--data", tmp_path / "demo"), "终端", "80×24")
    assert not any(tmp_path.iterdir())


def test_a_virtual_key_is_put_in_at_no_port_that_there_cannot_be(keydesk: Keydesk) -> None:
    _require_one_sentence(keydesk("virtual-key", "--port", "99999"), "99999")


def test_a_virtual_key_s_file_that_is_none_is_left_alone(keydesk: Keydesk, tmp_path: Path) -> None:
    state = tmp_path / "photo.png"
    state.write_bytes(b"\x89PNG")
    _require_one_sentence(keydesk("virtual-key", "--state", state), "photo.png", "--state")
    assert state.read_bytes() == b"\x89PNG"
    _require_one_sentence(
        keydesk("virtual-key", "--state", tmp_path / "no" / "key.card"), "key.card 不能写入"
    )


def _at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let standard input and output, which are captured, pass for a terminal."""
    terminal = type("Terminal", (), {"isatty": lambda _: True})()
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)


@pytest.mark.parametrize(
    ("centre", "said"),
    [("", "没有填写中心的地址"), ('url = "pay.example.cn"', "pay.example.cn 不是中心的地址")],
)
def test_a_desk_that_could_show_no_payment_code_does_not_start_and_the_doctor_says_the_same(
    keydesk: Keydesk,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    centre: str,
    said: str,
) -> None:
    _at_terminal(monkeypatch)
    file = tmp_path / "keydesk.toml"
    file.write_text(f"[centre]\n{centre}\n")
    options = ("--config", file, "--data", directory)
    checks = keydesk("doctor", "--json", *options).document
    found = next(check for check in checks if check["name"] == "中心地址")
    assert found["level"] == "failed"
    _require_one_sentence(keydesk("run", *options), said, f"{found['found']}。请{found['advice']}")


def test_a_second_desk_on_one_data_directory_says_that_there_is_one(
    keydesk: Keydesk, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _at_terminal(monkeypatch)
    file = tmp_path / "keydesk.toml"
    file.write_text('[centre]\nurl = "https://pay.example.cn"\n')
    with serving(directory):
        told = keydesk("run", "--config", file, "--data", directory)
    _require_one_sentence(told, f"{directory} 上已有密钥服务台在运行", "用已经打开的那一个")


@pytest.mark.parametrize("command", [("run",), ("demo",), ("virtual-key",)], ids=" ".join)
def test_without_libcrypto_nothing_starts_and_what_to_install_is_named(
    keydesk: Keydesk, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    _at_terminal(monkeypatch)
    with no_libcrypto(monkeypatch):
        _require_one_sentence(keydesk(*command), "libcrypto-none.so.3", "请安装 OpenSSL 3.0", "libssl3")
