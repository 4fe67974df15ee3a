"""Why the last attempt to reach the centre failed, and what to do about it."""

from __future__ import annotations

from kiosk.store.agent_state import ContactFault
from kiosk.text.catalogue import N_

CONTACT_FAULTS = {
    ContactFault.UNREACHABLE: (N_("没有连上中心"), N_("检查网络和中心的地址，稍后再试")),
    ContactFault.BUSY: (N_("中心正忙"), N_("稍后再试")),
    ContactFault.ANSWER_UNUSABLE: (N_("中心的回答不能用"), N_("稍后再试；还不行就联系中心")),
    ContactFault.REFUSED: (N_("中心拒绝了本机"), N_("联系中心")),
    ContactFault.FORKED: (N_("本机的日志与中心的分叉了"), N_("联系中心，查清是不是有一份拷贝在用")),
}
