"""What each check of 登录验证 comes to."""

from __future__ import annotations

import pytest

from kiosk.desk.keys.login_check import Local, results_of
from kiosk.desk.keys.views import Check, CheckResult
from kiosk.domain.login_check import LoginJudged, Registration

GOOD = Local(signature=True, chain=True, validity=True, in_use=True)
LISTED = LoginJudged(signature=True, chain=True, registration=Registration.LISTED, phone="138****5678")
PASSED, FAILED = CheckResult.PASSED, CheckResult.FAILED
NOT_CHECKED, WAITS = CheckResult.NOT_CHECKED, CheckResult.WAITS


def results(*, local: Local = GOOD, judged: LoginJudged | None = None) -> dict[Check, CheckResult]:
    found = results_of(local, judged)
    assert [check for check, _ in found] == list(Check)
    return dict(found)


def test_without_the_centre_register_and_code_are_not_checked() -> None:
    found = results()
    assert {check for check, result in found.items() if result is PASSED} == set(Check) - {
        Check.REGISTER,
        Check.SMS,
    }
    assert (found[Check.REGISTER], found[Check.SMS]) == (NOT_CHECKED, NOT_CHECKED)


def test_with_the_centre_only_the_code_is_left() -> None:
    found = results(judged=LISTED)
    assert found.pop(Check.SMS) is WAITS
    assert set(found.values()) == {PASSED}


@pytest.mark.parametrize(
    ("local", "check"),
    [
        (Local(signature=False, chain=True, validity=True, in_use=True), Check.SIGNATURE),
        (Local(signature=True, chain=False, validity=True, in_use=True), Check.CHAIN),
        (Local(signature=True, chain=True, validity=False, in_use=True), Check.VALIDITY),
        (Local(signature=True, chain=True, validity=True, in_use=False), Check.REVOCATION),
    ],
)
@pytest.mark.parametrize("judged", [None, LISTED])
def test_what_fails_here_fails_and_no_code_is_asked_for(
    local: Local, check: Check, judged: LoginJudged | None
) -> None:
    found = results(local=local, judged=judged)
    assert [each for each, result in found.items() if result is FAILED] == [check]
    assert found[Check.SMS] is NOT_CHECKED


@pytest.mark.parametrize(
    ("judged", "failed"),
    [
        (LoginJudged(signature=False, chain=True, registration=Registration.LISTED), [Check.SIGNATURE]),
        (LoginJudged(signature=True, chain=False, registration=Registration.LISTED), [Check.CHAIN]),
        (
            LoginJudged(signature=True, chain=True, registration=Registration.ON_HOLD),
            [Check.REVOCATION, Check.REGISTER],
        ),
        (
            LoginJudged(signature=True, chain=True, registration=Registration.REVOKED),
            [Check.REVOCATION, Check.REGISTER],
        ),
        (LoginJudged(signature=True, chain=False, registration=Registration.UNKNOWN), [Check.REGISTER]),
    ],
)
def test_what_the_centre_finds_wrong_fails(judged: LoginJudged, failed: list[Check]) -> None:
    found = results(judged=judged)
    assert [check for check, result in found.items() if result is FAILED] == failed


def test_a_chain_that_only_the_centre_can_judge_is_its_word() -> None:
    local = Local(signature=True, chain=None, validity=True, in_use=True)
    assert results(local=local)[Check.CHAIN] is NOT_CHECKED
    assert results(local=local, judged=LISTED)[Check.CHAIN] is PASSED
    unknown = LoginJudged(signature=True, chain=False, registration=Registration.UNKNOWN)
    assert results(local=local, judged=unknown)[Check.CHAIN] is NOT_CHECKED
    broken = LoginJudged(signature=True, chain=False, registration=Registration.LISTED)
    assert results(local=local, judged=broken)[Check.CHAIN] is FAILED


def test_without_a_phone_no_code_is_waited_for() -> None:
    quiet = LoginJudged(signature=True, chain=True, registration=Registration.LISTED)
    assert results(judged=quiet)[Check.SMS] is NOT_CHECKED


def test_a_key_that_the_centre_received_and_has_not_listed_yet_fails_nothing() -> None:
    found = results(judged=LoginJudged(signature=True, chain=True, registration=Registration.RECEIVED))
    assert FAILED not in found.values()
    assert (found[Check.REGISTER], found[Check.SMS]) == (NOT_CHECKED, NOT_CHECKED)
