"""Personal records go up beside the batches: after the entries that commit to them, once, and whatever the centre says of them."""

from __future__ import annotations

import httpx2
import pytest

from kiosk.domain.entries.requests import DeliveryAsked
from kiosk.domain.feed import ErasureTold
from kiosk.domain.personal import DeliveryAddress
from kiosk.store.database import Database
from sync.agent.errors import AnswerUnusable, CentreBusy, CentreUnreachable
from sync.agent.exchanging import exchange
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.personal import send_personal
from sync.agent.push import push
from sync.agent.put_off import RETRY_SECONDS
from sync.protocol.records import MAXIMUM_PERSONAL, PersonalOutcome
from tests.support.memory_centre import NOW
from tests.support.memory_desk import Desk

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
ACCOUNT = "30000001"


def ask(desk: Desk, account: str = ACCOUNT) -> bytes:
    """A delivery that was asked of a paid order."""
    order = desk.place(account)
    with desk.database.write() as tx:
        commitment = tx.personal.put(ADDRESS, account, desk.clock.wall())
        tx.append(DeliveryAsked(order, account, commitment, "member"), desk.clock)
    return commitment


def unsent(desk: Desk) -> list[bytes]:
    with desk.database.read() as tx:
        return [each.commitment for each in tx.personal.unsent(500)]


def _note(emptied: list[Database], database: Database) -> bool:
    emptied.append(database)
    return True


def arrived(desk: Desk) -> list[bytes]:
    return [each.commitment for sent in desk.centre.personal for each in sent]


def test_an_exchange_sends_them_after_their_entries_and_never_again(desk: Desk) -> None:
    commitment = ask(desk)
    agent = desk.agent()
    exchange(agent)
    assert arrived(desk) == [commitment]
    assert unsent(desk) == []
    exchange(agent)
    assert arrived(desk) == [commitment]


def test_many_go_in_several_requests(desk: Desk) -> None:
    asked = {ask(desk, f"3{number:07d}") for number in range(2 * MAXIMUM_PERSONAL + 1)}
    agent = desk.agent()
    push(agent)
    assert send_personal(agent) == len(asked)
    assert [len(each) for each in desk.centre.personal] == [MAXIMUM_PERSONAL, MAXIMUM_PERSONAL, 1]
    assert set(arrived(desk)) == asked


def test_what_was_erased_before_it_was_sent_is_not_sent(desk: Desk) -> None:
    ask(desk)
    with desk.database.write() as tx:
        tx.personal.erase_account(ACCOUNT, desk.clock.wall())
    agent = desk.agent()
    push(agent)
    assert send_personal(agent) == 0
    assert desk.centre.personal == []


def test_one_whose_entry_is_not_there_waits_until_more_entries_are(desk: Desk) -> None:
    first = ask(desk)
    agent = desk.agent()
    assert send_personal(agent) == 0
    assert send_personal(agent) == 0
    assert arrived(desk) == [first]
    push(agent)
    assert send_personal(agent) == 1
    assert unsent(desk) == []


@pytest.mark.parametrize("outcome", [PersonalOutcome.LATER, PersonalOutcome.MALFORMED])
def test_one_that_is_not_taken_waits_and_holds_up_none_behind_it(
    desk: Desk, outcome: PersonalOutcome
) -> None:
    ask(desk)
    agent = desk.agent()
    push(agent)
    desk.centre.personal_outcome = outcome
    assert (send_personal(agent), send_personal(agent)) == (0, 0)
    assert len(desk.centre.personal) == 1
    desk.centre.personal_outcome = PersonalOutcome.KEPT
    desk.clock.advance(1)
    behind = ask(desk, "30000002")
    push(agent)
    assert send_personal(agent) == 1
    assert behind not in unsent(desk)
    desk.clock.advance(RETRY_SECONDS)
    assert send_personal(agent) == 1
    assert unsent(desk) == []


def test_one_that_the_centre_erased_is_erased_here(desk: Desk) -> None:
    commitment = ask(desk)
    agent = desk.agent()
    push(agent)
    desk.centre.personal_outcome = PersonalOutcome.ERASED
    assert send_personal(agent) == 0
    with desk.database.read() as tx:
        assert tx.personal.get(commitment) is None


@pytest.mark.parametrize("fault", ["cut", "lost", "slow", "broken", "garbage", "truncated", "busy"])
def test_after_any_failure_a_repeat_sends_the_rest(desk: Desk, fault: str) -> None:
    ask(desk)
    agent = desk.agent()
    push(agent)
    desk.faulty.faults = [fault]
    with pytest.raises((CentreUnreachable, AnswerUnusable, CentreBusy)):
        send_personal(agent)
    assert send_personal(agent) == 1
    assert unsent(desk) == []


class _Narrow(httpx2.BaseTransport):
    """Something in between that takes no more than so many bytes."""

    def __init__(self, line: httpx2.BaseTransport, most: int) -> None:
        self.line, self.most = line, most

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if len(request.read()) > self.most:
            return httpx2.Response(413)
        return self.line.handle_request(request)


def test_where_something_takes_no_large_requests_they_go_one_by_one(desk: Desk) -> None:
    for number in range(5):
        ask(desk, f"3{number:07d}")
    push(desk.agent())
    desk.line = _Narrow(desk.faulty, 300)
    assert send_personal(desk.agent()) == 5
    assert max(map(len, desk.centre.personal)) == 1


def test_one_that_is_still_too_large_for_something_in_between_waits(desk: Desk) -> None:
    commitment = ask(desk)
    push(desk.agent())
    desk.line = _Narrow(desk.faulty, 10)
    assert send_personal(desk.agent()) == 0
    assert unsent(desk) == [commitment]


def test_a_centre_of_a_former_version_hinders_nothing(desk: Desk) -> None:
    ask(desk)
    desk.centre.takes_personal = False
    agent = desk.agent()
    exchange(agent)
    exchange(agent)
    assert len(unsent(desk)) == 1
    assert desk.centre.requests.count("POST /device/v1/personal") == 1


def test_a_centre_that_was_put_back_is_sent_all_that_is_here_again(desk: Desk) -> None:
    commitment = ask(desk)
    agent = desk.agent()
    exchange(agent)
    desk.centre.incarnation = 2
    heartbeat(agent)
    assert unsent(desk) == [commitment]
    exchange(agent)
    assert arrived(desk) == [commitment, commitment]


def test_an_erasure_that_the_centre_tells_erases_here_and_empties_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    commitment = ask(desk)
    agent = desk.agent()
    exchange(agent)
    emptied = list[Database]()
    monkeypatch.setattr(Database, "forget", lambda database: _note(emptied, database))
    desk.centre.publish(desk.number, ErasureTold(ACCOUNT, NOW + 5))
    pull(agent)
    with desk.database.read() as tx:
        assert tx.personal.get(commitment) is None
    assert emptied == [agent.database]
