"""Every verb on a key, with the key pulled, silent or swapped at every single command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hardware.ports import HardwareError
from hardware.token.piv.objects import VACATED
from hardware.virtual.card import Fault, FaultKind, FaultyCard, VirtualCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.state import CardRecord
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import PivCardRecord
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import FoundView, KeyView, LiftedView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import BoundView, TokenRefusal, TokenRefused
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import HoldLifted, KeyErased, KeyFound, PinChanged, PinUnblocked
from kiosk.domain.fees import OrderKind
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.verify import verify as verify_store

ACCOUNT, NEXT, THIRD = "11000001", "86420975", "13572468"
CERTIFICATE_9A = 0x5FC105
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
        card: GmtCard | PivCard,
        bodies: Callable[[], list[AnyBody]],
    ) -> None:
        self.service, self.source, self.database = service, source, database
        self.session, self.staff, self.supervisor = session, staff, supervisor
        self.card, self.record, self.bodies = card, card.record, bodies
        self.factory = "111111" if isinstance(card, GmtCard) else "123456"
        presence = source.swap(card)
        with contextlib.closing(source.open(presence)) as token:
            self.serial = token.serial

    def restored(self) -> int:
        """The key as it was; where the journal stands."""
        if isinstance(self.card, GmtCard):
            assert isinstance(self.record, CardRecord)
            self.card.store(self.record)
        else:
            assert isinstance(self.record, PivCardRecord)
            self.card.store(self.record)
        return len(self.bodies())

    def tries_left(self) -> int:
        """How often the PIN may still be given."""
        if isinstance(self.card, GmtCard):
            return self.card.record.applications[0].user.tries_left
        return self.card.record.pin.tries_left

    def blank(self) -> bool:
        """Whether the member's key pair and certificate are gone, and its PIN is the factory's."""
        if isinstance(self.card, GmtCard):
            (application,) = self.card.record.applications
            return application.containers == () and application.user.factory is True
        now, then = self.card.record, self.record
        assert isinstance(then, PivCardRecord)
        gone = not set(now.keys) & set(then.keys) and now.value(CERTIFICATE_9A) in {None, VACATED}
        return gone and now.pin == then.pin

    def lost(self) -> bool:
        with self.database.read() as tx:
            key = key_on_record(tx, ACCOUNT)
        assert key is not None
        return key.lost

    def pin(self) -> str:
        """The key's PIN, by trying."""
        self.source.swap(self.card)
        for pin in (self.factory, NEXT):
            with (
                contextlib.closing(self.source.open(self.source.present()[0])) as token,
                contextlib.suppress(HardwareError),
            ):
                token.verify_pin(pin)
                return pin
        raise AssertionError("neither PIN is the key's")

    def rounds(self, verb: Callable[[], Outcome]) -> Iterator[tuple[Outcome, list[AnyBody]]]:
        """Each round of that verb: what came of it and what was journalled; it ends when no fault was met."""
        for kind in KINDS:
            for point in range(1, 300):
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
def bound_piv(
    service: DeskService,
    source: VirtualTokenSource,
    tmp_path: Path,
    paid_order: Callable[[str, OrderKind], str],
    session_of: Callable[[str], Session],
) -> Callable[[str, str], PivCard]:
    """A YubiKey that this desk bound (account, serial in decimal digits); it still has the factory PIN."""

    def bind(account: str, serial: str) -> PivCard:
        card = blank_piv_key(tmp_path / f"{serial}.card", serial, yubikey=True)
        number = paid_order(account, OrderKind.NEW)
        source.insert(card)
        outcome = service.bind(session_of(account), number, None, False, lambda _progress: None)  # noqa: FBT003
        assert isinstance(outcome, BoundView), outcome
        source.remove()
        return card

    return bind


@pytest.fixture(params=["gmt", "piv"])
def bench(
    request: pytest.FixtureRequest,
    service: DeskService,
    source: VirtualTokenSource,
    database: Database,
    session: Session,
    staff: StaffSession,
    supervisor: StaffSession,
    bound_here: Callable[[str, str], GmtCard],
    bound_piv: Callable[[str, str], PivCard],
    bodies: Callable[[], list[AnyBody]],
) -> Bench:
    card = bound_here(ACCOUNT, "OWN") if request.param == "gmt" else bound_piv(ACCOUNT, "17345678")
    return Bench(service, source, database, session, staff, supervisor, card, bodies)


def _told(told: list[AnyBody], kind: type) -> bool:
    assert all(isinstance(body, kind) for body in told)
    return bool(told)


def _noted(told: list[AnyBody], kind: type[PinChanged | PinUnblocked]) -> bool | None:
    """Whether the journal is certain of a new PIN; None where it tells of none."""
    assert len(told) <= 1
    for body in told:
        assert isinstance(body, kind)
        return body.certain
    return None


def _as_told(outcome: Outcome) -> bool | None:
    """The same of what whoever stands at the desk was told."""
    if isinstance(outcome, KeyView):
        return True
    assert isinstance(outcome, TokenRefused)
    return False if outcome.reason is TokenRefusal.PIN_UNCERTAIN else None


