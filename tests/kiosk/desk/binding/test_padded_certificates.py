"""Keys that give a certificate back in a file of a fixed size: the record holds the certificate alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardware.token.gmt.commands import Instruction
from hardware.token.piv.commands import ObjectIdentifier
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.gmt.state import CardRecord
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import PivCardRecord
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import Check, CheckResult, KeyView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import BoundView, TokenView
from kiosk.domain.entries.bindings import BindingStarted, CertificateIssued
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.fees import OrderKind
from kiosk.pki import asn1

ACCOUNT = "11000001"
SLOT = ObjectIdentifier.AUTHENTICATION_CERTIFICATE
SIZE = 2000


class PaddedGmtCard(GmtCard):
    """A GM/T key whose certificate file has a fixed size."""

    padding = b"\0"
    always = False

    def store(self, record: CardRecord) -> None:
        """Fill what is written up to the size of its file, or also a file in which nothing is."""
        applications = tuple(
            replace(
                application,
                containers=tuple(
                    replace(each, certificate=self._filled(each.certificate))
                    for each in application.containers
                ),
            )
            for application in record.applications
        )
        super().store(replace(record, applications=applications))

    def _filled(self, certificate: bytes | None) -> bytes | None:
        if not certificate and not self.always:
            return certificate
        return (certificate or b"").ljust(SIZE, self.padding)


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


@pytest.mark.parametrize("padding", [b"\0", b"\xff"], ids=["zeros", "ones"])
def test_a_key_whose_certificate_file_was_never_written_is_blank_and_goes_on_where_it_was_pulled(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    supervisor: StaffSession,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
    padding: bytes,
) -> None:
    blank_key(tmp_path / "card", "E8AD652202221F09")
    card = PaddedGmtCard(tmp_path / "card")
    card.padding, card.always = padding, True
    card.store(card.record)
    faulty = FaultyCard(card, Fault(FaultKind.PULLED_AFTER, instruction=Instruction.GENERATE_ECC_KEY_PAIR))
    source.insert(faulty)
    read = service.read_token()
    assert isinstance(read, TokenView)
    assert read.blank
    number = paid_order(ACCOUNT, OrderKind.NEW)
    assert not isinstance(service.bind(session, number, None, False, lambda _step: None), BoundView)  # noqa: FBT003 - the port's order
    source.remove()
    source.insert(card)
    bound = service.bind(session, number, None, False, lambda _step: None)  # noqa: FBT003 - the port's order
    assert isinstance(bound, BoundView), bound
    service.report_loss(session)
    erased = service.erase(supervisor, bound.serial)
    assert isinstance(erased, KeyView), erased
    assert erased.token.blank
