"""An older kiosk's requests to the centre of today, byte for byte, and an older centre's answers to the kiosk of today."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2
import msgspec
import pytest

from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.journal import unseal
from sync.central.preparing import apply_migrations
from sync.protocol import errors, records
from sync.protocol.errors import Problem
from sync.protocol.rows import row_holds
from tests.support.histories.centre import InProcess
from tests.support.recording import archive  # isort: split - Django is set up by it
from tests.support.recording.archive import Recorded
from tests.support.recording.wire import Exchange

ANSWERS: dict[str, Callable[[bytes], object]] = {
    f"GET {records.PATH_CENTRE}": lambda body: records.decode(body, records.CentreDescription),
    f"POST {records.PATH_ENROL}": lambda body: records.decode(body, records.EnrolAnswer),
    f"POST {records.PATH_HEARTBEAT}": lambda body: records.decode(body, records.HeartbeatAnswer),
    f"POST {records.PATH_JOURNAL}": lambda body: records.decode(body, records.UploadAnswer),
    f"GET {records.PATH_JOURNAL}": lambda body: records.decode(body, records.JournalPage),
    f"GET {records.PATH_FEED}": lambda body: records.decode(body, records.FeedPage),
    f"POST {records.PATH_EPOCH}": lambda body: records.decode(body, records.EpochAnswer),
    f"POST {records.PATH_DEED}": lambda body: records.decode(body, records.DeedAnswer),
    f"POST {records.PATH_SNAPSHOT}": lambda body: records.decode(body, records.SnapshotAnswer),
    f"POST {records.PATH_LOGIN}": records.decode_answer,
}
OK = 200


@pytest.fixture
def exchanges(recording: Path) -> list[Exchange]:
    """What went over the line."""
    return _exchanges(recording)


def _exchanges(recording: Path) -> list[Exchange]:
    return msgspec.json.decode(archive.read(recording, archive.WIRE), type=list[Exchange])


def test_every_path_was_asked() -> None:
    recorded = [_exchanges(path) for path in archive.recordings()]
    assert {each.endpoint for some in recorded for each in some if each.status == OK} == set(ANSWERS)


def test_the_kiosk_of_today_reads_what_an_older_centre_answered(exchanges: list[Exchange]) -> None:
    (described,) = [each for each in exchanges if each.endpoint == f"GET {records.PATH_CENTRE}"]
    centre_key = records.decode(described.answer, records.CentreDescription).centre_key
    for each in exchanges:
        if each.status != OK:
            assert isinstance(errors.read_problem(each.answer), Problem)
            continue
        answer = ANSWERS[each.endpoint](each.answer)
        if isinstance(answer, records.FeedPage):
            assert all(isinstance(row, FeedRow) and row_holds(row, centre_key) for row in answer.rows)
            assert all(row.read() for row in answer.rows)
        if isinstance(answer, records.JournalPage):
            assert all(unseal(data) for data in answer.entries)


def test_the_centre_of_today_takes_what_an_older_kiosk_asked(
    recorded: Callable[[], Recorded], exchanges: list[Exchange]
) -> None:
    """The centre has all of it already: repeating a request changes nothing, and is answered as it was."""
    unpacked = recorded()
    with unpacked.centre.at_work():
        apply_migrations()
        line = InProcess()
        for each in exchanges:
            unpacked.time.now = each.now
            request = httpx2.Request(
                each.method, f"http://centre{each.path}", headers=each.headers, content=each.body
            )
            answer = line.handle_request(request)
            said = errors.read_problem(answer.content)
            assert (each.endpoint, answer.status_code, said and said.code) == (
                each.endpoint,
                each.status,
                (was := errors.read_problem(each.answer)) and was.code,
            ), answer.content
            if each.status == OK:
                ANSWERS[each.endpoint](answer.content)
