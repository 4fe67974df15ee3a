"""What is wrong with the TLS certificate at the centre's address, and what to do."""

from __future__ import annotations

from kiosk.store.agent_state import LinkFault
from kiosk.text.catalogue import N_

# A captive portal over https shows its own certificate, or none.
_PORTAL = N_("在浏览器里打开任一网页，看网络是不是要登录；不是的，检查配置文件 [centre] 的 url，并向中心核实")
_PORTAL_OR_AUTHORITY = N_(
    "在浏览器里打开任一网页，看网络是不是要登录；不是的，检查配置文件 [centre] 的 certificate_authority，并向中心核实"
)
_CLOCK = N_("请中心更换证书；本机时钟不对的，先校准")
LINK_FAULTS = {
    LinkFault.UNKNOWN_AUTHORITY: (
        N_("中心的TLS证书不是本机信任的机构签发的；网络可能要求登录"),
        _PORTAL_OR_AUTHORITY,
    ),
    LinkFault.EXPIRED: (N_("中心的TLS证书已过期"), _CLOCK),
    LinkFault.NOT_YET_VALID: (N_("中心的TLS证书还没有生效"), _CLOCK),
    LinkFault.ANOTHER_HOST: (N_("中心的TLS证书不是这个地址的；网络可能要求登录"), _PORTAL),
    LinkFault.NO_TLS: (N_("那个地址不是 https；网络可能要求登录"), _PORTAL),
    LinkFault.REFUSED: (N_("中心的TLS证书不成立；网络可能要求登录"), _PORTAL_OR_AUTHORITY),
}
# The file with that authority, where it cannot be used.
AUTHORITY_UNUSABLE = (
    N_("{file} 不能用（{reason}）"),
    N_("在 [centre] 的 certificate_authority 写明中心给的 PEM 文件"),
)
