"""What a terminal sends, as keys and pastes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import textual._time
from textual import events
from textual.message import Message

from kiosk.ui.terminal.keyboard import DELAY_SECONDS, HELD_SECONDS, PASTE_SECONDS, Keyboard
from tests.support.waiting import wait_until


class Clock:
    """A clock that tests move; Textual's messages are stamped by it too."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(textual._time, "get_time", clock)
    return clock


@pytest.fixture
def odd() -> list[Exception]:
    return []


@pytest.fixture
def keyboard(time: Clock, odd: list[Exception]) -> Keyboard:
    return Keyboard(time, odd.append)


def typed(messages: Iterator[Message]) -> list[str]:
    """Each key's character or name, and each paste's text."""
    said = []
    for each in messages:
        if isinstance(each, events.Key):
            said.append(each.character if each.character and each.is_printable else each.key)
        elif isinstance(each, events.Paste):
            said.append(f"paste {each.text!r}")
    return said


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"a\xffb", ["a", "\ufffd", "b"]),
        ("程".encode("gbk") + b"a", ["\ufffd", "\ufffd", "a"]),
        ("陈静".encode("gbk") + b"\r", ["\ufffd", "¾", "\ufffd", "enter"]),
        (b"\xe7\xa8", []),
        ("程𠮷林".encode(), ["程", "𠮷", "林"]),
    ],
)
def test_bytes_that_are_no_utf8_are_replaced_and_cost_no_other_key(
    keyboard: Keyboard, sent: bytes, keys: list[str]
) -> None:
    assert typed(keyboard.read(sent)) == keys
    assert typed(keyboard.read(b"z"))[-1] == "z"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_character_may_come_in_pieces(keyboard: Keyboard, *, at_once: bool) -> None:
    sent = "程𠮷".encode() + b"\x1b[A"
    pieces = [sent] if at_once else [bytes([each]) for each in sent]
    assert [key for piece in pieces for key in typed(keyboard.read(piece))] == ["程", "𠮷", "up"]


def test_a_paste_is_one_text(keyboard: Keyboard) -> None:
    assert typed(keyboard.read(b"\x1b[200~abc\rd\x1b[201~e")) == ["paste 'abc\\rd'", "e"]


@pytest.mark.parametrize("control", ["\x1b", "\x07", "\t", "\x7f", "\x9b"])
def test_what_would_be_a_command_to_the_terminal_comes_out_of_no_paste(
    keyboard: Keyboard, control: str
) -> None:
    said = typed(keyboard.read(f"\x1b[200~a{control}".encode()))
    if control == "\x1b":
        wait_until(lambda: "escape" in typed(keyboard.tick()), "it stands for itself after a moment")
    said += typed(keyboard.read(b"bc\x1b[201~"))
    assert said[-1] == "paste 'a\ufffdbc'"


@pytest.mark.parametrize("whole", [True, False])
def test_a_paste_without_an_end_does_not_take_the_keyboard(
    keyboard: Keyboard, time: Clock, *, whole: bool
) -> None:
    for piece in [b"\x1b[200~ab"] if whole else [b"\x1b[2", b"00", b"~a", b"b"]:
        assert typed(keyboard.read(piece)) == []
    time.now += PASTE_SECONDS / 2
    assert typed(keyboard.tick()) == []
    assert typed(keyboard.read(b"c")) == []
    time.now += PASTE_SECONDS / 2
    assert typed(keyboard.tick()) == ["paste 'abc'"]
    assert typed(keyboard.read(b"d\r")) == ["d", "enter"]
    assert typed(keyboard.read(b"\x1b[201~e")) == ["e"]


def test_keys_that_go_on_in_a_paste_without_an_end_do_not_keep_it_open(
    keyboard: Keyboard, time: Clock
) -> None:
    said = typed(keyboard.read(b"\x1b[200~"))
    for _ in range(25):
        time.now += PASTE_SECONDS / 20
        said += typed(keyboard.read(b"x"))
    assert said[0].startswith("paste 'xxx")
    assert said[1:]
    assert set(said[1:]) == {"x"}


def test_a_sequence_that_cannot_be_costs_itself_alone(keyboard: Keyboard, odd: list[Exception]) -> None:
    assert "a" in typed(keyboard.read(b"\x1b[48;0;0;0;0ta"))
    assert typed(keyboard.read(b"c")) == ["c"]


def pressed(messages: Iterator[Message]) -> list[float]:
    return [each.time for each in messages if isinstance(each, events.Key)]


def test_repeats_of_a_key_that_is_held_down_bear_the_time_of_its_press(
    keyboard: Keyboard, time: Clock
) -> None:
    began = time.now
    times = []
    for pause in (0.0, HELD_SECONDS * 0.9, HELD_SECONDS * 0.9, HELD_SECONDS * 0.9):
        time.now += pause
        times += pressed(keyboard.read(b"\r"))
    assert times == [began] * 4
    assert pressed(keyboard.read(b"\t")) == [time.now]
    assert pressed(keyboard.read(b"\r")) == [time.now]
    time.now += DELAY_SECONDS
    assert pressed(keyboard.read(b"\r")) == [time.now]


def waited(keyboard: Keyboard, time: Clock, seconds: float) -> list[float]:
    """Let time pass as the driver does, and give the presses that come of it."""
    times = []
    for _ in range(round(seconds / 0.05)):
        time.now += 0.05
        times += pressed(keyboard.tick())
    return times


@pytest.mark.parametrize("delay", [0.25, 0.5, 0.65])
def test_the_first_repeat_comes_late_and_is_one_all_the_same(
    keyboard: Keyboard, time: Clock, delay: float
) -> None:
    """Keyboards wait before they repeat."""
    began = time.now
    times = pressed(keyboard.read(b"\r"))
    times += waited(keyboard, time, delay)
    for _ in range(20):
        times += pressed(keyboard.read(b"\r"))
        time.now += 0.03
    assert times == [began] * 21
    assert waited(keyboard, time, 1) == []


@pytest.mark.parametrize("pause", [0.15, 0.3, 0.6, 0.9, 1.5])
def test_two_presses_are_two(keyboard: Keyboard, time: Clock, pause: float) -> None:
    """The second waits for a moment where it could be a repeat; it bears its own time."""
    (first,) = pressed(keyboard.read(b"\r"))
    waited(keyboard, time, pause)
    second = time.now
    times = pressed(keyboard.read(b"\r")) + waited(keyboard, time, HELD_SECONDS + 0.05)
    assert times == [second] != [first]
    assert waited(keyboard, time, 1) == []


def test_what_comes_behind_a_press_in_doubt_comes_behind_it(keyboard: Keyboard, time: Clock) -> None:
    assert typed(keyboard.read(b"\r")) == ["enter"]
    for sent in (b"a", b"\t", b"\x1b[200~b\x1b[201~", b"\x1b[<0;5;5M"):
        time.now += 0.3
        assert typed(keyboard.read(b"\r")) == []
        assert typed(keyboard.read(sent))[0] == "enter"
        time.now += 2
        assert typed(keyboard.read(b"\r")) == ["enter"]


def test_characters_wait_for_nothing(keyboard: Keyboard, time: Clock) -> None:
    for _ in range(3):
        time.now += 0.3
        assert typed(keyboard.read(b"1")) == ["1"]
