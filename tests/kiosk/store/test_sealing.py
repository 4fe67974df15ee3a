"""A sealed key: what a copy of the disk opens, and the ways back."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hardware import tpm
from kiosk.domain.clock import FixedClock
from kiosk.store import keyfile, resealing
from kiosk.store.copies import make_copy
from kiosk.store.errors import (
    KeyFileInvalid,
    PassphraseNeeded,
    PassphraseWrong,
    TpmRefuses,
    TpmUnusable,
)
from kiosk.store.key_derivation import file_salt
from kiosk.store.location import DATABASE, KEY_FILE, open_database, open_or_create_database
from kiosk.store.sealing import held
from kiosk.store.sealing.sealed_key import CREDENTIAL, with_passphrase
from kiosk.store.sealing.ways import Question, Way, ask_nobody
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.failures import store_failure
from tests.support.commands import Told
from tests.support.forked import ran
from tests.support.passphrases import cheap_wrapping
from tests.support.tpm import SoftTpm, soft_tpm, typed

END_OF_FILE = "\x04"
PASSPHRASE = "粮仓里有三只白猫和两把椅子"
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A kiosk's data directory with a plain key; nothing of it is held afterwards."""
    place = tmp_path / "desk"
    open_or_create_database(place).close()
    salt = file_salt(keyfile.load(place / KEY_FILE))
    yield place
    held.let_go(salt, place.stat().st_uid)


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[SoftTpm]:
    with soft_tpm() as found:
        found.start(tmp_path / "board")
        yield found


def keydesk(*arguments: str | Path, **environment: str) -> Told:
    """Run a command as a process of its own, with nobody at a terminal."""
    done = ran("kiosk.commands.cli", *arguments, environment={**ENVIRONMENT, **environment})
    return Told(done.returncode, done.stdout, done.stderr)


def at_terminal(*arguments: str | Path, answers: tuple[tuple[str, str | Callable[[str], str]], ...]) -> Told:
    return typed([sys.executable, "-m", "kiosk.commands.cli", *arguments], answers, ENVIRONMENT)


def end_of_code(shown: str) -> str:
    code = re.search(r"恢复码：((?:[0-9A-Z]{4}-){5}([0-9A-Z]{4}))", shown)
    assert code is not None
    return code.group(2)


def seal_with_passphrase(directory: Path) -> str:
    """Seal as the command does; the recovery code."""
    answers = (
        ("新的启动密码", "too short"),
        ("太短", PASSPHRASE),
        ("再输入一次", "another one, also long"),
        ("两次输入不一样", PASSPHRASE),
        ("再输入一次", PASSPHRASE),
        ("最后四位", end_of_code),
    )
    told = at_terminal("seal", "passphrase", "--data", directory, answers=answers)
    assert told.status == 0, told.printed
    assert "已改写" in told.printed
    assert keydesk("seal", "lock", "--data", directory).status == 0
    found = re.search(r"(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}", told.printed)
    assert found is not None
    return found.group()


def a_copy_of_the_disk(directory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(directory, tmp_path / "stolen"))


def test_a_copy_of_the_disk_does_not_open_with_another_tpm_and_opens_with_the_recovery_code(
    directory: Path, chip: SoftTpm, tmp_path: Path
) -> None:
    key = keyfile.load(directory / KEY_FILE)
    code = tmp_path / "code"
    options = ("--data", directory, "--device", chip.device, "--code-file", code)
    told = keydesk("seal", "tpm", *options)
    assert (told.status, told.said) == (0, "")
    assert keydesk("status", "--data", directory).status == 0
    stolen = a_copy_of_the_disk(directory, tmp_path)
    assert key.hex().encode() not in (stolen / KEY_FILE).read_bytes()
    assert key not in (stolen / KEY_FILE).read_bytes()

    chip.stop()
    refused = keydesk("status", "--data", stolen)
    assert refused.status == 1
    chip.start(tmp_path / "another-board")
    refused = keydesk("status", "--data", stolen)
    assert refused.status == 1
    assert "TPM" in refused.said
    assert "恢复码" in refused.said
    assert refused.said.count("\n") == 1
    answers = (("请输入恢复码", code.read_text().strip().lower().replace("-", " ")),)
    assert at_terminal("seal", "unlock", "--data", stolen, answers=answers).status == 0
    assert keydesk("status", "--data", stolen).status == 0

    # The technician seals it to the new board; the code from before opens nothing any more.
    told = keydesk("seal", "tpm", "--data", directory, "--device", chip.device, "--code-file", tmp_path / "2")
    assert told.status == 0, told.said
    assert not keyfile.is_held(directory / KEY_FILE)
    assert keydesk("status", "--data", directory).status == 0
    chip.flush()
    assert keyfile.load(directory / KEY_FILE) == key
    assert (tmp_path / "2").read_text() != code.read_text()


