"""Every verb on a key, with the key pulled, silent or swapped at every single command."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt_card import GmtCard
from hardware.virtual.gmt_card_state import CardRecord
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.key_on_record import key_on_record
from kiosk.desk.key_views import FoundView, KeyView, LiftedView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views import Session, StaffSession, TokenRefused, TokenTrouble
from kiosk.domain.journal import AnyBody
from kiosk.domain.key_entries import HoldLifted, KeyErased, KeyFound, PinChanged, PinUnblocked
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store

ACCOUNT, FACTORY, NEXT = "11000001", "111111", "86420975"
KINDS = list(FaultKind)
SUCCESSES = (KeyView, LiftedView, FoundView, LoginCheckView)

Outcome = object


class Bench:
    """One member's key at one desk, which is put back as it was before each round."""

    def __init__(
        self,
        service: DeskService,
        source: VirtualTokenSource,
        database: Database,
        session: Session,
        staff: StaffSession,
        supervisor: StaffSession,
        card: GmtCard,
        bodies: Callable[[], list[AnyBody]],
    ) -> None:
        self.service, self.source, self.database = service, source, database
        self.session, self.staff, self.supervisor = session, staff, supervisor
        self.card, self.record, self.bodies = card, card.record, bodies

    def restored(self) -> int:
        """The key as it was; where the journal stands."""
        self.card.store(self.record)
        return len(self.bodies())

    def lost(self) -> bool:
        with self.database.read() as tx:
            key = key_on_record(tx, ACCOUNT)
        assert key is not None
        return key.lost

    def pin(self) -> str:
        """The key's PIN, by trying."""
        self.source.swap(self.card)
        for pin in (FACTORY, NEXT):
            token = self.source.open(self.source.present()[0])
            try:
                token.verify_pin(pin)
            except Exception:  # noqa: BLE001, S112 - any refusal is a no
                continue
            finally:
                token.close()
            return pin
        raise AssertionError("neither PIN is the key's")

    def rounds(self, verb: Callable[[], Outcome]) -> Iterator[tuple[Outcome, list[AnyBody]]]:
        """Each round of that verb: what came of it and what was journalled; it ends when no fault was met."""
        for kind in KINDS:
            for point in range(1, 100):
                count = self.restored()
                faulty = FaultyCard(self.card, Fault(kind, point))
                self.source.swap(faulty)
                outcome = verb()
                yield outcome, self.bodies()[count:]
                if faulty._faults:
                    assert isinstance(outcome, SUCCESSES), outcome
                    assert point > 3
                    break
            else:
                raise AssertionError("the verb never came to its end")
        assert verify_store(self.database).sound


@pytest.fixture
def bench(
    service: DeskService,
    source: VirtualTokenSource,
    database: Database,
    session: Session,
    staff: StaffSession,
    supervisor: StaffSession,
    bound_here: Callable[[str, str], GmtCard],
    bodies: Callable[[], list[AnyBody]],
) -> Bench:
    card = bound_here(ACCOUNT, "OWN")
    return Bench(service, source, database, session, staff, supervisor, card, bodies)


def _told(told: list[AnyBody], kind: type) -> bool:
    assert all(isinstance(body, kind) for body in told)
    return bool(told)


def test_a_pin_is_changed_or_not_and_the_member_is_never_told_wrong(bench: Bench) -> None:
    uncertain = 0
    for outcome, told in bench.rounds(
        lambda: bench.service.change_pin(bench.session, FACTORY, NEXT, False)  # noqa: FBT003
    ):
        changed = bench.pin() == NEXT
        assert _told(told, PinChanged) is isinstance(outcome, KeyView)
        if isinstance(outcome, KeyView):
            assert changed
            continue
        assert isinstance(outcome, TokenRefused)
        if outcome.trouble is TokenTrouble.PIN_UNCERTAIN:
            uncertain += 1
            assert bench.service.change_pin(bench.session, bench.pin(), "13572468", False)  # noqa: FBT003
        else:
            assert not changed, outcome
    assert uncertain >= len(KINDS)


def test_a_pin_is_unblocked_or_not_and_the_supervisor_is_never_told_wrong(bench: Bench) -> None:
    for outcome, told in bench.rounds(lambda: bench.service.unblock_pin(bench.supervisor, None, NEXT)):
        changed = bench.pin() == NEXT
        assert _told(told, PinUnblocked) is isinstance(outcome, KeyView)
        if isinstance(outcome, TokenRefused) and outcome.trouble is not TokenTrouble.PIN_UNCERTAIN:
            assert not changed, outcome
        if isinstance(outcome, KeyView):
            assert changed


