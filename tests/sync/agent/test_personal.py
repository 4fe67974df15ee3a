"""Personal records go up beside the batches: after the entries that commit to them, once, and whatever the centre says of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx2
import pytest

from kiosk.desk.requests.views import proposal_views
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import DeliveryAsked, OperatorProposed
from kiosk.domain.feed import ErasureTold, ProposalTold
from kiosk.domain.nights import NightlyFinding
from kiosk.domain.personal import DeliveryAddress, OperatorDetails
from kiosk.domain.requests import ProposalState
from kiosk.store.database import Database
from kiosk.store.verify import verify
from kiosk.text.catalogue import Catalogue, Language
from sync.agent.errors import AnswerUnusable, CentreBusy, CentreUnreachable
from sync.agent.exchanging import exchange
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.night.running import nightly
from sync.agent.personal import send_personal
from sync.agent.push import push
from sync.agent.put_off import RETRY_SECONDS
from sync.agent.wording import night_lines
from sync.protocol.records import MAXIMUM_PERSONAL, PersonalOutcome
from tests.support.memory_centre import NOW
from tests.support.memory_desk import Desk

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
WHO = OperatorDetails("赵敏", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
ACCOUNT, NAME = "30000001", "0123456789abcdef"


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


def test_a_record_that_cannot_be_read_holds_up_no_other_and_is_named_by_the_night(desk: Desk) -> None:
    ask(desk)
    with desk.database.write() as tx:
        tx.personal._connection.execute("UPDATE personal_keys SET key = zeroblob(32)")
    desk.clock.advance(1)
    others = {ask(desk, f"3000001{number}") for number in range(3)}
    agent = desk.agent()
    exchange(agent)
    assert set(arrived(desk)) == others
    night = nightly(agent)
    assert night.troubles == (NightlyFinding.RECORDS_BROKEN,)
    said = "\n".join(night_lines(night, Catalogue(Language.CHINESE).text))
    assert f"有 1 份个人资料读不出来：{ACCOUNT} 收件地址" in said
    with desk.database.read() as tx:
        assert [each.account for each in tx.personal.broken()] == [ACCOUNT]


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


def test_a_kiosk_that_was_put_back_to_before_a_proposal_shows_that_it_was_approved(
    desk: Desk, tmp_path: Path
) -> None:
    desk.place(ACCOUNT)
    push(desk.agent())
    desk.database.close()
    copy = tmp_path / "copy.db"
    shutil.copy(desk.database.path, copy)
    desk.database = Database.open(desk.database.path, bytes(range(32)))
    with desk.database.write() as tx:
        commitment = tx.personal.put(WHO, ACCOUNT, desk.clock.wall())
        proposed = OperatorProposed(NAME, ACCOUNT, "A", commitment, authorised=True, by="member")
        tx.append(proposed, desk.clock)
    exchange(desk.agent())
    assert arrived(desk) == [commitment]
    desk.database.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{desk.database.path}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, desk.database.path)
    desk.database = Database.open(desk.database.path, bytes(range(32)))
    desk.stack.callback(desk.database.close)
    told = ProposalTold(NAME, ACCOUNT, "A", ProposalState.APPROVED, "赵*", new_account="11000099")
    desk.centre.publish(desk.number, told)
    exchange(desk.agent())
    with desk.database.read() as tx:
        (shown,) = proposal_views(tx, ACCOUNT)
        own = tx.ledger.proposal(NAME)
    assert (shown.state, shown.name, shown.new_account) == (ProposalState.APPROVED, "赵*", "11000099")
    assert own is not None
    assert own.commitment == commitment
    assert arrived(desk) == [commitment]
    assert verify(desk.database).sound


def test_what_was_made_while_the_clock_was_ahead_is_erased_where_the_centre_says_so(desk: Desk) -> None:
    desk.clock.now += 7200
    commitments = [ask(desk), ask(desk, "30000002")]
    desk.clock.now -= 7200
    agent = desk.agent()
    exchange(agent)
    assert unsent(desk) == []
    desk.centre.publish(desk.number, ErasureTold(ACCOUNT, NOW + 5))
    desk.centre.personal_outcome = PersonalOutcome.ERASED
    exchange(agent)
    with desk.database.read() as tx:
        assert [tx.personal.get(each) for each in commitments] == [None, ADDRESS]


def test_what_was_made_since_an_erasure_is_kept_where_the_centre_keeps_it(desk: Desk) -> None:
    commitment = ask(desk)
    agent = desk.agent()
    exchange(agent)
    desk.centre.publish(desk.number, ErasureTold(ACCOUNT, NOW - 5))
    exchange(agent)
    assert arrived(desk) == [commitment, commitment]
    assert unsent(desk) == []
    with desk.database.read() as tx:
        assert tx.personal.get(commitment) == ADDRESS
