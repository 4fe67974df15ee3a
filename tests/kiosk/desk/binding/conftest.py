"""Binding while nobody watches the progress."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.gmt.card import GmtCard
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BoundView, TokenRefused


@pytest.fixture(scope="session")
def bind() -> Callable[..., BoundView | TokenRefused | Refused]:
    """Bind the key that is in to an order."""

    def bind_key(
        service: DeskService, session: Session, number: str, pin: str | None = None, *, last: bool = False
    ) -> BoundView | TokenRefused | Refused:
        return service.bind(session, number, pin, last, lambda _progress: None)

    return bind_key


@pytest.fixture(scope="session")
def certificate_on() -> Callable[[GmtCard], bytes | None]:
    """The certificate (DER) in a card's first container."""

    def certificate(card: GmtCard) -> bytes | None:
        return card.record.applications[0].containers[0].certificate

    return certificate
