"""An account's register: one usable key in every order of arrival, and nothing listed behind a person's back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain import register as judged
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.register import (
    MATTER,
    CertificateBound,
    CertificateVoided,
    KeyNamed,
    ListingUndone,
    Register,
    RegisterEvent,
    RegisterFolded,
    fold_register,
)
from kiosk.domain.remarks import Remark, RemarkReason

ACCOUNT = "11000001"
FIRST = KeyOnRecord("0003000000000001", "T0", 100, 200)
RENEWED = KeyOnRecord("0003000000000002", "T0", 150, 300)
REPLACED = KeyOnRecord("0004000000000001", "T1", 160, 300)
NUMBERS = (FIRST.number, RENEWED.number, REPLACED.number)


def bound(key: KeyOnRecord, predecessor: str | None = None, *, has_matter: bool = False) -> CertificateBound:
    return CertificateBound(
        key, f"order of {key.number}", predecessor, has_matter=has_matter, unconditional=False
    )


def decided(number: str, decision: Decision) -> RegisterDecided:
    return RegisterDecided(ACCOUNT, f"order of {number}", number, decision, "林涛", "")


def folded(*events: RegisterEvent) -> Register:
    register = Register(ACCOUNT)
    for event in events:
        register = fold_register(register, event).register
    return register


def status(register: Register, key: KeyOnRecord) -> CertificateStatus | None:
    found = register.find(key.number)
    return None if found is None else found.status


def usable(register: Register) -> list[str]:
    return [each.key.number for each in register.certificates if each.status is CertificateStatus.VALID]


KEY_BOUND, RENEWAL, LOSS, REPLACEMENT = (
    bound(FIRST),
    bound(RENEWED, FIRST.number),
    LossReported(ACCOUNT, FIRST),
    bound(REPLACED, FIRST.number),
)


def arrivals() -> Iterator[tuple[RegisterEvent, ...]]:
    """A renewal at one kiosk; the loss and the replacement at another; in every order that their journals allow."""
    events: tuple[RegisterEvent, ...] = (KEY_BOUND, RENEWAL, LOSS, REPLACEMENT)
    for order in permutations(events):
        if order.index(LOSS) < order.index(REPLACEMENT):
            yield order


def test_a_renewal_and_a_replacement_end_with_one_usable_key_in_every_order_of_arrival() -> None:
    orders = list(arrivals())
    assert len(orders) == 12
    for order in orders:
        register = folded(*order)
        assert usable(register) == [REPLACED.number]
        assert [each.key.number for each in register.certificates if each.is_listed] == [REPLACED.number]


@pytest.mark.parametrize("late", [RENEWAL, REPLACEMENT])
def test_two_successors_without_a_loss_are_for_a_person(late: CertificateBound) -> None:
    early = RENEWAL if late is REPLACEMENT else REPLACEMENT
    register = folded(KEY_BOUND, early)
    judgement = fold_register(register, late)
    assert usable(judgement.register) == [early.key.number]
    assert status(judgement.register, late.key) is CertificateStatus.HELD
    assert [remark.reason for remark in judgement.remarks] == [RemarkReason.CERTIFICATE_HELD]
    chosen = fold_register(judgement.register, decided(late.key.number, Decision.LIST)).register
    assert usable(chosen) == [late.key.number]
    assert status(chosen, early.key) is CertificateStatus.REVOKED


def test_a_predecessor_is_in_use_until_its_successor_is_listed() -> None:
    register = folded(KEY_BOUND)
    assert usable(register) == [FIRST.number]
    after = fold_register(register, RENEWAL)
    assert set(after.statuses) == {
        (FIRST.number, CertificateStatus.REVOKED),
        (RENEWED.number, CertificateStatus.VALID),
    }


def test_a_certificate_whose_order_has_a_matter_is_held_and_takes_nothing() -> None:
    register = folded(KEY_BOUND, replace(RENEWAL, has_matter=True))
    assert usable(register) == [FIRST.number]
    found = register.find(RENEWED.number)
    assert found is not None
    assert found.obstacles == (MATTER,)
    assert usable(
        folded(KEY_BOUND, replace(RENEWAL, has_matter=True), decided(RENEWED.number, Decision.LIST))
    ) == [RENEWED.number]


def test_what_is_held_is_listed_when_its_only_obstacle_became_void() -> None:
    register = folded(KEY_BOUND, RENEWAL, REPLACEMENT)
    assert status(register, REPLACED) is CertificateStatus.HELD
    register = fold_register(register, CertificateVoided(RENEWED.number)).register
    assert usable(register) == [REPLACED.number]
    assert status(register, RENEWED) is CertificateStatus.VOID
    assert register.certificates[-1].obstacles == ()


def test_what_is_void_itself_stays_so_when_its_obstacle_becomes_void() -> None:
    voided = (CertificateVoided(REPLACED.number), CertificateVoided(RENEWED.number))
    register = folded(KEY_BOUND, RENEWAL, REPLACEMENT, *voided)
    assert status(register, REPLACED) is CertificateStatus.VOID
    assert usable(register) == []


def test_a_certificate_that_is_told_void_again_lists_nothing() -> None:
    third = replace(bound(KeyOnRecord("0005000000000001", "T2", 170, 300)), unconditional=True)
    void = CertificateVoided(RENEWED.number)
    out = decided(third.key.number, Decision.REVOKE)
    register = folded(KEY_BOUND, RENEWAL, REPLACEMENT, third, void, out)
    assert status(register, REPLACED) is CertificateStatus.HELD
    assert fold_register(register, void) == RegisterFolded(register)


def test_the_hold_of_a_held_certificate_that_was_lifted_is_not_set_again_when_it_is_listed() -> None:
    lifted = HoldLifted(ACCOUNT, RENEWED.on_hold(), "张华")
    register = folded(bound(REPLACED), LOSS, RENEWAL, lifted)
    assert status(register, RENEWED) is CertificateStatus.HELD
    register = fold_register(register, CertificateVoided(REPLACED.number)).register
    assert usable(register) == [RENEWED.number]


def test_what_is_held_stays_held_while_one_obstacle_is_not_void_or_another_is_listed() -> None:
    held = folded(KEY_BOUND, RENEWAL, REPLACEMENT)
    third = replace(bound(KeyOnRecord("0005000000000001", "T2", 170, 300)), unconditional=True)
    for events in (
        (decided(RENEWED.number, Decision.REVOKE), CertificateVoided(FIRST.number)),
        (third, CertificateVoided(RENEWED.number)),
    ):
        register = held
        for event in events:
            register = fold_register(register, event).register
        assert status(register, REPLACED) is CertificateStatus.HELD


def test_a_later_key_that_is_named_is_listed_whether_it_was_unknown_or_held() -> None:
    unknown, held = folded(KEY_BOUND), folded(KEY_BOUND, replace(REPLACEMENT, has_matter=True))
    for register in (unknown, held):
        after = fold_register(register, KeyNamed(REPLACED)).register
        assert (after.key, usable(after)) == (REPLACED, [REPLACED.number])
        assert after.certificates[-1].obstacles == ()
        assert status(after, FIRST) is CertificateStatus.REVOKED


def test_what_is_held_for_a_matter_stays_held_when_another_certificate_becomes_void() -> None:
    register = folded(KEY_BOUND, replace(RENEWAL, has_matter=True), CertificateVoided(FIRST.number))
    assert status(register, RENEWED) is CertificateStatus.HELD


@pytest.mark.parametrize("decision", [Decision.KEEP, Decision.REVOKE])
def test_what_a_person_kept_or_revoked_is_not_listed_by_itself(decision: Decision) -> None:
    register = folded(
        KEY_BOUND, RENEWAL, REPLACEMENT, decided(REPLACED.number, decision), CertificateVoided(RENEWED.number)
    )
    assert usable(register) == []
    assert register.key == FIRST.out_of_use()


def test_what_is_held_stays_held_when_a_person_revokes_its_obstacle() -> None:
    register = folded(KEY_BOUND, RENEWAL, REPLACEMENT, decided(RENEWED.number, Decision.REVOKE))
    assert usable(register) == []
    assert status(register, REPLACED) is CertificateStatus.HELD


def test_a_certificate_that_was_revoked_before_it_was_bound_is_out_of_use_when_it_is() -> None:
    early = fold_register(Register(ACCOUNT), CertificateRevoked(FIRST.number, "", "row/1"))
    assert early.statuses == ((FIRST.number, CertificateStatus.REVOKED),)
    register = fold_register(early.register, KEY_BOUND).register
    assert (status(register, FIRST), register.revoked) == (CertificateStatus.REVOKED, ())
    another = folded(
        CertificateRevoked(FIRST.number, "", "row/1"),
        CertificateRevoked(RENEWED.number, "", "row/2"),
        KEY_BOUND,
    )
    assert another.revoked == (RENEWED.number,)


def test_a_loss_told_before_the_certificate_was_bound_holds_it_and_its_renewal() -> None:
    told = folded(LOSS, KEY_BOUND)
    assert (status(told, FIRST), told.told) == (CertificateStatus.ON_HOLD, ())
    assert folded(LOSS, LOSS).told == (FIRST.on_hold(),)
    register = folded(LOSS, KEY_BOUND, RENEWAL)
    assert status(register, RENEWED) is CertificateStatus.ON_HOLD
    assert register.key is not None
    lifted = fold_register(register, HoldLifted(ACCOUNT, register.key, "张华")).register
    assert usable(lifted) == [RENEWED.number]


def test_of_several_losses_told_early_a_renewal_is_on_hold_by_its_predecessors() -> None:
    register = folded(LossReported(ACCOUNT, REPLACED), LOSS, RENEWAL)
    assert status(register, RENEWED) is CertificateStatus.ON_HOLD


def test_a_late_report_of_a_loss_told_early_undoes_nothing_of_a_later_one() -> None:
    again = LossReported(ACCOUNT, FIRST.on_hold())
    assert folded(LOSS, again, LOSS).told == folded(LOSS, again).told


@pytest.mark.parametrize("early", [(KEY_BOUND, LOSS), (LOSS, KEY_BOUND), (LOSS,)])
def test_a_loss_holds_a_renewal_whose_predecessor_comes_late(early: tuple[RegisterEvent, ...]) -> None:
    again = KeyOnRecord("0003000000000003", "T0", 250, 400)
    register = folded(*early, bound(again, RENEWED.number))
    assert not usable(register)
    assert not usable(folded(*early, bound(again, RENEWED.number), RENEWAL))
    other = replace(again, token_serial="T9")
    assert status(folded(LOSS, bound(other, RENEWED.number)), other) is CertificateStatus.VALID


def test_a_renewal_whose_predecessor_comes_late_is_not_on_hold_where_its_token_was_found_again() -> None:
    again = KeyOnRecord("0003000000000003", "T0", 250, 400)
    register = folded(LOSS, HoldLifted(ACCOUNT, FIRST.on_hold(), "张华"), bound(again, RENEWED.number))
    assert usable(register) == [again.number]


def test_the_loss_of_a_key_that_is_not_known_here_holds_what_its_token_was_renewed_to() -> None:
    told = fold_register(folded(RENEWAL), LOSS)
    assert status(told.register, RENEWED) is CertificateStatus.ON_HOLD
    assert told.remarks == ()


def test_a_certificate_is_revoked_once_before_it_is_bound() -> None:
    revoked = CertificateRevoked(FIRST.number, "", "row/1")
    register = folded(revoked)
    assert fold_register(register, revoked) == RegisterFolded(register)


def test_the_hold_of_a_certificate_that_was_not_bound_yet_can_be_lifted() -> None:
    lifted = HoldLifted(ACCOUNT, FIRST.on_hold(), "张华")
    assert usable(folded(LOSS, lifted, KEY_BOUND)) == [FIRST.number]


def test_a_certificate_is_bound_once() -> None:
    register = folded(KEY_BOUND)
    again = fold_register(register, bound(replace(FIRST, token_serial="T9")))
    assert again.register == register
    assert again.remarks == (Remark(RemarkReason.CERTIFICATE_EXISTS, FIRST.number),)


def test_the_renewal_of_a_key_whose_hold_was_lifted_is_in_use() -> None:
    assert usable(folded(KEY_BOUND, LOSS, HoldLifted(ACCOUNT, FIRST.on_hold(), "张华"), RENEWAL)) == [
        RENEWED.number
    ]


@pytest.mark.parametrize(
    "ended",
    [CertificateVoided(RENEWED.number), CertificateRevoked(RENEWED.number, "", "row/1")],
    ids=["void", "revoked"],
)
def test_a_loss_holds_no_certificate_of_its_token_that_is_void_or_out_of_use(ended: RegisterEvent) -> None:
    register = folded(bound(RENEWED), ended)
    told = fold_register(register, LOSS)
    assert told.register.certificates == register.certificates
    assert told.remarks == (Remark(RemarkReason.CERTIFICATE_UNKNOWN, FIRST.number),)


def test_a_key_that_is_named_as_it_is_on_record_changes_nothing() -> None:
    chosen = decided(REPLACED.number, Decision.LIST)
    register = folded(KEY_BOUND, replace(REPLACEMENT, has_matter=True), chosen)
    assert fold_register(register, KeyNamed(REPLACED)) == RegisterFolded(register)


def test_a_key_that_was_revoked_while_it_was_held_is_not_listed_by_its_name_or_by_a_decision() -> None:
    held = replace(REPLACEMENT, has_matter=True)
    register = folded(KEY_BOUND, held, decided(REPLACED.number, Decision.REVOKE))
    assert fold_register(register, KeyNamed(REPLACED)).register == register
    listed = fold_register(register, decided(REPLACED.number, Decision.LIST))
    assert listed.register == register
    assert listed.remarks == (Remark(RemarkReason.CERTIFICATE_DIFFERS, REPLACED.number),)


def test_what_never_came_into_use_is_no_key_and_has_no_hold_to_lift() -> None:
    register = folded(KEY_BOUND, RENEWAL, CertificateVoided(RENEWED.number))
    assert fold_register(register, KeyNamed(replace(RENEWED, not_after=400))).register == register
    lifted = fold_register(register, HoldLifted(ACCOUNT, RENEWED.on_hold(), "张华"))
    assert lifted.register == register
    assert lifted.remarks == (Remark(RemarkReason.CERTIFICATE_DIFFERS, RENEWED.number),)


def test_of_several_keys_told_of_before_they_were_bound_each_has_its_own_holds() -> None:
    register = folded(LOSS, LossReported(ACCOUNT, REPLACED))
    lifted = fold_register(register, HoldLifted(ACCOUNT, REPLACED.on_hold(), "张华"))
    assert (lifted.register.told, lifted.remarks) == ((FIRST.on_hold(), REPLACED.on_hold().lifted()), ())
    late = fold_register(register, HoldLifted(ACCOUNT, REPLACED, "张华"))
    assert (late.register, late.remarks) == (register, ())
    unknown = fold_register(register, HoldLifted(ACCOUNT, RENEWED.on_hold(), "张华"))
    assert unknown.register == register
    assert unknown.remarks == (Remark(RemarkReason.CERTIFICATE_UNKNOWN, RENEWED.number),)


EVENTS: tuple[RegisterEvent, ...] = (
    KEY_BOUND,
    RENEWAL,
    REPLACEMENT,
    replace(RENEWAL, has_matter=True),
    replace(REPLACEMENT, unconditional=True),
    LOSS,
    LossReported(ACCOUNT, RENEWED),
    KeyFound(ACCOUNT, "T1", "张华", REPLACED),
    KeyFound(ACCOUNT, "T1", "张华"),
    KeyNamed(REPLACED),
    HoldLifted(ACCOUNT, FIRST.on_hold(), "张华"),
    HoldLifted(ACCOUNT, RENEWED.on_hold(), "张华"),
    *(CertificateVoided(number) for number in NUMBERS),
    *(ListingUndone(number) for number in NUMBERS),
    *(CertificateRevoked(number, "", "row/1") for number in NUMBERS),
    *(decided(number, decision) for number in NUMBERS for decision in Decision),
)
IN_USE = {CertificateStatus.VALID, CertificateStatus.ON_HOLD}


def check_step(before: Register, event: RegisterEvent, after: Register) -> None:
    """What holds of every step of every register."""
    listed = [each for each in after.certificates if each.is_listed]
    assert len(listed) <= 1
    newly = {each.key.number for each in listed} - {
        each.key.number for each in before.certificates if each.is_listed
    }
    for each in before.certificates:
        now = after.find(each.key.number)
        assert now is not None
        if each.status in {CertificateStatus.VOID, CertificateStatus.REVOKED}:
            assert now.status in {each.status, CertificateStatus.VOID}
        if each.status is CertificateStatus.HELD and now.status in IN_USE:
            chosen = isinstance(event, RegisterDecided) and event.certificate == each.key.number
            assert chosen or isinstance(event, CertificateVoided | KeyNamed)
        if each.status in IN_USE and now.status is CertificateStatus.REVOKED:
            assert newly or isinstance(event, CertificateRevoked | RegisterDecided)


def test_a_listing_that_is_undone_is_held_for_the_same_and_can_be_decided_again() -> None:
    number = REPLACEMENT.key.number
    choice = decided(number, Decision.LIST)
    events = (KEY_BOUND, replace(REPLACEMENT, has_matter=True), choice, ListingUndone(number), choice)
    held, undone, again = (folded(*events[:count]).find(number) for count in (2, 4, 5))
    assert held is not None
    assert undone is not None
    assert again is not None
    assert (undone.status, undone.obstacles) == (CertificateStatus.HELD, held.obstacles)
    assert folded(*events).certificates[0].status is CertificateStatus.REVOKED
    assert again.status is CertificateStatus.VALID


def test_every_kind_of_event_is_tried() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(RegisterEvent))


@settings(max_examples=400, deadline=None)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=25))
def test_every_event_is_folded_in_every_state(events: list[RegisterEvent]) -> None:
    register = Register(ACCOUNT)
    for event in events:
        after = fold_register(register, event).register
        check_step(register, event, after)
        register = after


def _without_obstacles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "obstacles", lambda *_: ())


def _leaving_the_others_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = judged._listed

    def alone(register: Register, new: judged.Registered) -> Register:
        rows = {each.key.number: each for each in register.certificates}
        made = listed(register, new)
        kept = tuple(rows.get(each.key.number, each) for each in made.certificates[:-1])
        return replace(made, certificates=(*kept, made.certificates[-1]))

    monkeypatch.setattr(judged, "_listed", alone)


def _losing_what_came_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "_lost", lambda register, _: (register, None))


@pytest.mark.parametrize("plant", [_without_obstacles, _leaving_the_others_listed, _losing_what_came_early])
def test_a_planted_fault_is_noticed(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        test_a_renewal_and_a_replacement_end_with_one_usable_key_in_every_order_of_arrival()
