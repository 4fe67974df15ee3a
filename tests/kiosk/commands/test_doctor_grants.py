"""`keydesk doctor` on what the centre granted: a desk that may take no more orders learns why, and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kiosk.domain.fees import FeeSchedule
from kiosk.domain.members import Operator, Review, Role, StaffMember
from kiosk.domain.policy import Policy, SignedPolicy
from kiosk.pki.device_keys import device_public_key, device_sign, generate_device_key
from kiosk.pki.issuing import RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.suites import P256
from kiosk.store.location import open_database
from kiosk.store.vault import VaultItem

DAY = 86_400
YEAR = 365 * DAY
KEY = generate_device_key()
NOW = int(time.time())
POLICY = Policy(7, 3, NOW + 30 * DAY)

Keydesk = Callable[..., Any]
Lend = Callable[..., None]


def _issuing(end: int) -> bytes:
    root = RootAuthority.create(DEFAULT_ORGANISATION, P256.generate(), 1, NOW - DAY, end + DAY)
    key = P256.generate()
    request = issuing_request(DEFAULT_ORGANISATION, 3, key)
    return root.certify_kiosk(request, 3, 2, NOW - DAY, end)


@pytest.fixture
def lend(directory: Path) -> Lend:
    """Let the kiosk have a policy, an issuing CA until `end` and, from `prices` on, a fee schedule."""

    def give(policy: Policy = POLICY, end: int = NOW + 2 * YEAR, prices: int = 0) -> None:
        data = msgspec.json.encode(policy)
        with open_database(directory).write() as tx:
            tx.vault.put(VaultItem.CENTRE_KEY, device_public_key(KEY))
            tx.vault.put(VaultItem.ISSUING_CERTIFICATE, _issuing(end))
            tx.feed.put_policy(SignedPolicy(data, device_sign(KEY, data)))
            tx.feed.put_schedule(FeeSchedule(1, prices, 11000, 8000, 15000))

    return give


def _told(keydesk: Keydesk, directory: Path) -> dict[str, tuple[str, str, str]]:
    told = keydesk("doctor", "--json", "--data", directory)
    return {check["name"]: (check["level"], check["found"], check["advice"]) for check in told.document}


def test_what_the_centre_lent_is_told_with_what_is_left_of_it(
    keydesk: Keydesk, directory: Path, lend: Lend
) -> None:
    lend()
    checks = _told(keydesk, directory)
    assert [checks[name][0] for name in ("授权", "本机签发CA", "收费标准")] == ["works"] * 3
    # one certificate was issued; one order is paid and one waits, at 340 yuan each
    assert "还可发证 199 张、收款 199320.00 元" in checks["授权"][1]


def test_without_a_policy_a_desk_cannot_work(keydesk: Keydesk, directory: Path) -> None:
    told = keydesk("doctor", "--data", directory)
    assert told.status == 1
    assert "没有中心的授权" in told.printed


@pytest.mark.parametrize(
    ("given", "name", "found"),
    [
        ({"policy": msgspec.structs.replace(POLICY, valid_until=NOW - 5)}, "授权", "第 7 号已于"),
        ({"policy": msgspec.structs.replace(POLICY, unsynced_certificates=1)}, "授权", "发证 0 张"),
        ({"policy": msgspec.structs.replace(POLICY, unsynced_amount=90_999)}, "授权", "收款 229.99 元"),
        ({"end": NOW + YEAR - DAY}, "本机签发CA", "不够再发 1 年"),
        ({"prices": NOW + YEAR}, "收费标准", "没有生效的"),
    ],
)
def test_what_stops_the_desk_is_named_with_what_to_do(
    keydesk: Keydesk, directory: Path, lend: Lend, given: dict[str, Any], name: str, found: str
) -> None:
    lend(**given)
    checks = _told(keydesk, directory)
    assert checks[name][0] == "failed"
    assert found in checks[name][1]
    assert checks[name][2]


def test_a_desk_without_prices_is_told_where_they_are_entered(
    keydesk: Keydesk, directory: Path, lend: Lend
) -> None:
    """A new desk's agent runs and is online: running it again gives no prices."""
    lend(prices=NOW + YEAR)
    assert "中心的控制台增加「收费表」" in _told(keydesk, directory)["收费标准"][2]


def test_a_desk_that_nobody_can_use_yet_is_no_ready_one(
    keydesk: Keydesk, directory: Path, lend: Lend
) -> None:
    lend()
    with open_database(directory).write() as tx:
        for person in tx.members.all_staff():
            tx.members.drop_staff(person.name)
        tx.members.put_staff(StaffMember("张华", Role.STAFF, "$argon2id$"))
        tx.members.put_staff(StaffMember("钱进", Role.SUPERVISOR, ""))
    level, _, advice = _told(keydesk, directory)["主管"]
    assert level == "missing"
    assert "「主管」" in advice
    with open_database(directory).write() as tx:
        tx.members.put_staff(StaffMember("林涛", Role.SUPERVISOR, "$argon2id$"))
    assert _told(keydesk, directory)["主管"][:2] == ("works", "1 名")


def test_a_desk_without_operators_is_told_where_they_are_entered(
    keydesk: Keydesk, directory: Path, lend: Lend
) -> None:
    lend()
    level, _, advice = _told(keydesk, directory)["会员"]
    assert level == "missing"
    assert "「操作员」" in advice
    with open_database(directory).write() as tx:
        tx.members.put_operator(Operator("11000001", "A", "李晓梅", Review.APPROVED, ""))
    assert _told(keydesk, directory)["会员"][:2] == ("works", "操作员 1 名")
