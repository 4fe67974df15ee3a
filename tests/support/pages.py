"""Every page of a kiosk's database and of its write-ahead log, decrypted: what a thief with the key would look through.

A page of SQLCipher 4 ends with the nonce of AES-256-CBC (16 bytes) and the HMAC (64); the first one begins with the
salt instead of its first 16 bytes (https://www.zetetic.net/sqlcipher/design/). The log is SQLite's own format with such pages
(https://www.sqlite.org/fileformat2.html#walformat).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAGE = 4096
_NONCE, _RESERVED, _SALT = 16, 80, 16
_LOG_HEADER, _FRAME_HEADER = 32, 24


def decrypted(path: Path, key: bytes) -> bytes:
    """All pages of the file and of its log, one after the other."""
    return b"".join(_pages(path, key))


def _pages(path: Path, key: bytes) -> Iterator[bytes]:
    data = path.read_bytes()
    for at in range(0, len(data), PAGE):
        yield _opened(data[at : at + PAGE], key, first=at == 0)
    log = path.with_name(f"{path.name}-wal")
    frames = log.read_bytes()[_LOG_HEADER:] if log.exists() else b""
    for at in range(0, len(frames), _FRAME_HEADER + PAGE):
        number = int.from_bytes(frames[at : at + 4], "big")
        page = frames[at + _FRAME_HEADER : at + _FRAME_HEADER + PAGE]
        yield _opened(page, key, first=number == 1)


def _opened(page: bytes, key: bytes, *, first: bool) -> bytes:
    body, nonce = page[_SALT if first else 0 : -_RESERVED], page[-_RESERVED:][:_NONCE]
    reader = Cipher(algorithms.AES(key), modes.CBC(nonce)).decryptor()
    return reader.update(body) + reader.finalize()
