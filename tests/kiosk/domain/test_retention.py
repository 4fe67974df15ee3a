"""For how long personal records are kept."""

from __future__ import annotations

from kiosk.domain.personal import PersonalKind
from kiosk.domain.retention import PersonalRetention

DAY = 86400
NOW = 1_800_000_000


def test_each_kind_has_days_of_its_own_after_it_was_sent() -> None:
    retention = PersonalRetention(delivery_days=3, invoice_days=5, operator_days=0, unsent_days=30)
    assert retention.sent_before(PersonalKind.DELIVERY, NOW) == NOW - 3 * DAY
    assert retention.sent_before(PersonalKind.INVOICE, NOW) == NOW - 5 * DAY
    assert retention.sent_before(PersonalKind.OPERATOR, NOW) == NOW
    assert retention.made_before(NOW) == NOW - 30 * DAY
