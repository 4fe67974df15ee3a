from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from kiosk.desk.context import Desk
from kiosk.desk.people import credentials
from kiosk.desk.people.credentials import member_scopes
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import LockedOut, SignedIn, StaffSignedIn, WrongCredentials
from kiosk.domain.clock import FixedClock
from kiosk.domain.lockouts import KIOSK_RULE
from kiosk.domain.policy import DAY
from kiosk.pki.passwords import password_matches

MINUTE = 60


def test_an_unknown_account_is_answered_as_a_wrong_password_after_the_same_work(
    service: DeskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []

    def counted(verifier: str, password: str) -> bool:
        worked.append(verifier.rsplit("$", maxsplit=2)[0])
        return password_matches(verifier, password)

    monkeypatch.setattr(credentials, "password_matches", counted)
    unknown = service.sign_in("99999999", "Keydesk-1")
    known = service.sign_in("11000001", "wrong")
    assert unknown == known == WrongCredentials(tries_left=4, feed_as_of=None)
    assert len(worked) == 2
    assert worked[0] == worked[1]


def test_the_unknown_account_has_no_password_at_all(service: DeskService) -> None:
    # the password of the verifier that unknown accounts are checked against in these tests
    assert isinstance(service.sign_in("99999999", "nobody's"), WrongCredentials)


def test_an_account_without_a_password_yet_has_none_at_all(service: DeskService, desk: Desk) -> None:
    with desk.database.write() as tx:
        operator = tx.members.operator("11000001")
        assert operator is not None
        tx.members.put_operator(replace(operator, verifier=""))
    assert isinstance(service.sign_in("11000001", "nobody's"), WrongCredentials)


@pytest.mark.parametrize("account", ["11000001", "99999999"])
def test_five_wrong_passwords_lock_the_account_also_after_a_restart(
    open_desk: Callable[[], Desk], clock: FixedClock, account: str
) -> None:
    service = DeskService(open_desk())
    left = [service.sign_in(account, "wrong") for _ in range(4)]
    assert [each.tries_left for each in left if isinstance(each, WrongCredentials)] == [4, 3, 2, 1]
    locked = service.sign_in(account, "wrong")
    assert locked == LockedOut(clock.wall() + 15 * MINUTE)
    clock.advance(15 * MINUTE - 1)
    restarted = DeskService(open_desk())
    assert restarted.sign_in(account, f"Keydesk-{account[-1]}") == locked
    assert isinstance(restarted.sign_in("11000003", "Keydesk-3"), SignedIn)
    clock.advance(1)
    assert not isinstance(restarted.sign_in(account, f"Keydesk-{account[-1]}"), LockedOut)


def test_the_right_password_gives_all_tries_back(service: DeskService) -> None:
    service.sign_in("11000001", "wrong")
    assert isinstance(service.sign_in("11000001", "Keydesk-1"), SignedIn)
    assert service.sign_in("11000001", "wrong") == WrongCredentials(4)


def test_guessing_at_invented_accounts_closes_the_desk_to_nobody_who_types_rightly(
    service: DeskService, desk: Desk, clock: FixedClock
) -> None:
    for number in range(30):
        assert isinstance(service.sign_in(str(90_000_000 + number), "wrong"), WrongCredentials)
        assert isinstance(service.staff_sign_in(f"invented {number}", "wrong"), WrongCredentials)
    assert isinstance(service.sign_in("11000001", "Keydesk-1"), SignedIn)
    assert isinstance(service.staff_sign_in("林涛", "Super-1"), StaffSignedIn)
    assert isinstance(service.staff_sign_in("张华", "Staff-1"), StaffSignedIn)


@pytest.mark.parametrize("account", ["11000001", "99999999"])
def test_after_twenty_wrong_passwords_each_further_try_is_slow_whether_right_or_wrong(
    service: DeskService, clock: FixedClock, account: str
) -> None:
    began = clock.wall()
    for number in range(20):
        service.sign_in(str(90_000_000 + number), "wrong")
    assert clock.wall() == began
    service.staff_sign_in("林涛", "Super-1")
    assert clock.wall() == began  # members' failures are theirs alone
    for tries in (1, 2):
        service.sign_in(account, "Keydesk-1")
        assert clock.wall() == began + tries * KIOSK_RULE.pause
    clock.advance(15 * MINUTE)
    later = clock.wall()
    service.sign_in(account, "Keydesk-1")
    assert clock.wall() == later


def test_staff_are_locked_out_by_name_however_it_was_typed(service: DeskService) -> None:
    for typed in ("林涛", "lt", " 林涛", "lt", "LT"):
        service.staff_sign_in(typed, "wrong")
    assert isinstance(service.staff_sign_in("林涛", "Super-1"), LockedOut)
    assert isinstance(service.staff_sign_in("张华", "Staff-1"), StaffSignedIn)


def test_failures_are_kept_for_thirty_days(service: DeskService, desk: Desk, clock: FixedClock) -> None:
    first = clock.wall()
    service.sign_in("11000001", "wrong")
    for days, kept in ((30 * DAY, [first]), (1, [])):
        clock.advance(days)
        service.sign_in("11000003", "wrong")
        with desk.database.read() as tx:
            assert tx.lockouts.failures(member_scopes("11000001").person) == kept


def test_offline_a_refusal_tells_the_age_of_the_feed(service: DeskService, clock: FixedClock) -> None:
    seen = clock.wall()
    clock.advance(10 * MINUTE)
    assert service.sign_in("99999999", "wrong") == WrongCredentials(4, feed_as_of=seen)
