from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.journal import unseal
from kiosk.store.transaction import Identity
from kiosk.store.vault import VaultItem
from sync.agent.enrolment import Enrolled
from sync.agent.errors import AnswerUnusable, CentreUnreachable, EnrolmentFailed
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.protocol.deeds import sign_deed
from tests.support.memory_desk import Desk


def test_enrolment_gives_the_kiosk_its_number_certificates_and_first_epoch(
    new_desk: Callable[..., Any],
) -> None:
    desk = new_desk(3)
    enrolled = desk.enrol()
    assert (enrolled.kiosk, enrolled.epoch, enrolled.before) == (3, 1, False)
    with desk.database.read() as tx:
        assert tx.next_tip() == (3, 1, 2)
        assert tx.vault.get(VaultItem.ISSUING_CERTIFICATE) == desk.memory.issuing_certificate
        assert tx.vault.get(VaultItem.PAYMENT_SECRET) is not None
        assert tx.feed.signed_policy().read().kiosk == 3
        (first,) = tx.journal.entries()
    assert unseal(first.data).entry.body == EpochBegan(given_by_centre=True, continues=None)


def test_enrolling_again_changes_nothing(desk: Desk) -> None:
    before = desk.hashes()
    again = desk.enrol()
    assert again.before
    assert desk.hashes() == before


@pytest.mark.parametrize("fault", ["cut", "lost", "slow", "broken", "garbage", "truncated"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_repeat_after_any_failure_succeeds_with_the_same_keys(
    new_desk: Callable[..., Any], fault: str, at: int
) -> None:
    desk = new_desk(3)
    desk.faulty.faults = [""] * at + [fault]
    with pytest.raises((CentreUnreachable, AnswerUnusable)):
        desk.enrol()
    assert desk.enrol().epoch in {1, 2}
    with desk.database.read() as tx:
        assert tx.next_tip().sequence == 2


def test_a_token_used_by_another_machine_says_what_to_do(
    new_desk: Callable[..., Any],
) -> None:
    new_desk(3).enrol()
    other = new_desk(3)
    with pytest.raises(EnrolmentFailed, match="ask for a new one"):
        other.enrol()


def test_what_is_no_token_is_refused_before_anything_is_sent(
    desk: Desk, new_desk: Callable[..., Any]
) -> None:
    other = new_desk(4)
    other.memory.token = "4-SHORT"
    with pytest.raises(EnrolmentFailed, match="no enrolment token"):
        other.enrol()


def test_a_data_directory_stays_one_kiosk(desk: Desk) -> None:
    desk.memory = desk.centre.kiosk(9)
    with pytest.raises(EnrolmentFailed, match="kiosk 3 already"):
        desk.enrol()


def test_a_policy_of_another_kiosk_in_the_answer_is_refused(new_desk: Callable[..., Any]) -> None:
    desk = new_desk(3)
    desk.centre.policy = lambda number, serial=1: type(desk.centre).policy(desk.centre, number + 1, serial)
    with pytest.raises(EnrolmentFailed, match="not signed for this kiosk"):
        desk.enrol()
    with desk.database.read() as tx:
        assert tx.identity is None


def test_a_machine_that_takes_over_a_lost_kiosk_pulls_its_journal_back(
    desk: Desk, new_desk: Callable[..., Any]
) -> None:
    number = desk.place()
    push(desk.agent())
    desk.memory.device_key = b""  # staff gave a new token for the lost machine
    other = new_desk(3)
    assert other.enrol().epoch == 2
    assert other.order(number) == desk.order(number)
    assert other.hashes()[:-1] == desk.hashes()
    push(other.agent())
    assert other.centre_hashes() == other.hashes()


def test_a_machine_that_was_retired_is_enrolled_anew_and_goes_on_with_its_journal(desk: Desk) -> None:
    number = desk.place()
    push(desk.agent())
    desk.memory.retired = True
    heartbeat(desk.agent())
    before, keys = desk.hashes(), _secrets(desk)
    desk.memory.device_key = b""  # staff gave a new token
    desk.faulty.faults = ["", "lost"]
    with pytest.raises(CentreUnreachable):
        desk.enrol()
    assert desk.enrol() == Enrolled(3, 2)
    assert desk.hashes()[:-1] == before
    assert not keys & _secrets(desk)
    desk.place()
    push(desk.agent())
    assert desk.centre_hashes() == desk.hashes()
    with desk.database.read() as tx:
        assert tx.identity == Identity(3, 2, machine=2)
        assert [each.entry.machine for each in tx.journal.entries()] == [1, 1, 2, 2]
        assert not tx.agent.get().retired
    assert desk.order(number) is not None


def test_a_machine_that_was_revoked_is_not_enrolled_anew(desk: Desk) -> None:
    desk.memory.revoked = True
    heartbeat(desk.agent())
    assert desk.enrol().before


def test_a_deed_of_another_machine_is_refused(
    new_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = new_desk(3)
    monkeypatch.setattr(
        "tests.support.memory_centre.sign_deed",
        lambda deed, key: sign_deed(replace(deed, machine=deed.machine + 1), key),
    )
    with pytest.raises(EnrolmentFailed, match="not signed for this kiosk"):
        desk.enrol()


def _secrets(desk: Desk) -> set[bytes | None]:
    with desk.database.read() as tx:
        items = (VaultItem.DEVICE_KEY, VaultItem.ISSUING_KEY, VaultItem.ISSUING_CERTIFICATE)
        return {tx.vault.get(item) for item in items}
