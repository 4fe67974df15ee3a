"""The floor of the centre's speed: zstd batches of 1,000 documents over loopback HTTP into one table, nothing else.

The server is a WSGI application under granian as the centre is; it stores what it is sent, durably, and judges nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
import psycopg
import zstandard

DATABASE = "KEYDESK_BENCH_FLOOR"
BATCH = 1000
_TABLE = "CREATE TABLE IF NOT EXISTS floor_documents (id BIGINT PRIMARY KEY, data {bytes} NOT NULL)"

Documents = list[tuple[int, bytes]]
Environment = dict[str, object]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class _Input(Protocol):
    def read(self) -> bytes:
        """The request's body."""
        ...


class _Store(Protocol):
    def put(self, documents: Documents) -> None:
        """Store a batch, durably."""
        ...


class _Sqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=TRUNCATE")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(_TABLE.format(bytes="BLOB"))

    def put(self, documents: Documents) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO floor_documents VALUES (?, ?)", documents)
        self._connection.execute("COMMIT")


class _Postgresql:
    def __init__(self, address: str) -> None:
        self._connection = psycopg.connect(address)
        self._connection.execute(_TABLE.format(bytes="BYTEA"))
        self._connection.commit()

    def put(self, documents: Documents) -> None:
        keys, data = zip(*documents, strict=True)
        self._connection.execute(
            "INSERT INTO floor_documents SELECT * FROM unnest(%s::bigint[], %s::bytea[])",
            (list(keys), list(data)),
        )
        self._connection.commit()


_DECODER = msgspec.msgpack.Decoder(Documents)
_stores: list[_Store] = []


def _store() -> _Store:
    if not _stores:
        address = os.environ[DATABASE]
        _stores.append(_Postgresql(address) if address.startswith("postgresql:") else _Sqlite(address))
    return _stores[0]


def packed(documents: Documents) -> bytes:
    """A batch as it is sent."""
    return zstandard.compress(msgspec.msgpack.encode(documents))


def application(environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
    """Store one batch."""
    body: _Input = environ["wsgi.input"]  # type: ignore[assignment]  # PEP 3333 says what it is
    documents = _DECODER.decode(zstandard.decompress(body.read()))
    _store().put(documents)
    start_response("204 No Content", [])
    return [b""]
