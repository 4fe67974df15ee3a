"""The console's pages of 交易员审核: who was proposed as a trader, approved or refused; and of the links that set passwords.

A proposal's page shows what is masked; the facts themselves are shown once asked for, and that somebody asked is logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from kiosk.domain.credit_codes import CREDIT_CODE_LENGTH, tidy_code
from kiosk.domain.documents import RESIDENT_NUMBER_LENGTH, DocumentKind
from kiosk.domain.masking import masked_document, masked_name, masked_phone
from kiosk.domain.names import LONGEST_PERSON
from kiosk.domain.personal import OperatorDetails
from kiosk.domain.requests import Proposal, ProposalState
from sync.central.console.base import time_column
from sync.central.console.facts import Fact, FactsAdmin, Offered, offered
from sync.central.console.password_links import invite_and_tell
from sync.central.context import centre_now
from sync.central.fleet.feed.telling import telling
from sync.central.ledger.models import LedgerProposal
from sync.central.ledger.reviewing import NotReviewed, ReviewFault, approve, details_of, refuse
from sync.central.ledger.rows import proposal_record
from sync.central.login import first_passwords
from sync.central.login.messages import LONGEST_REASON, OperatorRefused
from sync.central.members.models import Enterprise, Operator
from sync.central.tables import column_text

LOOKED = "查看交易员资料"
_LONG_NUMBER = re.compile(r"[0-9]{11}")
_SHORTEST_NAME = 2
_OTHERS = 50
"""Proposals of an enterprise that wait, among which one of the same person is looked for, the newest."""
_GONE = "（未送到，或已删除）"
_DOCUMENTS = {DocumentKind.RESIDENT_ID: "中国居民身份证", DocumentKind.PASSPORT: "护照"}
_FAULTS = {
    ReviewFault.DECIDED: "已经有结果了，没有再处理一次",
    ReviewFault.WAITS: "以前的决定还在入账，请过一会儿再试；没有处理",
    ReviewFault.NO_DETAILS: "交易员的资料未送到，或已删除，不能批准",
    ReviewFault.NOT_AUTHORISED: "没有法人授权书，不能批准",
    ReviewFault.NOT_OF_THE_ENTERPRISE: "申请的账号不是这家企业已通过审核的操作员，不能批准",
    ReviewFault.UNUSABLE: "资料不能用，不能批准",
    ReviewFault.ACCOUNTS_FULL: "没有空余的账号，不能批准",
}


class ApproveForm(forms.Form):
    """What staff say they did before they approve."""

    checked = forms.BooleanField(label="已核对身份和法人授权书")


class RefuseForm(forms.Form):
    """Why not; the proposer reads it, and it stays in the journal for ever."""

    reason = forms.CharField(
        label="不通过的原因",
        max_length=LONGEST_REASON,
        help_text="申请人会看到，并永久留在日志里：不要写姓名、证件号码和手机号码",
    )
    person: OperatorDetails | None = None

    def clean_reason(self) -> str:
        """Take no personal fact: nobody could erase it again. Raises ValidationError."""
        reason: str = self.cleaned_data["reason"]
        if _tells_of(self.person, reason):
            raise forms.ValidationError("原因会永久留在日志里，请去掉姓名、证件号码和手机号码")
        return reason


class RevealForm(forms.Form):
    """A press of the button alone."""


@admin.register(LedgerProposal)
class ProposalAdmin(FactsAdmin[LedgerProposal]):
    """Proposed operators: the filter 审核中 makes the list of those that wait."""

    list_display = (
        time_column("proposed_at", "申请时间"),
        "state",
        "enterprise_code",
        "account",
        "proposal",
    )
    list_display_links = ("proposal",)
    list_filter = ("state",)
    search_fields = ("=account", "=proposal")
    exclude = ("record",)
    MAY_ENTER = "members.review_operator"
    CAPTION = "申请的交易员"
    NOT_NOW = _FAULTS[ReviewFault.DECIDED]

    def forms_of(self, request: HttpRequest, row: LedgerProposal) -> list[Offered]:
        """A look at the person, and both decisions while it waits."""
        found, proposal = (
            [offered(request, RevealForm, "reveal", "查看完整资料（记入日志）")],
            proposal_record(row),
        )
        if proposal.state is ProposalState.UNDER_REVIEW:
            refusing = offered(request, RefuseForm, "refuse", "不通过")
            if isinstance(refusing.form, RefuseForm):
                refusing.form.person = details_of(proposal)
            found += [offered(request, ApproveForm, "approve", "通过审核"), refusing]
        return found

    def facts_of(self, request: HttpRequest, row: LedgerProposal, sent: forms.Form | None) -> list[Fact]:
        """Who was proposed: masked, unless somebody just asked for more."""
        del request
        return _facts(proposal_record(row), revealed=isinstance(sent, RevealForm))

    def enter(self, request: HttpRequest, row: LedgerProposal, form: forms.Form) -> bool:
        """Take a decision, or note that somebody looks."""
        by, now = request.user.get_username(), centre_now()
        try:
            match form:
                case RevealForm():
                    self.log_change(request, row, LOOKED)
                    return False
                case RefuseForm():
                    self._refuse(request, row, form.cleaned_data["reason"], by, now)
                case _:
                    self._approve(request, row, by, now)
        except NotReviewed as error:
            detail = f"（{error.detail}）" if error.detail else ""
            self.message_user(request, f"{_FAULTS[error.fault]}{detail}", messages.ERROR)
        return True

    def _approve(self, request: HttpRequest, row: LedgerProposal, by: str, now: int) -> None:
        with telling(now):
            operator = approve(row.proposal, by, now)
            invitation = first_passwords.invite(operator.account, now)
            self.log_change(request, row, f"通过，账号 {operator.account}")
        self.message_user(request, f"已通过，账号 {operator.account}", messages.SUCCESS)
        invite_and_tell(self, request, operator, invitation, approved=True)

    def _refuse(self, request: HttpRequest, row: LedgerProposal, reason: str, by: str, now: int) -> None:
        with telling(now):
            proposal = refuse(row.proposal, reason, by, now)
            self.log_change(request, row, f"不通过：{reason}")
        details = details_of(proposal)
        name = "" if details is None else masked_name(details.name)
        proposer = Operator.objects.filter(account=proposal.account).first()
        told = proposer is not None and first_passwords.send_message(
            proposer, OperatorRefused(name, reason), now
        )
        self.message_user(request, "已登记：不通过", messages.SUCCESS)
        if not told:
            self.message_user(request, "短信没有发出，请另行通知申请的账号", messages.WARNING)


def _facts(proposal: Proposal, *, revealed: bool) -> list[Fact]:
    """The lines of the page: the person masked, unless somebody asked for more."""
    code = column_text(proposal.enterprise_code, CREDIT_CODE_LENGTH)
    enterprise = Enterprise.objects.filter(code=code).first()
    details = details_of(proposal)
    lines = [
        Fact("会员企业", code if enterprise is None else enterprise.name),
        Fact("申请的账号", proposal.account),
        Fact("法人授权书", "申请时说有，见到原件再批准" if proposal.authorised else "没有"),
        *_person(details, revealed=revealed),
    ]
    if details is not None and proposal.state is ProposalState.UNDER_REVIEW:
        lines += _alike(proposal, details)
    if proposal.new_account:
        lines.append(Fact("新账号", proposal.new_account))
    if proposal.reason:
        lines.append(Fact("不通过的原因", proposal.reason))
    return lines


def _person(details: OperatorDetails | None, *, revealed: bool) -> list[Fact]:
    if details is None:
        return [Fact("交易员", _GONE)]
    name, number, phone = details.name, details.document_number, details.phone
    if not revealed:
        name, number, phone = masked_name(name), masked_document(number), masked_phone(phone)
    return [
        Fact("姓名", name),
        Fact("有效证件类型", _DOCUMENTS[details.document]),
        Fact("有效证件号码", number),
        Fact("手机", phone),
    ]


def _alike(proposal: Proposal, details: OperatorDetails) -> Iterator[Fact]:
    """What else there is of the same document: somebody who was proposed twice would get two accounts."""
    code = column_text(proposal.enterprise_code, CREDIT_CODE_LENGTH)
    rows = LedgerProposal.objects.filter(state=ProposalState.UNDER_REVIEW.value)
    waiting = rows.filter(enterprise_code=code).exclude(proposal=proposal.proposal)
    others = ((each.proposal, details_of(proposal_record(each))) for each in waiting[:_OTHERS])
    same = [name for name, other in others if other and other.document_number == details.document_number]
    if same:
        yield Fact("注意", f"同一证件还有申请在等审核：{'、'.join(same)}")
    known = Operator.objects.filter(enterprise=code, document=details.document.value)
    named = known.filter(
        name=column_text(details.name, LONGEST_PERSON),
        document_number=column_text(masked_document(details.document_number), RESIDENT_NUMBER_LENGTH),
    )
    if accounts := list(named.values_list("account", flat=True)):
        yield Fact("注意", f"企业里已有同名、证件首尾相同的交易员：{'、'.join(accounts)}")


def _tells_of(person: OperatorDetails | None, reason: str) -> bool:
    """Whether a reason has the name or the document of who is proposed in it, or any number as long as a telephone's."""
    numbers = tidy_code(reason)
    if _LONG_NUMBER.search(numbers):
        return True
    if person is None:
        return False
    named = len(person.name) >= _SHORTEST_NAME and person.name in reason
    return named or (bool(person.document_number) and person.document_number in numbers)
