"""Uploading personal records: beside the batches, after those with the entries that commit to them; what the centre has is not sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.agent.errors import AnswerUnusable, RequestRefused, UploadBlocked
from sync.protocol.records import MAXIMUM_PERSONAL, PersonalOutcome, PersonalUpload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kiosk.store.personal import KeptRecord
    from sync.agent.context import Agent

_NOT_FOUND = 404


def send_personal(agent: Agent, stopped: Callable[[], bool] = lambda: False) -> int:
    """Upload the personal records that the centre has not got; how many it took. Raises ExchangeFailed, StoreError."""
    sent, after = 0, list[tuple[int, bytes]]()
    while not stopped():
        with agent.database.read() as tx:
            kept, high_water = tx.personal.unsent(MAXIMUM_PERSONAL, *after), tx.agent.get().high_water
        if not kept:
            break
        after = [(kept[-1].made_at, kept[-1].commitment)]
        now = agent.clock.monotonic()
        due = [each for each in kept if agent.put_off.is_due(each.commitment, now, high_water)]
        sent += _sent(agent, due, high_water) if due else 0
    return sent


def _sent(agent: Agent, some: Sequence[KeptRecord], high_water: int) -> int:
    """How many of these the centre has now. Raises ExchangeFailed, StoreError."""
    try:
        answer = agent.centre.send_personal(PersonalUpload(tuple(each.disclosed for each in some)))
    except UploadBlocked as error:
        if len(some) == 1:
            return _put_off(agent, some, error)
        middle = len(some) // 2
        return _sent(agent, some[:middle], high_water) + _sent(agent, some[middle:], high_water)
    except RequestRefused as refused:
        return _put_off(agent, some, refused)
    except AnswerUnusable as error:
        if error.status != _NOT_FOUND:  # a centre of a former version has no such path
            raise
        return _put_off(agent, some, error)
    if len(answer.outcomes) != len(some):
        raise AnswerUnusable(f"{len(answer.outcomes)} outcomes of {len(some)} personal records")
    return _noted(
        agent, [(each.commitment, of) for each, of in zip(some, answer.outcomes, strict=True)], high_water
    )


def _noted(agent: Agent, outcomes: Sequence[tuple[bytes, PersonalOutcome]], high_water: int) -> int:
    by = {outcome: [each for each, came in outcomes if came is outcome] for outcome in PersonalOutcome}
    with agent.database.write() as tx:
        tx.personal.note_sent(by[PersonalOutcome.KEPT], agent.clock.wall())
        tx.personal.erase(by[PersonalOutcome.ERASED])
    now = agent.clock.monotonic()
    for each in by[PersonalOutcome.UNKNOWN]:
        agent.put_off.put_off(each, now, high_water)
    for each in (*by[PersonalOutcome.LATER], *by[PersonalOutcome.MALFORMED]):
        agent.put_off.put_off(each, now)
    if by[PersonalOutcome.ERASED]:
        agent.database.forget()
    told = {outcome.value: len(some) for outcome, some in by.items() if some}
    agent.log.info("personal records sent", **told)
    return len(by[PersonalOutcome.KEPT])


def _put_off(agent: Agent, some: Sequence[KeptRecord], error: Exception) -> int:
    for each in some:
        agent.put_off.put_off(each.commitment, agent.clock.monotonic())
    agent.log.warning("personal records were not taken", count=len(some), error=str(error))
    return 0
