"""Leads a visit to the scene that the demo starts in, by the desk's own verbs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from kiosk.demo.ports import DemoAccount, DemoControls, DemoError, PhoneRefused, PhoneUnreachable
from kiosk.demo.scenes import Scene
from kiosk.desk.requests.views import ProposalView
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderOpen, OrderView, Placed, Verified, WrongKind
from kiosk.desk.views.people import Session, SignedIn, StaffSignedIn
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import DeskStatus, Network
from kiosk.desk.views.tokens import BindingProgress
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, OperatorDetails
from kiosk.domain.requests import ProposalState
from kiosk.ui.routes import Route, step_of
from kiosk.ui.screens.member.add_operator import AddOperatorScreen
from kiosk.ui.shell import Shell
from kiosk.ui.visit import Purpose

if TYPE_CHECKING:
    from textual.app import App

    from kiosk.ui.page import Overlay

CENTRE_SECONDS = 60.0
"""How long the centre may take to start."""
OFFLINE_SECONDS = 20.0
_LOOK_SECONDS = 0.2
_CERTIFICATE_ISSUED = BindingProgress(3, done=True)


# An account that the demo served before can have no order of its first kind any more: then the next is taken.
_WITHOUT_KEY = ("11000001", "11000004")
_WITH_KEY = ("11000002", "11000003")
_TRADER = OperatorDetails("王晓芳", DocumentKind.RESIDENT_ID, "410105199203124623", "13912341234")
_REGION, _STREET = "北京市朝阳区", "建国路 88 号 3 层"
_CREDIT_CODES = dict(zip(_WITHOUT_KEY, ("91110000MA0EXA015Y", "91320100MA0EXA04X3"), strict=True))
_EMAIL = "caiwu@example.com"
_CARRIER, _TRACKING = "顺丰速运", "SF1402938475566"


class SceneUsedUp(Exception):
    """No example account can be led there any more."""


class Opening(NamedTuple):
    """The step to begin with, and what lies over it."""

    route: Route
    session: Session
    order: OrderView | None = None
    over: Callable[[Session], Overlay[None]] | None = None

    def show(self, shell: Shell) -> None:
        """Show it as a visit comes to it."""
        shell.visit.session = self.session
        if self.order is None:
            shell.visit.purpose = Purpose.QUERY
        else:
            shell.visit.order, shell.visit.kind = self.order, self.order.kind
        shell.go(self.route)
        if self.over is not None:
            app = cast("App[None]", shell)  # which the shell is; it does one thing after the other
            app.call_later(app.push_screen, self.over(self.session))


class _Led(NamedTuple):
    """An order, and the step where it stands."""

    route: Route
    session: Session
    order: OrderView


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
            case Scene.NEW_TRADER:
                return self._new_trader()
            case Scene.USER_CENTRE:
                return self._user_centre()
            case _:
                return Opening(*self._of_an_order(scene))

    def _of_an_order(
        self,
        scene: Literal[Scene.NEW_ORDER, Scene.OFFLINE, Scene.PAID_ORDER, Scene.PULLED_KEY, Scene.RENEWAL],
    ) -> _Led:
        match scene:
            case Scene.NEW_ORDER:
                return self._first(_WITHOUT_KEY, Route.PAY)
            case Scene.OFFLINE:
                self._controls.cut_network()
                led = self._first(_WITHOUT_KEY, Route.PAY)
                self._await_offline()
                return led
            case Scene.PAID_ORDER:
                return self._paid(_WITHOUT_KEY, Route.DELIVERY)
            case Scene.PULLED_KEY:
                return self._pulled()
            case Scene.RENEWAL:
                led = self._paid(_WITH_KEY, Route.BIND)
                self._insert_key_of(led.session.account)
                return led

    def _first(self, accounts: tuple[str, ...], *steps: Route) -> _Led:
        """The first account whose order of the kind that fits it stands at one of these steps, placed now or earlier."""
        for account in accounts:
            session = self._session(account)
            led = None if session is None else self._ordered(session)
            if led is not None and led.route in steps:
                return led
        raise SceneUsedUp

    def _session(self, account: str) -> Session | None:
        signed_in = self._service.sign_in(account, self._example(account).password)
        return signed_in.session if isinstance(signed_in, SignedIn) else None

    def _ordered(self, session: Session, kind: OrderKind = OrderKind.NEW) -> _Led | None:
        """An order of that kind, or of the one that fits."""
        quoted = self._service.quote(session, kind)
        if isinstance(quoted, WrongKind):
            kind = quoted.offered
            quoted = self._service.quote(session, kind)
        if isinstance(quoted, Verified):
            placed = self._service.place_order(session, kind)
            return _Led(Route.PAY, session, placed.order) if isinstance(placed, Placed) else None
        return self._open(session, quoted.order) if isinstance(quoted, OrderOpen) else None

    def _open(self, session: Session, reference: str) -> _Led | None:
        """That order, at the step where it goes on."""
        order = self._service.order(reference)
        return _Led(step_of(order), session, order) if isinstance(order, OrderView) else None

    def _example(self, account: str) -> DemoAccount:
        return next(example for example in self._controls.accounts() if example.account == account)

    def _paid(self, accounts: tuple[str, ...], *steps: Route) -> _Led:
        """The same of an order that is paid now, where it was not."""
        paid = self._after_paying(self._first(accounts, Route.PAY, *steps))
        if paid is None or paid.route not in steps:
            raise SceneUsedUp
        return paid

    def _after_paying(self, led: _Led) -> _Led | None:
        """The order once it is paid, on the phone where it was not."""
        if led.route is Route.PAY:
            digits = self._pay(led.order.link)
            self._service.confirm_typed(led.order.reference, digits)  # the feed may be faster
        return self._open(led.session, led.order.reference)

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

    def _pulled(self) -> _Led:
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

    def _new_trader(self) -> Opening:
        """A trader whom the exchange has to review, proposed now or earlier."""
        session = self._session(_WITHOUT_KEY[0])
        proposals = None if session is None else self._service.proposals(session)
        if session is None or proposals is None or isinstance(proposals, Refused):
            raise SceneUsedUp
        if all(each.state is not ProposalState.UNDER_REVIEW for each in proposals):
            proposed = self._service.propose_operator(session, _TRADER, True)  # noqa: FBT003 - the contract
            if not isinstance(proposed, ProposalView):
                raise SceneUsedUp
        return Opening(Route.USER_CENTRE, session, over=AddOperatorScreen)

    def _user_centre(self) -> Opening:
        """The first account with orders that something was asked for, now or earlier."""
        for account in _WITHOUT_KEY:
            session = self._session(account)
            if session is not None and not self._asked(session):
                self._ask_for_orders(session)
            if session is not None and self._asked(session):
                return Opening(Route.USER_CENTRE, session)
        raise SceneUsedUp

    def _asked(self, session: Session) -> bool:
        requests = self._service.requests_of(session)
        return not isinstance(requests, Refused) and any(each.invoice is not None for each in requests)

    def _ask_for_orders(self, session: Session) -> None:
        """Three orders: one mailed and invoiced, one whose invoice is not wanted any more, one that waits for both."""
        mailed = self._mailed(session)
        if mailed is None:
            return
        renewed = self._paid_order(session, OrderKind.RENEWAL)
        if renewed is not None:
            self._ask_invoice(session, renewed, InvoiceKind.ORDINARY)
            self._service.withdraw_invoice(session, renewed)
            self._bind_again(session, renewed)
        self._controls.remove()
        waiting = self._paid_order(session, OrderKind.REPLACEMENT)
        if waiting is not None:
            self._ask_delivery(session, waiting)
            self._ask_invoice(session, waiting, InvoiceKind.SPECIAL)
        self._issue(mailed)

    def _mailed(self, session: Session) -> str | None:
        """An order whose key was mailed, and bound after that; None where it cannot be."""
        one = self._controls.staff()[0]
        staff = self._service.staff_sign_in(one.name, one.password)
        reference = self._paid_order(session, OrderKind.NEW)
        if reference is None or not isinstance(staff, StaffSignedIn):
            return None
        self._ask_delivery(session, reference)
        self._service.key_mailed(staff.staff, reference, _CARRIER, _TRACKING)
        self._ask_invoice(session, reference, InvoiceKind.SPECIAL)
        for token in self._controls.tokens():
            self._controls.insert(token.name)
            self._service.bind(session, reference, None, False, _unseen)  # noqa: FBT003 - the contract
            if not self._is_open(reference):
                return reference
        return None

    def _paid_order(self, session: Session, kind: OrderKind) -> str | None:
        """The reference of an order that is paid now; None where none of that kind can be placed."""
        led = self._ordered(session, kind)
        paid = None if led is None else self._after_paying(led)
        return None if paid is None else paid.order.reference

    def _bind_again(self, session: Session, reference: str) -> None:
        """Bind the key that is in once more, which has the PIN that it came with."""
        inserted = self._controls.inserted()
        pin = next((token.pin for token in self._controls.tokens() if token.name == inserted), None)
        self._service.bind(session, reference, pin, False, _unseen)  # noqa: FBT003 - the contract

    def _is_open(self, reference: str) -> bool:
        order = self._service.order(reference)
        return isinstance(order, OrderView) and order.status.is_open

    def _ask_delivery(self, session: Session, reference: str) -> None:
        self._service.ask_delivery(session, reference, DeliveryAddress(session.operator, _REGION, _STREET))

    def _ask_invoice(self, session: Session, reference: str, kind: InvoiceKind) -> None:
        details = InvoiceDetails(session.enterprise, _CREDIT_CODES[session.account], _EMAIL)
        self._service.ask_invoice(session, reference, kind, details)

    def _issue(self, reference: str) -> None:
        """Have the invoice made out once the centre knows of it; where that lasts too long, it goes on waiting."""
        deadline = self._monotonic() + CENTRE_SECONDS
        while self._monotonic() < deadline:
            try:
                self._controls.issue_invoice(reference)
            except DemoError:
                self._sleep(_LOOK_SECONDS)
            else:
                return


def _unseen(_progress: BindingProgress) -> None:
    """Nobody watches this binding."""
