"""The real centre in this process: its tables in a file or database of the history's own, its clock the history's."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx2
import msgspec
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend
from django.test import Client

from sync.central import context
from sync.central.centre_keys import CentreKeys, make_keys
from sync.central.configuration import CentreConfiguration, database_settings
from sync.central.errors import DatabaseBehind
from sync.central.fleet import standing
from sync.central.journal.incarnations import begin_after_restore
from sync.central.ledger.applier import apply_pending
from sync.central.ledger.verifying import Verifier
from tests.support.histories import ORGANISATION

ADDRESS = "http://centre"
FILES = "centre"
"""The folder of a centre's files in that of its history."""
BEGIN = 1_795_327_500
"""When every history begins: 2026-11-22 06:05:00 UTC."""


class Time:
    """The true time of a history, in UTC seconds; it stands in for the module `time` of the centre's clock."""

    def __init__(self, now: int = BEGIN) -> None:
        self.now = now

    def time(self) -> float:
        """Now."""
        return float(self.now)


class Tables(Protocol):
    """Where the tables are."""

    @property
    def settings(self) -> dict[str, object]:
        """Django's settings of a connection to them."""
        ...

    def copy(self, folder: Path) -> Tables:
        """Their copy for a history of that folder; nobody is connected to them meanwhile."""
        ...

    def drop(self) -> None:
        """Have them gone; nobody is connected to them any more."""
        ...

    def back_up(self, backup: Path) -> None:
        """Make a backup of that name."""
        ...

    def put_back(self, backup: Path) -> None:
        """Put a backup in their place."""
        ...


class FileTables:
    """The tables in a file of SQLite."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "central.sqlite3"

    @property
    def settings(self) -> dict[str, object]:
        """The settings of the file."""
        return {**connections.settings["default"], "NAME": str(self._path)}

    def copy(self, folder: Path) -> Tables:
        """Copy the file."""
        made = FileTables(folder)
        shutil.copyfile(self._path, made._path)
        return made

    def drop(self) -> None:
        """Nothing: the file goes with its folder."""

    def back_up(self, backup: Path) -> None:
        """Copy the tables while they are in use."""
        with connections["default"].cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(backup)])

    def put_back(self, backup: Path) -> None:
        """Copy the backup over the file; the connection of this thread is opened anew."""
        connections["default"].close()
        for beside in self._path.parent.glob(f"{self._path.name}*"):
            beside.unlink()
        shutil.copyfile(backup, self._path)


class ServerTables:
    """The tables in a database of a PostgreSQL server; `address` names one to which one may connect."""

    def __init__(self, address: str, folder: Path, template: str = "template0") -> None:
        self._address = address
        self._name = folder.name
        self._backups: list[str] = []
        self._do(f'CREATE DATABASE "{self._name}" TEMPLATE "{template}"')

    @property
    def settings(self) -> dict[str, object]:
        """The settings of the database."""
        return {**self._at_the_server(), "NAME": self._name}

    def copy(self, folder: Path) -> Tables:
        """Make another database of that one."""
        return ServerTables(self._address, folder, self._name)

    def drop(self) -> None:
        """Drop the database and its backups."""
        for name in (self._name, *self._backups):
            self._do(f'DROP DATABASE "{name}" WITH (FORCE)')

    def back_up(self, backup: Path) -> None:
        """Make another database of this one; the connection of this thread is opened anew."""
        connections["default"].close()
        name = self._named(backup)
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}"')
        self._backups.append(name)

    def put_back(self, backup: Path) -> None:
        """Make this one anew of the backup."""
        connections["default"].close()
        self._do(f'DROP DATABASE "{self._name}" WITH (FORCE)')
        self._do(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._named(backup)}"')

    def _named(self, backup: Path) -> str:
        return f"{self._name}-{backup.stem}"

    def _at_the_server(self) -> dict[str, object]:
        wanted = database_settings(CentreConfiguration(database=self._address))
        return {**connections.settings["default"], "OPTIONS": {}, **wanted}

    def _do(self, statement: str) -> None:
        connection = opened(self._at_the_server())
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


def opened(database: dict[str, object]) -> BaseDatabaseWrapper:
    """A connection by these settings, for one thread."""
    made: BaseDatabaseWrapper = load_backend(str(database["ENGINE"])).DatabaseWrapper(database, "default")
    return made


class Centre:
    """The centre's keys and tables, and what its processes do when they are told to."""

    def __init__(self, folder: Path, tables: Tables, time: Time) -> None:
        self.folder = folder
        self.tables = tables
        self.time = time

    @property
    def now(self) -> int:
        """The centre's clock."""
        return self.time.now

    @property
    def keys(self) -> CentreKeys:
        """The centre's keys, made where there are none."""
        return make_keys(self.folder, ORGANISATION, BEGIN)

    def copy(self, folder: Path, time: Time) -> Centre:
        """The same centre as it is now, with files and tables of its own, for a history of that folder."""
        files = folder / FILES
        shutil.copytree(self.folder, files)
        return Centre(files, self.tables.copy(folder), time)

    def start(self, *, restored: bool = False) -> bool:
        """Begin to work, as every start does; whether another incarnation began.

        It begins where a person says `keydesk-central restored`: of their own, or since nobody works before.
        """
        behind = restored
        try:
            standing.require_not_behind()
        except DatabaseBehind:
            behind = True
        if behind:
            begin_after_restore(self.now)
        standing.begin_work()
        return behind

    def connection(self) -> BaseDatabaseWrapper:
        """A connection to the centre's tables, for one thread."""
        return opened(self.tables.settings)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Make this the centre of the process: its tables, keys and clock."""
        before, configuration, clock = connections["default"], settings.KEYDESK, vars(context)["time"]
        connection = connections["default"] = self.connection()
        settings.KEYDESK = msgspec.structs.replace(configuration, data=str(self.folder))
        vars(context)["time"] = self.time
        try:
            yield
        finally:
            connection.close()
            connections["default"], settings.KEYDESK, vars(context)["time"] = before, configuration, clock

    def apply(self) -> None:
        """Let the applier and the verifier come to rest."""
        verifier = Verifier()
        apply_pending(self.now)
        while verifier.step(self.now):
            apply_pending(self.now)


class InProcess(httpx2.BaseTransport):
    """The line to the centre without a socket: a request goes through Django's whole stack and back."""

    def __init__(self) -> None:
        self._client = Client()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        path = request.url.raw_path.decode()
        media_type = request.headers.get("content-type", "application/octet-stream")
        answer = self._client.generic(
            request.method, path, bytes(request.read()), media_type, headers=dict(request.headers)
        )
        return httpx2.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)


class OverLoopback(httpx2.BaseTransport):
    """The line to the centre over real sockets: a server of one thread, with a connection of its own to the tables."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._http = httpx2.HTTPTransport()
        self._server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=_SilentHandler)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to the server, whatever address it names."""
        place = f"http://127.0.0.1:{self._server.server_port}{request.url.raw_path.decode()}"
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        sent = httpx2.Request(request.method, place, headers=headers, content=bytes(request.read()))
        sent.extensions = {**request.extensions}
        answer = self._http.handle_request(sent)
        answer.read()
        return answer

    def close(self) -> None:
        """Nothing: a machine closes its client, others go on."""

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._http.close()

    def _serve(self) -> None:
        before, connection = connections["default"], self._centre.connection()
        connections["default"] = connection
        try:
            self._server.serve_forever(0.01)
        finally:
            connection.close()
            connections["default"] = before


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
