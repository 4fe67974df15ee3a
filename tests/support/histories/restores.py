"""Histories in which the centre is put back from a backup, and an oracle outside it that forgets nothing.

Its tables are put back, the file beside them stays, and it starts as every centre does: where it is behind that file a person says
`keydesk-central restored` first, and sometimes one says so anyhow; else the kiosks' receipts have to tell.

The provider's records are its own: they stay. What was said before a backup that was put back may be lost at the centre, but no
name comes to stand for two things, nothing goes back to a payer twice, nobody gets back what was taken from them, and no
key on record of a kiosk that is still there goes off it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from kiosk.domain.members import Role
from kiosk.domain.remarks import RemarkReason
from sync.agent.exchanging import exchange
from sync.central.fleet.feed.models import Incarnation
from sync.central.fleet.models import Machine as Machines
from sync.central.fleet.models import MachineState
from sync.central.ledger.deciding_strands import confirm_machine
from sync.central.ledger.models import LedgerAccount, LedgerCertificate, Matter
from sync.central.ledger.rows import register_record
from sync.central.members.models import DeskStaff
from sync.central.members.publishing import publish_staff
from sync.central.payments.models import PaymentAttempt, SandboxTrade
from sync.central.payments.provider import Trade
from sync.central.payments.sandbox import SandboxProvider
from sync.protocol.receipts import BITS, CentreReceipt, receipt_text, sign_receipt
from sync.protocol.records import PATH_FEED
from tests.support.histories import centre_steps, feed_steps, payer_steps, steps
from tests.support.histories.machines import Machine
from tests.support.histories.quiet import NeverQuiet, come_to_rest
from tests.support.histories.running import Outcome, new_world
from tests.support.histories.world import NOTHING, World, chance

LENGTH = (15, 50)
TOLD = 0.25
"""How often somebody says that a backup was put back where nothing makes them."""
SAID_AT_ONCE = 0.4
"""How often staff change something as soon as a backup was put back."""
_USABLE = ("valid", "on-hold")


class Oracle:
    """What really happened, whatever the centre remembers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.backups: list[Path] = []
        self.put_back = 0
        self.opened: dict[str, set[str]] = defaultdict(set)
        self.refunds: dict[str, list[str]] = defaultdict(list)
        self.listed: dict[str, int] = {}
        self.demoted: set[str] = set()
        self.promoted: set[str] = set()
        self.seen: set[tuple[str, str]] = set()
        self.away: Machine | None = None

    # the centre

    def back_up(self) -> str:
        """Copy the centre's tables while it works."""
        self.note()
        path = self.world.folder / f"backup-{len(self.backups)}.sqlite3"
        self.world.centre.tables.back_up(path)
        self.backups.append(path)
        return path.name

    def restore(self) -> str:
        """Put one of the backups back, and start."""
        self.note()
        path = self.world.choose(self.backups)
        if path is None:
            return NOTHING
        trades = list(SandboxTrade.objects.all())
        self.world.centre.tables.put_back(path)
        SandboxTrade.objects.all().delete()
        SandboxTrade.objects.bulk_create(trades)
        self.put_back += 1
        told = self.world.centre.start(restored=self.world.random.random() < TOLD)
        return f"{path.name}{' restored' if told else ''}"

    def edit(self) -> str:
        """Staff take somebody's role away, or give it."""
        name = self.world.random.choice(feed_steps.PEOPLE)
        row, _ = DeskStaff.objects.get_or_create(name=name, defaults={"role": Role.SUPERVISOR.value})
        before = row.role
        said = feed_steps.edit_person(self.world, name)
        if before == Role.STAFF.value:
            # Who is given the role was found fit by somebody who may know nothing of what was lost.
            self.demoted.discard(name)
            self.promoted.add(name)
            self.seen = {each for each in self.seen if each[1] != name}
        else:
            self.demoted.add(name)
        return said

    def hire(self) -> str:
        """Everybody is a supervisor at first."""
        for name in feed_steps.PEOPLE:
            row, _ = DeskStaff.objects.get_or_create(name=name)
            row.role = Role.SUPERVISOR.value
            row.save()
            publish_staff(row, self.world.centre.now)
        return ""

    def touch(self) -> str:
        """Staff change a password, and say the role again that they know of."""
        name = self.world.random.choice(feed_steps.PEOPLE)
        row = DeskStaff.objects.filter(name=name).first()
        if row is None:
            return NOTHING
        row.verifier = f"changed-{self.world.random.getrandbits(32):08x}"
        row.save()
        publish_staff(row, self.world.centre.now)
        return f"{name} {row.role}"

    def leave(self) -> str:
        """A kiosk goes away and never comes back."""
        if self.away is not None or self.world.random.random() < 0.5:
            return NOTHING
        self.away = self.world.random.choice(self.world.live)
        self.away.at_work = False
        return self.away.label

    def everybody(self) -> str:
        """Everybody exchanges what there is."""
        said = [self.world.exchange(machine) for machine in self.world.live]
        self.world.centre.apply()
        self.note()
        return f"{len(said)}"

    def forge(self) -> str:
        """A hostile kiosk shows a receipt that it signed itself."""
        hostile = self.world.random.choice(self.world.hostiles)
        heads, tip = {0: self.world.random.getrandbits(60)}, hostile.tip
        made = CentreReceipt(1, bytes(BITS), hostile.number, 1, tip, heads, 0, self.world.time.now)
        hostile.receipt = receipt_text(sign_receipt(made, hostile.device_key))
        answer = hostile.request("GET", f"{PATH_FEED}?after=&wait=0")
        return f"{hostile.number} {answer.status}"

    # what is seen from outside

    def note(self) -> None:
        """Look at what the centre has on record, and at what the desks show."""
        for row in LedgerCertificate.objects.filter(status__in=_USABLE):
            self.listed[row.number] = row.kiosk
        for machine in self.world.live:
            for name in self.demoted:
                if _role(machine, name) is Role.STAFF:
                    self.seen.add((machine.label, name))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the provider."""
        prepare, refund = SandboxProvider.prepare, SandboxProvider.refund

        def prepared(provider: SandboxProvider, out_trade_no: str, amount: int, description: str) -> None:
            self.opened[out_trade_no].add(description)
            prepare(provider, out_trade_no, amount, description)

        def refunded(provider: SandboxProvider, out_trade_no: str, out_refund_no: str, amount: int) -> Trade:
            self.refunds[out_trade_no].append(out_refund_no)
            return refund(provider, out_trade_no, out_refund_no, amount)

        classes: Any = SandboxProvider  # its methods are replaced for a while
        classes.prepare, classes.refund = prepared, refunded
        try:
            yield
        finally:
            classes.prepare, classes.refund = prepare, refund

    def wrong(self) -> Iterator[str]:
        """What must not have happened."""
        yield from self._names()
        yield from self._money()
        for label, name in sorted(self.seen):
            machine = next(each for each in self.world.machines if each.label == label)
            if machine.at_work and _role(machine, name) is Role.SUPERVISOR:
                yield f"{label}: {name} is a supervisor again"
        yield from self._delisted()
        yield from self._untold()
        began = Incarnation.objects.order_by("-number").values_list("number", flat=True)[0] - 1
        if began > self.put_back:
            yield f"{began} incarnations began after {self.put_back} backups"

    def _names(self) -> Iterator[str]:
        named: dict[str, set[bytes]] = defaultdict(set)
        for machine in self.world.machines:
            with machine.database.read() as tx:
                for sealed in tx.journal.each():
                    entry = sealed.entry
                    match entry.body:
                        case OrderPlaced() as body:
                            named[body.order].add(body.order_code)
                        case CertificateIssued() as body:
                            named[body.number].add(body.certificate)
                        case EpochBegan() if entry.epoch < FIRST_RANDOM_EPOCH:
                            named[f"epoch {entry.kiosk}/{entry.epoch}"].add(sealed.hash)
                        case _:
                            pass
        yield from (f"{name} names {len(things)} things" for name, things in named.items() if len(things) > 1)
        yield from (f"{name} pays {orders}" for name, orders in self.opened.items() if len(orders) > 1)

    def _money(self) -> Iterator[str]:
        for name, refunds in self.refunds.items():
            if len(set(refunds)) > 1:
                yield f"{name} went back as {sorted(set(refunds))}"
        paid = defaultdict[str, list[str]](list)
        for trade in SandboxTrade.objects.filter(state="SUCCESS"):
            (order,) = self.opened[trade.out_trade_no]
            paid[order].append(trade.out_trade_no)
        for order, names in paid.items():
            if len(names) > 1 and order not in self._known_whole():
                yield f"{order} was paid as {names}, and the centre knows nothing of it"

    def _known_whole(self) -> set[str]:
        """The orders of which the centre knows every payment that the provider has."""
        known = set(PaymentAttempt.objects.values_list("out_trade_no", flat=True))
        return {
            order
            for name, orders in self.opened.items()
            for order in orders
            if all(each in known for each, of in self.opened.items() if order in of)
        }

    def _untold(self) -> Iterator[str]:
        """A role that the centre took away is nobody's at any kiosk that reads on.

        Who was given one since may have it there: the kiosk heard of it, and the centre was put back behind that.
        """
        taken = set(DeskStaff.objects.filter(role=Role.STAFF.value).values_list("name", flat=True))
        taken = (taken & self.demoted) - self.promoted
        for machine in self.world.live:
            if machine.works:
                yield from (
                    f"{machine.label} was never told that {name} is no supervisor"
                    for name in sorted(taken)
                    if _role(machine, name) is Role.SUPERVISOR
                )

    def _delisted(self) -> Iterator[str]:
        there = {machine.kiosk for machine in self.world.live}
        now = {
            each.key.number: (each.standing.value, place, register.certificates)
            for register in map(register_record, LedgerAccount.objects.all())
            for place, each in enumerate(register.certificates)
        }
        for number, kiosk in sorted(self.listed.items()):
            if kiosk not in there:
                continue
            if number not in now and _was_succeeded(number):
                continue  # it came after the key that took its place
            if number not in now:
                yield f"{number} was on record and is unknown"
            elif now[number][0] != "listed" and not _another_came_first(number):
                yield f"{number} was on record and is {now[number][0]}"


def _another_came_first(number: str) -> bool:
    """Whether two kiosks bound a key for one account, and the other one's is on record now.

    Neither had heard of the other. Whose entries come first counts, and after a restore that may be the other's; staff decide.
    """
    row = LedgerCertificate.objects.get(number=number)
    account = LedgerAccount.objects.get(account=row.account)
    found = register_record(account).find(number)
    if row.status != "held" or found is None or not found.obstacles:
        return False
    others = LedgerCertificate.objects.filter(number__in=found.obstacles, status__in=_USABLE)
    elsewhere = others.exclude(kiosk=row.kiosk).exclude(order=row.order)
    waits = Matter.objects.filter(rule=RemarkReason.CERTIFICATE_HELD.value, subject=number, state="open")
    return elsewhere.count() == len(found.obstacles) and waits.exists()


def _was_succeeded(number: str) -> bool:
    row = LedgerCertificate.objects.filter(number=number, status="revoked").first()
    usable = LedgerCertificate.objects.filter(status__in=_USABLE)
    return row is not None and usable.filter(account=row.account).exists()


def _role(machine: Machine, name: str) -> Role | None:
    with machine.database.read() as tx:
        return next((each.role for each in tx.members.all_staff() if each.name == name), None)


def confirm_all(world: World) -> int:
    """Staff confirm every machine that waits for it; how many."""
    waiting = Machines.objects.filter(state=MachineState.UNCONFIRMED).order_by("key")
    return sum(confirm_machine(each, "boss", "telephoned", world.centre.now) for each in waiting)


def rest_with_staff(world: World) -> None:
    """Come to rest, while staff confirm whoever waits for it. Raises NeverQuiet."""
    while True:
        try:
            come_to_rest(world)
        except NeverQuiet:
            if not confirm_all(world):
                raise
        else:
            if not confirm_all(world):
                return


class Planned(msgspec.Struct, frozen=True):
    """A step to be taken, and the chance that it chooses by."""

    name: str
    chance: int


_WEIGHTS = {
    **{
        each: steps.WEIGHTS[each]
        for each in (
            steps.place, steps.exchange, steps.bind, steps.apply, steps.only_push, steps.only_pull, steps.beat,
            steps.vouch, steps.type_code, steps.scan_code, steps.grant_refund, steps.switch_line, steps.wait,
            centre_steps.pay_back, centre_steps.return_surplus, centre_steps.ask_refund, centre_steps.move,
            steps.copy, steps.clone, steps.replace_machine, steps.retire, steps.enrol_again,
        )
    },
    payer_steps.pay: 14,
    payer_steps.decline: 2,
}  # fmt: skip
_OWN = {"back_up": 5, "restore": 5, "edit": 8, "touch": 6, "hire": 0, "leave": 1, "everybody": 25, "forge": 2}
_STEPS = {each.__name__: each for each in _WEIGHTS}


def planned(seed: int) -> tuple[Planned, ...]:
    """The steps of a seed; the centre is put back at least once."""
    random = chance(seed)
    weights = {**{each.__name__: weight for each, weight in _WEIGHTS.items()}, **_OWN}
    chosen = random.choices(list(weights), weights=list(weights.values()), k=random.randint(*LENGTH))
    chosen += ["restore", *random.choices(list(weights), weights=list(weights.values()), k=8)]
    begin = ["hire", "everybody", "back_up"]
    plan = [Planned(name, random.getrandbits(48)) for name in [*begin, *chosen]]
    return tuple(each for planned in plan for each in _with_what_follows(planned))


def _with_what_follows(planned: Planned) -> Iterator[Planned]:
    """Staff often say something before any kiosk is heard of again."""
    yield planned
    random = chance(planned.chance + 1)
    if planned.name == "restore" and random.random() < SAID_AT_ONCE:
        yield Planned("touch", random.getrandbits(48))


def run(plan: tuple[Planned, ...], seed: int = 0, database: str = "") -> Outcome:
    """Take these steps, come to rest, and ask the oracle; `database` is a PostgreSQL server's, empty for SQLite."""
    with new_world(database=database) as world:
        oracle = Oracle(world)
        try:
            with oracle.watching():
                for number, each in enumerate(plan):
                    world.random = chance(each.chance)
                    world.time.now += world.random.randint(1, 40)
                    if each.name in _OWN:
                        came = str(getattr(oracle, each.name)())
                    else:
                        came = _STEPS[each.name](world)
                    world.log.append(f"{number:3d} {each.name} {came}")
                world.random = chance(seed)
                oracle.note()
                rest_with_staff(world)
                for machine in world.live:
                    machine.work(exchange)  # one of these may have begun another incarnation
                rest_with_staff(world)
                wrong = list(oracle.wrong())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            world.trace = error
            wrong = [f"{type(error).__name__}: {error}"]
        return Outcome(tuple(world.log), tuple(wrong))
