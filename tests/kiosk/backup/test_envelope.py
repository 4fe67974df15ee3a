"""What is sealed comes out whole with the right key; anything else is told apart, and nothing wrong comes out as right."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyrage
import pytest

from kiosk.backup.envelope import FileRecord, Manifest, Source, describe, open_backup, seal
from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.keys import create_identity, others_can_read, read_identities, read_recipients
from kiosk.backup.rotation import Kind, Owner
from kiosk.domain.entries.body import Tip

OWNER = Owner(Kind.KIOSK, "3.1")
TIP = Tip(1, 147, b"\x01" * 32)
KEY = pyrage.x25519.Identity.generate()
MADE = 1_780_021_800


@pytest.fixture
def members(tmp_path: Path) -> dict[str, Path]:
    contents = {
        "keydesk.db": os.urandom(3_000_001),
        "keydesk.key": b"k" * 65,
        "empty": b"",
    }
    for number, content in enumerate(contents.values()):
        (tmp_path / str(number)).write_bytes(content)
    return {name: tmp_path / str(number) for number, name in enumerate(contents)}


@pytest.fixture
def file(tmp_path: Path, members: dict[str, Path]) -> Path:
    path = tmp_path / "backup.age"
    with path.open("wb") as stream:
        seal(describe(OWNER, MADE, members, TIP), members, stream, [KEY.to_public()])
    return path


def _refusal(
    file: Path, *keys: pyrage.x25519.Identity, kind: Kind = Kind.KIOSK, into: Path | None = None
) -> BackupFault:
    with pytest.raises(BackupError) as caught:
        open_backup(file, keys or (KEY,), kind, into)
    return caught.value.fault


def test_what_was_sealed_comes_out_byte_for_byte(
    tmp_path: Path, members: dict[str, Path], file: Path
) -> None:
    into = tmp_path / "out"
    manifest = open_backup(file, [KEY], Kind.KIOSK, into)
    assert (manifest.owner, manifest.made, manifest.tip) == (OWNER, MADE, TIP)
    assert [record.name for record in manifest.files] == list(members)
    for name, path in members.items():
        assert (into / name).read_bytes() == path.read_bytes()
        assert (into / name).stat().st_mode & 0o777 == 0o600


def test_any_of_several_keys_opens_it_and_another_does_not(tmp_path: Path, members: dict[str, Path]) -> None:
    keys = [pyrage.x25519.Identity.generate() for _ in range(3)]
    file = tmp_path / "backup.age"
    with file.open("wb") as stream:
        seal(describe(OWNER, MADE, members), members, stream, [key.to_public() for key in keys])
    for key in keys:
        assert open_backup(file, [KEY, key], Kind.KIOSK, None).owner == OWNER
    assert _refusal(file, KEY) is BackupFault.WRONG_IDENTITY


def test_the_file_shows_nothing_of_what_it_holds(file: Path, members: dict[str, Path]) -> None:
    data = file.read_bytes()
    assert members["keydesk.key"].read_bytes() not in data
    assert b"keydesk" not in data
    assert b"manifest" not in data


def test_another_program_of_age_reads_it_as_a_tar_archive(file: Path, members: dict[str, Path]) -> None:
    plain = pyrage.decrypt(file.read_bytes(), [KEY])
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        assert archive.getnames() == ["manifest.json", *members]
        database = archive.extractfile("keydesk.db")
        assert database is not None
        assert database.read() == members["keydesk.db"].read_bytes()


def test_a_file_cut_short_anywhere_is_told(tmp_path: Path, file: Path) -> None:
    data = file.read_bytes()
    cut = tmp_path / "cut.age"
    lengths = {len(data) - 1, len(data) - 16, 65_536 * 3, 200, 150, *range(30, len(data), 300_007)}
    for length in sorted(lengths):
        cut.write_bytes(data[:length])
        assert _refusal(cut) is BackupFault.DAMAGED, length
    for length in (0, 10, 21):
        cut.write_bytes(data[:length])
        assert _refusal(cut) is BackupFault.NO_BACKUP, length


def test_a_byte_changed_anywhere_is_told_and_nothing_after_it_is_believed(tmp_path: Path, file: Path) -> None:
    data = file.read_bytes()
    chance = random.Random(5)  # noqa: S311 - places to change, no secrets
    changed = tmp_path / "changed.age"
    for place in [30, 100, 199, 250, len(data) - 1, *(chance.randrange(len(data)) for _ in range(20))]:
        odd = bytearray(data)
        odd[place] ^= 1 << chance.randrange(8)
        changed.write_bytes(odd)
        assert _refusal(changed) in {
            BackupFault.DAMAGED,
            BackupFault.WRONG_IDENTITY,
            BackupFault.NO_BACKUP,
        }, place
    changed.write_bytes(data + b"x")
    assert _refusal(changed) is BackupFault.DAMAGED


def test_what_is_no_backup_at_all_is_told(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "none.age") is BackupFault.MISSING
    assert _refusal(tmp_path) is BackupFault.UNREADABLE
    (tmp_path / "text.age").write_text("hello")
    assert _refusal(tmp_path / "text.age") is BackupFault.NO_BACKUP
    (tmp_path / "letter.age").write_bytes(pyrage.encrypt(b"Dear all" * 200, [KEY.to_public()]))
    assert _refusal(tmp_path / "letter.age") is BackupFault.NO_BACKUP


def test_a_centres_backup_is_no_kiosks(file: Path) -> None:
    assert _refusal(file, kind=Kind.CENTRE) is BackupFault.ANOTHER_KIND


def _crafted(file: Path, manifest: bytes, *contents: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A file that somebody else made who knows the public key."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        head = tarfile.TarInfo("manifest.json")
        head.size, head.mode, head.mtime = len(manifest), 0o600, MADE
        archive.addfile(head, io.BytesIO(manifest))
        for member, content in contents:
            member.size, member.mode, member.mtime = len(content), 0o600, MADE
            archive.addfile(member, io.BytesIO(content))
    file.write_bytes(pyrage.encrypt(plain.getvalue(), [KEY.to_public()]))
    return file


def _manifest(tmp_path: Path, name: str = "a", content: bytes = b"content") -> Manifest:
    (tmp_path / "content").write_bytes(content)
    record = describe(OWNER, MADE, {"a": tmp_path / "content"}).files[0]
    return Manifest(Kind.KIOSK, "3.1", MADE, (msgspec.structs.replace(record, name=name),))


def _odd_members() -> Iterator[tuple[str, tarfile.TarInfo, bytes]]:
    yield "another name", tarfile.TarInfo("b"), b"content"
    yield "another content", tarfile.TarInfo("a"), b"CONTENT"
    yield "another size", tarfile.TarInfo("a"), b"content and more"
    link = tarfile.TarInfo("a")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    yield "a link", link, b""


@pytest.mark.parametrize("odd", _odd_members(), ids=lambda odd: odd[0] if isinstance(odd, tuple) else None)
def test_a_member_that_is_not_what_the_manifest_says_is_refused(
    tmp_path: Path, odd: tuple[str, tarfile.TarInfo, bytes]
) -> None:
    file = _crafted(tmp_path / "odd.age", msgspec.json.encode(_manifest(tmp_path)), odd[1:])
    assert _refusal(file, into=tmp_path / "out") is BackupFault.DAMAGED


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "", ".ssh", "a//b", "a\x00b", "-a"])
def test_no_name_leads_out_of_the_directory(tmp_path: Path, name: str) -> None:
    manifest = msgspec.json.encode(_manifest(tmp_path, name))
    file = _crafted(tmp_path / "odd.age", manifest, (tarfile.TarInfo(name or "a"), b"content"))
    assert _refusal(file, into=tmp_path / "out") is BackupFault.NO_BACKUP
    assert {path.name for path in tmp_path.rglob("*")} <= {"odd.age", "content", "out"}
    with pytest.raises(ValueError, match="no name"):
        describe(OWNER, MADE, {name: tmp_path / "content"})


def _sparse(size: int) -> bytes:
    """GNU tar's old head of a file with a hole of that size, which has no content."""
    member = tarfile.TarInfo("a")
    member.type, member.mode, member.mtime = tarfile.GNUTYPE_SPARSE, 0o600, MADE
    head = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    number = b"\x80" + size.to_bytes(11, "big")
    head[386:398], head[483:495] = number, number
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def test_a_hole_that_a_head_promises_fills_no_disk(tmp_path: Path) -> None:
    size = 1 << 30
    record = FileRecord("a", size, hashlib.sha256(b"").hexdigest())
    manifest = msgspec.json.encode(Manifest(Kind.KIOSK, "3.1", MADE, (record,)))
    plain = _crafted(tmp_path / "odd.age", manifest)
    opened = pyrage.decrypt(plain.read_bytes(), [KEY])
    start = 512 + -(-len(manifest) // 512) * 512
    plain.write_bytes(pyrage.encrypt(opened[:start] + _sparse(size) + bytes(1024), [KEY.to_public()]))
    assert _refusal(plain, into=tmp_path / "out") is BackupFault.DAMAGED
    assert not (tmp_path / "out").exists()


def test_files_that_have_no_room_are_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    record = FileRecord("a", 1 << 60, "0" * 64)
    manifest = msgspec.json.encode(Manifest(Kind.KIOSK, "3.1", MADE, (record,)))
    file = _crafted(tmp_path / "large.age", manifest, (tarfile.TarInfo("a"), b"content"))
    assert _refusal(file, into=tmp_path / "out") is BackupFault.NO_ROOM_TO_OPEN
    assert not (tmp_path / "out").exists()


def _odd_manifests() -> Iterator[tuple[str, bytes]]:
    files = '{{"kind":"kiosk","identity":"3.1","made":1,"files":[{}]}}'
    one = '{{"name":"{}","size":{},"sha256":""}}'
    yield "the same name twice", files.format(",".join([one.format("a", 0)] * 2)).encode()
    yield "one under another", files.format(f"{one.format('a', 0)},{one.format('a/b', 0)}").encode()
    yield "a long name", files.format(one.format("n" * 300, 0)).encode()
    yield "a negative size", files.format(one.format("a", -1)).encode()
    yield "a size beyond any", files.format(one.format("a", 10**400)).encode()
    yield "deep", b"[" * 400_000
    yield "deep inside", b'{"x":' + b"[" * 400_000 + b"]" * 400_000 + b"}"


@pytest.mark.parametrize("odd", _odd_manifests(), ids=lambda odd: odd[0])
def test_an_odd_manifest_is_the_backups_fault(tmp_path: Path, odd: tuple[str, bytes]) -> None:
    file = _crafted(tmp_path / "odd.age", odd[1])
    assert _refusal(file, into=tmp_path / "out") is BackupFault.NO_BACKUP
    assert not (tmp_path / "out").exists()


def test_odd_words_of_pax_are_the_backups_fault(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a")
    member.pax_headers = {"GNU.sparse.map": "a,b", "GNU.sparse.size": "q"}
    manifest = msgspec.json.encode(_manifest(tmp_path))
    file = _crafted(tmp_path / "odd.age", manifest, (member, b"content"))
    assert _refusal(file, into=tmp_path / "out") is BackupFault.DAMAGED


def test_a_file_that_was_not_asked_for_is_not_opened(tmp_path: Path) -> None:
    file = _crafted(
        tmp_path / "odd.age", msgspec.json.encode(_manifest(tmp_path)), (tarfile.TarInfo("a"), b"content")
    )
    with pytest.raises(BackupError) as caught:
        open_backup(file, [KEY], Kind.KIOSK, tmp_path / "out", ("keydesk.db",))
    assert caught.value.fault is BackupFault.NO_BACKUP


def test_more_or_fewer_members_than_the_manifest_names_are_refused(tmp_path: Path) -> None:
    manifest = msgspec.json.encode(_manifest(tmp_path))
    assert _refusal(_crafted(tmp_path / "few.age", manifest)) is BackupFault.DAMAGED
    two = [(tarfile.TarInfo("a"), b"content"), (tarfile.TarInfo("b"), b"content")]
    assert _refusal(_crafted(tmp_path / "many.age", manifest, *two)) is BackupFault.DAMAGED


def test_a_backup_of_a_newer_version_says_so_before_anything_else_is_read(tmp_path: Path) -> None:
    file = _crafted(tmp_path / "newer.age", b'{"format": 2, "kind": "something", "new": []}')
    assert _refusal(file) is BackupFault.NEWER


def test_what_is_in_memory_alone_is_sealed_like_a_file(tmp_path: Path, members: dict[str, Path]) -> None:
    mixed: dict[str, Source] = {**members, "keydesk.key": b"secret"}
    with (tmp_path / "mixed.age").open("wb") as stream:
        seal(describe(OWNER, MADE, mixed), mixed, stream, [KEY.to_public()])
    open_backup(tmp_path / "mixed.age", [KEY], Kind.KIOSK, tmp_path / "out")
    assert (tmp_path / "out" / "keydesk.key").read_bytes() == b"secret"


def test_a_file_that_changes_while_it_is_copied_is_no_backup(
    tmp_path: Path, members: dict[str, Path]
) -> None:
    manifest = describe(OWNER, MADE, members)
    members["keydesk.key"].write_bytes(b"x" * 65)
    with (tmp_path / "backup.age").open("wb") as stream, pytest.raises(BackupError) as caught:
        seal(manifest, members, stream, [KEY.to_public()])
    assert caught.value.fault is BackupFault.CHANGED


def test_a_refusal_of_the_system_while_writing_keeps_its_number(members: dict[str, Path]) -> None:
    with pytest.raises(OSError, match="No space") as caught, Path("/dev/full").open("wb") as stream:
        seal(describe(OWNER, MADE, members), members, stream, [KEY.to_public()])
    assert caught.value.errno == 28


def test_no_room_where_it_is_opened_is_told_as_that(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", full)
    assert _refusal(file, into=tmp_path / "out") is BackupFault.NO_ROOM_HERE


def test_a_recovery_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "recovery.txt"
    public = create_identity(file)
    assert public.startswith("age1")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [str(key) for key in read_recipients([public])] == [public]
    assert [str(key.to_public()) for key in read_identities(file)] == [public]
    with pytest.raises(FileExistsError):
        create_identity(file)


def test_a_recovery_key_that_an_editor_saved_is_read_and_others_who_can_read_it_are_known(
    tmp_path: Path,
) -> None:
    file = tmp_path / "recovery.txt"
    public = create_identity(file)
    for content in (file.read_text(), file.read_text().splitlines()[1]):
        (tmp_path / "saved.txt").write_text(content.replace("\n", "\r\n"), encoding="utf-8-sig")
        assert [str(key.to_public()) for key in read_identities(tmp_path / "saved.txt")] == [public]
    assert not others_can_read(file)
    for mode in (0o640, 0o604):
        file.chmod(mode)
        assert others_can_read(file)
    assert not others_can_read(tmp_path / "none")


def test_what_is_no_key_is_refused_and_no_secret_is_told(tmp_path: Path) -> None:
    file = tmp_path / "recovery.txt"
    secret = str(KEY)
    for content in ("", "# a comment\n", f"{secret[:-1]}\n", f"{secret}\n{secret[:20]}\n"):
        file.write_text(content)
        with pytest.raises(BackupError) as caught:
            read_identities(file)
        assert caught.value.fault is BackupFault.IDENTITY_INVALID
        assert secret[16:30] not in str(caught.value)
    with pytest.raises(BackupError) as caught:
        read_identities(tmp_path / "none")
    assert caught.value.fault is BackupFault.IDENTITY_UNREADABLE
    for keys, fault in (
        ([], BackupFault.NO_RECIPIENT),
        (["age1x"], BackupFault.RECIPIENT_INVALID),
        ([secret], BackupFault.RECIPIENT_INVALID),
    ):
        with pytest.raises(BackupError) as caught:
            read_recipients(keys)
        assert caught.value.fault is fault
