"""The reports of the nightly run in the kiosk's database."""

from __future__ import annotations

from kiosk.domain.nights import DAY, USUAL_AT, Attempt, ExpiringKey, Finding, NightReport, NightState
from kiosk.store.agent_state import AgentState
from kiosk.store.database import Database
from kiosk.store.status import nights_missed

NOW = 1_795_327_500


def report(night: int) -> NightReport:
    return NightReport(night, NOW + night, NOW + night + 60)


def test_of_thirty_one_reports_the_newest_thirty_stay(database: Database) -> None:
    with database.write() as tx:
        for night in range(31):
            tx.nights.add(report(night))
    with database.read() as tx:
        assert [each.night for each in tx.nights.all()] == list(range(30, 0, -1))
        assert tx.nights.newest() == report(30)


def test_a_report_comes_back_as_it_was_written(database: Database) -> None:
    written = NightReport(
        7,
        NOW,
        NOW + 9,
        findings=(Finding("backlog", 3), Finding("of-a-later-version", 1, detail="?")),
        expiring=(ExpiringKey("11000001", "E8AD652202221F03", NOW + DAY),),
        expiring_count=1,
        by_hand=True,
        broken_off=1,
    )
    with database.write() as tx:
        tx.nights.add(written)
    with database.read() as tx:
        assert tx.nights.all() == (written,)


def test_a_run_is_noted_until_its_report_is_there(database: Database) -> None:
    attempt = Attempt(7, "verify", ("verify",))
    with database.write() as tx:
        tx.nights.put_attempt(attempt)
        assert tx.nights.state() is None, "nobody owes anything yet"
        tx.nights.owe(NOW, USUAL_AT)
        tx.nights.put_attempt(attempt)
    with database.write() as tx:
        assert tx.nights.state() == NightState(NOW, USUAL_AT, attempt)
        tx.nights.owe(NOW, 0)
        tx.nights.forgive()
        assert tx.nights.state() == NightState(NOW, 0, Attempt(7, "", ("verify",)))
        tx.nights.add(report(7))
        assert tx.nights.state() == NightState(NOW, 0)


def test_missed_nights_are_counted_from_the_newest_report_of_a_machine_in_use(database: Database) -> None:
    with database.write() as tx:
        assert nights_missed(tx, NOW + 100 * DAY) == 0, "the agent never ran"
        tx.nights.owe(NOW, USUAL_AT)
        assert nights_missed(tx, NOW + 3 * DAY) == 3
        tx.nights.add(NightReport(1, NOW + 2 * DAY, NOW + 2 * DAY))
        assert nights_missed(tx, NOW + 3 * DAY) == 1
        for state in (AgentState(quarantined=True), AgentState(retired=True)):
            tx.agent.put(state)
            assert nights_missed(tx, NOW + 30 * DAY) == 0


def test_a_report_of_a_clock_that_was_years_ahead_hides_no_missed_night(database: Database) -> None:
    with database.write() as tx:
        tx.nights.owe(NOW, USUAL_AT)
        tx.nights.add(NightReport(1, NOW + 2 * DAY, NOW + 2 * DAY))
        tx.nights.add(NightReport(8000, NOW + 8000 * DAY, NOW + 8000 * DAY))
        assert nights_missed(tx, NOW + 5 * DAY) == 3
