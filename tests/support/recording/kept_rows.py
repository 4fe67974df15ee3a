"""A chapter of rows that a kiosk cannot apply, for every reason; the centre signed each, and was put back since."""

from __future__ import annotations

from tests.support.recording.story import Story  # isort: split

import msgspec

from kiosk.domain.feed import (
    FeedBody,
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PolicyPublished,
    RefundRequested,
    RevocationPublished,
    StaffPublished,
)
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import FeedRow, unsigned_row
from kiosk.domain.ledger import BindingStep, Order
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.policy import Policy
from kiosk.domain.versions import ALL, NO_VERSION, Version, audience_of_kiosk
from sync.agent.feed.taking import take
from sync.agent.heartbeat import heartbeat
from sync.central.fleet.feed.telling import telling
from sync.protocol.rows import sign_row
from sync.protocol.times import sign_policy
from tests.support.histories.machines import Machine
from tests.support.values import present

LATER = 2**53


def keep(story: Story, machine: Machine) -> None:
    """Rows come that cannot be applied; the machine reports them."""
    placed, known, waits = story.place(machine), story.vouched(machine), story.vouched(machine)
    story.bind_until(machine, waits, BindingStep.ISSUED)
    certificate = present(present(story.order_of(machine, waits).binding).certificate)
    own, key = audience_of_kiosk(machine.kiosk), story.world.centre.keys.centre_key
    order = story.order_of(machine, placed)
    policies = [
        sign_policy(Policy(number, kiosk, story.world.time.now + 86400), key)
        for number, kiosk in ((0, machine.kiosk), (9, machine.kiosk + 1))
    ]
    forged = msgspec.structs.replace(sign_policy(Policy(10, machine.kiosk, 1), key), signature=bytes(64))
    bodies: list[tuple[int, FeedBody]] = [
        *((own, PolicyPublished(each)) for each in (*policies, forged)),
        (own, PaymentConfirmed("9-0001-1.000000000000", 34000, "T1", 1)),
        (own, OrderMoved(known, 4, 1)),
        (own, OrderMoved(known, 5, 2)),
        (own, _given(order, "9-0002-9.000000000000")),
        (own, RevocationPublished("0009000000000001", order.account, "stolen")),
        (own, RevocationPublished(certificate, order.account, "stolen")),
        (own, PaymentConfirmed(placed, order.total, "T2", 1)),
        (own, PaymentConfirmed(placed, order.total + 1, "T2", 1)),
        (ALL, StaffPublished(StaffMember("赵敏", Role.STAFF, ""))),
        (ALL, StaffPublished(StaffMember("赵敏", Role.SUPERVISOR, ""))),
    ]
    rows = [
        unsigned_row(audience, row_key_of(body), Version(2, LATER + place), NO_VERSION, body)  # type: ignore[arg-type]  # each has a key
        for place, (audience, body) in enumerate(bodies)
    ]
    rows[-2] = msgspec.structs.replace(rows[-2], version=Version(1, LATER))
    for place, (kind, body) in enumerate(
        (("weather", b'{"kind":"weather"}'), ("staff", b'{"kind":"staff"}'))
    ):
        at = Version(2, LATER + len(rows) + place)
        rows.append(FeedRow(ALL, f"{kind}/x", at, NO_VERSION, kind, msgspec.Raw(body)))
    for row in rows:
        with machine.database.write() as tx:
            take(tx, sign_row(row, key), machine.clock)
    unpaid = story.place(machine)
    with telling(story.world.centre.now) as told:
        told.tell(own, RefundRequested(unpaid, "0011223344556677", "boss", "asked"))
    story.hear(machine)
    machine.work(heartbeat)


def _given(order: Order, reference: str) -> OrderAssignedHere:
    """Another order of the same account and kind, given to this kiosk."""
    return OrderAssignedHere(
        order=reference, account=order.account, enterprise=order.enterprise, operator=order.operator,
        order_kind=order.kind, lines=order.lines, schedule=order.schedule, placed_at=order.placed_at,
        transaction="T9", paid_at=order.placed_at, handover=1,
    )  # fmt: skip
