"""Every verb on a vendor's key, with the key pulled at every single call of its library.

Each round begins with the key as it was; afterwards it comes back, and what was said and journalled must be true of it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.ports import WrongPin
from kiosk.desk.context import Desk
from kiosk.desk.keys.views import FoundView, KeyView, LiftedView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.tokens import BoundView, TokenRefusal, TokenRefused
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import HoldLifted, KeyErased, KeyFound, PinChanged, PinUnblocked
from kiosk.domain.fees import OrderKind
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.verify import verify
from tests.support.key_rigs import LibraryRig, Moment, Rig, Workshop

NEXT, THIRD = "86420975", "13572468"
FEWEST = 6
MOST = 120
SUCCESSES = (KeyView, LiftedView, FoundView, LoginCheckView)


class LibraryBench:
    """One member's key of the soft token at one desk, which is put back as it was before each round."""

    def __init__(
        self,
        workshop: Workshop,
        rig: LibraryRig,
        supervisor: StaffSession,
        bodies: Callable[[], list[AnyBody]],
        sleep: Callable[[float], None],
    ) -> None:
        self.rig, self.database, self.bodies = rig, workshop.database, bodies
        self.supervisor = supervisor
        desk: Desk = workshop.desk()
        self.service = DeskService(replace(desk, sleep=sleep))
        self.points = 0
        case = workshop.case(OrderKind.NEW)
        self.session, self.key, self.factory = case.session, case.key, case.pin
        self.rig.insert(self.key)
        outcome = self.service.bind(self.session, case.order, case.pin, False, lambda _progress: None)  # noqa: FBT003
        assert isinstance(outcome, BoundView), outcome
        self.rig.remove()
        with self.rig.opened(self.key) as token:
            self.serial = token.serial
        self._state: Path = self.rig.state_file(self.key)
        self._kept = self._state.with_name("kept")
        shutil.copy(self._state, self._kept)
        self.original = self.contents()

    def contents(self) -> bytes:
        """All that the key holds."""
        return self._state.read_bytes()

    def certificate(self) -> bytes | None:
        with self.rig.opened(self.key) as token:
            found: bytes | None = token.certificate()
            return found

    def pin(self) -> str:
        """The key's PIN, by trying."""
        with self.rig.opened(self.key) as token:
            for pin in (self.factory, NEXT, THIRD):
                with contextlib.suppress(WrongPin):
                    token.verify_pin(pin)
                    return str(pin)
        raise AssertionError("none of the PINs is the key's")

    def lost(self) -> bool:
        with self.database.read() as tx:
            key = key_on_record(tx, self.session.account)
        assert key is not None
        return key.lost

    def inserted(self, verb: Callable[[], object]) -> object:
        """What comes of a verb when nothing is pulled."""
        self.rig.insert(self.key)
        outcome = verb()
        self.rig.remove()
        return outcome

    def rounds(self, verb: Callable[[], object]) -> Iterator[tuple[object, list[AnyBody]]]:
        """Each round of a verb: what came of it and what was journalled, till one was not reached by its pull."""
        for moment in (Moment.BEFORE, Moment.DURING):
            for call in range(1, MOST):
                shutil.copy(self._kept, self._state)
                count = len(self.bodies())
                self.rig.insert(self.key)
                self.rig.pull_at(call, moment)
                outcome = verb()
                pulled = self.rig.pulled()
                self.rig.remove()
                if not pulled:
                    assert isinstance(outcome, SUCCESSES), outcome
                    assert call > FEWEST
                yield outcome, self.bodies()[count:]
                if not pulled:
                    break
                self.points += 1
            else:
                raise AssertionError("the verb never came to its end")
        assert verify(self.database).sound


@pytest.fixture
def bench(
    open_workshop: Callable[[Rig], Workshop],
    library_rig: LibraryRig,
    supervisor: StaffSession,
    bodies: Callable[[], list[AnyBody]],
    sleep: Callable[[float], None],
) -> Iterator[LibraryBench]:
    made = LibraryBench(open_workshop(library_rig), library_rig, supervisor, bodies, sleep)
    yield made
    print(f"\nskf, {made.points} points tried")  # noqa: T201 - asked for with -s


