"""The review of proposed operators: approving one gives it an account, refusing one a reason.

All of a decision is one transaction: the centre's entry, the books that it changes, the operator, and what kiosks are told.
Reviewers follow one another at the applier's row, so that nothing enters the books between what is read and what is decided.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q

from kiosk.domain.contacts import mobile_fault
from kiosk.domain.documents import document_fault
from kiosk.domain.entries.requests import OperatorReviewed
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.masking import masked_document
from kiosk.domain.members import Review
from kiosk.domain.personal import OperatorDetails
from kiosk.domain.promises import china_day
from kiosk.domain.requests import Proposal, ProposalState
from sync.central.context import centre_keys
from sync.central.fleet.feed.telling import telling
from sync.central.journal.centre_journal import STRAND, enter
from sync.central.ledger.applier import APPLIER, apply_strand
from sync.central.ledger.models import (
    ApplierState,
    LedgerAccount,
    LedgerOrder,
    LedgerProposal,
    LedgerRequests,
)
from sync.central.ledger.publishing import publish_operators
from sync.central.ledger.rows import proposal_record
from sync.central.members.models import Operator, ReviewState
from sync.central.personal.keeping import opened
from sync.central.personal.models import PersonalRecord

FIRST_GIVEN, LAST_GIVEN = 10_000_000, 99_999_999
"""Accounts that are given have eight digits."""
_DRAWS = 100


class ReviewFault(enum.StrEnum):
    """Why a proposal cannot be decided so."""

    DECIDED = "decided"
    """Withdrawn, approved or refused before, by whoever was first."""
    WAITS = "waits"
    """Something that was decided before is not applied yet: a moment later it can be."""
    NO_DETAILS = "no-details"
    """Who is proposed did not arrive, or was erased."""
    NOT_AUTHORISED = "not-authorised"
    NOT_OF_THE_ENTERPRISE = "not-of-the-enterprise"
    """Who proposed is no approved operator of the enterprise."""
    UNUSABLE = "unusable"
    """A name that no certificate takes, or a number that no message reaches."""
    ACCOUNTS_FULL = "accounts-full"


class NotReviewed(Exception):
    """A decision about a proposal that changed nothing; `detail` is said to staff."""

    def __init__(self, fault: ReviewFault, detail: str = "") -> None:
        super().__init__(fault.value, detail)
        self.fault = fault
        self.detail = detail


def approve(name: str, by: str, now: int) -> Operator:
    """Approve a proposal, and make its operator. Raises NotReviewed."""
    with telling(now):
        proposal = _undecided(name)
        details = details_of(proposal)
        if details is None:
            raise NotReviewed(ReviewFault.NO_DETAILS)
        operator = _operator(proposal, details, now)
        operator.save(force_insert=True)
        _enter(proposal, Review.APPROVED, by, now, new_account=operator.account)
        publish_operators([operator], now)
    return operator


def refuse(name: str, reason: str, by: str, now: int) -> Proposal:
    """Refuse a proposal with a reason; it as it was before. Raises NotReviewed."""
    with telling(now):
        proposal = _undecided(name)
        _enter(proposal, Review.REFUSED, by, now, reason=reason)
    return proposal


def details_of(proposal: Proposal) -> OperatorDetails | None:
    """Who is proposed; None while that is not here, or no more."""
    record = opened([proposal.commitment], centre_keys()).get(proposal.commitment)
    return record if isinstance(record, OperatorDetails) else None


def traders_wait() -> Exists:
    """The condition of an enterprise that another trader of it waits for the exchange's review."""
    proposed = LedgerProposal.objects.filter(
        account=OuterRef("account"), state=ProposalState.UNDER_REVIEW.value
    )
    waits = Q(review=ReviewState.UNDER_REVIEW) | Exists(proposed.order_by())
    return Exists(Operator.objects.filter(waits, enterprise=OuterRef("pk")))


def draw_account(draw: Callable[[], int] = lambda: secrets.randbelow(LAST_GIVEN - FIRST_GIVEN + 1)) -> str:
    """An account that nobody has or had, by chance, so that a mistyped one is nobody's. Raises NotReviewed.

    Whoever calls it holds the lock under which accounts are given; a centre that was put back draws none again that it
    forgot, but for one chance in millions.
    """
    for _ in range(_DRAWS):
        account = str(FIRST_GIVEN + draw())
        if not _is_known(account):
            return account
    raise NotReviewed(ReviewFault.ACCOUNTS_FULL)


def lock_accounts() -> None:
    """Wait until nobody else gives an account or decides a proposal, and let nobody until the transaction ends."""
    ApplierState.objects.get_or_create(id=APPLIER)
    ApplierState.objects.select_for_update().get(id=APPLIER)


def _is_known(account: str) -> bool:
    """Whether a member has it, or anything in the books or of its personal records names it."""
    named = (Operator, LedgerAccount, LedgerOrder, LedgerRequests, LedgerProposal, PersonalRecord)
    return any(model._default_manager.filter(account=account).exists() for model in named)  # noqa: SLF001 - Django's documented API


def _undecided(name: str) -> Proposal:
    """The proposal, which nobody changes until the transaction ends. Raises NotReviewed."""
    lock_accounts()
    row = LedgerProposal.objects.filter(proposal=name).first()
    proposal = None if row is None else proposal_record(row)
    if proposal is None or proposal.state is not ProposalState.UNDER_REVIEW:
        raise NotReviewed(ReviewFault.DECIDED)
    return proposal


def _operator(proposal: Proposal, details: OperatorDetails, now: int) -> Operator:
    """The member that a proposal makes, not saved. Raises NotReviewed."""
    if not proposal.authorised:
        raise NotReviewed(ReviewFault.NOT_AUTHORISED)
    proposer = Operator.objects.filter(account=proposal.account, review=ReviewState.APPROVED).first()
    if proposer is None or proposer.enterprise_id != proposal.enterprise_code:
        raise NotReviewed(ReviewFault.NOT_OF_THE_ENTERPRISE)
    if mobile_fault(details.phone) is not None:
        raise NotReviewed(ReviewFault.UNUSABLE, "手机号码不对")
    if document_fault(details.document, details.document_number, china_day(now)) is not None:
        raise NotReviewed(ReviewFault.UNUSABLE, "证件号码不对")
    operator = Operator(
        account=draw_account(),
        enterprise_id=proposer.enterprise_id,
        name=details.name,
        review=ReviewState.APPROVED,
        phone=details.phone,
        document=details.document.value,
        document_number=masked_document(details.document_number),
        authorised=proposal.authorised,
    )
    try:
        operator.full_clean()  # which tidies the name
    except ValidationError as error:
        raise NotReviewed(ReviewFault.UNUSABLE, "；".join(error.messages)) from error
    return operator


def _enter(
    proposal: Proposal, review: Review, by: str, now: int, *, new_account: str = "", reason: str = ""
) -> None:
    """Enter the decision and apply it, in the transaction that is open. Raises NotReviewed where it is not applied."""
    enter([OperatorReviewed(proposal.proposal, proposal.account, review, new_account, reason, by)], now)
    row = LedgerProposal.objects
    applied = apply_strand(EXCHANGE_KIOSK, STRAND, now)
    state = proposal_record(row.get(proposal=proposal.proposal)).state
    if not applied or state is ProposalState.UNDER_REVIEW:
        raise NotReviewed(ReviewFault.WAITS)
