"""添加交易员: one more operator of the member's enterprise, who waits for the exchange's review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.requests.asking import asked_by, kept
from kiosk.desk.requests.views import ProposalView, proposal_views
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.requests import OperatorProposed, OperatorWithdrawn
from kiosk.domain.promises import china_day
from kiosk.domain.request_facts import judged_operator
from kiosk.domain.requests import ProposalState

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session, StaffSession
    from kiosk.domain.personal import OperatorDetails
    from kiosk.store.transaction import Transaction

_NAME_BYTES = 8


def proposals(desk: Desk, session: Session) -> tuple[ProposalView, ...]:
    """The operators that the account proposed."""
    with desk.database.read() as tx:
        return proposal_views(tx, session.account)


def propose_operator(
    desk: Desk,
    session: Session,
    details: OperatorDetails,
    authorised: bool,  # noqa: FBT001 - the screens' contract
    staff: StaffSession | None = None,
) -> ProposalView:
    """提交审核. `authorised` when `staff` saw the enterprise's written authorisation, or the member hands it in. Raises DeskRefused."""
    if not authorised:
        raise DeskRefused(Refusal.NOT_AUTHORISED)
    details, faults = judged_operator(details, china_day(desk.clock.wall()))
    if faults:
        raise DeskRefused(Refusal.MALFORMED)
    name = desk.random(_NAME_BYTES).hex()
    with desk.database.write() as tx:
        by = asked_by(tx, staff)
        operator = tx.members.operator(session.account)
        if operator is None:
            raise DeskRefused(Refusal.NOT_ALLOWED, rests_on_feed=True)
        commitment = kept(desk, tx, details, session.account)
        body = OperatorProposed(
            name, session.account, operator.enterprise_code, commitment, authorised=authorised, by=by
        )
        tx.append(body, desk.clock)
        return _view(tx, session.account, name)


def withdraw_operator(
    desk: Desk, session: Session, proposal: str, staff: StaffSession | None = None
) -> ProposalView:
    """Take a proposal back that was noted here and is not decided. Raises DeskRefused."""
    with desk.database.write() as tx:
        by = asked_by(tx, staff)
        own = tx.ledger.proposal(proposal)
        if own is None and any(each.proposal == proposal for each in tx.feed.proposals(session.account)):
            raise DeskRefused(Refusal.PROPOSAL_ELSEWHERE)
        if own is None or own.account != session.account:
            raise DeskRefused(Refusal.NOT_ALLOWED)
        if _view(tx, session.account, proposal).state is not ProposalState.UNDER_REVIEW:
            raise DeskRefused(Refusal.PROPOSAL_DECIDED)
        tx.personal.erase((own.commitment,))
        tx.append(OperatorWithdrawn(proposal, session.account, by), desk.clock)
        return _view(tx, session.account, proposal)


def _view(tx: Transaction, account: str, proposal: str) -> ProposalView:
    return next(each for each in proposal_views(tx, account) if each.proposal == proposal)
