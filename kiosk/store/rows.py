"""Rows as MessagePack: one decoder per record; a damaged or outdated row is the store's error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from kiosk.store.errors import StoreCorrupt

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

_ENCODER = msgspec.msgpack.Encoder()


class Codec(Generic[T]):
    """Bytes from and to one kind of record."""

    def __init__(self, record: type[T]) -> None:
        self._name = record.__name__
        self._decoder = msgspec.msgpack.Decoder(record)

    def encode(self, value: T) -> bytes:
        """The record's bytes."""
        return _ENCODER.encode(value)

    def decode(self, path: Path, data: bytes) -> T:
        """The record in these bytes of the database at `path`. Raises StoreCorrupt."""
        try:
            return self._decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreCorrupt(path, f"a row of {self._name}: {error}") from error

    def again(self, path: Path, data: bytes) -> bytes:
        """The bytes as this version writes the record in them. Raises StoreCorrupt."""
        return self.encode(self.decode(path, data))


class Table:
    """A part of a transaction: the connection, and the database's path for its errors."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def _one(self, codec: Codec[T], query: str, *values: str | int) -> T | None:
        """The record in the first column of the first row."""
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else codec.decode(self._path, row[0])

    def _all(self, codec: Codec[T], query: str, *values: str | int | None) -> tuple[T, ...]:
        """The records in the first column of every row."""
        return tuple(self._each(codec, query, *values))

    def _each(self, codec: Codec[T], query: str, *values: str | int | None) -> Iterator[T]:
        """The same, one at a time."""
        for row in self._connection.execute(query, values):
            yield codec.decode(self._path, row[0])

    def _number(self, query: str, *values: str | int | bytes) -> int:
        """The first column of the first row as an int; 0 when it is NULL."""
        row = self._connection.execute(query, values).fetchone()
        return int(row[0] or 0)


class Singleton(Table, Generic[T]):
    """A record that exists at most once, under a name."""

    def __init__(self, connection: Connection, path: Path, name: str, codec: Codec[T]) -> None:
        super().__init__(connection, path)
        self._name = name
        self._codec = codec

    def get(self) -> T | None:
        """The record, if there is one."""
        return self._one(self._codec, "SELECT row FROM singletons WHERE name = ?", self._name)

    def put(self, value: T) -> None:
        """Replace it."""
        self._connection.execute(
            "INSERT OR REPLACE INTO singletons (name, row) VALUES (?, ?)",
            (self._name, self._codec.encode(value)),
        )
