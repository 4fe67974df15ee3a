from __future__ import annotations

import pytest

from hardware.virtual.card import CardPulled, Fault, FaultKind, FaultyCard


class Counting:
    """Counts what it executes and answers with the count."""

    atr = b"\x3b\x00"
    executed = 0

    def power_on(self) -> None:
        return

    def transmit(self, command: bytes) -> bytes:
        self.executed += 1
        return bytes((self.executed,)) + b"data\x90\x00"


@pytest.mark.parametrize(
    ("kind", "answer", "executed"),
    [
        (FaultKind.RUBBISH, b"??", 2),
        (FaultKind.INTERNAL_ERROR, b"\x6f\x00", 1),
        (FaultKind.TRUNCATED, b"\x02da", 2),
        (FaultKind.SILENT, b"", 1),
    ],
)
def test_the_second_command_fails_as_planned_and_the_third_no_more(
    kind: FaultKind, answer: bytes, executed: int
) -> None:
    inner = Counting()
    card = FaultyCard(inner, Fault(kind, at=2, rubbish=b"??"))
    assert card.transmit(b"\x80\x04\0\0") == b"\x01data\x90\x00"
    assert card.transmit(b"\x80\x04\0\0") == answer
    assert inner.executed == executed
    assert card.transmit(b"\x80\x04\0\0").endswith(b"data\x90\x00")


@pytest.mark.parametrize(("kind", "executed"), [(FaultKind.PULLED_BEFORE, 0), (FaultKind.PULLED_AFTER, 1)])
def test_a_card_can_be_pulled_before_and_after_it_executes(kind: FaultKind, executed: int) -> None:
    inner = Counting()
    with pytest.raises(CardPulled):
        FaultyCard(inner, Fault(kind)).transmit(b"\x80\x04\0\0")
    assert inner.executed == executed


def test_a_fault_can_wait_for_an_instruction() -> None:
    card = FaultyCard(Counting())
    card.plan(Fault(FaultKind.SILENT, at=2, instruction=0x70))
    answers = [card.transmit(bytes((0x80, code, 0, 0))) for code in (0x04, 0x70, 0x04, 0x70, 0x70)]
    assert [answer == b"" for answer in answers] == [False, False, False, True, False]
