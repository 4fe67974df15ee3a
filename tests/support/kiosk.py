"""A kiosk for tests of its screens: the app over the real desk, with virtual devices and a centre played by the test."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace
from textual.pilot import Pilot

from hardware.ports import PinBlocked, WrongPin
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.scanner import VirtualScanner
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.domain.entries.keys import PinChangeSkipped
from kiosk.domain.entries.orders import SurplusReturned
from kiosk.domain.feed import KeyBoundElsewhere, RegisteredState
from kiosk.domain.fees import OrderKind
from kiosk.domain.login_check import (
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    CodeJudged,
    CodeJudgement,
    CodeTyped,
    FirstPasswordChosen,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    Registration,
)
from kiosk.domain.members import Enterprise, Review
from kiosk.settings import Display
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Overlay
from kiosk.ui.routes import Route
from tests.support.desk import FIRM, YEAR, DeskSetup, answered, place
from tests.support.screens import settle
from tests.support.waiting import LOOK_SECONDS, Patience

NOW = 1_795_327_531  # 2026-11-22 14:05:31 in China
NEWCOMER = "11000001"
"""An account without a key."""
COLLEAGUE = "11000003"
"""Another account of the newcomer's enterprise, without a key."""
OWNER = "11000002"
"""An account with a key, which ends in a hundred days."""
OWNERS_FIRM = "河南中原储备粮有限公司（郑州）"
SERIAL = "E8AD652202221F03"
OTHER_SERIAL = "E8AD652202221F09"
CERTIFICATE = "3000000000023B1A"
SMS_CODE = "482913"
QUESTIONS: msgspec.msgpack.Decoder[LoginQuestion] = msgspec.msgpack.Decoder(LoginQuestion)
VALIDITY = (NOW - YEAR + 8_640_000, NOW + 8_640_000)
READERS = ("Virtual reader", "Other reader")


class Ticker:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


class Kiosk:
    """An enrolled kiosk that is online, with the members' accounts."""

    def __init__(self, folder: Path) -> None:
        self.setup = DeskSetup(folder, VirtualTokenSource(READERS))
        self.clock = self.setup.clock
        self.clock.now = NOW
        self.source = self.setup.source
        self.printer = self.setup.printer
        self.scanner = VirtualScanner()
        self.ticker = Ticker()
        with self.setup.database.write() as tx:
            tx.members.put_enterprise(Enterprise("B", OWNERS_FIRM, "赵志强", Review.APPROVED))
        self.desk = dataclasses.replace(self.setup.open_desk(), scanner=self.scanner)
        self.service = DeskService(self.desk)

    def app(self, language: Language = Language.CHINESE) -> KeydeskApp:
        """Make an app of this kiosk."""
        return KeydeskApp(self.service, None, Display(language=language), monotonic=self.ticker)

    # the centre

    def go_offline(self, seconds: int = 600) -> None:
        """Let the agent have reached the centre so long ago, and not since."""
        with self.setup.database.write() as tx:
            state = tx.agent.get()
            tx.agent.put(replace(state, last_contact=self.clock.wall() - seconds, error="unreachable"))

    def let_orders_fall_due(self) -> None:
        """Let so much time pass, with the centre in reach, that no payment of an order can still be on its way."""
        self.clock.advance(1201)
        self.setup.contact()

    def leave_waiting(self, entries: int) -> None:
        """Let the centre lack so many of the journal's entries."""
        with self.setup.database.write() as tx:
            tip = tx.journal.tip()
            assert tip is not None
            tx.agent.put(replace(tx.agent.get(), high_water=tip.sequence - entries))

    def fill_journal(self, sequence: int) -> None:
        """Let the journal's last entry be the one of that number."""
        with self.setup.database.write() as tx:
            while (tip := tx.journal.tip()) is not None and tip.sequence < sequence:
                tx.append(PinChangeSkipped(NEWCOMER, OTHER_SERIAL), self.clock)

    def hear_of_bindings(self) -> None:
        """Let the agent reach the centre whenever the screen looks whether a certificate is registered."""
        registration = self.service.registration

        def look(reference: str) -> RegisteredState | Refused | None:
            self.setup.contact()
            return registration(reference)

        self.service.registration = look  # type: ignore[method-assign]

    def give_surplus_back(self, number: str) -> None:
        """Let the feed tell that the first of two payments went back."""
        first = self.setup.order(number).payments[0]
        assert first.transaction is not None
        with self.setup.database.write() as tx:
            tx.append(SurplusReturned(number, first.transaction, first.amount, "row/99"), self.clock)

    # members and their orders

    def session(self, account: str) -> Session:
        """Return the session of an account."""
        names = {NEWCOMER: ("李晓梅", FIRM), OWNER: ("陈静", OWNERS_FIRM), COLLEAGUE: ("周伟", FIRM)}
        operator, enterprise = names[account]
        return Session(account, operator, enterprise, self.clock.wall())

    def order(self, number: str) -> OrderView:
        """Return an order as it stands."""
        order = answered(self.service.order(number))
        assert order is not None
        return order

    def place(self, account: str, kind: OrderKind) -> OrderView:
        """Place an order."""
        return self.order(place(self.service, self.session(account), kind))

    def place_paid(self, account: str, kind: OrderKind) -> OrderView:
        """Place an order and let the feed tell that it was paid."""
        order = self.place(account, kind)
        self.setup.pay(order.reference)
        return self.order(order.reference)

    # keys

    def blank(self, serial: str = SERIAL) -> GmtCard:
        """Make a key as the vendor ships it."""
        return self.setup.blank(serial)

    def waste_tries(self, tries: int) -> None:
        """Type the PIN of the key that is in wrong so many times."""
        token = self.source.open(self.source.present()[0])
        for _ in range(tries):
            with contextlib.suppress(WrongPin, PinBlocked):
                token.verify_pin("000000")
        token.close()

    def owners_key(self, serial: str = SERIAL) -> GmtCard:
        """Make the key of OWNER, bound by the exchange; its PIN is the setup's, with six tries."""
        self.setup._elsewhere = itertools.count(int(CERTIFICATE, 16))
        return self.setup.bound_elsewhere(OWNER, serial, *VALIDITY)

    def revoke_owners_key(self) -> None:
        """Let the feed tell that the key of OWNER was revoked."""
        revoked = KeyBoundElsewhere(OWNER, CERTIFICATE, SERIAL, *VALIDITY, lost=True, revoked=True)
        with self.setup.database.write() as tx:
            tx.feed.put_key_elsewhere(revoked)


