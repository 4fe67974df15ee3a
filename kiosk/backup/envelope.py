"""The file of a backup: a tar archive, encrypted with age (age-encryption.org/v1) to one or more public keys.

Its first member is `manifest.json`, which names the others with their sizes and SHA-256. The archive passes through memory
piece by piece in both directions. Age tells whether a byte was changed or is missing, not who made the file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import shutil
import tarfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, TypeAlias

import msgspec
import pyrage

from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.rotation import Kind, Owner
from kiosk.domain.entries.body import Tip

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from pyrage.x25519 import Identity, Recipient

FORMAT = 1
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 1 << 20
_PIECE = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}
_HEAD = b"age-encryption.org/v1\n"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_OCTAL = re.compile(rb"[0-7]{11}")


Source: TypeAlias = Path | bytes
"""What a file of a backup is copied from; bytes where it should not touch a disk in the clear."""


class FileRecord(msgspec.Struct, frozen=True):
    """A file of a backup, without folders; `sha256` in hex."""

    name: str
    size: Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds: whose it is, when it was made (UTC seconds), where its journal ends, its files in order."""

    kind: Kind
    identity: str
    made: Annotated[int, msgspec.Meta(ge=0, lt=8**11)]
    files: tuple[FileRecord, ...]
    tip: Tip | None = None
    format: int = FORMAT

    @property
    def owner(self) -> Owner:
        """Whose it is."""
        return Owner(self.kind, self.identity)

    @property
    def size(self) -> int:
        """How many bytes the files have together."""
        return sum(file.size for file in self.files)


class _Format(msgspec.Struct, frozen=True):
    format: int


def describe(owner: Owner, made: int, members: Mapping[str, Source], tip: Tip | None = None) -> Manifest:
    """The manifest of files, by their names in the backup; nobody changes them any more. Raises OSError."""
    return Manifest(
        owner.kind,
        owner.identity,
        made,
        tuple(_record(name, source) for name, source in members.items()),
        tip,
    )


def _record(name: str, source: Source) -> FileRecord:
    if _PLAIN_NAME.fullmatch(name) is None or name == _MANIFEST:
        raise ValueError(f"no name for a file in a backup: {name!r}")
    with _stream(source) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileRecord(name, stream.seek(0, os.SEEK_END), digest)


def _stream(source: Source) -> io.BytesIO | io.BufferedReader:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def seal(
    manifest: Manifest,
    members: Mapping[str, Source],
    into: io.BufferedIOBase,
    recipients: Sequence[Recipient],
) -> None:
    """Write a backup. Raises BackupError where a file is no longer what the manifest says, OSError."""
    reader, writer = _Pulled(_archive(manifest, members)), _Recorded(into)
    try:
        pyrage.encrypt_io(reader, writer, recipients)
    except pyrage.EncryptError as error:
        # It tells what the files said in words alone.
        raise (reader.failure or writer.failure or error) from error


