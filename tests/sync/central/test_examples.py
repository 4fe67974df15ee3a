from __future__ import annotations

from kiosk.demo import members
from kiosk.domain.members import Role
from sync.central.examples import ADMINISTRATOR, ADMINISTRATOR_PASSWORD, EXAMPLES, STAFF


def test_the_demos_drawer_lists_the_accounts_that_the_centre_knows() -> None:
    told = [
        (each.account, each.password, each.enterprise, each.legal_person, each.operator)
        for each in members.ACCOUNTS
    ]
    assert told == [
        (each.account, each.password, each.enterprise, each.legal_person, each.operator) for each in EXAMPLES
    ]


def test_the_demos_drawer_lists_the_staff_that_the_centre_knows() -> None:
    told = [(each.name, each.supervisor, each.password) for each in members.STAFF]
    assert told == [(name, role is Role.SUPERVISOR, password) for name, role, password in STAFF]


def test_the_demos_exchange_signs_in_as_who_the_centre_knows() -> None:
    assert members.CONSOLE == (ADMINISTRATOR, ADMINISTRATOR_PASSWORD)
