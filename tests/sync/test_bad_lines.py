"""A real agent whose way to the real centre leads through what behaves badly."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from kiosk.domain.entries.orders import OrderCancelled
from kiosk.store.agent_state import ContactFault
from kiosk.text.times import hour
from sync.agent.line.pace import LEAST_BYTES_A_SECOND
from sync.protocol.records import PATH_JOURNAL
from tests.support.odd_servers import (
    Answer,
    Asked,
    OddServer,
    dripping_body,
    page,
    relaying,
    saying,
    serving,
)
from tests.support.processes import CentreProcess, KioskProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")


@pytest.fixture
def front(central: CentreProcess, kiosk: KioskProcess) -> Iterator[OddServer]:
    """What stands between the kiosk and the centre; it hands everything on."""
    with serving(relaying(central.address)) as made:
        kiosk.front = made.address
        yield made


def test_an_answer_that_drips_holds_no_sender(
    kiosk: KioskProcess, front: OddServer, central: CentreProcess
) -> None:
    front.answer = dripping_body(b"{}")
    kiosk.place("11000001")
    kiosk.start()
    wait_until(lambda: f"less than {LEAST_BYTES_A_SECOND} bytes a second" in kiosk.state().error)
    front.answer = relaying(central.address)
    wait_until(lambda: kiosk.backlog() == 0 and not kiosk.state().error)
    kiosk.stop()


def with_limit(central: CentreProcess, limit: int, refusal: Answer) -> Answer:
    """A front that hands on uploads of no more than that many bytes."""
    relay = relaying(central.address)

    def answer(line: socket.socket, asked: Asked) -> None:
        large = asked.target == PATH_JOURNAL and len(asked.body) > limit
        (refusal if large else relay)(line, asked)

    return answer


def uploads(front: OddServer) -> list[int]:
    return [len(asked.body) for asked in front.asked if asked.target == PATH_JOURNAL]


@pytest.mark.parametrize(
    "refusal",
    [page(413), saying(413, b'{"code":"body-too-large","sentence":"Too large."}')],
    ids=["front", "centre"],
)
def test_a_batch_that_is_too_large_for_something_in_between_goes_in_smaller_ones(
    kiosk: KioskProcess, front: OddServer, central: CentreProcess, refusal: Answer
) -> None:
    for _ in range(40):
        number, _address = kiosk.place("11000001")
        kiosk.append(OrderCancelled(number, "member"))
    front.answer = with_limit(central, 4000, refusal)
    done = kiosk.sync("once")
    assert (done.returncode, done.stderr) == (0, "")
    assert kiosk.backlog() == 0
    sizes = uploads(front)
    large = [size for size in sizes if size > 4000]
    assert large == sizes[: len(large)], "what was refused is not tried again"
    assert 1 <= len(large) <= 6


@pytest.mark.parametrize(
    ("answer", "failure", "said"),
    [
        (page(200), ContactFault.NETWORK_LOGIN, "网络要求登录"),
        (page(302, location="http://portal.example/"), ContactFault.NETWORK_LOGIN, "网络要求登录"),
        (page(407), ContactFault.PROXY_REFUSED, "代理拒绝"),
    ],
    ids=["portal", "redirection", "proxy"],
)
def test_whoever_answers_in_between_is_told_and_the_backlog_goes_up_when_it_is_gone(
    kiosk: KioskProcess,
    front: OddServer,
    central: CentreProcess,
    answer: Answer,
    failure: ContactFault,
    said: str,
) -> None:
    front.answer = answer
    kiosk.place("11000001")
    asked = kiosk.sync("once")
    assert asked.returncode == 1
    assert said in asked.stderr
    kiosk.start()
    wait_until(lambda: kiosk.state().failure is failure)
    assert said in kiosk.sync("status").stdout
    assert said in kiosk.keydesk("status").stdout
    assert said in kiosk.keydesk("doctor").stdout
    front.answer = relaying(central.address)
    wait_until(lambda: kiosk.backlog() == 0 and not kiosk.state().error)
    kiosk.stop()


def test_an_entry_that_alone_is_too_large_is_told(
    kiosk: KioskProcess, front: OddServer, central: CentreProcess
) -> None:
    front.answer = with_limit(central, 100, page(413))
    kiosk.place("11000001")
    done = kiosk.sync("once")
    assert done.returncode == 1
    assert "上传太大被拦下（HTTP 413）" in done.stderr
    assert kiosk.backlog() == 1


def test_a_large_time_to_come_again_is_believed_for_five_minutes_and_forgotten_by_hand(
    kiosk: KioskProcess, front: OddServer, central: CentreProcess
) -> None:
    def retry_at() -> int:
        return kiosk.state().retry_at or 0

    number, _address = kiosk.place("11000001")
    front.answer = page(429, retry_after="86400")
    before = kiosk.clock.wall()
    kiosk.start()
    wait_until(lambda: kiosk.state().failure is ContactFault.BUSY)
    assert before + 200 < retry_at() <= kiosk.clock.wall() + 300
    for told in (kiosk.sync("status"), kiosk.keydesk("status"), kiosk.keydesk("doctor")):
        assert f"再试于 {hour(retry_at())}" in told.stdout

    kiosk.stop()
    asked = len(front.asked)
    kiosk.start()
    wait_until(lambda: len(front.asked) > asked, "the agent that was started again asks at once")
    wait_until(lambda: retry_at() > 0)

    front.answer = relaying(central.address)
    asked = len(front.asked)
    time.sleep(1.5)
    assert len(front.asked) == asked, "the agent leaves it alone"
    assert kiosk.sync("once").returncode == 0
    assert kiosk.backlog() == 0
    asked = len(front.asked)
    kiosk.append(OrderCancelled(number, "member"))
    wait_until(lambda: kiosk.backlog() == 0, "the agent that runs goes on as well")
    assert len(front.asked) > asked
    kiosk.stop()
