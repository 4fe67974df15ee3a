"""What staff had said of people and prices, and a centre that was put back forgot: kiosks show the rows that it signed.

One stands again, with all that follows from it, where nobody said anything else of it since and it forbids no less than what
the backup has. Whoever shows an older one than the newest that was lost can undo no demotion with it, and the newer one takes
its place as soon as another kiosk shows that. A role, an approval or a member that is new waits for staff: the row that took it
away again may be known to a kiosk that is not back yet.
"""

from __future__ import annotations

import msgspec

from kiosk.domain.feed import (
    AnyFeedBody,
    EnterprisePublished,
    FeeSchedulePublished,
    OperatorPublished,
    StaffPublished,
)
from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.merging import Merging, Told, merge, strictness
from kiosk.domain.versions import Version
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.writing import present_incarnation, stand_again
from sync.central.ledger.publishing import publish_enterprise, publish_operators
from sync.central.members.models import DeskStaff, Enterprise, FeeSchedule, Operator
from sync.central.members.publishing import publish_schedule, publish_staff


def take_back_said(row: Row, body: AnyFeedBody, now: int) -> bool:
    """Have a row stand again that the centre signed and lost; False where it is left to staff.

    In the transaction of `telling` that is open, with the audiences locked.
    """
    if row.version.incarnation >= present_incarnation() or not _goes_on(row, body):
        return False
    match body:
        case StaffPublished(staff=staff):
            person, _ = DeskStaff.objects.update_or_create(
                name=staff.name, defaults={"role": staff.role.value, "verifier": staff.verifier}
            )
            stand_again(row, now)
            publish_staff(person, now)
        case OperatorPublished(operator=operator):
            known = Operator.objects.filter(account=operator.account).first()
            if known is None or not Enterprise.objects.filter(code=operator.enterprise_code).exists():
                return False
            known.enterprise_id, known.name = operator.enterprise_code, operator.name
            known.review, known.verifier = operator.review.value, operator.verifier
            known.save()
            stand_again(row, now)
            publish_operators([known], now)
        case EnterprisePublished(enterprise=enterprise):
            firm = Enterprise.objects.filter(code=enterprise.code).first()
            if firm is None:
                return False
            firm.name, firm.legal_person = enterprise.name, enterprise.legal_person
            firm.review = enterprise.review.value
            firm.save()
            stand_again(row, now)
            publish_enterprise(firm, now)
        case FeeSchedulePublished(schedule=said):
            prices = {"token": said.token, "certificate": said.certificate, "service": said.service}
            schedule = FeeSchedule.objects.create(
                number=said.number, effective_from=said.effective_from, **prices
            )
            stand_again(row, now)
            publish_schedule(schedule, now)
        case _:
            return False
    return True


def _goes_on(row: Row, body: AnyFeedBody) -> bool:
    """Whether it goes on from what the backup has, nobody said anything since, and it forbids no less."""
    live = FeedRow.objects.filter(audience=row.audience, key=row.key, live=True).first()
    if isinstance(body, FeeSchedulePublished):
        return live is None and not FeeSchedule.objects.filter(number=body.schedule.number).exists()
    stands = None if live is None else _as_left(live)
    if stands is None:
        return False
    told = Told(row.version, row.base, row.digest, strictness=strictness(body))
    return merge(stands, row.key, told) is Merging.REPLACES and told.strictness >= stands.strictness


def _as_left(live: FeedRow) -> Told | None:
    """A row under the version that the former incarnations gave it; None where somebody said something else since."""
    version, base = Version(live.incarnation, live.stamp), Version(live.base_incarnation, live.base_stamp)
    row = Row(live.audience, live.key, version, base, live.kind, msgspec.Raw(bytes(live.body)))
    if version.incarnation >= present_incarnation():
        before = FeedRow.objects.filter(
            audience=live.audience, key=live.key, incarnation=base.incarnation, stamp=base.stamp
        ).first()
        if before is None or bytes(before.digest) != bytes(live.digest):
            return None
        version = base
    return Told(version, base, bytes(live.digest), strictness=strictness(row.read()))