def test_a_copy_of_the_disk_does_not_open_without_the_passphrase(directory: Path, tmp_path: Path) -> None:
    key = keyfile.load(directory / KEY_FILE)
    code = seal_with_passphrase(directory)
    stolen = a_copy_of_the_disk(directory, tmp_path)
    assert key.hex().encode() not in (stolen / KEY_FILE).read_bytes()
    refused = keydesk("status", "--data", stolen)
    assert refused.status == 1
    assert "启动密码" in refused.said
    wrong = at_terminal(
        "status", "--data", stolen, answers=(("启动密码", "a"), ("不对", "b"), ("不对", "粮仓里有三只白猫"))
    )
    assert wrong.status == 1
    assert "次数不限" in wrong.printed
    asked = (("启动密码", "not it"), ("不对", PASSPHRASE))
    assert at_terminal("status", "--data", stolen, answers=asked).status == 0
    assert keydesk("status", "--data", stolen).status == 0, "it is held for the others"
    assert keydesk("seal", "lock", "--data", stolen).status == 0
    assert at_terminal("status", "--data", stolen, answers=(("启动密码", code.lower()),)).status == 0
    assert keyfile.load(stolen / KEY_FILE) == key


def test_a_service_gets_the_passphrase_from_systemd(directory: Path, tmp_path: Path) -> None:
    seal_with_passphrase(directory)
    given = tmp_path / "credentials"
    given.mkdir()
    (given / CREDENTIAL).write_text(f"{PASSPHRASE}\n")
    assert keydesk("status", "--data", directory, CREDENTIALS_DIRECTORY=str(given)).status == 0
    assert not keyfile.is_held(directory / KEY_FILE)
    (given / CREDENTIAL).write_text("another one, also long")
    refused = keydesk("status", "--data", directory, CREDENTIALS_DIRECTORY=str(given))
    assert refused.status == 1
    assert "启动密码" in refused.said


def test_nothing_is_sealed_before_somebody_has_noted_the_code(directory: Path, chip: SoftTpm) -> None:
    before = (directory / KEY_FILE).read_bytes()
    options = ("seal", "tpm", "--data", directory, "--device", chip.device)
    alone = keydesk(*options)
    assert alone.status == 1
    assert "--code-file" in alone.said
    chip.flush()
    gone = at_terminal(*options, answers=(("最后四位", "0000"), ("与恢复码不符", END_OF_FILE)))
    assert gone.status == 1
    assert "什么也没有改动" in gone.printed
    chip.flush()
    existing = directory / DATABASE
    assert keydesk(*options, "--code-file", existing).status == 1
    assert (directory / KEY_FILE).read_bytes() == before
    chip.flush()
    assert at_terminal(*options, answers=(("最后四位", "0000"), ("与恢复码不符", end_of_code))).status == 0
    assert keyfile.way(directory / KEY_FILE) is Way.TPM


def test_a_key_goes_from_one_way_to_the_other_and_back_while_the_desk_works(
    directory: Path, chip: SoftTpm, tmp_path: Path
) -> None:
    key = keyfile.load(directory / KEY_FILE)
    aside = directory / "keydesk.before-1"
    aside.mkdir()
    shutil.copy(directory / KEY_FILE, aside)
    with closing(open_database(directory)) as working:
        seal_with_passphrase(directory)
        assert b"passphrase" in (aside / KEY_FILE).read_bytes()
        assert (
            at_terminal("seal", "unlock", "--data", directory, answers=(("启动密码", PASSPHRASE),)).status
            == 0
        )
        told = keydesk(
            "seal", "tpm", "--data", directory, "--device", chip.device, "--code-file", tmp_path / "code"
        )
        assert told.status == 0, told.said
        assert not keyfile.is_held(directory / KEY_FILE)
        shown = keydesk("seal", "show", "--json", "--data", directory).document
        assert shown == {"way": "tpm", "held": False}
        assert keydesk("seal", "plain", "--data", directory).status == 0
        with working.read() as tx:
            assert tx.journal.count() == 0
    assert (directory / KEY_FILE).read_text() == (aside / KEY_FILE).read_text() == key.hex() + "\n"


