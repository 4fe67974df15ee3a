"""添加交易员 in words: the fields' errors, where a proposal stands, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.contacts import ContactFault
from kiosk.domain.documents import DocumentFault, DocumentKind, HolderFault
from kiosk.domain.names import NameFault
from kiosk.domain.requests import ProposalState
from kiosk.labels import PROPOSAL_STATES
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kiosk.desk.requests.views import ProposalView
    from kiosk.domain.request_facts import OperatorFault
    from kiosk.text.wording import Text

DOCUMENTS = {
    DocumentKind.RESIDENT_ID: N_("中国居民身份证"),
    DocumentKind.PASSPORT: N_("护照"),
}
OPERATOR_FAULTS: dict[OperatorFault, str] = {
    NameFault.EMPTY: N_("请填写"),
    HolderFault.CHARACTER: N_("有姓名里不会有的字符"),
    HolderFault.SPELT: N_("还有拼音：输完整的拼音，按数字选字"),
    HolderFault.DIGIT: N_("姓名里没有数字"),
    HolderFault.LENGTH: N_("太长，最多 40 个字符"),
    DocumentFault.LENGTH: N_("位数不对，请核对"),
    DocumentFault.CHARACTER: N_("有号码里不会有的字符"),
    DocumentFault.BIRTH: N_("出生日期那几位不对"),
    DocumentFault.CHECK: N_("最后一位对不上，可能输错了一位"),
    ContactFault.MALFORMED: N_("请填 11 位手机号，短信要发到这里"),
}
"""What `judged_operator` may find."""
ELSEWHERE = N_("银行卡、资金、合同和企业自己的资料不在本机办，请在网站「用户中心」-「企业账户信息」里办。")
"""What belongs to the platform."""

_DETAILS = {
    ProposalState.UNDER_REVIEW: N_(
        "交易所正在审核，结果会显示在这里，通过后新交易员会收到短信。请把盖章的法人授权书原件交到窗口，见到原件才能通过。"
        "企业在通过之前不能交易，已通过的交易员照常缴费、绑定、续期。"
    ),
    ProposalState.APPROVED: N_(
        "新账号 {account}。请新交易员本人打开短信里的链接设登录密码，或在本机首页「key盘服务」-「设置登录密码」里凭短信验证码设，"
        "工作人员不知道密码。然后在首页选「新办key盘」，缴费、绑定。"
    ),
    ProposalState.REFUSED: N_("没有通过，原因：{reason}。改好后可以重新提交。"),
    ProposalState.WITHDRAWN: N_("已经撤回，填的资料已从本机删除。需要时可以重新提交。"),
}
_NO_REASON = N_("交易所没有写")
_ERASED = N_("（资料已删除）")
_ORDER = (
    ProposalState.UNDER_REVIEW,
    ProposalState.APPROVED,
    ProposalState.REFUSED,
    ProposalState.WITHDRAWN,
)
_NAME, _DOCUMENT, _PHONE = 16, 20, 13


def in_order(proposals: Iterable[ProposalView]) -> tuple[ProposalView, ...]:
    """Those that wait first, those that were taken back last."""
    return tuple(sorted(proposals, key=lambda each: (_ORDER.index(each.state), each.proposal)))


def proposal_row(t: Text, view: ProposalView) -> str:
    """One proposal in a row: name, document and phone as they are masked, and the state; the account once there is one."""
    cells = (
        pad(view.name or t(_ERASED), _NAME),
        pad(view.document, _DOCUMENT),
        pad(view.phone, _PHONE),
        t(PROPOSAL_STATES[view.state]),
        view.new_account,
    )
    return " ".join(cells).rstrip()


def proposal_details(t: Text, view: ProposalView) -> str:
    """What the state means, and what comes next."""
    return t(_DETAILS[view.state], account=view.new_account, reason=view.reason or t(_NO_REASON))
