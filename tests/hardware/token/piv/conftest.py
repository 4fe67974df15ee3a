from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.token.piv.token import PivToken
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.token.piv.profile import PivProfile
    from hardware.virtual.card import VirtualCard
    from hardware.virtual.piv.card import PivCard

from tests.support.piv_certificates import issue


@pytest.fixture(params=["standard", "yubikey"])
def piv_card(request: pytest.FixtureRequest, tmp_path: Path) -> PivCard:
    yubikey = request.param == "yubikey"
    return blank_piv_key(
        tmp_path / "card.json", "11409355", yubikey=yubikey, management_algorithm=0x0A if yubikey else 0x03
    )


@pytest.fixture
def opened() -> Callable[..., PivToken]:
    def open_card(card: VirtualCard, profile: PivProfile | None = None) -> PivToken:
        return PivToken(DirectChannel(card), profile)

    return open_card


@pytest.fixture(scope="session")
def certificate_for() -> Callable[..., bytes]:
    """Give what issues a certificate for a point of P-256 or P-384, with a subject of about so many bytes."""
    return issue


@pytest.fixture(scope="session")
def made() -> Callable[[PivToken], bytes]:
    """Give what makes a key pair with the factory PIN verified, and returns its public key."""

    def make(token: PivToken) -> bytes:
        token.verify_pin("123456")
        return token.generate_key_pair()

    return make


@pytest.fixture(scope="session")
def bound(made: Callable[[PivToken], bytes]) -> Callable[[PivToken], bytes]:
    """Give what makes a key pair and writes its certificate, which it returns."""

    def bind(token: PivToken) -> bytes:
        certificate = issue(made(token))
        token.write_certificate(certificate)
        return certificate

    return bind
