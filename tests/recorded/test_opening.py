"""Whatever a former version left, this one opens, brings up to date, and finds sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.store import location
from kiosk.store.database import Database
from kiosk.store.verify import verify
from sync.central.fleet.standing import require_not_behind
from sync.central.journal.models import Strand
from sync.central.ledger.replaying import differences
from sync.central.preparing import apply_migrations
from tests.support.recording import archive, excuses, states  # isort: split - Django is set up by it
from tests.support.recording.archive import Recorded


@contextmanager
def _opened(recorded: Recorded) -> Iterator[dict[str, Database]]:
    """The stores of the kiosks, as the programs open them."""
    stores = {each.directory.name: location.open_database(each.directory) for each in recorded.stores()}
    try:
        yield stores
    finally:
        for each in stores.values():
            each.close()


@contextmanager
def _centre(recorded: Recorded) -> Iterator[None]:
    """The centre, whose tables are up to date."""
    with recorded.centre.at_work():
        apply_migrations()
        yield


def test_there_is_a_recording() -> None:
    assert archive.recordings()


def test_every_store_of_a_kiosk_opens_and_is_the_fold_of_its_journal(
    recorded: Callable[[], Recorded],
) -> None:
    with _opened(recorded()) as stores:
        unsound = {label: verify(store) for label, store in stores.items()}
    assert not {label: found.differences or found.flaw for label, found in unsound.items() if not found.sound}
    assert sum(found.entries for found in unsound.values()) > 0


def test_the_centre_opens_and_is_the_replay_of_its_journals(recorded: Callable[[], Recorded]) -> None:
    with _centre(recorded()):
        require_not_behind()
        assert Strand.objects.exists()
        assert list(differences()) == []


def test_something_is_open_in_every_state(tmp_path: Path) -> None:
    """Who adds a state makes a new recording, in which something is in it."""
    kiosks, centres = list[states.States](), list[states.States]()
    for path in archive.recordings():
        recorded = Recorded.unpacked(path, tmp_path / path.name)
        with _opened(recorded) as stores:
            kiosks += [states.of_kiosk(store) for store in stores.values()]
        with _centre(recorded):
            centres.append(states.of_centre())
    found = states.together(centres)
    assert not states.missing(states.wanted_of_kiosks(tmp_path), states.together(kiosks), excuses.KIOSKS)
    assert not states.missing(states.wanted_of_centre(), found, excuses.of_centre(found))


def test_a_state_that_lies_nowhere_is_missed() -> None:
    wanted = {"order": {"placed", "lent"}}
    assert states.missing(wanted, {"order": {"placed"}}, {}) == ["order: lent"]
    assert states.missing(wanted, {"order": {"placed"}}, {"order": {"lent": "not yet"}}) == []
    found = {"order": {"placed", "lent"}}
    assert states.missing(wanted, found, {"order": {"lent": "not yet"}}) == [
        "order: lent is there and excused"
    ]


def test_a_recording_names_no_place_and_no_host(recording: Path) -> None:
    text = (recording / archive.MANIFEST).read_bytes() + archive.read(recording, archive.DUMP)
    for name in (b"/home/", b"/root/", b"/work/", b"/tmp/"):
        assert name not in text


@pytest.mark.parametrize("name", [archive.STORES, archive.DUMP, archive.WIRE, archive.PROGRAM])
def test_a_recording_is_small(recording: Path, name: str) -> None:
    assert (recording / name).stat().st_size < 2**20