def test_what_lay_there_plain_is_written_over(directory: Path) -> None:
    key = keyfile.load(directory / KEY_FILE)
    draft = directory / f".{KEY_FILE}.abcd"
    draft.write_text(key.hex())
    with (directory / KEY_FILE).open("rb") as former:
        prepared = resealing.for_passphrase(key, PASSPHRASE)
        resealing.keep(directory, key, prepared.sealed)
        assert not any(former.read())
    assert not draft.exists()


def _killed_at(step: int, directory: Path, to: str) -> int:
    """Keep the key in that way, in a process that is killed before it changes a file once more; how it ended."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        key = keyfile.load(directory / KEY_FILE, asking=lambda *_: PASSPHRASE)
        kept = None if to == "plain" else resealing.for_passphrase(key, PASSPHRASE).sealed
        changes = itertools.count()

        def counted(real: Callable[..., object]) -> Callable[..., object]:
            def change(*given: object, **named: object) -> object:
                if next(changes) >= step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*given, **named)

            return change

        for name in ("rename", "replace", "unlink", "fsync", "chown", "write"):
            setattr(os, name, counted(getattr(os, name)))
        resealing.keep(directory, key, kept)
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.parametrize("to", ["passphrase", "plain"])
def test_a_kill_at_any_step_leaves_a_key_that_opens(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    cheap_wrapping(monkeypatch)
    key = keyfile.load(directory / KEY_FILE)
    if to == "plain":
        keyfile.replace(directory / KEY_FILE, resealing.for_passphrase(key, PASSPHRASE).sealed)
    before = (directory / KEY_FILE).read_bytes()
    ways = []
    for step in range(40):
        place = tmp_path / f"step-{step}"
        shutil.copytree(directory, place)
        ended = _killed_at(step, place, to)
        held.let_go(file_salt(key), place.stat().st_uid)
        assert not list(held.MEMORY.glob(f"keydesk-*/*{file_salt(key).hex()}*"))
        ways.append(keyfile.way(place / KEY_FILE))
        with closing(open_database(place, asking=lambda *_: PASSPHRASE)):
            assert keyfile.load(place / KEY_FILE, asking=lambda *_: PASSPHRASE) == key
        held.let_go(file_salt(key), place.stat().st_uid)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert (directory / KEY_FILE).read_bytes() == before
    assert {Way.PLAIN, Way.PASSPHRASE} == set(ways)
    assert ways == sorted(ways, key=lambda way: way == to), "once it is new it stays new"


def test_a_tpm_that_cannot_be_used_changes_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = (directory / KEY_FILE).read_bytes()
    key = keyfile.load(directory / KEY_FILE)
    settings = tpm.TpmSettings(device="swtpm:host=127.0.0.1,port=1")
    with pytest.raises(TpmUnusable) as refused:
        resealing.for_tpm(key, settings)
    assert refused.value.fault is tpm.TpmFault.REFUSED
    program = tmp_path / tpm.PROGRAM
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(tpm, "SECONDS", 0.1)
    with pytest.raises(TpmUnusable) as late:
        resealing.for_tpm(key, settings)
    assert late.value.fault is tpm.TpmFault.NO_ANSWER
    program.write_text("#!/bin/sh\ncat >/dev/null\necho another key\n")
    monkeypatch.setattr(tpm, "SECONDS", 60.0)
    with pytest.raises(TpmUnusable, match="another key came back"):
        resealing.for_tpm(key, settings)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(TpmUnusable) as missing:
        resealing.for_tpm(key, settings)
    assert missing.value.fault is tpm.TpmFault.NO_PROGRAM
    assert (directory / KEY_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("device", "fault"), [("none", tpm.TpmFault.NO_DEVICE), ("closed", tpm.TpmFault.NO_RIGHT)]
)
def test_a_machine_without_a_tpm_for_this_user_is_told_in_words_of_the_catalogue(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, fault: tpm.TpmFault
) -> None:
    program = tmp_path / tpm.PROGRAM
    program.write_text("#!/bin/sh\ncat >/dev/null\necho 'Failed to initialize TCTI context' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(tpm, "DEVICE", tmp_path / device)
    if device == "closed":
        (tmp_path / device).touch()
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(TpmUnusable) as refused:
        resealing.for_tpm(keyfile.load(directory / KEY_FILE), tpm.TpmSettings())
    assert refused.value.fault is fault
    said = store_failure(refused.value, Catalogue(Language.CHINESE).text)
    assert "TPM 2" in said[0]
    assert "TCTI" not in "".join(said)


def test_errors_of_a_sealed_key_are_told_apart(directory: Path, tmp_path: Path, chip: SoftTpm) -> None:
    path = directory / KEY_FILE
    key = keyfile.load(path)
    keyfile.replace(path, resealing.for_tpm(key, tpm.TpmSettings(chip.device)).sealed)
    assert keyfile.load(path) == key
    chip.stop()
    with pytest.raises(TpmRefuses):
        keyfile.load(path)
    asked: list[Question] = []

    def wrong(_path: Path, question: Question) -> str:
        asked.append(question)
        return "0000-0000-0000-0000-0000-0000"

    with pytest.raises(PassphraseWrong):
        keyfile.load(path, asking=wrong)
    assert asked == [Question.CODE, Question.CODE_AGAIN, Question.CODE_AGAIN]

    other = tmp_path / "other.key"
    sealed = with_passphrase(key, "0000", PASSPHRASE, os.urandom)
    keyfile.save(other, bytes(32))
    keyfile.replace(other, sealed)
    with pytest.raises(PassphraseNeeded):
        keyfile.load(other, asking=ask_nobody)
    content = other.read_bytes()
    for odd in (content[:-9], content.replace(b'"version":1', b'"version":2'), b"{}", b"{\xff"):
        other.write_bytes(odd)
        with pytest.raises(KeyFileInvalid):
            keyfile.way(other)


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_a_folder_in_memory_that_others_could_reach_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setattr(held, "MEMORY", tmp_path)
    mounts = tmp_path / "mounts"
    mounts.write_text(f"tmpfs {tmp_path} tmpfs rw 0 0\n")
    monkeypatch.setattr(held, "_MOUNTS", mounts)
    owner, key = tmp_path.stat().st_uid, bytes(32)
    assert held.hold(key, owner)
    assert held.find(file_salt(key), owner) == key
    (tmp_path / f"keydesk-{owner}").chmod(mode)
    assert held.find(file_salt(key), owner) is None
    assert not held.hold(key, owner)
    (tmp_path / f"keydesk-{owner}").chmod(0o700)
    (tmp_path / f"keydesk-{owner}" / file_salt(key).hex()).write_text("00" * 16)
    assert held.find(file_salt(key), owner) is None
    mounts.write_text(f"/dev/sda1 {tmp_path} ext4 rw 0 0\n")
    assert not held.hold(key, owner), "never on a disk"


def test_a_copy_put_back_keeps_the_key_as_it_is_sealed_here(
    directory: Path, clock: FixedClock, tmp_path: Path
) -> None:
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.enrol(3, 1, clock)
    make_copy(directory, tmp_path / "copy", with_key=True)
    seal_with_passphrase(directory)
    refused = keydesk("restore", tmp_path / "copy", "--data", directory)
    assert refused.status == 1, "what the present one alone has is not known"
    answers = (("启动密码", PASSPHRASE),)
    told = at_terminal("restore", tmp_path / "copy", "--data", directory, answers=answers)
    assert told.status == 0, told.printed
    assert keyfile.way(directory / KEY_FILE) is Way.PASSPHRASE
    assert keydesk("seal", "lock", "--data", directory).status == 0
    assert keydesk("status", "--data", directory).status == 1
