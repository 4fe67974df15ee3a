"""What every history begins with, made once a process: members at the centre, enrolled kiosks, two of them hostile."""

from __future__ import annotations

import atexit
import copy
import functools
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from kiosk.store.database import Database
from kiosk.store.marker import Marker
from sync.agent.enrolment import enrol
from sync.agent.night.running import nightly
from sync.agent.opening import AgentSettings, agent_over
from sync.central.examples import make_examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.preparing import apply_migrations
from tests.support.histories.centre import ADDRESS, Centre, FileTables, InProcess, ServerTables, Time
from tests.support.histories.hostile import HostileKiosk
from tests.support.histories.machines import KEY, STORE, MachineClock

KIOSKS = (3, 4, 5)
HOSTILE = (8, 9)


class Store(NamedTuple):
    """A data directory with its marker's directory beside it; `name` is the machine's, `heard` whether it read the whole feed once."""

    kiosk: int
    directory: Path
    name: str
    heard: bool = True

    @property
    def marker(self) -> Path:
        """The marker's directory."""
        return self.directory.with_name(f"{self.directory.name}.marker")


class Beginning(Protocol):
    """What a world begins with; whoever begins copies it."""

    @property
    def centre(self) -> Centre:
        """The centre."""
        ...

    @property
    def time(self) -> Time:
        """When it begins."""
        ...

    def stores(self) -> Iterable[Store]:
        """The data directories of the machines that are at work."""
        ...

    def hostile_copies(self, time: Time) -> list[HostileKiosk]:
        """The hostile kiosks."""
        ...


class Template:
    """A centre and data directories to be copied; `database` is the address of a PostgreSQL, empty for SQLite."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.time = Time()
        tables = ServerTables(database, folder) if database else FileTables(folder)
        self.centre = Centre(folder / "keys", tables, self.time)
        keys = self.centre.keys
        with self.centre.at_work():
            apply_migrations()
            self.centre.start()
            make_examples(KIOSKS[0], {}, keys, self.time.now)
            for kiosk in KIOSKS:
                self._enrol(kiosk)
            self.hostiles = [self._hostile(number) for number in HOSTILE]
            self.centre.apply()
            for kiosk in KIOSKS:
                self._exchange(kiosk)
            self.centre.apply()

    def directory(self, kiosk: int) -> Path:
        """The data directory of a kiosk."""
        return self.folder / f"k{kiosk}"

    def stores(self) -> Iterable[Store]:
        """The data directories of the kiosks that mean well."""
        return [Store(kiosk, self.directory(kiosk), f"machine-{kiosk}") for kiosk in KIOSKS]

    def hostile_copies(self, time: Time) -> list[HostileKiosk]:
        """The hostile kiosks as they are now."""
        made = [copy.copy(each) for each in self.hostiles]
        for each in made:
            each.entries, each.time = list(each.entries), time
        return made

    def _hostile(self, number: int) -> HostileKiosk:
        made = HostileKiosk(number, self.time)
        made.enrol(give_token(number, self.time.now))
        made.feed()
        made.pushed()
        return made

    def _enrol(self, kiosk: int) -> None:
        directory = self.directory(kiosk)
        directory.mkdir()
        marker = Marker(directory.with_name(f"{directory.name}.marker"), f"machine-{kiosk}")
        database = Database.create(directory / STORE, KEY, marker=marker)
        token = give_token(kiosk, self.time.now)
        clock = MachineClock(self.time, "boot")
        enrol(AgentSettings(directory, ADDRESS), database, token, InProcess(), clock)
        database.close()

    def _exchange(self, kiosk: int) -> None:
        directory = self.directory(kiosk)
        marker = Marker(directory.with_name(f"{directory.name}.marker"), f"machine-{kiosk}")
        database = Database.open(directory / STORE, KEY, marker=marker)
        settings, clock = AgentSettings(directory, ADDRESS), MachineClock(self.time, "boot")
        with agent_over(settings, database, InProcess(), clock) as agent:
            report = nightly(agent)
            assert report.well, report
        database.close()


@functools.cache
def template(database: str = "") -> Template:
    """The template of this process, on the PostgreSQL of that address or in a file."""
    folder = Path(tempfile.mkdtemp(prefix="keydesk-histories-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Template(folder, database)
