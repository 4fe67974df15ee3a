"""Journals for the centre's bench: kiosks in the program's own words, each with orders from placing to bound."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.ledger import PaidHow
from sync.protocol import records
from sync.protocol.batches import MAXIMUM_ENTRIES
from tests.support.kiosk_double import KioskDouble, http_send


def journals(address: str, tokens: Mapping[int, str]) -> list[KioskDouble]:
    """Enrolled kiosks that know what their feeds tell."""
    kiosks = [
        KioskDouble(number, send=http_send, base=address).enrol(token) for number, token in tokens.items()
    ]
    for kiosk in kiosks:
        kiosk.feed()
    return kiosks


def bad(count: int, kiosks: int, place: int) -> int:
    """How many of the bad certificates that many kiosks issue together are this one's."""
    return count // kiosks + (1 if place < count % kiosks else 0)


class Sender(msgspec.Struct):
    """Batches that are ready to be sent."""

    kiosk: KioskDouble
    batches: list[bytes]

    @property
    def uploaded(self) -> int:
        """Bytes of all of them."""
        return sum(map(len, self.batches))

    def send(self) -> None:
        """Send them one after the other, a refused one again."""
        for batch in self.batches:
            while (answer := self.kiosk.request("POST", records.PATH_JOURNAL, batch)).status != HTTPStatus.OK:
                assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE, answer.body


def uploads(kiosk: KioskDouble, orders: int, *, bad: int, after: int = 0) -> Sender:
    """A kiosk's entries of orders for the accounts after that one, the last ones with `bad` certificates, in batches."""
    for number in range(after, after + orders):
        account = str(kiosk.number * 1_000_000 + number)
        placed = kiosk.place(account=account, policy=2)
        amount = sum(line.amount for line in placed.lines)
        kiosk.append(OrderPaid(placed.order, PaidHow.DESK, amount, kiosk.now(), supervisor="林涛"))
        _bound(kiosk, placed, genuine=number < after + orders - bad)
    batches = [
        kiosk.batch(kiosk.entries[at : at + MAXIMUM_ENTRIES])
        for at in range(0, len(kiosk.entries), MAXIMUM_ENTRIES)
    ]
    return Sender(kiosk, batches)


def _bound(kiosk: KioskDouble, placed: OrderPlaced, *, genuine: bool) -> None:
    issued = kiosk.certificate(placed, policy=2)
    if not genuine:
        entry = kiosk.entries.pop()
        kiosk.tip = kiosk.last.__class__(kiosk.epoch, entry.entry.sequence - 1, kiosk.entries[-1].hash)
        wrong = issued.certificate[:-1] + bytes([issued.certificate[-1] ^ 1])
        body = {name: getattr(issued, name) for name in issued.__struct_fields__} | {"certificate": wrong}
        kiosk.append(CertificateIssued(**body))
    kiosk.finish(placed)
