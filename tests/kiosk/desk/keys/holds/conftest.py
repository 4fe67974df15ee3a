"""What the tests of losses ask of the record, and how they lift a hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kiosk.desk.keys.views import LiftedView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenRefused
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.ledger import CertificateStatus
from kiosk.store.database import Database
from kiosk.store.keys_on_record import key_on_record

ACCOUNT, FACTORY = "11000001", "111111"


def _key_of(database: Database) -> KeyOnRecord:
    with database.read() as tx:
        key = key_on_record(tx, ACCOUNT)
    assert key is not None
    return key


@pytest.fixture(scope="session")
def key_of() -> Callable[[Database], KeyOnRecord]:
    """The account's key as the desk knows it."""
    return _key_of


@pytest.fixture(scope="session")
def status_of() -> Callable[[Database], CertificateStatus]:
    """How the certificate of that key stands."""

    def status(database: Database) -> CertificateStatus:
        with database.read() as tx:
            certificate = tx.ledger.certificate(_key_of(database).number)
        assert certificate is not None
        return certificate.status

    return status


@pytest.fixture(scope="session")
def told_elsewhere() -> Callable[[KeyOnRecord], KeyBoundElsewhere]:
    """The feed's item that tells of a key."""

    def told(key: KeyOnRecord) -> KeyBoundElsewhere:
        return KeyBoundElsewhere(
            ACCOUNT,
            key.number,
            key.token_serial,
            key.not_before,
            key.not_after,
            lost=key.lost,
            holds=key.holds,
            revoked=key.revoked,
        )

    return told


@pytest.fixture(scope="session")
def lift() -> Callable[..., LiftedView | TokenRefused | Refused]:
    """Lift the hold of the account's key."""

    def lift_hold(
        service: DeskService, session: Session, staff: StaffSession, pin: str = FACTORY, *, last: bool = False
    ) -> LiftedView | TokenRefused | Refused:
        return service.lift_hold(session, staff, pin, last)

    return lift_hold
