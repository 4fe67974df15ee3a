"""What is wrong with the TLS certificate at the centre's address, and what to do."""

from __future__ import annotations

from kiosk.store.agent_state import LinkFault
from kiosk.text.catalogue import N_

_CLOCK = N_("请中心更换证书；本机时钟不对的，先校准")
_CERTIFICATE_AUTHORITY = N_("检查配置文件 [centre] 的 certificate_authority，并向中心核实")
_ADDRESS = N_("检查配置文件 [centre] 的 url，并向中心核实")
LINK_FAULTS = {
    LinkFault.UNKNOWN_AUTHORITY: (N_("中心的TLS证书不是本机信任的机构签发的"), _CERTIFICATE_AUTHORITY),
    LinkFault.EXPIRED: (N_("中心的TLS证书已过期"), _CLOCK),
    LinkFault.NOT_YET_VALID: (N_("中心的TLS证书还没有生效"), _CLOCK),
    LinkFault.ANOTHER_HOST: (N_("中心的TLS证书不是这个地址的"), _ADDRESS),
    LinkFault.NO_TLS: (N_("那个地址不是 https"), _ADDRESS),
    LinkFault.REFUSED: (N_("中心的TLS证书不成立"), _CERTIFICATE_AUTHORITY),
}
# The file with that authority, where it cannot be used.
AUTHORITY_UNUSABLE = (
    N_("{file} 不能用（{reason}）"),
    N_("在 [centre] 的 certificate_authority 写明中心给的 PEM 文件"),
)
