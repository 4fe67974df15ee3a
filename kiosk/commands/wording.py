"""The words of the commands for what the records name."""

from __future__ import annotations

from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus, OrderStatus
from kiosk.store.agent_state import LinkTrouble
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
_CLOCK = N_("请中心更换证书；本机时钟不对的，先校准")
_CERTIFICATE_AUTHORITY = N_("检查配置文件 [centre] 的 certificate_authority，并向中心核实")
_ADDRESS = N_("检查配置文件 [centre] 的 url，并向中心核实")
# What is wrong with the centre's certificate, and what to do.
LINK_TROUBLES = {
    LinkTrouble.UNKNOWN_AUTHORITY: (N_("中心的TLS证书不是本机信任的机构签发的"), _CERTIFICATE_AUTHORITY),
    LinkTrouble.EXPIRED: (N_("中心的TLS证书已过期"), _CLOCK),
    LinkTrouble.NOT_YET_VALID: (N_("中心的TLS证书还没有生效"), _CLOCK),
    LinkTrouble.ANOTHER_HOST: (N_("中心的TLS证书不是这个地址的"), _ADDRESS),
    LinkTrouble.NO_TLS: (N_("那个地址不是 https"), _ADDRESS),
    LinkTrouble.REFUSED: (N_("中心的TLS证书不成立"), _CERTIFICATE_AUTHORITY),
}
