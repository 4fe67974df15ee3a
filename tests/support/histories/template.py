"""What every history begins with, made once a process: members at the centre, enrolled kiosks, one of them hostile."""

from __future__ import annotations

import atexit
import copy
import functools
import shutil
import tempfile
from pathlib import Path

from kiosk.store.database import Database
from kiosk.store.marker import Marker
from sync.agent.enrolment import enrol
from sync.agent.nightly import nightly
from sync.agent.opening import AgentSettings, agent_over
from sync.central.examples import make_examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.tables import migrate_when_due
from tests.support.histories.centre import ADDRESS, Centre, InProcess, Time
from tests.support.histories.hostile import HostileKiosk
from tests.support.histories.machines import KEY, STORE, MachineClock

KIOSKS = (3, 4, 5)
HOSTILE = 8


class Template:
    """A centre and data directories to be copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time = Time()
        self.centre = Centre(folder / "keys", folder / "central.sqlite3", self.time)
        keys = self.centre.keys
        with self.centre.at_work():
            migrate_when_due()
            make_examples(KIOSKS[0], {}, keys, self.time.now)
            for kiosk in KIOSKS:
                self._enrol(kiosk)
            self.hostile = HostileKiosk(HOSTILE, self.time)
            self.hostile.enrol(give_token(HOSTILE, self.time.now))
            self.hostile.feed()
            self.hostile.pushed()
            self.centre.apply()
            for kiosk in KIOSKS:
                self._exchange(kiosk)
            self.centre.apply()

    def directory(self, kiosk: int) -> Path:
        """The data directory of a kiosk."""
        return self.folder / f"k{kiosk}"

    def hostile_copy(self, time: Time) -> HostileKiosk:
        """The hostile kiosk as it is now."""
        made = copy.copy(self.hostile)
        made.entries, made.time = list(made.entries), time
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
def template() -> Template:
    """The template of this process."""
    folder = Path(tempfile.mkdtemp(prefix="keydesk-histories-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Template(folder)
