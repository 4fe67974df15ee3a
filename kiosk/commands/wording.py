"""The words of the commands for what the records name."""

from __future__ import annotations

from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus, OrderStatus
from kiosk.text.catalogue import N_

KINDS = {
    OrderKind.NEW: N_("新办key盘"),
    OrderKind.REPLACEMENT: N_("补办key盘"),
    OrderKind.RENEWAL: N_("key盘续期"),
}
ORDER_STATUSES = {
    OrderStatus.PLACED: N_("待付款"),
    OrderStatus.PAID: N_("已付款，待绑定"),
    OrderStatus.BOUND: N_("已绑定"),
    OrderStatus.CANCELLED: N_("已取消"),
    OrderStatus.EXPIRED: N_("已过期"),
    OrderStatus.REFUNDING: N_("退款中"),
    OrderStatus.REFUNDED: N_("已退款"),
}
CERTIFICATE_STATUSES = {
    CertificateStatus.ISSUED: N_("已签发，未绑定"),
    CertificateStatus.VALID: N_("有效"),
    CertificateStatus.ON_HOLD: N_("已挂失"),
    CertificateStatus.REVOKED: N_("已吊销"),
    CertificateStatus.VOID: N_("已作废"),
}
