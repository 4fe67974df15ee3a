"""A kiosk with a valid key that means no good: well-formed junk of every kind, about others' orders and accounts too."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.decisions import (
    CertificateChecked,
    CertificateImported,
    CertificateRevoked,
    Decision,
    MatterDecided,
    RegisterDecided,
)
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import HoldLifted, KeyErased, KeyFound, LossReported
from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderTakenOver,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery, PaidHow
from kiosk.domain.versions import Version
from sync.central.examples import SCHEDULE
from tests.support.histories.centre import Time
from tests.support.kiosk_double import KioskDouble

OK = 200
POINT = b"\x04" + bytes(64)
LINES = SCHEDULE.lines(OrderKind.NEW)
TOTAL = sum(line.amount for line in LINES)


class Targets(NamedTuple):
    """What there is to be hostile about: accounts, references of orders, numbers of certificates, keys by account."""

    accounts: tuple[str, ...]
    orders: tuple[str, ...]
    certificates: tuple[str, ...]
    keys: tuple[tuple[str, KeyOnRecord], ...]


class Shot(NamedTuple):
    """One aim: an account and its key, an order, a certificate; chosen at random, each for itself."""

    kiosk: KioskDouble
    random: Random
    account: str
    order: str
    certificate: str
    key: KeyOnRecord

    @property
    def small(self) -> int:
        """A small number: an attempt, a feed number, a hand-over."""
        return self.random.randint(1, 9)


class HostileKiosk(KioskDouble):
    """The double of a kiosk, on the history's time."""

    def __init__(self, number: int, time: Time) -> None:
        super().__init__(number)
        self.time = time

    def now(self) -> int:
        """The true time."""
        return self.time.now

    def send_junk(self, random: Random, targets: Targets) -> str:
        """Append an entry that no honest kiosk would write, and upload it; the result tells which."""
        kind = random.choice(sorted(_JUNK))
        shot = self._aim(random, targets)
        if kind == "place":
            self.place(shot.account, random.choice(list(OrderKind)), nonce=random.randbytes(6))
        else:
            body = _JUNK[kind](shot)
            assert body is not None
            self.append(body)
        answer = self.upload(self.entries[-1:])
        assert answer.status == OK, answer.body
        return f"{kind} {shot.account} {shot.order}"

    def _aim(self, random: Random, targets: Targets) -> Shot:
        own = [each.entry.body.order for each in self.entries if isinstance(each.entry.body, OrderPlaced)]
        strange = KeyOnRecord(f"{self.number:04X}{random.randrange(9):012X}", "STRANGE", 1, self.now() + 9999)
        account, key = random.choice([*targets.keys, (random.choice(targets.accounts), strange)])
        order = random.choice([*targets.orders, *own[-3:], f"{self.number}-0001-1.{bytes(6).hex()}"])
        certificate = random.choice([*targets.certificates, strange.number])
        return Shot(self, random, account, order, certificate, key)


def _place(_shot: Shot) -> None:
    """It is placed by the double, with a good code."""


def _assigned(shot: Shot) -> AnyBody:
    now = shot.kiosk.now()
    return OrderAssigned(
        shot.order, shot.account, "企业", "经办人", OrderKind.NEW, LINES, 1, now, "T1", now,
        handover=shot.small, feed=f"order-assigned/{shot.order}/{shot.small}",
    )  # fmt: skip


def _taken_over(shot: Shot) -> AnyBody:
    now = shot.kiosk.now()
    return OrderTakenOver(
        shot.order, shot.account, "企业", "经办人", OrderKind.NEW, LINES, 1, now, "T1", now,
        handover=shot.small, new_owner=shot.kiosk.number, by="甲", remark="乙",
    )  # fmt: skip


def _issued(shot: Shot) -> AnyBody:
    now, number = shot.kiosk.now(), shot.random.choice([shot.certificate, shot.key.number])
    old = shot.random.choice([None, shot.key])
    return CertificateIssued(
        shot.order, 1, number, b"DER", now, now + 86400, 1,
        predecessor=None if old is None else old.number, old_end=None if old is None else old.not_after,
    )  # fmt: skip


_JUNK: dict[str, Callable[[Shot], AnyBody | None]] = {
    "place": _place,
    "placed-again": lambda shot: OrderPlaced(
        shot.order,
        shot.account,
        "企业",
        "经办人",
        OrderKind.NEW,
        LINES,
        1,
        bytes(8),
        1,
        Version(1, 1),
        1,
        bytes(38),
    ),
    "assigned": _assigned,
    "taken-over": _taken_over,
    "released": lambda shot: OrderReleased(
        shot.order, shot.kiosk.number, shot.small, f"order-moved/{shot.order}/{shot.small}"
    ),
    "paid": lambda shot: OrderPaid(
        shot.order, shot.random.choice(list(PaidHow)), shot.random.choice([1, TOTAL]), 1, "T1"
    ),
    "cancelled": lambda shot: OrderCancelled(shot.order, "member"),
    "expired": lambda shot: OrderExpired(shot.order),
    "delivery": lambda shot: DeliveryChosen(shot.order, Delivery.MAIL),
    "started": lambda shot: BindingStarted(
        shot.order, shot.small, shot.key.token_serial, "gmt", "SM2", shot.random.choice([None, POINT])
    ),
    "key-pair": lambda shot: KeyPairMade(shot.order, 1, POINT),
    "issued": _issued,
    "written": lambda shot: CertificateWritten(shot.order, 1),
    "proved": lambda shot: CertificateProved(shot.order, 1, b"c", b"s"),
    "bound": lambda shot: Bound(shot.order, 1),
    "abandoned": lambda shot: BindingAbandoned(shot.order, 1, "甲", "乙"),
    "granted": lambda shot: RefundGranted(shot.order, "甲", "乙"),
    "refunded": lambda shot: RefundCompleted(shot.order, TOTAL, f"refund-paid/{shot.order}/{shot.small}"),
    "surplus": lambda shot: SurplusReturned(shot.order, "T1", TOTAL, f"payment-returned/{shot.order}/T1"),
    "revoked": lambda shot: CertificateRevoked(shot.certificate, "甲", f"revocation/{shot.certificate}"),
    "decided": lambda shot: RegisterDecided(
        shot.account, shot.order, shot.certificate, shot.random.choice(list(Decision)), "甲", "乙"
    ),
    "matter": lambda shot: MatterDecided("certificate-held", shot.certificate, "list", "甲", "乙"),
    "checked": lambda shot: CertificateChecked(
        shot.account, shot.order, shot.certificate, genuine=shot.random.random() < 0.5
    ),
    "imported": lambda shot: CertificateImported(
        shot.account, shot.certificate, "STRANGE", b"DER", 1, shot.kiosk.now()
    ),
    "lost": lambda shot: LossReported(shot.account, shot.key),
    "found": lambda shot: KeyFound(shot.account, shot.key.token_serial, "甲", shot.key),
    "lifted": lambda shot: HoldLifted(shot.account, shot.key, "甲"),
    "erased": lambda shot: KeyErased(shot.account, shot.key.token_serial, "甲", shot.key.number),
}