def _certain(outcome: object, told: list[AnyBody], kind: type[PinChanged | PinUnblocked]) -> bool | None:
    """Whether a new PIN is known to stand, which screen and journal must say alike; None where neither tells of one."""
    said = (
        True
        if isinstance(outcome, KeyView)
        else (
            False
            if isinstance(outcome, TokenRefused) and outcome.reason is TokenRefusal.PIN_UNCERTAIN
            else None
        )
    )
    noted = [body.certain for body in told if isinstance(body, kind)]
    assert len(told) == len(noted)
    assert noted == ([] if said is None else [said])
    return said


def test_a_pin_is_changed_or_not_and_the_member_is_never_told_wrong(bench: LibraryBench) -> None:
    seen = set()
    for outcome, told in bench.rounds(
        lambda: bench.service.change_pin(bench.session, bench.factory, NEXT, False)  # noqa: FBT003
    ):
        certain = _certain(outcome, told, PinChanged)
        changed = bench.pin() == NEXT
        assert certain is False or changed is (certain is True), outcome
        seen.add((certain, changed))
    assert {(True, True), (None, False), (False, True)} <= seen


def test_a_pin_is_unblocked_or_not_and_the_supervisor_is_never_told_wrong(bench: LibraryBench) -> None:
    seen = set()
    for outcome, told in bench.rounds(lambda: bench.service.unblock_pin(bench.supervisor, None, NEXT)):
        certain = _certain(outcome, told, PinUnblocked)
        changed = bench.pin() == NEXT
        assert certain is False or changed is (certain is True), outcome
        seen.add((certain, changed))
    assert {(True, True), (None, False), (False, True)} <= seen


def test_whatever_was_erased_somebody_is_named_for_and_erasing_again_completes_it(
    bench: LibraryBench,
) -> None:
    bench.service.report_loss(bench.session)
    touched = 0
    for outcome, told in bench.rounds(lambda: bench.service.erase(bench.supervisor, bench.serial)):
        assert all(isinstance(body, KeyErased) for body in told)
        if bench.contents() != bench.original:
            touched += 1
            assert told
        if not isinstance(outcome, KeyView):
            again = bench.inserted(lambda: bench.service.erase(bench.supervisor, bench.serial))
            assert isinstance(again, KeyView), (outcome, again)
        assert bench.certificate() is None
        assert bench.pin() == bench.factory
        assert bench.lost()
    assert touched


def test_a_hold_is_lifted_exactly_when_the_member_is_told_so(bench: LibraryBench) -> None:
    def lift() -> object:
        bench.service.report_loss(bench.session)
        return bench.service.lift_hold(bench.session, bench.supervisor, bench.factory, False)  # noqa: FBT003

    for outcome, told in bench.rounds(lift):
        lifted = any(isinstance(body, HoldLifted) for body in told)
        assert lifted is isinstance(outcome, LiftedView)
        assert bench.lost() is not lifted
        assert bench.contents() == bench.original


@pytest.mark.parametrize("verb", ["found", "status", "login"])
def test_what_only_reads_or_signs_leaves_the_key_as_it_was(bench: LibraryBench, verb: str) -> None:
    verbs: dict[str, Callable[[], object]] = {
        "found": lambda: bench.service.key_found(bench.supervisor),
        "status": lambda: bench.service.key_status(bench.session),
        "login": lambda: bench.service.login_check(bench.session, bench.factory, False),  # noqa: FBT003
    }
    for outcome, told in bench.rounds(verbs[verb]):
        assert [type(body) for body in told] == ([KeyFound] if isinstance(outcome, FoundView) else [])
        assert isinstance(outcome, (*SUCCESSES, TokenRefused)), outcome
        assert bench.contents() == bench.original