def test_a_pin_is_changed_or_not_and_the_member_is_never_told_wrong(bench: Bench) -> None:
    uncertain = 0
    for outcome, told in bench.rounds(
        lambda: bench.service.change_pin(bench.session, bench.factory, NEXT, False)  # noqa: FBT003
    ):
        changed = bench.pin() == NEXT
        assert _noted(told, PinChanged) is _as_told(outcome)
        if isinstance(outcome, KeyView):
            assert changed
            continue
        assert isinstance(outcome, TokenRefused)
        if outcome.reason is TokenRefusal.PIN_UNCERTAIN:
            uncertain += 1
            assert bench.service.change_pin(bench.session, bench.pin(), THIRD, False)  # noqa: FBT003
        else:
            assert not changed, outcome
    assert uncertain >= len(KINDS)


def test_a_pin_is_unblocked_or_not_and_the_supervisor_is_never_told_wrong(bench: Bench) -> None:
    for outcome, told in bench.rounds(lambda: bench.service.unblock_pin(bench.supervisor, None, NEXT)):
        changed = bench.pin() == NEXT
        assert _noted(told, PinUnblocked) is _as_told(outcome)
        if isinstance(outcome, TokenRefused) and outcome.reason is not TokenRefusal.PIN_UNCERTAIN:
            assert not changed, outcome
        if isinstance(outcome, KeyView):
            assert changed
        bench.source.swap(bench.card)
        assert isinstance(bench.service.unblock_pin(bench.supervisor, None, THIRD), KeyView)


def test_whatever_was_erased_somebody_is_named_for_and_erasing_again_completes_it(bench: Bench) -> None:
    bench.service.report_loss(bench.session)
    untouched = 0
    for outcome, told in bench.rounds(lambda: bench.service.erase(bench.supervisor, bench.serial)):
        touched = bench.card.record != bench.record
        untouched += not touched
        if touched:
            assert _told(told, KeyErased)
        if not isinstance(outcome, KeyView):
            bench.source.swap(bench.card)
            again = bench.service.erase(bench.supervisor, bench.serial)
            assert isinstance(again, KeyView), again
        assert bench.blank()
        assert bench.lost()
    assert untouched


def test_a_hold_is_lifted_exactly_when_the_member_is_told_so(bench: Bench) -> None:
    def lift() -> Outcome:
        bench.service.report_loss(bench.session)
        return bench.service.lift_hold(bench.session, bench.staff, bench.factory, False)  # noqa: FBT003

    full = bench.tries_left()
    for outcome, told in bench.rounds(lift):
        lifted = any(isinstance(body, HoldLifted) for body in told)
        assert lifted is isinstance(outcome, LiftedView)
        assert bench.lost() is not lifted
        assert bench.tries_left() == full


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
            lambda: bench.service.login_check(bench.session, bench.factory, False)  # noqa: FBT003
        ):
            assert not told
            assert bench.card.record == bench.record


class Swapping(FaultyCard):
    """It does the nth command and is then swapped for another."""

    def __init__(self, card: VirtualCard, at: int, swap: Callable[[], object]) -> None:
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
        "change": lambda: service.change_pin(bench.session, bench.factory, NEXT, False),  # noqa: FBT003
        "unblock": lambda: service.unblock_pin(bench.supervisor, None, NEXT),
        "erase": lambda: service.erase(bench.supervisor, bench.serial),
        "lift": lambda: service.lift_hold(bench.session, bench.staff, bench.factory, False),  # noqa: FBT003
        "check": lambda: service.login_check(bench.session, bench.factory, False),  # noqa: FBT003
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
        assert outcome.reason in {TokenRefusal.REMOVED, TokenRefusal.PIN_UNCERTAIN, TokenRefusal.SWAPPED}
        bench.source.swap(bench.card)
    else:
        raise AssertionError("the verb never came to its end")


@pytest.mark.parametrize("verb", ["change", "unblock", "lift", "check", "found", "status"])
def test_a_verb_on_the_key_that_was_shown_refuses_one_that_was_put_in_its_place(
    bench: Bench, blank: Callable[[str], GmtCard], verb: str
) -> None:
    service, session, supervisor, shown = bench.service, bench.session, bench.supervisor, bench.serial
    verbs: dict[str, Callable[[], Outcome]] = {
        "change": lambda: service.change_pin(session, bench.factory, NEXT, False, shown),  # noqa: FBT003
        "unblock": lambda: service.unblock_pin(supervisor, None, NEXT, shown),
        "lift": lambda: service.lift_hold(session, bench.staff, bench.factory, False, shown),  # noqa: FBT003
        "check": lambda: service.login_check(session, bench.factory, False, shown),  # noqa: FBT003
        "found": lambda: service.key_found(bench.staff, shown),
        "status": lambda: service.key_status(session, shown),
    }
    if verb == "lift":
        service.report_loss(session)
    other = blank("OTHER")
    untouched, count = other.record, len(bench.bodies())
    bench.source.swap(other)
    assert verbs[verb]() == TokenRefused(TokenRefusal.SWAPPED, expected=shown, found="OTHER")
    assert (other.record, len(bench.bodies())) == (untouched, count)
