"""`keydesk-central backup` and `restore` over real processes, on SQLite."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.backup.envelope import describe, open_backup, seal
from kiosk.backup.keys import read_identities
from kiosk.backup.replacement import NEW
from kiosk.backup.rotation import Kind, Owner
from sync.central.configuration import SQLITE, STANDING
from sync.central.replacement import RESTORE, finish
from sync.protocol import records
from tests.support.kiosk_double import KioskDouble, http_send
from tests.support.processes import FIRST_KIOSK, CentreProcess, open_to_others
from tests.support.waiting import ended, wait_until
from tests.sync.central.backing_up import Operator, environment, files_of, leftovers, make_key

pytestmark = pytest.mark.xdist_group("serving")
KIOSKS = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def key(folder: Path) -> Path:
    return make_key(folder)


@pytest.fixture(scope="module")
def backed_up(folder: Path, key: Path, template: Path) -> Path:
    """A backup of a centre with the examples."""
    place = folder / "small"
    place.mkdir()
    centre = CentreProcess.begin(place / "centre", template)
    return Operator(place, centre.directory, key).backup()


class _Uploading:
    """A kiosk that places orders and uploads them until it is told to stop."""

    def __init__(self, kiosk: KioskDouble) -> None:
        self.kiosk, self.batches, self._stop = kiosk, 0, threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            sent = len(self.kiosk.entries)
            self.kiosk.place(account=f"1100000{1 + self.batches % 7}")
            # A writer that waited too long for the copy is told to come again.
            while self.kiosk.upload(self.kiosk.entries[sent:]).status == 503:
                pass
            self.batches += 1

    def stop(self) -> None:
        self._stop.set()
        ended(self._thread)


@pytest.mark.long
def test_a_backup_while_ten_kiosks_upload_is_of_one_moment_and_goes_on_elsewhere(
    tmp_path: Path, key: Path, template: Path
) -> None:
    centre = CentreProcess.begin(tmp_path / "centre", template)
    operator = Operator(tmp_path, centre.directory, key)
    centre.start()
    try:
        kiosks = [
            KioskDouble(number, send=http_send, base=centre.address).enrol(centre.tokens[number])
            for number in range(FIRST_KIOSK, FIRST_KIOSK + KIOSKS)
        ]
        for each in kiosks:
            each.pushed()
        uploading = [_Uploading(each) for each in kiosks]
        wait_until(lambda: all(each.batches for each in uploading), "all of them upload")
        before = [each.batches for each in uploading]
        file = operator.backup()
        during = [each.batches for each in uploading]
        for work in uploading:
            work.stop()
    finally:
        centre.stop()
    assert all(late > early for early, late in zip(before, during, strict=True)), (
        "nobody was held up for good"
    )

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Operator(elsewhere, elsewhere / "centre", key)
    restored = other.restore(file)
    assert restored.returncode == 0, restored.stderr
    assert "各表就是日志重放出来的" in restored.stdout
    again = CentreProcess(other.data)
    assert (
        again.django("from sync.central.ledger.replaying import differences; print(differences())") == "[]\n"
    )
    for each in kiosks:
        had = [row[0] for row in again.rows(_HASHES, each.number)]
        assert 1 < len(had) < len(each.entries)
        assert had == [entry.hash for entry in each.entries[: len(had)]]
    again.start()
    try:
        for each in kiosks:
            each.base = again.address
            shown = records.DeedShown(each.answer.deed, each.answer.policy)
            assert each.request("POST", records.PATH_DEED, records.encode(shown)).status == 200
            assert each.pushed().high_water == each.tip
        wait_until(lambda: again.rows(_WAITING) == [(0,)], "all of it is in the books")
    finally:
        again.stop()
    assert (
        again.django("from sync.central.ledger.replaying import differences; print(differences())") == "[]\n"
    )
    assert again.rows("SELECT number FROM fleet_incarnation ORDER BY number") == [(1,), (2,)]


_HASHES = "SELECT hash FROM journal_entry WHERE kiosk = ? AND strand = 1 ORDER BY sequence"
_WAITING = (
    "SELECT count(*) FROM journal_entry AS entry LEFT JOIN ledger_strandcursor AS cursor "
    "ON cursor.strand = entry.kiosk * 65536 + entry.strand WHERE entry.sequence > coalesce(cursor.applied, 0)"
)


def test_what_was_taken_out_of_use_since_stays_so_and_what_stood_there_is_kept(
    tmp_path: Path, key: Path, template: Path
) -> None:
    centre = CentreProcess.begin(tmp_path / "centre", template)
    operator = Operator(tmp_path, centre.directory, key)
    file = operator.backup()
    centre.django(
        "from sync.central.fleet.models import Kiosk; from sync.central.fleet import standing\n"
        "Kiosk.objects.filter(number=11).update(state='revoked'); standing.record()"
    )
    old = files_of(centre.directory)
    for incarnation in (2, 3):
        done = operator.restore(file)
        assert done.returncode == 0, done.stderr
        assert f"第 {incarnation} 代开始" in done.stdout
        assert "keydesk-central serve" in done.stdout
        assert "确认机器" in done.stdout
        assert centre.rows("SELECT state FROM fleet_kiosk WHERE number = 11") == [("revoked",)]
    kept = files_of(centre.directory / "before-1")
    assert {kept[SQLITE], kept["root.key"], kept[STANDING]} <= set(old.values())
    assert '"subject":"11"' in (centre.directory / STANDING).read_text()
    assert (centre.directory / "before-2" / SQLITE).exists()
    assert not leftovers(centre.directory)
    assert operator.run("enrol-token", "--kiosk", "12").returncode == 0
    assert open_to_others(centre.directory) == []
    assert open_to_others(operator.destination) == []


def test_nothing_is_put_back_under_a_server(
    tmp_path: Path, key: Path, template: Path, backed_up: Path
) -> None:
    centre = CentreProcess.begin(tmp_path / "centre", template)
    operator = Operator(tmp_path, centre.directory, key)
    centre.start()
    try:
        refused = operator.restore(backed_up)
        assert refused.returncode == 1
        assert "停下 serve" in refused.stderr
    finally:
        centre.stop()
    assert not leftovers(centre.directory)
    assert not (centre.directory / "before-1").exists()


def _cut(file: Path, copy: Path, _key: Path) -> None:
    copy.write_bytes(file.read_bytes()[:-100])


def _changed(file: Path, copy: Path, _key: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)


def _no_backup(_file: Path, copy: Path, _key: Path) -> None:
    copy.write_bytes(b"something else")


def _sealed_again(file: Path, copy: Path, key: Path, change: Callable[[Path], None], owner: Owner) -> None:
    """The same backup with a change that whoever knows the public key can make."""
    into = copy.parent / "opened"
    into.mkdir()
    manifest = open_backup(file, read_identities(key), Kind.CENTRE, into)
    change(into)
    members = {each.name: each for each in sorted(into.iterdir())}
    with copy.open("wb") as stream:
        recipients = [identity.to_public() for identity in read_identities(key)]
        seal(describe(owner, manifest.made, members), members, stream, recipients)
    shutil.rmtree(into)


def _with(change: Callable[[Path], None], kind: Kind = Kind.CENTRE) -> Callable[[Path, Path, Path], None]:
    return lambda file, copy, key: _sealed_again(file, copy, key, change, Owner(kind, "1"))


def _sql(statement: str) -> Callable[[Path], None]:
    def change(into: Path) -> None:
        with closing(sqlite3.connect(into / SQLITE)) as database:
            assert database.execute(statement).rowcount
            database.commit()

    return change


def _torn(into: Path) -> None:
    with (into / SQLITE).open("r+b") as stream:
        stream.seek(40 * 4096)
        stream.write(os.urandom(4 * 4096))


def _of_another_centre(into: Path) -> None:
    (into / "centre.key").write_bytes(bytes(32))


UNSOUND = {
    "cut": (_cut, "不完整，或被改过"),
    "changed": (_changed, "不完整，或被改过"),
    "no backup": (_no_backup, "不是 Keydesk 的备份"),
    "a kiosk's": (_with(lambda _into: None, Kind.KIOSK), "不是中心的"),
    "torn": (_with(_torn), "副本不能用"),
    "without a key": (_with(lambda into: (into / "seal.key").unlink()), "密钥不全"),
    "another centre's": (
        _with(_of_another_centre),
        "是另一个中心的",
    ),
    "changed books": (
        _with(_sql("UPDATE ledger_ledgerorder SET account = '11000001' WHERE account = '11000006'")),
        "各表与日志重放的不一致",
    ),
    "changed journal": (
        _with(
            _sql("UPDATE journal_entry SET data = CAST(substr(data, 1, length(data) - 1) || x'00' AS BLOB)")
        ),
        "日志不连续",
    ),
    "a newer version's": (
        _with(
            _sql("INSERT INTO django_migrations (app, name, applied) VALUES ('journal', '9999_later', '')")
        ),
        "由更新的版本建立",
    ),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_no_sound_backup_of_this_centre_is_refused_and_nothing_changes(
    name: str, tmp_path: Path, key: Path, template: Path, backed_up: Path
) -> None:
    make, told = UNSOUND[name]
    file = tmp_path / "odd.age"
    make(backed_up, file, key)
    shutil.copytree(template, tmp_path / "centre")
    operator = Operator(tmp_path, tmp_path / "centre", key)
    before = files_of(operator.data)
    refused = operator.restore(file)
    assert refused.returncode == 1
    assert told in refused.stderr
    assert files_of(operator.data) == before
    assert not leftovers(operator.data)


def test_another_key_opens_nothing_and_leaves_no_new_directory(
    tmp_path: Path, key: Path, backed_up: Path
) -> None:
    operator = Operator(tmp_path, tmp_path / "new", key)
    refused = operator.run("restore", backed_up, "--identity", make_key(tmp_path, "other.key"))
    assert refused.returncode == 1
    assert "打不开" in refused.stderr
    assert not operator.data.exists()


def test_a_kill_at_any_step_leaves_the_old_files_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [SQLITE, STANDING, "root.key", "seal.key"]
    real = Path.rename
    for step in range(50):
        directory = tmp_path / str(step)
        new = directory / RESTORE / NEW
        new.mkdir(parents=True)
        for name in names:
            (directory / name).write_text("old")
            (new / name).write_text("new")
        (directory / f"{SQLITE}-journal").write_text("old")
        done = 0

        def rename(source: Path, target: Path, last: int = step) -> Path:
            nonlocal done
            if done == last:
                raise KeyboardInterrupt
            done += 1
            return real(source, target)

        monkeypatch.setattr(Path, "rename", rename)
        try:
            finish(directory)
        except KeyboardInterrupt:
            killed = True
        else:
            killed = False
        monkeypatch.setattr(Path, "rename", real)
        finish(directory)
        assert {(directory / name).read_text() for name in names} == {"new"}
        assert not (directory / f"{SQLITE}-journal").exists()
        kept = directory / "before-1"
        assert {each.read_text() for each in kept.iterdir()} == {"old"}
        assert len(list(kept.iterdir())) == len(names) + 1
        assert not (directory / RESTORE).exists()
        if not killed:
            break
    assert done > 2 * len(names)


_KILLED = """
import os, sys
from pathlib import Path
from sync.central.command import main
real, left = Path.rename, int(sys.argv[1])
def rename(source, target):
    global left
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    return real(source, target)
Path.rename = rename
main(sys.argv[2:])
"""


@pytest.mark.parametrize("renames", [0, 1, 3])
def test_a_restore_that_was_killed_left_the_old_centre_or_is_finished_by_whoever_comes_next(
    renames: int, tmp_path: Path, key: Path, template: Path, backed_up: Path
) -> None:
    shutil.copytree(template, tmp_path / "centre")
    operator = Operator(tmp_path, tmp_path / "centre", key)
    before = files_of(operator.data)
    words = ("restore", backed_up, "--identity", key, "--config", operator.configuration)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(renames), *map(str, words)], env=environment(), check=False
    )
    assert killed.returncode == -9
    if renames == 0:
        assert {
            name: digest for name, digest in files_of(operator.data).items() if f".{RESTORE}" not in name
        } == before
    # Three of them leave no database in its place: not even a backup may take that for the centre.
    following = ("backup",) if renames == 3 else ("enrol-token", "--kiosk", "70")
    assert operator.run(*following).returncode == 0
    centre = CentreProcess(operator.data)
    lives = centre.rows("SELECT number FROM fleet_incarnation ORDER BY number")
    assert lives == ([(1,), (2,)] if renames else lives[:1])
    assert not (operator.data / RESTORE).exists()
    if renames == 0:
        assert operator.restore(backed_up).returncode == 0
        assert not leftovers(operator.data)


def test_a_backup_that_cannot_be_made_is_said_and_on_record(
    tmp_path: Path, key: Path, template: Path
) -> None:
    shutil.copytree(template, tmp_path / "centre")
    operator = Operator(tmp_path, tmp_path / "centre", key)
    assert "还没有备好过一次" in operator.run("doctor").stdout
    missing = operator.run("backup", tmp_path / "not mounted")
    assert missing.returncode == 1
    assert "插好U盘或接上共享" in missing.stderr
    doctor = operator.run("doctor")
    assert (doctor.returncode, "插好U盘或接上共享" in doctor.stdout) == (1, True)
    _change(operator.data)
    unsound = operator.run("backup")
    assert unsound.returncode == 1
    assert "各表与日志重放的不一致" in unsound.stderr
    assert not list(operator.destination.iterdir())
    assert "各表与日志重放的不一致" in operator.run("doctor").stdout
    assert operator.backup("--without-replay")
    told = operator.run("doctor")
    backups, root = told.stdout.splitlines()
    assert (told.returncode, backups) == (0, "备份：正常；最近备好的是 0 小时以前的")
    assert root.startswith("根密钥在中心")


def _change(data: Path) -> None:
    _sql("UPDATE ledger_ledgerorder SET account = '11000001' WHERE account = '11000006'")(data)
