"""Who is a member or staff, what members see of themselves, and what staff decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kiosk.desk.keys import first_password
from kiosk.desk.member import user_centre
from kiosk.desk.people import staff as staff_verbs
from kiosk.desk.people import verification
from kiosk.desk.verbs.outcomes import Outcomes
from kiosk.desk.views.orders import AccountView, OrderView, VerifyOutcome
from kiosk.desk.views.people import Field, Session, SignInOutcome, StaffSession, StaffSignInOutcome
from kiosk.desk.views.refusals import Refused

if TYPE_CHECKING:
    from kiosk.desk.keys.first_password import FirstPasswordOutcome
    from kiosk.desk.member.views import OrderStoryOutcome, UserCentreOutcome
    from kiosk.domain.feed import MatterPublished
    from kiosk.domain.feed_rows import UnappliedRow
    from kiosk.domain.fees import OrderKind
    from kiosk.domain.nights import NightReport


class MemberVerbs(Outcomes):
    """验证信息, the sign-in, 设置登录密码, 查询, 用户中心."""

    def verify(self, kind: OrderKind, fields: Mapping[Field, str]) -> VerifyOutcome:
        """② 验证信息. Slow: Argon2id."""
        return self._outcome(lambda: verification.verify(self._desk, kind, dict(fields)))

    def sign_in(self, account: str, password: str) -> SignInOutcome:
        """Account and password alone. Slow: Argon2id."""
        return self._outcome(lambda: verification.sign_in(self._desk, account, password))

    def choose_first_password(self, account: str, code: str, password: str) -> FirstPasswordOutcome:
        """设置登录密码 with the code from the message. Slow: Argon2id."""
        return self._outcome(
            lambda: first_password.choose_first_password(self._desk, account, code, password)
        )

    def account(self, session: Session) -> AccountView | Refused:
        """查询: the key and the orders."""
        return self._outcome(lambda: verification.account_view(self._desk, session))

    def user_centre(self, session: Session) -> UserCentreOutcome:
        """Enterprise, operators, key, payments and orders."""
        return self._outcome(lambda: user_centre.user_centre(self._desk, session))

    def order_story(self, session: Session, reference: str) -> OrderStoryOutcome:
        """One of the member's orders, with what happened to it."""
        return self._outcome(lambda: user_centre.order_story(self._desk, session, reference))


class StaffVerbs(Outcomes):
    """The staff's sign-in, what supervisors decide about orders, and what waits for people."""

    def staff_sign_in(self, name: str, password: str) -> StaffSignInOutcome:
        """Check a staff member's password. Slow: Argon2id."""
        return self._outcome(lambda: staff_verbs.staff_sign_in(self._desk, name, password))

    def abandon(self, staff: StaffSession, reference: str, reason: str) -> OrderView | Refused:
        """Give up a binding whose token died."""
        return self._outcome(lambda: staff_verbs.abandon(self._desk, staff, reference, reason))

    def vouch(self, staff: StaffSession, reference: str) -> OrderView | Refused:
        """Confirm a payment that the supervisor has seen."""
        return self._outcome(lambda: staff_verbs.vouch(self._desk, staff, reference))

    def grant_refund(self, staff: StaffSession, reference: str, reason: str) -> OrderView | Refused:
        """Give the money back."""
        return self._outcome(lambda: staff_verbs.grant_refund(self._desk, staff, reference, reason))

    def staff_orders(self) -> tuple[OrderView, ...] | Refused:
        """The open orders and those with money to pay back."""
        return self._outcome(lambda: staff_verbs.staff_orders(self._desk))

    def find_orders(self, staff: StaffSession, text: str) -> tuple[OrderView, ...] | Refused:
        """The orders of a typed number, or of a scanned receipt."""
        return self._outcome(lambda: staff_verbs.find_orders(self._desk, staff, text))

    def unapplied_rows(self) -> tuple[UnappliedRow, ...] | Refused:
        """Rows of the feed that could not be applied."""
        return self._outcome(lambda: staff_verbs.unapplied_rows(self._desk))

    def matters(self) -> tuple[MatterPublished, ...] | Refused:
        """What the centre could not accept."""
        return self._outcome(lambda: staff_verbs.matters(self._desk))

    def night_reports(self) -> tuple[NightReport, ...] | Refused:
        """The last reports of the nightly run, newest first."""
        return self._outcome(lambda: staff_verbs.night_reports(self._desk))
