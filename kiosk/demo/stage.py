"""Leads a visit to the scene that the demo starts in, by the desk's own verbs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from kiosk.demo.ports import DemoAccount, DemoControls, PhoneRefused, PhoneUnreachable
from kiosk.demo.scenes import Scene
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderOpen, OrderView, Placed, Verified, WrongKind
from kiosk.desk.views.people import Session, SignedIn
from kiosk.desk.views.status import DeskStatus, Network
from kiosk.desk.views.tokens import BindingProgress
from kiosk.ui.routes import Route, step_of
from kiosk.ui.shell import Shell
from kiosk.ui.visit import Visit

CENTRE_SECONDS = 60.0
"""How long the centre may take to start."""
OFFLINE_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_CERTIFICATE_ISSUED = BindingProgress(3, done=True)


# An account that the demo served before can have no order of its first kind any more: then the next is taken.
_WITHOUT_KEY = ("11000001", "11000004")
_WITH_KEY = ("11000002", "11000003")


class SceneUsedUp(Exception):
    """No example account can be led there any more."""


class Opening(NamedTuple):
    """The step to begin with."""

    route: Route
    session: Session
    order: OrderView

    def show(self, shell: Shell) -> None:
        """Show it as a visit comes to it."""
        shell.visit.session, shell.visit.order, shell.visit.kind = self.session, self.order, self.order.kind
        shell.go(self.route)


class Stage:
    """A desk and the demo's hand on what is around it; `sleep` waits for the centre."""

    def __init__(
        self,
        service: DeskService,
        controls: DemoControls,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._controls = controls
        self._sleep = sleep
        self._monotonic = monotonic

    def play(self, scene: Scene) -> Opening:
        """Lead the first account that can be led there. Raises SceneUsedUp, PhoneUnreachable."""
        match scene:
            case Scene.NEW_ORDER:
                return self._first(_WITHOUT_KEY, Route.PAY)
            case Scene.OFFLINE:
                self._controls.cut_network()
                opening = self._first(_WITHOUT_KEY, Route.PAY)
                self._await_offline()
                return opening
            case Scene.PAID_ORDER:
                return self._paid(_WITHOUT_KEY, Route.DELIVERY)
            case Scene.PULLED_KEY:
                return self._pulled()
            case Scene.RENEWAL:
                opening = self._paid(_WITH_KEY, Route.BIND)
                self._insert_key_of(opening.session.account)
                return opening

    def _first(self, accounts: tuple[str, ...], *steps: Route) -> Opening:
        """The first account whose order of the kind that fits it stands at one of these steps, placed now or earlier."""
        for account in accounts:
            opening = self._ordered(account)
            if opening is not None and opening.route in steps:
                return opening
        raise SceneUsedUp

    def _ordered(self, account: str) -> Opening | None:
        signed_in = self._service.sign_in(account, self._example(account).password)
        if not isinstance(signed_in, SignedIn):
            return None
        session, kind = signed_in.session, Visit().kind
        quoted = self._service.quote(session, kind)
        if isinstance(quoted, WrongKind):
            kind = quoted.offered
            quoted = self._service.quote(session, kind)
        if isinstance(quoted, Verified):
            placed = self._service.place_order(session, kind)
            return Opening(Route.PAY, session, placed.order) if isinstance(placed, Placed) else None
        return self._open(session, quoted.order) if isinstance(quoted, OrderOpen) else None

    def _open(self, session: Session, reference: str) -> Opening | None:
        """That order, at the step where it goes on."""
        order = self._service.order(reference)
        return Opening(step_of(order), session, order) if isinstance(order, OrderView) else None

    def _example(self, account: str) -> DemoAccount:
        return next(example for example in self._controls.accounts() if example.account == account)

    def _paid(self, accounts: tuple[str, ...], *steps: Route) -> Opening:
        """The same of an order that is paid now, where it was not."""
        route, session, order = self._first(accounts, Route.PAY, *steps)
        if route is Route.PAY:
            self._service.confirm_typed(order.reference, self._pay(order.link))  # the feed may be faster
        paid = self._open(session, order.reference)
        if paid is None or paid.route not in steps:
            raise SceneUsedUp
        return paid

    def _pay(self, link: str) -> str:
        """Pay on the phone, once the centre is there; the digits that it shows."""
        deadline = self._monotonic() + CENTRE_SECONDS
        while True:
            try:
                return self._controls.phone_pay(link).confirmation.replace("-", "")
            except PhoneUnreachable:
                if self._monotonic() >= deadline:
                    raise
            except PhoneRefused as refused:
                raise SceneUsedUp from refused
            self._sleep(_LOOK_SECONDS)

    def _await_offline(self) -> None:
        """Wait until the agent has noticed, for a while."""
        deadline = self._monotonic() + OFFLINE_SECONDS
        while self._monotonic() < deadline:
            status = self._service.status()
            if isinstance(status, DeskStatus) and status.network is not Network.ONLINE:
                return
            self._sleep(_LOOK_SECONDS)

    def _pulled(self) -> Opening:
        paid = self._paid(_WITHOUT_KEY, Route.DELIVERY, Route.BIND)
        session, reference = paid.session, paid.order.reference
        if paid.route is Route.BIND:
            return paid  # it was begun in an earlier run

        def pull(progress: BindingProgress) -> None:
            if progress == _CERTIFICATE_ISSUED:
                self._controls.remove()

        for token in self._controls.tokens():
            self._controls.insert(token.name)
            self._service.bind(session, reference, None, False, pull)  # noqa: FBT003 - the contract
            begun = self._open(session, reference)
            if begun is not None and begun.route is Route.BIND:
                return begun
        self._controls.remove()
        raise SceneUsedUp

    def _insert_key_of(self, account: str) -> None:
        """Insert the key whose name tells that it is that account's."""
        for token in self._controls.tokens():
            if token.name.startswith(account):
                self._controls.insert(token.name)
