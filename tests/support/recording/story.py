"""What the chapters of a recording tell by: members come, order and bind, machines and the centre talk, time passes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from hardware.virtual.gmt.card import GmtCard
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView, Placed
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, Order
from kiosk.domain.members import Review
from sync.agent.feed.pull import pull
from sync.agent.mailbox import answer_waiting
from sync.agent.push import push
from sync.central.context import centre_keys
from sync.central.ledger.models import LedgerCertificate, LedgerOrder
from sync.central.ledger.publishing import publish_operators
from sync.central.members.models import Enterprise, Operator
from sync.central.payments import paying
from sync.central.payments.models import Payment
from sync.central.payments.pages import read_bill
from sync.central.payments.sandbox import SandboxProvider
from tests.support.histories.machines import Machine
from tests.support.histories.world import PIN, SUPERVISOR, Killed, World  # isort: split - Django is set up by it
from tests.support.values import present

BOSS = "boss"
NEW, RENEWAL, REPLACEMENT = OrderKind.NEW, OrderKind.RENEWAL, OrderKind.REPLACEMENT
_FIRST_ACCOUNT = 12000001
_STOP_AFTER = {
    BindingStep.STARTED: 1,
    BindingStep.KEY_PAIR_MADE: 2,
    BindingStep.ISSUED: 3,
    BindingStep.WRITTEN: 4,
    BindingStep.PROVED: 5,
}
"""The step of the bind screen that is done once the attempt is there."""
Answer = TypeVar("Answer")


def good(answer: Answer | Refused) -> Answer:
    """The answer of a verb, which was not refused."""
    assert not isinstance(answer, Refused), answer
    return answer


class Story:
    """A world, and members for it without end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._members: list[str] = []

    def machine(self, label: str) -> Machine:
        """The machine with that label."""
        return next(each for each in self.world.machines if each.label == label)

    def machine_of_kiosk(self, kiosk: int) -> Machine:
        """The last machine of a kiosk."""
        return [each for each in self.world.live if each.kiosk == kiosk][-1]

    # members

    def hire(self, members: int) -> None:
        """Put so many new members on record."""
        enterprise = Enterprise.objects.order_by("code").first()
        assert enterprise is not None
        rows = [
            Operator(
                account=str(account),
                enterprise=enterprise,
                name=f"经办{account % 1000}",
                review=Review.APPROVED.value,
                verifier="",
                phone=f"138{account}",
            )
            for account in range(_FIRST_ACCOUNT, _FIRST_ACCOUNT + members)
        ]
        Operator.objects.bulk_create(rows)
        publish_operators(rows, self.world.centre.now)
        self._members = [row.account for row in reversed(rows)]
        self.world.members |= {row.account: (row.name, enterprise.name) for row in rows}

    def member(self) -> str:
        """The account of a member who was not there before."""
        return self._members.pop()

    # orders

    def place(self, machine: Machine, account: str = "", kind: OrderKind = NEW) -> str:
        """Somebody orders; the reference."""
        placed = machine.service.place_order(self.world.session(account or self.member()), kind)
        assert isinstance(placed, Placed), placed
        self.world.seen(placed.order)
        return placed.order.reference

    def order(self, machine: Machine, reference: str) -> OrderView:
        """The order as the desk shows it."""
        return present(good(machine.service.order(reference)))

    def vouched(self, machine: Machine, account: str = "", kind: OrderKind = NEW) -> str:
        """Somebody orders and pays in cash; the reference."""
        reference = self.place(machine, account, kind)
        self.cash(machine, reference)
        return reference

    def cash(self, machine: Machine, reference: str) -> None:
        """A supervisor takes the money."""
        order = good(machine.service.vouch(SUPERVISOR, reference))
        self.world.cash[reference] = self.world.cash.get(reference, 0) + order.total

    def paid(self, machine: Machine, account: str = "", kind: OrderKind = NEW) -> str:
        """Somebody orders and pays on the page, and the kiosk hears of it; the reference."""
        reference = self.place(machine, account, kind)
        self.pay(reference)
        self.hear(machine)
        return reference

    def pay(self, reference: str) -> None:
        """Somebody pays on the page."""
        assert self.world.page(reference, "pay") == "paid"

    def pay_late(self, reference: str) -> None:
        """The provider settles what was begun on the page before, whatever the page says now."""
        now = self.world.centre.now
        bill = read_bill(self.world.links[reference], centre_keys(), now)
        attempt = present(paying.open_attempt(bill, now))
        paying.settle(attempt.out_trade_no, SandboxProvider().pay(attempt.out_trade_no, now), now)

    def key_at_centre(self, account: str) -> LedgerCertificate:
        """The account's key in the centre's books."""
        return LedgerCertificate.objects.get(account=account, status="valid")

    def bind(self, machine: Machine, reference: str, card: GmtCard | None = None) -> str:
        """The key is bound; the number of its certificate."""
        done = self._bind(machine, reference, card, _unseen)
        assert isinstance(done, BoundView), done
        return done.certificate

    def bind_until(self, machine: Machine, reference: str, step: BindingStep) -> None:
        """The desk dies as soon as the attempt has come to that step."""

        def watch(progress: BindingProgress) -> None:
            if progress == BindingProgress(_STOP_AFTER[step], done=True):
                raise Killed

        try:
            self._bind(machine, reference, None, watch)
        except Killed:
            machine.restart()
        attempt = present(self.order_of(machine, reference).binding)
        assert attempt.step is step, attempt

    def _bind(
        self,
        machine: Machine,
        reference: str,
        card: GmtCard | None,
        watch: Callable[[BindingProgress], None],
    ) -> object:
        order = self.order_of(machine, reference)
        machine.source.swap(card or self.world.card_for(machine, order))
        try:
            session = self.world.session(order.account)
            return machine.service.bind(session, reference, PIN, False, watch)  # noqa: FBT003 - the verb's own signature
        finally:
            machine.source.remove()

    def order_of(self, machine: Machine, reference: str) -> Order:
        """The order as the machine's store has it."""
        return next(each for each in machine.orders() if each.reference == reference)

    def bound(self, machine: Machine, account: str = "", kind: OrderKind = NEW) -> str:
        """Somebody orders, pays in cash and has the key bound; the number of its certificate."""
        return self.bind(machine, self.vouched(machine, account, kind))

    # the line and the centre

    def tell(self, *machines: Machine) -> None:
        """These machines and the centre tell each other everything, and it is applied."""
        for _ in range(2):
            for machine in machines:
                came = self.world.exchange(machine)
                assert came.startswith("("), f"{machine.label}: {came}"
            self.apply()
        for machine in machines:
            self.hear(machine)

    def hear(self, machine: Machine) -> None:
        """A machine hears what there is to hear, and uploads nothing."""
        assert machine.work(pull, hears=True) == "PullReport"

    def push(self, machine: Machine) -> None:
        """A machine uploads, and it is applied."""
        assert machine.work(push) == "PushReport"
        self.apply()

    def apply(self) -> None:
        """The applier and the verifier come to rest."""
        self.world.centre.apply()

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.world.time.now += seconds

    def while_agent_answers(self, machine: Machine) -> DeskService:
        """The desk of a machine whose agent answers while somebody waits."""

        def sleep(_seconds: float) -> None:
            machine.work(answer_waiting)

        return DeskService(dataclasses.replace(machine.service._desk, sleep=sleep))

    # at the centre

    def at_centre(self, reference: str) -> LedgerOrder:
        """The order in the centre's books."""
        return LedgerOrder.objects.get(reference=reference)

    def payment(self, reference: str) -> Payment:
        """Its payment there."""
        return Payment.objects.get(order=reference)


def _unseen(_progress: BindingProgress) -> None:
    """Nobody looks at the screen."""
