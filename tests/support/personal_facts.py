"""Personal records that members ask with, and the paid orders that they belong to."""

from __future__ import annotations

import secrets
import time

from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import PaidHow
from kiosk.domain.personal import (
    SALT_LENGTH,
    DeliveryAddress,
    Disclosed,
    InvoiceDetails,
    OperatorDetails,
    PersonalRecord,
    disclose,
)
from tests.support.kiosk_double import ACCOUNT, KioskDouble

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
ELSEWHERE = DeliveryAddress("赵敏", "北京市西城区", "月坛北街2号")
INVOICE = InvoiceDetails("郑州某粮油有限公司", "91410100MA9K2B7X0P", "fin@example.cn")
OPERATOR = OperatorDetails("李晓梅", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")


def now() -> int:
    return int(time.time())


def disclosed(record: PersonalRecord) -> Disclosed:
    return disclose(record, secrets.token_bytes(SALT_LENGTH))


def paid_order(kiosk: KioskDouble, account: str = ACCOUNT) -> str:
    placed = kiosk.place(account=account)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34_000, kiosk.now(), supervisor="林涛"))
    return placed.order
