"""The services on a key outside an order."""

from __future__ import annotations

from kiosk.desk.errors import TokenUnusable
from kiosk.desk.keys import erase, holds, login_check
from kiosk.desk.keys import pin as key_pin
from kiosk.desk.keys import status as key_status
from kiosk.desk.keys.views import (
    FoundOutcome,
    IntroducedOutcome,
    KeyIntroduced,
    KeyOutcome,
    LiftOutcome,
    LoginCheckOutcome,
    LoginCheckView,
    LossOutcome,
)
from kiosk.desk.verbs.outcomes import Outcomes
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefused


class KeyVerbs(Outcomes):
    """状态, 修改PIN, 解锁PIN, 清空, 挂失, 拾获登记, 解除挂失, 登录验证; all slow but `loss_registered`."""

    def key_status(self, who: Session | StaffSession, serial: str | None = None) -> KeyOutcome:
        """状态 of the token that is in."""
        return self._token_outcome("key status", lambda: key_status.key_status(self._desk, who, serial))

    def introduce(self) -> IntroducedOutcome:
        """What the token that is in is, without a password; nobody asked for it, so that no failure of it is logged."""

        def unless_unusable() -> KeyIntroduced | TokenRefused:
            try:
                return key_status.introduce(self._desk)
            except TokenUnusable as unusable:
                return self._token_refused(unusable)

        return self._outcome(unless_unusable)

    def change_pin(
        self,
        session: Session,
        old: str | None,
        new: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        serial: str | None = None,
    ) -> KeyOutcome:
        """修改PIN; without an old one the factory PIN is taken, once, where all tries are left."""
        return self._token_outcome(
            "change PIN",
            lambda: key_pin.change_pin(
                self._desk, session, old, new, last_try_confirmed=last_try_confirmed, serial=serial
            ),
            account=session.account,
        )

    def skip_pin_change(self, session: Session, serial: str) -> Refused | None:
        """Record that the factory PIN was not changed."""
        return self._outcome(lambda: key_pin.skip_pin_change(self._desk, session, serial))

    def unblock_pin(
        self, staff: StaffSession, unblocking_pin: str | None, new: str, serial: str | None = None
    ) -> KeyOutcome:
        """解锁PIN, by a supervisor."""
        return self._token_outcome(
            "unblock PIN",
            lambda: key_pin.unblock_pin(self._desk, staff, unblocking_pin, new, serial),
            staff=staff.name,
        )

    def erase(self, staff: StaffSession, serial: str) -> KeyOutcome:
        """清空 the token of that very serial."""
        return self._token_outcome(
            "erase", lambda: erase.erase(self._desk, staff, serial), staff=staff.name, serial=serial
        )

    def report_loss(self, session: Session) -> LossOutcome:
        """挂失: place the account's certificate on hold."""
        return self._outcome(lambda: holds.report_loss(self._desk, session))

    def loss_registered(self, account: str) -> bool | Refused:
        """Whether the centre has the account's last report of a loss, or its lifting."""
        return self._or(False, lambda: holds.loss_registered(self._desk, account))  # noqa: FBT003 - the answer

    def key_found(self, staff: StaffSession, serial: str | None = None) -> FoundOutcome:
        """拾获登记 of the token that is in."""
        return self._token_outcome(
            "key found", lambda: holds.key_found(self._desk, staff, serial), staff=staff.name
        )

    def lift_hold(
        self,
        session: Session,
        staff: StaffSession,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        serial: str | None = None,
    ) -> LiftOutcome:
        """解除挂失: the owner is back with the key."""
        return self._token_outcome(
            "lift hold",
            lambda: holds.lift_hold(
                self._desk, session, staff, pin, last_try_confirmed=last_try_confirmed, serial=serial
            ),
            account=session.account,
            staff=staff.name,
        )

    def login_check(
        self,
        session: Session,
        pin: str,
        last_try_confirmed: bool,  # noqa: FBT001 - the screens' contract
        serial: str | None = None,
    ) -> LoginCheckOutcome:
        """登录验证 up to the SMS code."""
        return self._token_outcome(
            "login check",
            lambda: login_check.login_check(
                self._desk, session, pin, last_try_confirmed=last_try_confirmed, serial=serial
            ),
            account=session.account,
        )

    def login_code(self, view: LoginCheckView, code: str) -> LoginCheckView | Refused:
        """登录验证 with the SMS code."""
        return self._or(view, lambda: login_check.login_code(self._desk, view, code))
