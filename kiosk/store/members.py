"""Enterprises, operators and staff, as published by the centre."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kiosk.domain.feed_keys import RowName
from kiosk.domain.members import Enterprise, Operator, StaffMember
from kiosk.store.feed_rows import in_force
from kiosk.store.rows import Codec, Table

_ENTERPRISE = Codec(Enterprise)
_OPERATOR = Codec(Operator)
_STAFF = Codec(StaffMember)


class MemberCounts(msgspec.Struct, frozen=True):
    """How many of each are known here."""

    enterprises: int
    operators: int
    staff: int


class MemberTables(Table):
    """The members and the desk's staff."""

    def put_enterprise(self, enterprise: Enterprise) -> None:
        """Store an enterprise's present state."""
        self._connection.execute(
            "INSERT OR REPLACE INTO enterprises (code, row) VALUES (?, ?)",
            (enterprise.code, _ENTERPRISE.encode(enterprise)),
        )

    def put_operator(self, operator: Operator) -> None:
        """Store an operator's present state."""
        self._connection.execute(
            "INSERT OR REPLACE INTO operators (account, enterprise_code, row) VALUES (?, ?, ?)",
            (operator.account, operator.enterprise_code, _OPERATOR.encode(operator)),
        )

    def put_staff(self, staff: StaffMember) -> None:
        """Store a staff member's present state."""
        self._connection.execute(
            "INSERT OR REPLACE INTO staff (name, row) VALUES (?, ?)", (staff.name, _STAFF.encode(staff))
        )

    def drop_enterprise(self, code: str) -> None:
        """Delete an enterprise."""
        self._connection.execute("DELETE FROM enterprises WHERE code = ?", (code,))

    def drop_operator(self, account: str) -> None:
        """Delete an operator."""
        self._connection.execute("DELETE FROM operators WHERE account = ?", (account,))

    def drop_staff(self, name: str) -> None:
        """Delete a staff member."""
        self._connection.execute("DELETE FROM staff WHERE name = ?", (name,))

    def enterprise(self, code: str) -> Enterprise | None:
        """The enterprise of that 统一社会信用代码."""
        found = self._one(_ENTERPRISE, "SELECT row FROM enterprises WHERE code = ?", code)
        return found if in_force(self._connection, f"{RowName.ENTERPRISE.value}/{code}") else None

    def operator(self, account: str) -> Operator | None:
        """The operator of that account."""
        found = self._one(_OPERATOR, "SELECT row FROM operators WHERE account = ?", account)
        return found if self._is_in_force(account) else None

    def operators_of(self, enterprise_code: str) -> tuple[Operator, ...]:
        """The operators of an enterprise, by account."""
        found = self._all(
            _OPERATOR, "SELECT row FROM operators WHERE enterprise_code = ? ORDER BY account", enterprise_code
        )
        return tuple(each for each in found if self._is_in_force(each.account))

    def _is_in_force(self, account: str) -> bool:
        return in_force(self._connection, f"{RowName.OPERATOR.value}/{account}")

    def staff(self, name: str) -> StaffMember | None:
        """The staff member of that name."""
        return self._one(_STAFF, "SELECT row FROM staff WHERE name = ?", name)

    def all_staff(self) -> tuple[StaffMember, ...]:
        """All staff members, by name."""
        return self._all(_STAFF, "SELECT row FROM staff ORDER BY name")

    def each_name(self) -> Iterator[tuple[str, str]]:
        """Every name of enterprises and operators, with whose it is: an enterprise's code, an operator's account."""
        for enterprise in self._each(_ENTERPRISE, "SELECT row FROM enterprises ORDER BY code"):
            yield enterprise.code, enterprise.name
            yield enterprise.code, enterprise.legal_person
        for operator in self._each(_OPERATOR, "SELECT row FROM operators ORDER BY account"):
            yield operator.account, operator.name

    def counts(self) -> MemberCounts:
        """How many of each are known here."""
        return MemberCounts(
            enterprises=self._number("SELECT count(*) FROM enterprises"),
            operators=self._number("SELECT count(*) FROM operators"),
            staff=self._number("SELECT count(*) FROM staff"),
        )