def _archive(manifest: Manifest, members: Mapping[str, Source]) -> Iterator[bytes]:
    encoded = msgspec.json.encode(manifest)
    yield _head(_MANIFEST, len(encoded), manifest.made) + encoded + _padding(len(encoded))
    for record in manifest.files:
        yield _head(record.name, record.size, manifest.made)
        yield from _content(members[record.name], record)
        yield _padding(record.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _content(source: Source, record: FileRecord) -> Iterator[bytes]:
    """What a file has, as long as that is what its record says. Raises BackupError."""
    digest, left = hashlib.sha256(), record.size
    try:
        with _stream(source) as stream:
            while piece := stream.read(min(_PIECE, left)):
                digest.update(piece)
                left -= len(piece)
                yield piece
    except OSError as error:
        raise BackupError(BackupFault.UNREADABLE, record.name, error.strerror or "") from error
    if digest.hexdigest() != record.sha256:
        raise BackupError(BackupFault.CHANGED, record.name)


def _head(name: str, size: int, made: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, made
    return member.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def is_backup(file: Path) -> bool:
    """Whether a file is one of age, by its first bytes; False for what cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def open_backup(
    file: Path,
    identities: Sequence[Identity],
    kind: Kind,
    into: Path | None,
    names: Collection[str] | None = None,
) -> Manifest:
    """Open a backup, prove every byte of it, and write its files into the directory `into`, if there is one.

    One that has other files than `names` is none. What was written before an error is the caller's to remove. Raises BackupError, OSError.
    """
    with _opened(file) as stream:
        _check_head(file, stream)
        try:
            with _decrypted(file, stream, identities) as archive:
                return _unpacked(file, archive, kind, into, names)
        except OSError as error:
            if error.errno in _FULL:
                raise BackupError(BackupFault.NO_ROOM_HERE, into or "") from error
            raise


@contextmanager
def _opened(file: Path) -> Iterator[io.BufferedReader]:
    try:
        stream = file.open("rb")
    except FileNotFoundError as error:
        raise BackupError(BackupFault.MISSING, file) from error
    except OSError as error:
        raise BackupError(BackupFault.UNREADABLE, file, error.strerror or "") from error
    with stream:
        yield stream


def _check_head(file: Path, stream: io.BufferedReader) -> None:
    if stream.read(len(_HEAD)) != _HEAD:
        raise BackupError(BackupFault.NO_BACKUP, file)
    stream.seek(0)


@contextmanager
def _decrypted(file: Path, stream: io.BufferedReader, identities: Sequence[Identity]) -> Iterator[IO[bytes]]:
    """What is inside, decrypted by a thread as it is read; age's own failure comes before what followed from it."""
    receiving, sending = os.pipe()
    failures: list[Exception] = []
    reader = _Recorded(stream)

    def decrypt() -> None:
        # Closing writes what is left, also where whoever reads has seen enough.
        with contextlib.suppress(BrokenPipeError), os.fdopen(sending, "wb") as pipe:
            writer = _Recorded(pipe)
            try:
                pyrage.decrypt_io(reader, writer, identities)
            except (pyrage.DecryptError, OSError) as error:
                if writer.failure is None:  # whoever reads has seen enough
                    failures.append(reader.failure or error)

    thread = threading.Thread(target=decrypt, name="decrypt")
    thread.start()
    try:
        with os.fdopen(receiving, "rb") as archive:
            yield archive
    except BackupError:
        thread.join()
        if failures:
            raise _why(file, failures[0], reader) from failures[0]
        raise
    finally:
        thread.join()
    if failures:
        raise _why(file, failures[0], reader) from failures[0]


def _why(file: Path, failure: Exception, reader: _Recorded) -> BackupError:
    if reader.failure is not None:
        return BackupError(BackupFault.UNREADABLE, file, reader.failure.strerror or "")
    if isinstance(failure, pyrage.DecryptError) and "No matching keys" in str(failure):
        return BackupError(BackupFault.WRONG_IDENTITY, file)
    return BackupError(BackupFault.DAMAGED, file, str(failure))


def _unpacked(
    file: Path, stream: IO[bytes], kind: Kind, into: Path | None, names: Collection[str] | None
) -> Manifest:
    """Read an archive byte for byte as `_archive` writes it; no other form of tar is one of ours."""
    manifest = _manifest(file, stream, kind, names)
    if into is not None and shutil.disk_usage(_standing(into)).free < manifest.size:
        raise BackupError(BackupFault.NO_ROOM_TO_OPEN, file, str(manifest.size))
    for record in manifest.files:
        head = _head(record.name, record.size, manifest.made)
        if stream.read(len(head)) != head:
            raise BackupError(BackupFault.DAMAGED, file, record.name)
        _keep(file, stream, record, into)
    end = bytes(2 * tarfile.BLOCKSIZE)
    if stream.read(len(end) + 1) != end:  # and age tells here whether all is there
        raise BackupError(BackupFault.DAMAGED, file, "more than it names")
    return manifest


def _standing(into: Path) -> Path:
    return next(folder for folder in (into, *into.parents) if folder.exists())


def _manifest(file: Path, stream: IO[bytes], kind: Kind, names: Collection[str] | None) -> Manifest:
    data = _manifest_bytes(file, stream)
    try:
        if (made_with := msgspec.json.decode(data, type=_Format).format) > FORMAT:
            raise BackupError(BackupFault.NEWER, file, str(made_with))
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BackupError(BackupFault.NO_BACKUP, file, str(error)) from error
    held = [record.name for record in manifest.files]
    if len(set(held)) != len(held) or any(_PLAIN_NAME.fullmatch(name) is None for name in held):
        raise BackupError(BackupFault.NO_BACKUP, file)
    if manifest.kind is not kind:
        raise BackupError(BackupFault.ANOTHER_KIND, file, manifest.kind)
    if names is not None and not set(held) <= set(names):
        raise BackupError(BackupFault.NO_BACKUP, file)
    return manifest


def _manifest_bytes(file: Path, stream: IO[bytes]) -> bytes:
    """The first member's content, if its head is as `_head` writes it. Raises BackupError."""
    head = stream.read(tarfile.BLOCKSIZE)
    size, made = head[124:135], head[136:147]  # octal digits of ustar
    if not (_OCTAL.fullmatch(size) and _OCTAL.fullmatch(made) and int(size, 8) <= _LARGEST_MANIFEST):
        raise BackupError(BackupFault.NO_BACKUP, file)
    if head != _head(_MANIFEST, int(size, 8), int(made, 8)):
        raise BackupError(BackupFault.NO_BACKUP, file)
    data = stream.read(int(size, 8))
    if stream.read(len(_padding(len(data)))) != _padding(len(data)):
        raise BackupError(BackupFault.NO_BACKUP, file)
    return data


def _keep(file: Path, stream: IO[bytes], record: FileRecord, into: Path | None) -> None:
    """Write a member into the directory, or only hash it."""
    digest, left = hashlib.sha256(), record.size
    with contextlib.ExitStack() as stack:
        target = None
        if into is not None:
            into.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(into / record.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            target = stack.enter_context(os.fdopen(descriptor, "wb"))
        while piece := stream.read(min(_PIECE, left)):
            left -= len(piece)
            digest.update(piece)
            if target is not None:
                target.write(piece)
    padding = _padding(record.size)
    if stream.read(len(padding)) != padding or digest.hexdigest() != record.sha256:
        raise BackupError(BackupFault.DAMAGED, file, record.name)


class _Pulled(io.BufferedIOBase):
    """Pieces, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.failure: BackupError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            while not self._rest and (piece := next(self._pieces, None)) is not None:
                self._rest = memoryview(piece)
        except BackupError as error:
            self.failure = error
            raise
        length = len(self._rest) if size is None or size < 0 else size
        given, self._rest = self._rest[:length], self._rest[length:]
        return bytes(given)


class _Recorded(io.BufferedIOBase):
    """A file that remembers the system's refusal, which age turns into words."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._stream.read(-1 if size is None else size)
        except OSError as error:
            self.failure = error
            raise

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return self._stream.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self.failure = error
            raise
