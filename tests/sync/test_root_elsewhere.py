"""The root's key on a machine without network: moved out, kiosks that wait, signed there, taken in; over real processes."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from kiosk.pki.encodings import to_pem
from kiosk.store import location
from kiosk.store.vault import VaultItem
from sync.central.root.ceremony import RootAnswers
from tests.support.commands import Told
from tests.support.forked import ran
from tests.support.processes import FIRST_KIOSK, CentreProcess
from tests.support.waiting import wait_until

NUMBER = FIRST_KIOSK
WORDS = "a long passphrase of the exchange"
SM2_USER = ("-vfyopt", "distid:1234567812345678")
FINGERPRINT = re.compile(r"[0-9A-F]{4}(?:-[0-9A-F]{4}){3}")


class Ceremony:
    """A centre, and the folder of a machine without network."""

    def __init__(self, centre: CentreProcess, offline: Path) -> None:
        self.centre, self.offline = centre, offline
        offline.mkdir()
        self.passphrase = offline / "passphrase"
        self.passphrase.write_text(f"{WORDS}\n")
        self.root = offline / "root.json"

    def at_centre(self, verb: str, *arguments: str | Path) -> Told:
        return _run("sync.central.command", "root", verb, *arguments, "--data", self.centre.directory)

    def move_out(self) -> None:
        told = self.at_centre("move-out", self.root, "--passphrase-file", self.passphrase)
        assert told.status == 0, told.said
        assert not (self.centre.directory / "root.key").exists()

    def sign(self, requests: Path, answers: Path, *options: str) -> Told:
        words = ("sign", requests, "--root", self.root, "--output", answers)
        return _run("sync.central.command", "root", *words, "--passphrase-file", self.passphrase, *options)

    def signed(self, name: str) -> Path:
        """Export, sign and bring back."""
        requests, answers = self.offline / f"{name}.requests", self.offline / f"{name}.answers"
        assert self.at_centre("export-requests", requests).status == 0
        told = self.sign(requests, answers, "--yes")
        assert told.status == 0, told.said
        return answers


def _run(module: str, *arguments: str | Path) -> Told:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KEYDESK_CENTRAL_")}
    done = ran(module, *arguments, environment={**environment, "LC_ALL": "C.UTF-8"})
    return Told(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def ceremony(template: Path, tmp_path: Path) -> Iterator[Ceremony]:
    centre = CentreProcess.begin(tmp_path / "centre", template)
    made = Ceremony(centre, tmp_path / "offline")
    yield made
    centre.stop()


def _options(ceremony: Ceremony, directory: Path) -> tuple[str | Path, ...]:
    return ("--data", directory, "--centre", ceremony.centre.address)


def _enrolling(ceremony: Ceremony, directory: Path, *words: str) -> subprocess.Popen[str]:
    """A program of the kiosk that waits for the root, once it has said so."""
    program = subprocess.Popen(
        [sys.executable, "-m", "sync.agent.command", *words, *map(str, _options(ceremony, directory))],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr is not None
    said = program.stderr.readline()
    assert "等待根证书签发" in said, said
    return program


def _ended(program: subprocess.Popen[str]) -> None:
    program.terminate()
    program.communicate()


def _epoch(directory: Path) -> int:
    with closing(location.open_database(directory)) as database, database.read() as tx:
        return 0 if tx.identity is None else tx.identity.epoch or 0


@pytest.mark.long
def test_a_kiosk_waits_for_a_root_that_is_elsewhere_and_goes_on_by_itself(
    ceremony: Ceremony, tmp_path: Path
) -> None:
    ceremony.move_out()
    assert "根密钥不在中心" in ceremony.at_centre("show").printed
    ceremony.centre.start()
    directory, token = tmp_path / "kiosk", ceremony.centre.tokens[NUMBER]
    enrolling = _enrolling(ceremony, directory, "enrol", "--token", token)
    enrolling.kill()  # as a power cut does; the token is typed no second time
    enrolling.communicate()
    agent = _enrolling(ceremony, directory, "run")
    try:
        status = _run("kiosk.commands.cli", "status", "--data", directory)
        assert "等待根证书签发" in status.printed
        doctor = _run("kiosk.commands.cli", "doctor", "--data", directory)
        assert "等待根证书签发" in doctor.printed
        shown = ceremony.at_centre("show").printed
        assert f"{NUMBER} 号终端机，申请指纹" in shown

        requests, answers = ceremony.offline / "requests", ceremony.offline / "answers"
        assert ceremony.at_centre("export-requests", requests).status == 0
        unasked = ceremony.sign(requests, answers)
        assert unasked.status == 1, "nobody is there who agrees"
        assert not answers.exists()
        fingerprint = FINGERPRINT.search(shown)
        assert fingerprint is not None
        assert fingerprint.group() in status.printed
        assert fingerprint.group() in doctor.printed
        assert f"{NUMBER} 号终端机，申请指纹 {fingerprint.group()}：签发证书到" in unasked.printed
        assert ceremony.sign(requests, answers, "--yes").status == 0
        again = ceremony.offline / "again"
        assert "以前签过" in ceremony.sign(requests, again, "--yes").printed
        read = [msgspec.json.decode(each.read_bytes(), type=RootAnswers) for each in (answers, again)]
        assert read[0].certificates == read[1].certificates, "one certificate for one key"

        assert "读入 1 张，原来就有 0 张" in ceremony.at_centre("import", answers).printed
        assert "读入 0 张，原来就有 1 张" in ceremony.at_centre("import", again).printed
        wait_until(lambda: _epoch(directory) == 1, "the kiosk goes on by itself")
    finally:
        _ended(agent)
    with closing(location.open_database(directory)) as database, database.read() as tx:
        issuing = tx.vault.get(VaultItem.ISSUING_CERTIFICATE)
        assert tx.vault.get(VaultItem.ENROL_TOKEN) is None
        assert not tx.agent.get().awaiting_root
    assert issuing == read[0].certificates[0]
    assert ceremony.centre.rows("SELECT count(*) FROM fleet_machine WHERE kiosk_id = ?", NUMBER) == [(1,)]
    assert ceremony.at_centre("show").printed.endswith("没有等待根证书签发的申请\n")
    _judged_by_openssl(issuing, read[0].root_certificate, tmp_path)
    assert _run("kiosk.commands.cli", "status", "--data", directory).status == 0


def _judged_by_openssl(issuing: bytes, root: bytes, folder: Path) -> None:
    for name, der in (("issuing.pem", issuing), ("root.pem", root)):
        (folder / name).write_text(to_pem("CERTIFICATE", der), "ascii")
    chain = (
        "openssl",
        "verify",
        *SM2_USER,
        "-x509_strict",
        "-CAfile",
        folder / "root.pem",
        folder / "issuing.pem",
    )
    judged = subprocess.run([*map(str, chain)], capture_output=True, text=True, check=False)
    assert judged.stdout.strip().endswith("issuing.pem: OK"), judged.stderr
    text = subprocess.run(
        [
            "openssl",
            "x509",
            "-noout",
            "-text",
            "-nameopt",
            "utf8,-esc_msb",
            "-in",
            str(folder / "issuing.pem"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "X509v3 Name Constraints: critical" in text
    assert "pathlen:0" in text
    assert re.search(r"Permitted:\s+DirName:.*OU ?= ?Keydesk", text)


def test_another_machine_does_not_take_a_token_that_waits_and_a_root_brought_back_signs_at_once(
    ceremony: Ceremony, tmp_path: Path
) -> None:
    ceremony.move_out()
    ceremony.centre.start()
    token = ceremony.centre.tokens[NUMBER]
    waits = _enrolling(ceremony, tmp_path / "first", "enrol", "--token", token)
    try:
        other = _run(
            "sync.agent.command", "enrol", "--token", token, *_options(ceremony, tmp_path / "second")
        )
        assert other.status == 1
        assert "登记令牌" in other.said
        back = ceremony.at_centre("bring-back", ceremony.root, "--passphrase-file", ceremony.passphrase)
        assert back.status == 0, back.said
        assert waits.wait() == 0
    finally:
        _ended(waits)
    assert _epoch(tmp_path / "first") == 1
    assert "根密钥在中心" in ceremony.at_centre("show").printed


@pytest.mark.long
def test_what_was_signed_before_the_centre_forgot_the_request_is_taken_all_the_same(
    ceremony: Ceremony, tmp_path: Path
) -> None:
    ceremony.move_out()
    ceremony.centre.start()
    waits = _enrolling(ceremony, tmp_path / "kiosk", "enrol", "--token", ceremony.centre.tokens[NUMBER])
    answers = ceremony.signed("first")
    ceremony.centre.stop()
    with closing(sqlite3.connect(ceremony.centre.directory / "central.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM fleet_issuingrequest")
    assert "读入 1 张" in ceremony.at_centre("import", answers).printed
    ceremony.centre.start()
    try:
        assert waits.wait() == 0
    finally:
        _ended(waits)
    assert _epoch(tmp_path / "kiosk") == 1


def test_a_centre_whose_root_is_missing_says_so_and_lets_nobody_wait_in_vain(ceremony: Ceremony) -> None:
    kept = shutil.copy(ceremony.centre.directory / "root.key", ceremony.offline)
    (ceremony.centre.directory / "root.key").unlink()
    assert "没有根密钥" in ceremony.at_centre("show").printed
    shutil.copy(kept, ceremony.centre.directory / "root.key")
    wrong = ceremony.offline / "wrong"
    wrong.write_text("another long passphrase\n")
    ceremony.move_out()
    refused = ceremony.at_centre("bring-back", ceremony.root, "--passphrase-file", wrong)
    assert refused.status == 1
    assert "打不开" in refused.said
    assert not (ceremony.centre.directory / "root.key").exists()
