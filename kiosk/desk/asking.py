"""Asking the centre while a member waits: a row in the mailbox, answered by the agent or by nobody.

Neither a token nor a lock of the desk's is held meanwhile, so that the member can leave: the wait ends by itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import structlog

from kiosk.desk.network import network
from kiosk.desk.views import Network
from kiosk.domain.login_check import MAILBOX_KIND, LoginAnswer, LoginQuestion

if TYPE_CHECKING:
    from kiosk.desk.context import Desk

_LOG = structlog.get_logger()
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[LoginAnswer] = msgspec.msgpack.Decoder(LoginAnswer)

_LOOK_EVERY = 0.1
# Questions hold an SMS code at most: nobody needs one for longer (seconds) than the centre takes it.
_KEPT = 300


def ask(desk: Desk, question: LoginQuestion, seconds: float) -> LoginAnswer | None:
    """What the centre answers within that many seconds; None without an answer, at once while offline."""
    with desk.database.write() as tx:
        now = desk.clock.wall()
        tx.mailbox.prune(now - _KEPT)
        if network(tx, now) is not Network.ONLINE:
            return None
        number = tx.mailbox.ask(MAILBOX_KIND, _ENCODER.encode(question), now + math.ceil(seconds))
    until = desk.clock.monotonic() + int(1000 * seconds)
    while (answer := _answer_of(desk, number)) is None and desk.clock.monotonic() < until:
        desk.sleep(_LOOK_EVERY)
    return None if answer is None else _decoded(answer)


def _answer_of(desk: Desk, number: int) -> bytes | None:
    with desk.database.read() as tx:
        return tx.mailbox.answer_of(number)


def _decoded(answer: bytes) -> LoginAnswer | None:
    try:
        return _DECODER.decode(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        _LOG.warning("an answer that cannot be read", problem=str(error))
        return None
