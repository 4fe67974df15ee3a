"""② 验证信息: who the member is; and signing in with account and password alone.

What is on record of names, keys and reviews is used only after the password was right.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.finding import is_order_number
from kiosk.desk.orders.quoting import judge
from kiosk.desk.orders.views import order_views
from kiosk.desk.people.credentials import authenticate, member_scopes
from kiosk.desk.status import feed_age
from kiosk.desk.views.orders import AccountView, VerifyOutcome
from kiosk.desk.views.people import (
    Field,
    FieldRefusal,
    FieldsRefused,
    LockedOut,
    Session,
    SignedIn,
    SignInOutcome,
    WrongCredentials,
    fields_of,
)
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.decisions import key_state
from kiosk.domain.identifiers import is_account
from kiosk.domain.members import Enterprise, Operator
from kiosk.store.keys_on_record import key_on_record
from kiosk.text.matching import name_matches

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.fees import OrderKind


def verify(desk: Desk, kind: OrderKind, fields: dict[Field, str]) -> VerifyOutcome:
    """Check all the fields of that kind at once, the password first, then judge the service.

    Slow: Argon2id. Raises DeskRefused.
    """
    reasons = _refusals_of_form(kind, fields)
    if reasons:
        return FieldsRefused(reasons)
    account = tidy_account(fields[Field.ACCOUNT])
    found = _authenticate(desk, account, fields[Field.PASSWORD])
    if not isinstance(found, Operator):
        return found
    with desk.database.read() as tx:
        enterprise = tx.members.enterprise(found.enterprise_code)
        reasons = _refusals_of_names(kind, fields, found, enterprise)
        if reasons or enterprise is None:
            own_name = found.name if set(reasons) == {Field.OPERATOR} else None
            return FieldsRefused(reasons, feed_age(tx, desk.clock.wall()), own_name)
        session = _session(desk, found, enterprise)
        return judge(desk, tx, session, kind)


def sign_in(desk: Desk, account: str, password: str) -> SignInOutcome:
    """Account and password alone: 继续办理, 查询, 绑定. Slow: Argon2id. Raises DeskRefused."""
    if not is_account(tidy_account(account)) and is_order_number(account):
        raise DeskRefused(Refusal.NUMBER_IS_NO_ACCOUNT)
    found = _authenticate(desk, tidy_account(account), password)
    if not isinstance(found, Operator):
        return found
    with desk.database.read() as tx:
        enterprise = tx.members.enterprise(found.enterprise_code)
        if enterprise is None:
            raise DeskRefused(Refusal.NOT_ALLOWED, rests_on_feed=True)
        return SignedIn(_session(desk, found, enterprise))


def account_view(desk: Desk, session: Session) -> AccountView:
    """查询: the account's key and orders."""
    with desk.database.read() as tx:
        now = desk.clock.wall()
        key = key_on_record(tx, session.account)
        orders = tx.ledger.orders(account=session.account)
        return AccountView(
            session=session,
            key=key,
            key_state=key_state(key, now),
            orders=order_views(desk, tx, orders),
            feed_as_of=feed_age(tx, now),
        )


def tidy_account(text: str) -> str:
    """An account as typed, in half width and without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _refusals_of_form(kind: OrderKind, fields: dict[Field, str]) -> dict[Field, FieldRefusal]:
    reasons = {field: FieldRefusal.EMPTY for field in fields_of(kind) if not fields.get(field, "").strip()}
    account = tidy_account(fields.get(Field.ACCOUNT, ""))
    if account and not is_account(account):
        is_number = is_order_number(account)
        reasons[Field.ACCOUNT] = FieldRefusal.ORDER_NUMBER if is_number else FieldRefusal.MALFORMED
    return reasons


def _refusals_of_names(
    kind: OrderKind, fields: dict[Field, str], operator: Operator, enterprise: Enterprise | None
) -> dict[Field, FieldRefusal]:
    if enterprise is None:
        return {Field.ENTERPRISE: FieldRefusal.DOES_NOT_MATCH}
    on_record = {
        Field.LEGAL_PERSON: (enterprise.legal_person, True),
        Field.ENTERPRISE: (enterprise.name, False),
        Field.OPERATOR: (operator.name, True),
    }
    return {
        field: FieldRefusal.DOES_NOT_MATCH
        for field in fields_of(kind)
        if field in on_record
        and not name_matches(fields[field], on_record[field][0], person=on_record[field][1])
    }


def _authenticate(desk: Desk, account: str, password: str) -> Operator | WrongCredentials | LockedOut:
    with desk.database.read() as tx:
        operator = tx.members.operator(account)
    return authenticate(desk, member_scopes(account), operator, password)


def _session(desk: Desk, operator: Operator, enterprise: Enterprise) -> Session:
    return Session(operator.account, operator.name, enterprise.name, desk.clock.wall())
