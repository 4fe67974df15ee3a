"""A kiosk in few lines, that enrols, signs, journals and uploads to the centre as a real one does."""

from __future__ import annotations

import copy
import functools
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from django.test import Client
from django.test.client import ClientHandler

from tests.support.django_setup import ORGANISATION  # isort: split

from kiosk.domain.certificate_numbers import RANDOM_LENGTH, CertificateNumber
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import (
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.feed_keys import schedule_digest
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.identifiers import OrderNumber
from kiosk.domain.journal import FORM, GENESIS, Entry, SealedEntry, seal
from kiosk.domain.ledger import PaidHow
from kiosk.domain.payment_codes import OrderCode, encode_order_code, order_code_key, order_code_text
from kiosk.domain.personal import Disclosed
from kiosk.domain.policy import USUAL_DEVIATION
from kiosk.domain.validity import validity
from kiosk.domain.versions import ALL, LARGEST_STAMP, Version, write_cursors
from kiosk.pki.device_keys import device_public_key, generate_device_key
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import IssuingAuthority, issuing_request
from kiosk.pki.names import MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm
from sync.central.examples import SCHEDULE
from sync.protocol import records
from sync.protocol.batches import encode_batch, make_checkpoint
from sync.protocol.errors import Problem
from sync.protocol.receipts import HEADER
from sync.protocol.rows import row_holds
from sync.protocol.signatures import ENROL_KEY_ID, machine_key_id, sign_request
from tests.support.values import present

Record = TypeVar("Record", bound=msgspec.Struct)

ENTERPRISE, ACCOUNT, OPERATOR = "北京示例粮油贸易有限公司", "11000001", "李晓梅"


class Answer(msgspec.Struct):
    """An HTTP answer."""

    status: int
    body: bytes
    receipt: str = ""

    def read(self, record: type[Record]) -> Record:
        return records.decode(self.body, record)

    @property
    def problem(self) -> Problem:
        return self.read(Problem)


Send = Callable[[str, str, dict[str, str], bytes], Answer]


@functools.cache
def _handler() -> ClientHandler:
    """Django's whole stack, which every client would load anew."""
    return ClientHandler(enforce_csrf_checks=False)


def client_send(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
    path, client = "/" + url.split("/", 3)[3], Client()
    client.handler = _handler()
    response = client.generic(method, path, body, "application/octet-stream", headers=headers)
    return Answer(response.status_code, response.content, response.headers.get(HEADER, ""))


def http_send(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Send over real HTTP."""
    request = urllib.request.Request(url, data=body or None, headers=headers, method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
            return Answer(response.status, response.read(), response.headers.get(HEADER, ""))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), error.headers.get(HEADER, ""))


class KioskDouble:
    """One kiosk: keys, chain and clock of its own."""

    def __init__(self, number: int = 3, send: Send = client_send, base: str = "http://centre") -> None:
        self.number = number
        self.send = send
        self.base = base
        self.device_key = generate_device_key()
        self.issuing_key = SM2.generate()
        self.enrolment: records.EnrolAnswer | None = None
        self.epoch = 1
        self.machine = 1
        self.tip: Tip | None = None
        self.entries: list[SealedEntry] = []
        self.clock_offset = 0
        self.cursors: dict[int, Version] = {}
        self.receipt = ""
        self.told: list[tuple[str, Any]] = []
        self.member_key = self.issuing_key

    def twin(self) -> KioskDouble:
        """Another that goes on from here by itself."""
        made = copy.copy(self)
        made.entries, made.cursors, made.told = list(self.entries), dict(self.cursors), list(self.told)
        return made

    @property
    def answer(self) -> records.EnrolAnswer:
        assert self.enrolment is not None
        return self.enrolment

    @property
    def last(self) -> Tip:
        """The place of the last entry."""
        return present(self.tip)

    def now(self) -> int:
        return int(time.time()) + self.clock_offset

    def request(
        self, method: str, path: str, body: bytes = b"", *, key: bytes | None = None, key_id: str = ""
    ) -> Answer:
        url = self.base + path
        headers = sign_request(
            method,
            url,
            body,
            key_id=key_id or machine_key_id(self.number, self.machine),
            device_key=key or self.device_key,
            created=self.now(),
            receipt=self.receipt,
        )
        answer = self.send(method, url, headers, body)
        self.receipt = answer.receipt or self.receipt
        return answer

    def enrol_with(self, token: str, number: int | None = None) -> Answer:
        asked = records.EnrolRequest(
            token,
            device_public_key(self.device_key),
            issuing_request(ORGANISATION, number or self.number, self.issuing_key),
        )
        return self.request("POST", records.PATH_ENROL, records.encode(asked), key_id=ENROL_KEY_ID)

    def enrol(self, token: str) -> KioskDouble:
        response = self.enrol_with(token)
        assert response.status == 200, response.body
        self.enrolment = response.read(records.EnrolAnswer)
        self.machine = self.answer.machine
        self.append(EpochBegan(given_by_centre=True))
        return self

    def append(self, body: AnyBody, wall: int | None = None) -> SealedEntry:
        sequence = 1 if self.tip is None else self.tip.sequence + 1
        previous = GENESIS if self.tip is None else self.tip.hash
        at = self.now() if wall is None else wall
        sealed = seal(
            Entry(FORM, self.number, self.machine, self.epoch, sequence, at, 1, "boot", previous, body)
        )
        self.tip = Tip(self.epoch, sequence, sealed.hash)
        self.entries.append(sealed)
        return sealed

    def batch(self, entries: list[SealedEntry], key: bytes | None = None) -> bytes:
        last = entries[-1]
        tip = Tip(last.entry.epoch, last.entry.sequence, last.hash)
        checkpoint = make_checkpoint(self.number, tip, self.now(), key or self.device_key)
        return encode_batch(records.UploadBatch(tuple(each.data for each in entries), checkpoint))

    def upload(self, entries: list[SealedEntry] | None = None) -> Answer:
        body = self.batch(self.entries if entries is None else entries)
        return self.request("POST", records.PATH_JOURNAL, body)

    def pushed(self) -> records.UploadAnswer:
        response = self.upload()
        assert response.status == 200, response.body
        return response.read(records.UploadAnswer)

    def sent(self, *disclosed: Disclosed) -> list[records.PersonalOutcome]:
        """What became of personal records that it sent."""
        body = records.encode(records.PersonalUpload(disclosed))
        response = self.request("POST", records.PATH_PERSONAL, body)
        assert response.status == 200, response.body
        return list(response.read(records.PersonalAnswer).outcomes)

    def page(self, cursors: dict[int, Version] | None = None, wait: int = 0) -> records.FeedPage:
        """One page of the feed past these cursors, whose rows the centre signed."""
        after = write_cursors(cursors or {})
        response = self.request("GET", f"{records.PATH_FEED}?after={after}&wait={wait}")
        assert response.status == 200, response.body
        page = response.read(records.FeedPage)
        assert all(row_holds(row, self.answer.centre_key) for row in page.rows)
        return page

    def feed(self) -> list[Any]:
        """What the feed says from zero."""
        self.cursors, self.told = {}, []
        return self.news()

    def news(self, wait: int = 0) -> list[Any]:
        """What the feed says past what was read before."""
        told, more = list[tuple[str, Any]](), True
        while more:
            page = self.page(self.cursors, wait)
            for row in page.rows:
                self.cursors[row.audience] = row.version
            told += [(row.key, row.read()) for row in page.rows]
            more = page.more
        self.cursors.update(page.heads)
        self.told += told
        return [body for _, body in told]

    def feed_key(self, body: object) -> str:
        """The key of the row that told that."""
        keys = {key for key, told in self.told if told == body}
        return keys.pop()

    def place(
        self,
        account: str = ACCOUNT,
        kind: OrderKind = OrderKind.NEW,
        schedule: FeeSchedule = SCHEDULE,
        nonce: bytes = b"nonce6",
        **changes: Any,
    ) -> OrderPlaced:
        sequence = 1 if self.tip is None else self.tip.sequence + 1
        order = OrderNumber(self.number, self.epoch, sequence)
        token = OrderCode(order, account, kind, schedule.number, self.now(), nonce)
        body = OrderPlaced(
            order=str(token.reference),
            account=account,
            enterprise=ENTERPRISE,
            operator=OPERATOR,
            order_kind=kind,
            lines=schedule.lines(kind),
            schedule=schedule.number,
            schedule_digest=schedule_digest(schedule),
            policy=1,
            feed=self.cursors.get(ALL, Version(1, LARGEST_STAMP)),
            deadline=self.now() + 900,
            order_code=encode_order_code(token, order_code_key(self.answer.payment_secret)),
        )
        body = msgspec.structs.replace(body, **changes)
        self.append(body)
        return body

    def page_path(self, placed: OrderPlaced) -> str:
        return f"/P/{order_code_text(placed.order_code)}"

    def certificate(
        self,
        placed: OrderPlaced,
        old: KeyOnRecord | None = None,
        serial: str = "E8AD652202221F03",
        wall: int | None = None,
        begin: int | None = None,
        attempt: int = 1,
        early: int = USUAL_DEVIATION,
        **changes: Any,
    ) -> CertificateIssued:
        """Bind up to `certificate-issued`, with a real certificate; `wall` of that entry, `begin` of the validity.

        The certificate itself begins `early` seconds before.
        """
        key = self.member_key = SM2.generate()
        self.append(
            BindingStarted(
                placed.order,
                attempt,
                serial,
                "gmt",
                "SM2",
                public_key=key.public_key if placed.order_kind is OrderKind.RENEWAL else None,
            )
        )
        if placed.order_kind is not OrderKind.RENEWAL:
            self.append(KeyPairMade(placed.order, attempt, key.public_key))
        member = MemberName(placed.account, placed.enterprise)
        info = certification_request_info(ORGANISATION, member, KeyAlgorithm.SM2, key.public_key)
        request = assemble(info, KeyAlgorithm.SM2, SM2.sign(key, info))
        now = self.now()
        authority = IssuingAuthority.load(
            encode_private_key(self.issuing_key),
            self.answer.issuing_certificate,
            self.answer.root_certificate,
            now,
        )
        number = CertificateNumber(self.number, secrets.randbits(8 * RANDOM_LENGTH))
        period = validity(now if begin is None else begin, None if old is None else old.not_after)
        der = authority.issue(request, member, int(number), period.start, period.end, early)
        body = CertificateIssued(
            placed.order,
            attempt,
            str(number),
            der,
            period.start,
            period.end,
            policy=1,
            predecessor=None if old is None else old.number,
            old_end=None if old is None else old.not_after,
        )
        body = msgspec.structs.replace(body, **changes)
        self.append(body, wall)
        return body

    def finish(self, placed: OrderPlaced, attempt: int = 1) -> None:
        self.append(CertificateWritten(placed.order, attempt))
        self.append(CertificateProved(placed.order, attempt, b"challenge", b"signature"))
        self.append(Bound(placed.order, attempt))

    def bind(self, placed: OrderPlaced, old: KeyOnRecord | None = None, **changes: Any) -> CertificateIssued:
        """Vouch for the payment of a new key's order and bind the key; `changes` as of `certificate`."""
        self.append(OrderPaid(placed.order, PaidHow.DESK, 34000, self.now(), supervisor="林涛"))
        issued = self.certificate(placed, old, **changes)
        self.finish(placed)
        return issued
