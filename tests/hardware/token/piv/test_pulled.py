"""A PIV card pulled at every single command: what is on it never speaks of a key that has gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.token.piv.objects import certified_point, read_container
from hardware.token.piv.token import PivToken
from hardware.virtual.card import CardPulled, Fault, FaultKind, FaultyCard
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.virtual.piv.card import PivCard

PULLED = [FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER]
ENOUGH = 60


@pytest.fixture
def pulled_everywhere(
    tmp_path: Path, made: Callable[[PivToken], bytes], certificate_for: Callable[..., bytes]
) -> Callable[..., int]:
    """Do something on a bound card, pulled at its nth command, for every n; returns how many points were tried."""

    def run(
        kind: FaultKind,
        work: Callable[[PivToken, bytes, bytes], object],
        judge: Callable[[PivCard, bytes, bytes], None],
    ) -> int:
        for point in range(1, ENOUGH):
            card = blank_piv_key(tmp_path / "card.json", "1")
            token = PivToken(DirectChannel(card))
            public_key = made(token)
            old, new = certificate_for(public_key, 900), certificate_for(public_key, 900)
            token.write_certificate(old)
            token.change_pin("123456", "654321")
            card.power_on()
            faulty = FaultyCard(card, Fault(kind, at=point))
            try:
                work(PivToken(DirectChannel(faulty)), old, new)
            except CardPulled:
                card.power_on()
                judge(card, old, new)
                again = PivToken(DirectChannel(card))
                again.verify_pin(card.record.pin.value.rstrip(b"\xff").decode())
                work(again, old, new)
                judge(card, old, new)
                continue
            return point - 1
        pytest.fail("the work does not end")

    return run


def contents(card: PivCard) -> tuple[bytes | None, bytes | None, bytes]:
    """What the object says, certificate and key, and the key that really is in the slot."""
    container = read_container(card.record.value(0x5FC105) or b"")
    key = card.record.key(0x9A)
    assert key is not None
    return container.certificate, container.public_key, key.public_key


def says_the_truth(card: PivCard, _old: bytes, _new: bytes) -> None:
    certificate, told, real = contents(card)
    assert told in (None, real)
    assert (certificate is None) or told == real


@pytest.mark.parametrize("kind", PULLED)
def test_a_new_key_pair_never_stands_under_the_old_certificate(
    pulled_everywhere: Callable[..., int], kind: FaultKind
) -> None:
    tried = pulled_everywhere(kind, lambda token, _old, _new: token.generate_key_pair(), says_the_truth)
    print(f"PIV, a new key pair, {kind}: {tried} points tried")  # noqa: T201 - shown by pytest -s
    assert tried >= 8


@pytest.mark.parametrize("kind", PULLED)
def test_a_renewed_certificate_is_there_whole_or_the_old_one_is(
    pulled_everywhere: Callable[..., int], kind: FaultKind
) -> None:
    seen: set[str] = set()

    def judge(card: PivCard, old: bytes, new: bytes) -> None:
        certificate, told, real = contents(card)
        assert certificate in (old, new)
        assert told == real
        seen.add("old" if certificate == old else "new")

    tried = pulled_everywhere(kind, lambda token, _old, new: token.write_certificate(new), judge)
    print(f"PIV, a renewed certificate, {kind}: {tried} points tried")  # noqa: T201 - shown by pytest -s
    assert tried >= 10
    assert seen == {"old", "new"}


@pytest.mark.parametrize("kind", PULLED)
def test_the_old_key_is_gone_before_the_pin_is_the_factorys_and_whole_while_the_pin_is_its_owners(
    pulled_everywhere: Callable[..., int], kind: FaultKind
) -> None:
    seen: set[str] = set()

    def judge(card: PivCard, old: bytes, new: bytes) -> None:
        says_the_truth(card, old, new)
        pin = card.record.pin.value.rstrip(b"\xff")
        known = {b"123456": "factory", b"654321": "own"}.get(pin, "nobody's")
        gone = contents(card)[2] != certified_point(old)
        assert gone or known != "factory"
        assert known != "own" or contents(card)[0] == old
        seen.add(known)

    tried = pulled_everywhere(kind, lambda token, _old, _new: token.erase(), judge)
    print(f"PIV, an erased card, {kind}: {tried} points tried")  # noqa: T201 - shown by pytest -s
    assert tried >= 9
    assert seen == {"own", "nobody's", "factory"}
