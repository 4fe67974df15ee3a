"""Chapters at the desk: orders, payments and bindings in every state, keys lost, found, changed and erased."""

from __future__ import annotations

from tests.support.recording.story import BOSS, RENEWAL, REPLACEMENT, Story, good  # isort: split

import msgspec

from hardware.virtual.printer import VirtualPrinter
from kiosk.desk.keys.views import KeyView, LoginCheckView
from kiosk.desk.orders.confirming import CodeAccepted
from kiosk.domain.ledger import BindingStep, Delivery
from kiosk.domain.login_check import MAILBOX_KIND, ChallengeIssued, ChallengeRequested, ChallengeSigned
from sync.agent.mailbox import answer_waiting
from sync.central.context import centre_keys
from sync.central.ledger import settling
from sync.central.ledger.rows import certificate_record
from sync.central.login.models import SandboxMessage
from sync.central.payments import payers, paying, reconciling
from sync.central.payments.models import DeskPayment
from sync.central.payments.pages import read_bill
from sync.central.payments.sandbox import SandboxProvider
from tests.support.histories.machines import Machine
from tests.support.histories.world import PIN, STAFF, SUPERVISOR
from tests.support.values import present

OTHER_PIN = "482913"


def unpaid_orders(story: Story, machine: Machine) -> None:
    """Orders that nobody paid: plain, with a page that was opened, with one that the payer gave up."""
    story.place(machine)
    opened, declined = story.place(machine), story.place(machine)
    bill = read_bill(story.world.links[opened], centre_keys(), story.world.centre.now)
    assert paying.open_attempt(bill, story.world.centre.now) is not None
    story.world.page(declined, "decline")
    cancelled = story.place(machine)
    good(machine.service.cancel(story.world.session(story.order(machine, cancelled).account), cancelled))


def paid_on_the_page(story: Story, machine: Machine) -> str:
    """An order that is paid at the centre and not at the kiosk, which has not heard of it; another browser asks for its confirmation."""
    reference = story.place(machine)
    story.pay(reference)
    now = story.world.centre.now
    bill = read_bill(story.world.links[reference], centre_keys(), now)
    payers.send_code(bill, "another browser", bill.code.account, now)
    return reference


def paid_orders(story: Story, machine: Machine) -> None:
    """Orders that were paid in every way, in every step of binding."""
    story.paid(machine)
    typed, scanned = story.place(machine), story.place(machine)
    for reference in (typed, scanned):
        story.pay(reference)
    receipts = story.world.receipts
    done = machine.service.confirm_typed(typed, receipts[typed].confirmation)
    assert isinstance(done, CodeAccepted), done
    done = machine.service.confirm_scanned(scanned, receipts[scanned].scan_text)
    assert isinstance(done, CodeAccepted), done
    for delivery in Delivery:
        reference = story.vouched(machine)
        account = story.order(machine, reference).account
        machine.service.choose_delivery(story.world.session(account), reference, delivery)
    for step in (
        BindingStep.STARTED,
        BindingStep.KEY_PAIR_MADE,
        BindingStep.ISSUED,
        BindingStep.WRITTEN,
        BindingStep.PROVED,
    ):
        story.bind_until(machine, story.vouched(machine), step)
    abandoned = story.vouched(machine)
    story.bind_until(machine, abandoned, BindingStep.WRITTEN)
    good(machine.service.abandon(SUPERVISOR, abandoned, "坏了"))


def money_back(story: Story, machine: Machine) -> None:
    """Orders whose money goes back, was asked for, is back; money that came twice."""
    now = story.world.centre.now
    late = story.place(machine)
    story.world.page(late)
    expired = story.place(machine)
    story.tell(machine)
    story.wait(1260)
    story.tell(machine)
    machine.service.expire_due()
    story.tell(machine)
    bill = read_bill(story.world.links[late], centre_keys(), now)
    attempt = paying.open_attempt(bill, now)
    assert attempt is not None
    paying.settle(attempt.out_trade_no, SandboxProvider().pay(attempt.out_trade_no, now), now)
    granted, returned = story.paid(machine), story.paid(machine)
    for reference in (granted, returned):
        good(machine.service.grant_refund(SUPERVISOR, reference, "会员不办了"))
    story.tell(machine)
    assert paying.pay_back(story.payment(returned), now)
    twice, counted = story.vouched(machine), story.vouched(machine)
    same, given_back = story.vouched(machine), story.vouched(machine)
    received = story.vouched(machine)
    cash = story.world.cash
    for reference in (twice, counted, same):
        story.pay_late(reference)
    cash.pop(same)  # it was the payment on the phone that the supervisor had seen
    good(machine.service.grant_refund(SUPERVISOR, given_back, "会员不办了"))
    story.tell(machine)
    for reference in (counted, received):
        assert reconciling.confirm_separate(DeskPayment.objects.get(order=reference), BOSS, "点过", now)
    assert paying.return_surplus(story.payment(counted), now)
    assert reconciling.confirm_same(DeskPayment.objects.get(order=same), BOSS, "一笔", now)
    assert reconciling.confirm_returned(DeskPayment.objects.get(order=given_back), BOSS, "退了", now)
    cash[given_back] -= story.order(machine, given_back).total
    asked = story.paid(machine)
    story.tell(machine)
    assert settling.request_refund(story.at_centre(asked), BOSS, "电话里说的", now)
    story.tell(machine)
    assert story.order(machine, expired).status.value == "expired"


