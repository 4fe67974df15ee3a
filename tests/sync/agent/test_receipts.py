"""The centre's receipts at the kiosk: the newest is kept and shown."""

from __future__ import annotations

import pytest

from kiosk.domain.feed import PaymentConfirmed, StaffPublished
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.versions import ALL
from kiosk.pki.device_keys import device_public_key, generate_device_key
from sync.agent.errors import CentreUnreachable
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.protocol.receipts import CentreReceipt, believed
from sync.protocol.rows import row_holds
from tests.support.memory_centre import NOW, MemoryCentre
from tests.support.memory_desk import Desk
from tests.support.values import present


def kept(desk: Desk) -> CentreReceipt:
    with desk.database.read() as tx:
        text = tx.agent.receipt()
    return present(believed(text, desk.number, device_public_key(desk.centre.key)))


def told(centre: MemoryCentre) -> None:
    centre.publish(3, StaffPublished(StaffMember("张华", Role.STAFF, "")), ALL)


def test_every_answer_s_receipt_is_kept_and_shown_with_the_next_request(
    desk: Desk, centre: MemoryCentre
) -> None:
    desk.place()
    push(desk.agent())
    assert kept(desk).tip == desk.memory.tip(1)
    told(centre)
    pull(desk.agent())
    assert kept(desk).heads[ALL] == centre.heads[ALL]
    before = kept(desk)
    heartbeat(desk.agent())
    assert believed(centre.shown[-1], 3, device_public_key(centre.key)) == before


def test_enrolment_brings_the_first_receipt(desk: Desk) -> None:
    assert kept(desk).kiosk == 3


def test_a_receipt_that_somebody_else_signed_is_not_kept(desk: Desk, centre: MemoryCentre) -> None:
    heartbeat(desk.agent())
    before, key = kept(desk), centre.key
    told(centre)
    centre.incarnation, centre.key = 5, generate_device_key()
    heartbeat(desk.agent())
    centre.key = key
    assert kept(desk) == before


def test_a_centre_that_was_put_back_takes_no_proof_away(desk: Desk, centre: MemoryCentre) -> None:
    for _ in range(3):
        told(centre)
    heartbeat(desk.agent())
    before = kept(desk)
    centre.heads[ALL] = 1
    heartbeat(desk.agent())
    assert kept(desk) == before
    centre.incarnation = 2
    heartbeat(desk.agent())
    assert kept(desk).incarnation == 2


def test_without_an_answer_the_receipt_stays(desk: Desk, centre: MemoryCentre) -> None:
    heartbeat(desk.agent())
    before = kept(desk)
    told(centre)
    desk.faulty.faults = ["lost"]
    with pytest.raises(CentreUnreachable):
        heartbeat(desk.agent())
    assert kept(desk) == before


def test_a_centre_in_another_incarnation_is_shown_the_deed_and_what_it_told_this_kiosk_alone(
    desk: Desk, centre: MemoryCentre
) -> None:
    order = desk.place()
    heartbeat(desk.agent())
    for number in range(25):
        centre.publish(3, PaymentConfirmed(order, 1, f"T{number}", NOW))
    told(centre)
    pull(desk.agent())
    assert not centre.deeds
    centre.incarnation = 2
    heartbeat(desk.agent())
    heartbeat(desk.agent())
    first, *others = centre.deeds
    assert (first.policy is not None, first.rows, first.since, first.more) == (True, (), 1, True)
    assert [each.more for each in others] == [True, False]
    keys = [row.key for each in others for row in each.rows]
    assert keys == ["staff/张华", *(f"payment/{order}/T{number}" for number in range(25))]
    assert all(row_holds(row, device_public_key(centre.key)) for each in others for row in each.rows)
