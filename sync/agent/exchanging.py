"""One full exchange with the centre: what the journal has goes up, what the feed has comes down."""

from __future__ import annotations

from sync.agent.context import Agent, forget_retry, record_failed_contact
from sync.agent.errors import AgentError
from sync.agent.feed.pull import PullReport, pull
from sync.agent.heartbeat import heartbeat
from sync.agent.personal import send_personal
from sync.agent.push import PushReport, push


def exchange(agent: Agent) -> tuple[PushReport, PullReport]:
    """One full exchange: heartbeat, upload, feed, an upload of the entries that the feed caused, and the personal records.

    Raises ExchangeFailed, RequestRefused, HistoryForked, StoreError.
    """
    heartbeat(agent)
    first = push(agent)
    if first.tail_lost:
        heartbeat(agent)
    pulled = pull(agent)
    second = push(agent)
    send_personal(agent)
    return PushReport(first.sent + second.sent, second.tail_lost), pulled


def exchange_now(agent: Agent) -> tuple[PushReport, PullReport]:
    """The same for somebody who asks now, whatever the centre asked for; a failure is recorded. Raises as `exchange`."""
    forget_retry(agent)
    try:
        return exchange(agent)
    except AgentError as error:
        record_failed_contact(agent, error)
        raise
