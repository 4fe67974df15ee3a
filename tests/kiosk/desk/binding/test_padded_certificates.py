"""Keys that give a certificate back in a file of a fixed size: the record holds the certificate alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardware.token.piv.commands import ObjectIdentifier
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.gmt.state import CardRecord
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import PivCardRecord
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views import BoundView, Session
from kiosk.domain.entries import AnyBody, BindingStarted, CertificateIssued
from kiosk.domain.fees import OrderKind
from kiosk.pki import asn1

ACCOUNT = "11000001"
SLOT = ObjectIdentifier.AUTHENTICATION_CERTIFICATE
SIZE = 2000


class PaddedGmtCard(GmtCard):
    """A GM/T key whose certificate file has a fixed size."""

    padding = b"\0"

    def store(self, record: CardRecord) -> None:
        """Fill what is written up to the size of its file."""
        applications = tuple(
            replace(
                application,
                containers=tuple(
                    replace(each, certificate=each.certificate and each.certificate.ljust(SIZE, self.padding))
                    for each in application.containers
                ),
            )
            for application in record.applications
        )
        super().store(replace(record, applications=applications))


class PaddedPivCard(PivCard):
    """A PIV card whose certificate object has a fixed size."""

    padding = b"\0"

    def store(self, record: PivCardRecord) -> None:
        """Fill what is written up to the size of its object."""
        value = record.value(SLOT)
        super().store(record.with_value(SLOT, value.ljust(SIZE, self.padding)) if value else record)


def _card(kind: str, path: Path) -> tuple[PaddedGmtCard | PaddedPivCard, str]:
    """Make a blank card, and tell its factory PIN."""
    if kind == "gmt":
        blank_key(path, "E8AD652202221F09", pin_tries=6)
        return PaddedGmtCard(path), "111111"
    blank_piv_key(path, "17345678", yubikey=True)
    return PaddedPivCard(path), "123456"


@pytest.mark.parametrize("kind", ["gmt", "piv"])
@pytest.mark.parametrize("padding", [b"\0", b"\xff"], ids=["zeros", "ones"])
def test_a_key_that_pads_its_certificate_is_bound_renewed_and_checked(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    bodies: Callable[[], list[AnyBody]],
    tmp_path: Path,
    kind: str,
    padding: bytes,
) -> None:
    card, pin = _card(kind, tmp_path / "padded.card")
    card.padding = padding
    source.insert(card)
    for order in (OrderKind.NEW, OrderKind.RENEWAL):
        bound = service.bind(session, paid_order(ACCOUNT, order), pin, False, lambda _step: None)  # noqa: FBT003 - the port's order
        assert isinstance(bound, BoundView), bound
    written = [body.certificate for body in bodies() if isinstance(body, CertificateIssued)]
    started = [body.old_certificate for body in bodies() if isinstance(body, BindingStarted)]
    assert started == [None, written[0]]
    assert all(len(asn1.elements(der)) == 1 for der in written)
    checked = service.login_check(session, pin, False)  # noqa: FBT003 - the port's order
    assert isinstance(checked, LoginCheckView)
    assert dict(checked.results)[Check.CHAIN] is CheckResult.PASSED
