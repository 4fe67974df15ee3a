from __future__ import annotations

import codecs
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from kiosk.store.errors import KeyFileInvalid
from kiosk.store.key_derivation import derive, file_salt, vault_key
from kiosk.store.keyfile import is_of, let_go, load, load_or_create, way
from kiosk.store.location import KEY_FILE, open_or_create_database
from kiosk.store.sealing.sealed_key import with_passphrase
from kiosk.store.sealing.ways import Way


def test_a_key_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "kiosk.key"
    key = load_or_create(path, random=lambda count: bytes(range(count)))
    assert key == bytes(range(32))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == key.hex() + "\n"
    assert load_or_create(path) == key
    assert [file.name for file in path.parent.iterdir()] == ["kiosk.key"]


def test_several_that_make_it_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda _: load_or_create(tmp_path / "kiosk.key"), range(4)))
    assert len(keys) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "kiosk.key"
    load_or_create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileInvalid):
        load(path)


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"zz" * 32, b"\xff" * 64, b"00" * 33])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kiosk.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileInvalid) as caught:
        load(path)
    assert caught.value.path == path


def test_the_mark_that_an_editor_puts_in_front_changes_no_key(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.key"
    key = load_or_create(path)
    sealed = with_passphrase(key, "0000", "three white cats in a granary", os.urandom)
    for content in (key.hex().encode() + b"\r\n", msgspec.json.encode(sealed)):
        path.write_bytes(codecs.BOM_UTF8 + content)
        assert load(path, asking=lambda *_: "three white cats in a granary") == key
        assert is_of(path, file_salt(key))
    assert way(path) is Way.PASSPHRASE
    let_go(path)


def test_derived_keys_are_those_of_rfc_5869() -> None:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - the judge of this one test
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand  # noqa: PLC0415 - see above

    key = bytes(range(32))
    for purpose in (b"", b"a purpose"):
        assert derive(key, purpose) == HKDFExpand(SHA256(), 32, purpose).derive(key)
    assert len({vault_key(key), derive(key, b""), key}) == 3
    assert len(file_salt(key)) == 16
    with pytest.raises(ValueError, match="32 bytes"):
        derive(b"short", b"")


def test_a_database_whose_key_file_is_gone_gets_no_new_key(tmp_path: Path) -> None:
    open_or_create_database(tmp_path).close()
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(FileNotFoundError):
        open_or_create_database(tmp_path)
    assert not (tmp_path / KEY_FILE).exists()