@contextlib.contextmanager
def held(service: DeskService, verb: str) -> Iterator[threading.Event]:
    """Let a verb of that service answer only once the event is set."""
    gate, answer = threading.Event(), getattr(service, verb)

    def wait(*asked: object) -> object:
        gate.wait()
        return answer(*asked)

    setattr(service, verb, wait)
    try:
        yield gate
    finally:
        gate.set()
        delattr(service, verb)


def answer_next(service: DeskService, verb: str, *outcomes: object) -> list[tuple[object, ...]]:
    """Let the next calls of a verb give, or raise, these outcomes, and the later ones what the desk answers.

    The list that is returned tells what was asked.
    """
    asked: list[tuple[object, ...]] = []
    waiting, answer = list(outcomes), getattr(service, verb)

    def tell(*given: object) -> object:
        asked.append(given)
        outcome = waiting.pop(0) if waiting else answer(*given)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    setattr(service, verb, tell)
    return asked


async def go(
    app: KeydeskApp,
    pilot: Pilot[None],
    route: Route,
    session: Session | None = None,
    order: OrderView | None = None,
    kind: OrderKind = OrderKind.NEW,
) -> None:
    """Show a step as it is when a visit comes to it."""
    await settle(pilot)
    app.visit.session = session
    app.visit.order = order
    app.visit.kind = order.kind if order is not None else kind
    app.go(route)
    await settle(pilot)


async def lay(app: KeydeskApp, pilot: Pilot[None], layer: Overlay[bool] | Overlay[None]) -> None:
    """Show a screen over the step."""
    await settle(pilot)
    app.push_screen(layer)
    await settle(pilot)


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    patience = Patience()
    while not holds():
        assert not patience.ended(), "waited in vain"
        await pilot.pause(LOOK_SECONDS)


class LoginCentre:
    """The centre's side of 登录验证: it judges every key well, and takes one SMS code."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._database = kiosk.setup.database
        self._expires = kiosk.clock.wall() + 300
        self._tries = 5
        kiosk.setup.sleep.happens.extend([self.answer] * 1000)

    def answer(self) -> None:
        """Answer what waits in the mailbox."""
        with self._database.write() as tx:
            for question in tx.mailbox.waiting():
                answer = self._judge(QUESTIONS.decode(question.body))
                tx.mailbox.answer(question.id, msgspec.msgpack.encode(answer))

    def _judge(self, question: LoginQuestion) -> LoginAnswer:
        match question:
            case ChallengeRequested():
                return ChallengeIssued("3-check", bytes(range(32)), self._expires)
            case ChallengeSigned():
                return LoginJudged(
                    signature=True,
                    chain=True,
                    registration=Registration.LISTED,
                    phone="138****5678",
                    code_expires=self._expires,
                    tries=self._tries,
                )
            case CodeTyped(code=code) if code == SMS_CODE:
                return CodeJudged(CodeJudgement.RIGHT)
            case CodeTyped():
                self._tries -= 1
                return CodeJudged(CodeJudgement.WRONG, self._tries)
            case FirstPasswordChosen():
                right = question.code == SMS_CODE
                return CodeJudged(CodeJudgement.RIGHT if right else CodeJudgement.OVER)
