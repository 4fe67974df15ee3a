"""Why the last attempt to reach the centre failed, and what to do about it."""

from __future__ import annotations

from kiosk.configuration import is_web_address
from kiosk.store.agent_state import ContactFault, LinkFault
from kiosk.text.catalogue import N_
from kiosk.text.failures import Text
from kiosk.text.link_faults import LINK_FAULTS
from kiosk.text.times import hour

CONTACT_FAULTS = {
    ContactFault.UNREACHABLE: (N_("没有连上中心"), N_("检查网络和中心的地址，稍后再试")),
    ContactFault.BUSY: (N_("中心正忙"), N_("稍后再试")),
    ContactFault.ANSWER_UNUSABLE: (N_("中心的回答不能用"), N_("稍后再试；还不行就联系中心")),
    ContactFault.NETWORK_LOGIN: (
        N_("网络要求登录"),
        N_("在浏览器里打开任一网页，登录本机所在的网络；不要登录的网络，就核对中心的地址"),
    ),
    ContactFault.PROXY_REFUSED: (
        N_("代理拒绝"),
        N_("联系网络管理员放行中心的地址；代理在中心那边的，联系中心"),
    ),
    ContactFault.PROXY_UNREACHABLE: (
        N_("没有连上代理"),
        N_("检查网络和配置文件 [centre] 的 proxy，稍后再试"),
    ),
    ContactFault.UPLOAD_BLOCKED: (
        N_("上传太大被拦下"),
        N_("联系网络管理员和中心，让中心的地址收得下 2 MB 的上传"),
    ),
    ContactFault.REFUSED: (N_("中心拒绝了本机"), N_("联系中心")),
    ContactFault.FORKED: (N_("本机的日志与中心的分叉了"), N_("联系中心，查清是不是有一份拷贝在用")),
}


AGENT_STOPPED = (N_("同步程序没有运行"), N_("启动 keydesk-sync run；照常办理，联网后才上传"))
"""Why nobody asks the centre at all."""
PROXY_UNUSABLE = (
    N_("配置文件 [centre] 的 proxy 不是代理的地址"),
    N_("写成“http://主机:端口”，要登录的写成“http://用户:密码@主机:端口”"),
)
"""What is configured as the proxy; its text is told to nobody, for it may hold a password."""


_ASK = N_("联系中心")
_SUPPORT = N_("联系技术支持")
_LATER = N_("稍后再试；还不行就联系中心")
_VERIFY = N_("运行 keydesk journal verify 核对日志，并联系技术支持")
_VERSIONS = N_("核对本机和中心的程序版本，并联系中心")
REFUSALS: dict[str, tuple[str, str]] = {
    "body-malformed": (N_("中心看不懂本机发的内容"), _VERSIONS),
    "signature-refused": (N_("中心不认本机的签名"), N_("联系中心核对本机的登记")),
    "clock-off": (N_("本机时钟与中心相差太多"), N_("校准本机时钟后再试")),
    "token-refused": (
        N_("登记令牌中心不认识、已过期，或已被另一台终端机用过"),
        N_("向中心要一个新的令牌"),
    ),
    "awaiting-root": (N_("等待根证书签发"), _LATER),
    "request-refused": (
        N_("中心不接受本机的发证申请"),
        N_(
            "核对数据目录是不是从已登记的机器复制来的（是的话用 --data 另登记一个空目录）和两边的程序版本，并联系中心"
        ),
    ),
    "kiosk-revoked": (N_("本机已被中心停用"), _ASK),
    "machine-retired": (N_("这台机器已停用，只能把记录传完"), _ASK),
    "machine-unconfirmed": (N_("中心从备份恢复后还没有确认本机，照常办理"), _ASK),
    "kiosk-unknown": (N_("中心没有登记本机"), N_("核对中心的地址，并联系中心")),
    "chain-hole": (N_("中心缺本机较早的日志"), _LATER),
    "chain-broken": (N_("本机的日志与中心的接不上"), _VERIFY),
    "checkpoint-refused": (N_("中心不认本机日志的签名"), _SUPPORT),
    "body-too-large": (N_("一次传的内容超过了上限"), _SUPPORT),
    "not-found": (N_("中心没有这项服务"), N_("核对中心的地址和程序版本")),
    "busy": CONTACT_FAULTS[ContactFault.BUSY],
    "internal": (N_("中心出错"), _LATER),
}
"""The same of what the centre refuses, by its own code (docs/protocol.md)."""


_IN_CONFIGURATION = N_("在配置文件 [centre] 的 url 填写 https://…")


def page_flaw(address: str, t: Text) -> tuple[str, str] | None:
    """Why no QR code for payments can be made of the centre's address, and what to do; None where one can."""
    if is_web_address(address):
        return None
    if not address:
        return t("没有填写中心的地址，做不出付款二维码"), t(_IN_CONFIGURATION)
    return t("{address} 不是中心的地址，做不出付款二维码", address=address), t(_IN_CONFIGURATION)


def contact_words(
    trouble: LinkFault | None, failure: ContactFault | None, refusal: str
) -> tuple[str, str] | None:
    """Why it failed and what to do, in Chinese; None where neither is known. The certificate comes first."""
    if trouble is not None:
        return LINK_FAULTS[trouble]
    if failure is ContactFault.REFUSED and refusal in REFUSALS:
        return REFUSALS[refusal]
    return None if failure is None else CONTACT_FAULTS[failure]


def with_retry(said: str, retry_at: int | None, t: Text) -> str:
    """What failed, and until when the other end asked to be left alone (UTC seconds), where it did."""
    return said if retry_at is None else t("{said}；再试于 {time}", said=said, time=hour(retry_at))
