from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hardware.ports import MalformedAnswer, TokenFault, TokenNotPrepared, TokenNotRecognised
from hardware.token.gmt_profile import GmtProfile
from hardware.token.registry import gmt_driver, open_token

if TYPE_CHECKING:
    from hardware.virtual.gmt_card import GmtCard


def test_a_gmt_key_is_recognised_and_opened_by_its_profile(card: GmtCard, direct: Any) -> None:
    token = open_token(direct(card), (gmt_driver(GmtProfile(name="our vendor")),))
    assert token.driver == "our vendor"


@pytest.mark.parametrize("status_word", ["6D00", "6E00", "6700", "6A86"])
def test_a_card_that_does_not_know_the_command_is_not_recognised(
    scripted: Any, direct: Any, status_word: str
) -> None:
    channel = direct(scripted(bytes.fromhex(status_word)))
    with pytest.raises(TokenNotRecognised) as refused:
        open_token(channel)
    assert refused.value.atr == channel.atr
    assert channel.closed


@pytest.mark.parametrize(
    ("answer", "error"), [("6F00", TokenFault), ("", MalformedAnswer), ("9000", MalformedAnswer)]
)
def test_a_card_that_fails_at_once_is_faulty_and_let_go(
    scripted: Any, direct: Any, answer: str, error: type[Exception]
) -> None:
    channel = direct(scripted(bytes.fromhex(answer), bytes.fromhex(answer)))
    with pytest.raises(error):
        open_token(channel)
    assert channel.closed


def test_a_key_of_another_application_is_let_go(card: GmtCard, direct: Any) -> None:
    channel = direct(card)
    with pytest.raises(TokenNotPrepared):
        open_token(channel, (gmt_driver(GmtProfile(application="OTHER")),))
    assert channel.closed
