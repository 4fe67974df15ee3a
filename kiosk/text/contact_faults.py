"""Why the last attempt to reach the centre failed, and what to do about it."""

from __future__ import annotations

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
    ContactFault.UPLOAD_BLOCKED: (
        N_("上传太大被拦下"),
        N_("联系网络管理员和中心，让中心的地址收得下 2 MB 的上传"),
    ),
    ContactFault.REFUSED: (N_("中心拒绝了本机"), N_("联系中心")),
    ContactFault.FORKED: (N_("本机的日志与中心的分叉了"), N_("联系中心，查清是不是有一份拷贝在用")),
}


def contact_words(trouble: LinkFault | None, failure: ContactFault | None) -> tuple[str, str] | None:
    """Why it failed and what to do, in Chinese; None where neither is known. The certificate comes first."""
    if trouble is not None:
        return LINK_FAULTS[trouble]
    return None if failure is None else CONTACT_FAULTS[failure]


def with_retry(said: str, retry_at: int | None, t: Text) -> str:
    """What failed, and until when the other end asked to be left alone (UTC seconds), where it did."""
    return said if retry_at is None else t("{said}；再试于 {time}", said=said, time=hour(retry_at))
