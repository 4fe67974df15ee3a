from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    TokenFault,
    TokenNotPrepared,
)
from hardware.token.piv.commands import ObjectIdentifier
from hardware.token.piv.token import PivToken, select
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel, ScriptedTransport

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard


def test_a_card_without_the_application_is_not_prepared(card: GmtCard) -> None:
    with pytest.raises(TokenNotPrepared):
        PivToken(DirectChannel(card))


@pytest.mark.parametrize("guid", [bytes(16), None])
def test_a_card_that_nothing_tells_from_others_is_not_prepared(tmp_path: Path, guid: bytes | None) -> None:
    card = blank_piv_key(tmp_path / "card.json", "1")
    value = card.record.value(ObjectIdentifier.CARD_HOLDER_UNIQUE_IDENTIFIER)
    assert value is not None
    nameless = value.replace(card.record.guid, bytes(16)) if guid is not None else b""
    card.store(card.record.with_value(ObjectIdentifier.CARD_HOLDER_UNIQUE_IDENTIFIER, nameless))
    with pytest.raises(TokenNotPrepared):
        PivToken(DirectChannel(card))


def test_the_application_is_recognised(piv_card: PivCard, card: GmtCard) -> None:
    assert select(DirectChannel(piv_card))
    assert not select(DirectChannel(card))


@pytest.mark.parametrize(
    ("answer", "recognised"),
    [
        ("61114F0600001000010079074F05A0000003089000", True),
        ("9000", False),
        ("61004F009000", False),
        ("6F054F03AABBCC9000", False),
        ("6A82", False),
        ("6A81", False),
        ("6D00", False),
        ("6E00", False),
        ("6999", False),
        ("6700", False),
    ],
)
def test_the_application_is_recognised_by_its_template(answer: str, *, recognised: bool) -> None:
    channel = DirectChannel(ScriptedTransport(bytes.fromhex(answer)))
    assert select(channel) is recognised
    assert [each.hex().upper() for each in channel.sent] == ["00A4040009A0000003080000100000"]


@pytest.mark.parametrize("answer", ["6F00", "6FAA", "6400", "6581"])
def test_a_faulty_card_is_not_taken_for_another_kind(answer: str) -> None:
    with pytest.raises(TokenFault):
        select(DirectChannel(ScriptedTransport(bytes.fromhex(answer))))
