"""Twins, padding and other programs' objects behind real PC/SC readers, as a desk meets them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.pcsc.source import PcscTokenSource
from hardware.token.piv.commands import ObjectIdentifier
from hardware.token.piv.objects import encode
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.piv.factory import blank_piv_key
from kiosk.desk.context import Desk
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.tokens import FOREIGN_CONTENTS, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.fees import OrderKind
from tests.support.piv_certificates import issue
from tests.support.readers import emptied, in_reader, inserted, soon

NOW = 1_795_327_500
DAY = 86_400
SERIAL = "E8AD652202221F03"
ONE, OTHER = "11000001", "11000003"
PIN, FACTORY = "654321", "111111"
SLOT = ObjectIdentifier.AUTHENTICATION_CERTIFICATE

Pay = Callable[[str, OrderKind], str]


@pytest.fixture
def readers(pcscd: tuple[str, int]) -> PcscTokenSource:
    source = PcscTokenSource()
    emptied(source)
    return source


@pytest.fixture
def in_readers(desk: Desk, readers: PcscTokenSource) -> DeskService:
    """The desk's verbs, its tokens in real readers."""
    return DeskService(dataclasses.replace(desk, tokens=readers))


@pytest.mark.pcsc
def test_twins_in_two_real_readers_serve_one_member_each(
    in_readers: DeskService,
    readers: PcscTokenSource,
    pcscd: tuple[str, int],
    session_of: Callable[[str], Session],
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    paid_order: Pay,
    tmp_path: Path,
) -> None:
    one = bound_elsewhere(ONE, SERIAL, NOW - 300 * DAY, NOW + 65 * DAY)
    twin = blank_key(tmp_path / "twin.card", SERIAL, pin_tries=6)
    number, before = paid_order(OTHER, OrderKind.NEW), one.record
    host, port = pcscd
    with in_reader(one, (host, port)), in_reader(twin, (host, port + 1)):
        soon(lambda: len(readers.present()) == 2, "both are in")
        bound = in_readers.bind(session_of(OTHER), number, None, False, lambda _step: None)  # noqa: FBT003 - the contract
        assert isinstance(bound, BoundView), bound
        assert one.record == before
        for account, pin in ((ONE, PIN), (OTHER, FACTORY)):
            checked = in_readers.login_check(session_of(account), pin, False)  # noqa: FBT003 - the contract
            assert isinstance(checked, LoginCheckView), checked
            assert dict(checked.results)[Check.SIGNATURE] is CheckResult.PASSED


@pytest.mark.pcsc
@pytest.mark.parametrize("form", ["bare", "unknown"])
def test_another_programs_certificate_object_in_a_real_reader_is_left_alone(
    in_readers: DeskService,
    readers: PcscTokenSource,
    pcscd: tuple[str, int],
    session: Session,
    paid_order: Pay,
    tmp_path: Path,
    form: str,
) -> None:
    card = blank_piv_key(tmp_path / "piv.card", "17345678", yubikey=True)
    point = bytes.fromhex(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
        "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
    )
    value = issue(point) + bytes(700) if form == "bare" else encode(0x99, b"somebody's")
    card.store(card.record.with_value(SLOT, value))
    before = card.record
    number = paid_order(ONE, OrderKind.NEW)
    with in_reader(card, pcscd):
        inserted(readers)
        refused = in_readers.bind(session, number, None, False, lambda _step: None)  # noqa: FBT003 - the contract
    assert isinstance(refused, TokenRefused)
    assert (refused.reason, refused.detail) == (TokenRefusal.ANOTHER_MEMBERS, FOREIGN_CONTENTS)
    assert card.record == before
