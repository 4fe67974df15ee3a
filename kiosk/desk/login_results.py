"""登录验证: what each check comes to, from what was found here and what the centre said. Pure."""

from __future__ import annotations

import msgspec

from kiosk.desk.key_views import Check, CheckResult
from kiosk.domain.login_check import LoginJudged, Registration

_OUT_OF_USE = {Registration.ON_HOLD, Registration.REVOKED}


class Local(msgspec.Struct, frozen=True):
    """What was found here; `chain` None where this kiosk does not have the issuing CA's certificate.

    `in_use` while neither journal nor feed knows of a hold or a revocation.
    """

    signature: bool
    chain: bool | None
    validity: bool
    in_use: bool


def results_of(local: Local, judged: LoginJudged | None) -> tuple[tuple[Check, CheckResult], ...]:
    """Every check with its result, in the order of `Check`; `judged` None without the centre."""
    signature = local.signature and (judged is None or judged.signature)
    in_use = local.in_use and (judged is None or judged.registration not in _OUT_OF_USE)
    results = {
        Check.PASSWORD: CheckResult.PASSED,
        Check.PIN: CheckResult.PASSED,
        Check.SIGNATURE: _result(holds=signature),
        Check.CHAIN: _chain(local, judged),
        Check.VALIDITY: _result(holds=local.validity),
        Check.REVOCATION: _result(holds=in_use),
        Check.REGISTER: CheckResult.NOT_CHECKED
        if judged is None
        else _result(holds=judged.registration is Registration.LISTED),
    }
    failed = CheckResult.FAILED in results.values()
    sent = judged is not None and bool(judged.phone) and not failed
    results[Check.SMS] = CheckResult.WAITS if sent else CheckResult.NOT_CHECKED
    return tuple(results.items())


def _chain(local: Local, judged: LoginJudged | None) -> CheckResult:
    """What holds here is not spoilt by a centre that only has not heard of the certificate yet."""
    if local.chain is False:
        return CheckResult.FAILED
    if judged is None or judged.registration is Registration.UNKNOWN:
        return CheckResult.PASSED if local.chain else CheckResult.NOT_CHECKED
    return _result(holds=judged.chain)


def _result(*, holds: bool) -> CheckResult:
    return CheckResult.PASSED if holds else CheckResult.FAILED