def test_whatever_was_erased_somebody_is_named_for_and_erasing_again_completes_it(bench: Bench) -> None:
    bench.service.report_loss(bench.session)
    untouched = 0
    for outcome, told in bench.rounds(lambda: bench.service.erase(bench.supervisor, "OWN")):
        touched = bench.card.record != bench.record
        untouched += not touched
        if touched:
            assert _told(told, KeyErased)
        if not isinstance(outcome, KeyView):
            bench.source.swap(bench.card)
            again = bench.service.erase(bench.supervisor, "OWN")
            assert isinstance(again, KeyView), again
        (application,) = bench.card.record.applications
        assert (application.containers, application.user.factory) == ((), True)
        assert bench.lost()
    assert untouched


def test_a_hold_is_lifted_exactly_when_the_member_is_told_so(bench: Bench) -> None:
    def lift() -> Outcome:
        bench.service.report_loss(bench.session)
        return bench.service.lift_hold(bench.session, bench.staff, FACTORY, False)  # noqa: FBT003

    for outcome, told in bench.rounds(lift):
        lifted = any(isinstance(body, HoldLifted) for body in told)
        assert lifted is isinstance(outcome, LiftedView)
        assert bench.lost() is not lifted
        assert bench.card.record.applications[0].user.tries_left == 6


def test_a_found_key_is_noted_exactly_when_staff_are_told_so(bench: Bench) -> None:
    for outcome, told in bench.rounds(lambda: bench.service.key_found(bench.staff)):
        assert _told(told, KeyFound) is isinstance(outcome, FoundView)
        assert bench.card.record == bench.record


@pytest.mark.parametrize("who", ["member", "staff"])
def test_reading_and_checking_change_nothing(bench: Bench, who: str) -> None:
    asked = bench.session if who == "member" else bench.staff
    for _, told in bench.rounds(lambda: bench.service.key_status(asked)):
        assert not told
        assert bench.card.record == bench.record
    if who == "member":
        for _, told in bench.rounds(
            lambda: bench.service.login_check(bench.session, FACTORY, False)  # noqa: FBT003
        ):
            assert not told
            assert bench.card.record == bench.record


class Swapping(FaultyCard):
    """It does the nth command and is then swapped for another."""

    def __init__(self, card: GmtCard, at: int, swap: Callable[[], object]) -> None:
        super().__init__(card)
        self._left, self._swap, self.swapped = at, swap, False

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        self._left -= 1
        if self._left == 0:
            self.swapped = True
            self._swap()
        return answer


@pytest.mark.parametrize("verb", ["change", "unblock", "erase", "lift", "check"])
def test_a_key_that_is_swapped_at_any_command_leaves_the_other_untouched(
    bench: Bench, blank: Callable[[str], GmtCard], verb: str
) -> None:
    service, other = bench.service, blank("OTHER")
    untouched: CardRecord = other.record
    verbs: dict[str, Callable[[], Outcome]] = {
        "change": lambda: service.change_pin(bench.session, FACTORY, NEXT, False),  # noqa: FBT003
        "unblock": lambda: service.unblock_pin(bench.supervisor, None, NEXT),
        "erase": lambda: service.erase(bench.supervisor, "OWN"),
        "lift": lambda: service.lift_hold(bench.session, bench.staff, FACTORY, False),  # noqa: FBT003
        "check": lambda: service.login_check(bench.session, FACTORY, False),  # noqa: FBT003
    }
    for point in range(1, 100):
        bench.restored()
        swapping = Swapping(bench.card, point, lambda: bench.source.swap(other))
        bench.source.swap(swapping)
        if verb in {"erase", "lift"}:
            service.report_loss(bench.session)
        outcome = verbs[verb]()
        assert other.record == untouched
        if not swapping.swapped:
            assert isinstance(outcome, SUCCESSES), outcome
            break
        if isinstance(outcome, SUCCESSES):
            continue  # all was done, only the goodbye was lost
        assert isinstance(outcome, TokenRefused), outcome
        assert outcome.trouble in {TokenTrouble.REMOVED, TokenTrouble.PIN_UNCERTAIN, TokenTrouble.SWAPPED}
        bench.source.swap(bench.card)
    else:
        raise AssertionError("the verb never came to its end")
