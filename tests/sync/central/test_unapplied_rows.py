"""Rows of the feed that a kiosk could not apply, at the centre."""

from __future__ import annotations

import pytest

from kiosk.domain.dismissals import dismissal
from kiosk.domain.feed import StaffPublished
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.versions import ALL, Version, audience_of_kiosk
from sync.central.fleet import unapplied_rows
from sync.central.fleet.feed.models import FeedRow, KeptRow
from sync.central.fleet.feed.telling import telling
from sync.protocol import records
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("audience", [ALL, audience_of_kiosk(3)])
def test_a_replaceable_row_that_is_dismissed_stays_and_its_kiosk_alone_forgets_it(
    kiosk: KioskDouble, audience: int
) -> None:
    with telling(kiosk.now()) as told:
        told.tell(audience, StaffPublished(StaffMember("林涛", Role.STAFF, "$")))
    kiosk.feed()
    notice = records.UnappliedNotice(audience, "staff/林涛", "stricter-holds")
    said = records.Heartbeat(None, 0, kiosk.cursors, kiosk.now(), kept=(notice,))
    assert kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(said)).status == 200
    unapplied_rows.dismiss(KeptRow.objects.get(), "admin", "seen", kiosk.now())
    row = FeedRow.objects.get(audience=audience, key="staff/林涛", live=True)
    assert kiosk.news() == [dismissal(audience, Version(row.incarnation, row.stamp))]