def keys(story: Story, machine: Machine) -> None:
    """Keys in use, lost, found, lifted, replaced, renewed, revoked; PINs changed."""
    world, now = story.world, story.world.centre.now
    story.bound(machine)
    accounts = [story.member() for _ in range(9)]
    for account in accounts:
        story.bound(machine, account)
    lost, found, lifted, renewed, half, replaced, revoked, refunded, changed = accounts
    story.tell(machine)
    good(machine.service.report_loss(world.session(lost)))
    machine.source.swap(world.cards[world.serial_of(machine, found)])
    machine.service.key_found(STAFF)
    good(machine.service.report_loss(world.session(lifted)))
    machine.source.swap(world.cards[world.serial_of(machine, lifted)])
    good(machine.service.lift_hold(world.session(lifted), STAFF, PIN, False))  # noqa: FBT003 - the verb's own signature
    machine.source.remove()
    story.bind(machine, story.vouched(machine, renewed, RENEWAL))
    story.bind_until(machine, story.vouched(machine, half, RENEWAL), BindingStep.ISSUED)
    story.bind(machine, story.vouched(machine, replaced, REPLACEMENT), world.blank())
    story.tell(machine)
    for account in (revoked, refunded):
        settling.revoke_certificate(story.key_at_centre(account), BOSS, "被盗", now)
    story.tell(machine)
    pins(story, machine, changed)
    login_checks(story, machine, changed)


def pins(story: Story, machine: Machine, account: str) -> None:
    """A PIN is changed, not changed, unblocked; a key is erased."""
    session, serial = story.world.session(account), story.world.serial_of(machine, account)
    machine.source.swap(story.world.cards[serial])
    machine.service.skip_pin_change(session, serial)
    done: object = machine.service.change_pin(session, PIN, OTHER_PIN, False)  # noqa: FBT003 - the verb's own signature
    assert isinstance(done, KeyView), done
    done = machine.service.unblock_pin(SUPERVISOR, None, "111119")
    assert isinstance(done, KeyView), done
    done = machine.service.change_pin(session, "111119", "111118", False)  # noqa: FBT003 - the verb's own signature
    assert isinstance(done, KeyView), done
    spare = story.world.blank()
    machine.source.swap(spare)
    erased = machine.service.erase(SUPERVISOR, next(reversed(story.world.cards)))
    assert isinstance(erased, KeyView), erased
    machine.source.remove()


def login_checks(story: Story, machine: Machine, account: str) -> None:
    """Login checks that were asked for, failed, wait for the code, passed; a question that nobody answered."""
    world = story.world
    desk = story.while_agent_answers(machine)
    machine.source.swap(world.cards[world.serial_of(machine, account)])
    for answered in (True, False):
        view = desk.login_check(world.session(account), "111118", False)  # noqa: FBT003 - the verb's own signature
        assert isinstance(view, LoginCheckView), view
        if answered:
            text = SandboxMessage.objects.filter(account=account).latest("id").text
            code = "".join(each for each in text if each.isdigit())[:6]
            good(desk.login_code(view, code))
    machine.source.remove()

    asked = msgspec.msgpack.encode(ChallengeRequested(account))
    for _ in range(2):  # one is not gone on with, one is signed by another key
        with machine.database.write() as tx:
            number = tx.mailbox.submit(MAILBOX_KIND, asked, world.time.now + 300)
        machine.work(answer_waiting)
    with machine.database.read() as tx:
        given = msgspec.msgpack.decode(present(tx.mailbox.answer_of(number)), type=ChallengeIssued)
    signed = ChallengeSigned(
        given.check, certificate_record(story.key_at_centre(account)).certificate, b"signature"
    )
    with machine.database.write() as tx:
        tx.mailbox.submit(MAILBOX_KIND, msgspec.msgpack.encode(signed), world.time.now + 300)
    machine.work(answer_waiting)


def questions(story: Story, machine: Machine, account: str) -> None:
    """A question for the centre waits in the mailbox."""
    question = msgspec.msgpack.encode(ChallengeRequested(account))
    with machine.database.write() as tx:
        tx.mailbox.submit(MAILBOX_KIND, question, story.world.time.now + 300)


def without_paper(story: Story, machine: Machine) -> None:
    """Receipts wait for paper."""
    VirtualPrinter(machine.directory / "receipts").set_paper(present=False)
    reference = story.vouched(machine)
    story.bind(machine, reference)
    machine.service.print_receipt(reference)


def wrong_passwords(_story: Story, machine: Machine) -> None:
    """Somebody tries passwords."""
    for _ in range(2):
        machine.service.staff_sign_in("张华", "falsch")
