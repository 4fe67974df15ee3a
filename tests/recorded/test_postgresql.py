"""The recorded centre as PostgreSQL dumped it, put into a server's database and brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.db import connection

from sync.central.journal.models import Entry
from sync.central.ledger.models import LedgerOrder, Matter, MatterState
from sync.central.ledger.replaying import differences
from sync.central.preparing import apply_migrations
from tests.support.histories.centre import Centre, ServerTables
from tests.support.histories.world import World
from tests.support.postgresql import postgresql
from tests.support.recording import archive, dump  # isort: split - Django is set up by it
from tests.support.recording.archive import Recorded
from tests.support.recording.story import Story


class _OnServer(Recorded):
    """The recording, with its centre on a server."""

    tables: ServerTables

    @property
    def centre(self) -> Centre:
        """The centre."""
        return Centre(self.folder / "centre", self.tables, self.time)


def test_the_centre_goes_on_from_its_dump(
    recorded: Callable[[], Recorded], recording: Path, tmp_path: Path
) -> None:
    unpacked = recorded()
    with unpacked.centre.at_work():
        apply_migrations()
        orders = list(LedgerOrder.objects.order_by("reference").values_list("reference", "status"))
        matters = Matter.objects.filter(state=MatterState.OPEN).count()
    with postgresql() as address:
        on_server = _OnServer(unpacked.folder)
        on_server.tables = dump.load(address, tmp_path / "recorded", archive.read(recording, archive.DUMP))
        world: World = on_server.world(tmp_path / "world")
        with world.at_work():
            apply_migrations()
            assert connection.vendor == "postgresql"
            assert (
                list(LedgerOrder.objects.order_by("reference").values_list("reference", "status")) == orders
            )
            assert Matter.objects.filter(state=MatterState.OPEN).count() == matters
            before = Entry.objects.count()
            assert list(differences()) == []
            story = Story(world)
            story.tell(story.machine("k3"), story.machine("k5"))
            assert Entry.objects.count() > before
            assert list(differences()) == []
        on_server.tables.drop()
