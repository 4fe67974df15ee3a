from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.apdu import EVERYTHING, Command, Form, Response, exchange, links
from hardware.ports import MalformedAnswer
from tests.support.channels import ScriptedTransport


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (Command(0x44), "80440000"),
        (Command(0x50, expected=8), "80500000000008"),
        (Command(0x04, expected=EVERYTHING), "80040000000000"),
        (Command(0x28, data=b"\x00\x01"), "802800000000020001"),
        (Command(0x26, data=b"AB", expected=10), "8026000000000241 42000A".replace(" ", "")),
        (Command(0x4E, p1=1, data=bytes(300), expected=EVERYTHING), "804E010000012C" + "00" * 300 + "0000"),
    ],
)
def test_lengths_are_always_in_the_long_form(command: Command, encoded: str) -> None:
    assert command.encode().hex().upper() == encoded


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (Command(0x20, p2=0x80, cla=0, form=Form.SHORT), "00200080"),
        (Command(0xF8, expected=4, cla=0, form=Form.SHORT), "00F8000004"),
        (Command(0xF8, expected=256, cla=0, form=Form.SHORT), "00F8000000"),
        (Command(0xF8, expected=EVERYTHING, cla=0, form=Form.SHORT), "00F8000000"),
        (Command(0x2C, data=b"AB", cla=0, form=Form.SHORT), "002C0000024142"),
        (Command(0xCB, 0x3F, 0xFF, b"AB", EVERYTHING, cla=0, form=Form.SHORT), "00CB3FFF02414200"),
        (Command(0xDB, data=bytes(255), cla=0, form=Form.SHORT), "00DB0000FF" + "00" * 255),
    ],
)
def test_lengths_of_the_short_form_are_one_byte(command: Command, encoded: str) -> None:
    assert command.encode().hex().upper() == encoded


@pytest.mark.parametrize(("form", "longest"), [(Form.LONG, 65535), (Form.SHORT, 255)])
def test_data_longer_than_a_length_can_say_is_refused(form: Form, longest: int) -> None:
    assert Command(0x4C, data=bytes(longest), form=form).encode()
    with pytest.raises(ValueError, match=str(longest)):
        Command(0x4C, data=bytes(longest + 1), form=form).encode()


def test_commands_and_answers_do_not_show_their_data() -> None:
    assert "SECRET" not in repr(Command(0x18, data=b"SECRET"))
    assert "SECRET" not in str(Response(b"SECRET", 0x9000))


def test_an_answer_is_data_and_status_word() -> None:
    assert Response.parse(b"\x01\x02\x90\x00") == Response(b"\x01\x02", 0x9000)


@pytest.mark.parametrize("answer", [b"", b"\x90"])
def test_an_answer_without_a_whole_status_word_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        Response.parse(answer)


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=64))
def test_a_chain_carries_the_same_data_and_only_its_last_link_awaits_an_answer(
    data: bytes, longest: int
) -> None:
    chain = links(Command(0x4C, 1, 2, data, expected=5), longest)
    assert b"".join(link.data for link in chain) == data
    assert all(len(link.data) <= longest for link in chain)
    assert [link.cla for link in chain] == [0x90] * (len(chain) - 1) + [0x80]
    assert [link.expected for link in chain] == [None] * (len(chain) - 1) + [5]
    assert {(link.instruction, link.p1, link.p2) for link in chain} == {(0x4C, 1, 2)}


@pytest.mark.parametrize("status_word", ["6400", "6982", "6A82", "6A88", "6D00", "6F00"])
def test_data_that_come_with_a_command_that_was_not_executed_are_malformed(status_word: str) -> None:
    """As where an answer is cut off and its last bytes happen to say so."""
    command = Command(0xCB, expected=EVERYTHING, cla=0, form=Form.SHORT)
    said = bytes.fromhex(status_word)
    assert exchange(ScriptedTransport(said), command).data == b""
    with pytest.raises(MalformedAnswer, match=status_word):
        exchange(ScriptedTransport(b"SE" + said), command)
    with pytest.raises(MalformedAnswer, match=status_word):
        exchange(ScriptedTransport(b"SE\x61\x02", b"\x00" + said), command)


def test_a_refused_link_ends_the_chain() -> None:
    transport = ScriptedTransport(b"\x90\x00", b"\x6a\x84")
    answer = exchange(transport, Command(0x4C, data=bytes(9)), longest=3)
    assert answer.status_word == 0x6A84
    assert len(transport.sent) == 2


def test_61xx_is_followed_by_get_response() -> None:
    transport = ScriptedTransport(b"AB\x61\x03", b"CDE\x90\x00")
    assert exchange(transport, Command(0x88, expected=5)) == Response(b"ABCDE", 0x9000)
    assert transport.sent[1].hex().upper() == "00C00000000003"


def test_a_short_command_is_chained_and_its_answer_fetched_in_the_short_form() -> None:
    transport = ScriptedTransport(b"\x90\x00", b"AB\x61\x00", bytes(256) + b"\x61\x02", b"CD\x90\x00")
    command = Command(0xDB, 0x3F, 0xFF, bytes(300), EVERYTHING, cla=0, form=Form.SHORT)
    assert exchange(transport, command) == Response(b"AB" + bytes(256) + b"CD", 0x9000)
    assert [each.hex().upper() for each in transport.sent] == [
        "10DB3FFFFF" + "00" * 255,
        "00DB3FFF2D" + "00" * 45 + "00",
        "00C0000000",
        "00C0000002",
    ]


def test_a_short_command_takes_the_length_that_the_card_names() -> None:
    transport = ScriptedTransport(b"\x6c\x04", b"ABCD\x90\x00")
    assert exchange(transport, Command(0xCB, expected=EVERYTHING, form=Form.SHORT)) == Response(
        b"ABCD", 0x9000
    )
    assert [each.hex().upper() for each in transport.sent] == ["80CB000000", "80CB000004"]


def test_6a9e_is_a_status_word_like_others_where_lengths_are_short() -> None:
    transport = ScriptedTransport(b"AB\x6a\x9e")
    command = Command(0x47, expected=EVERYTHING, cla=0, form=Form.SHORT)
    assert exchange(transport, command) == Response(b"AB", 0x6A9E)
    assert len(transport.sent) == 1


def test_6cxx_repeats_the_command_with_the_right_length() -> None:
    transport = ScriptedTransport(b"\x6c\x04", b"ABCD\x90\x00")
    assert exchange(transport, Command(0x88, expected=9)) == Response(b"ABCD", 0x9000)
    assert [each.hex().upper() for each in transport.sent] == ["80880000000009", "80880000000004"]


def test_6a9e_sends_the_same_command_again_until_the_end() -> None:
    transport = ScriptedTransport(b"AB\x6a\x9e", b"CD\x6a\x9e", b"E\x90\x00")
    assert exchange(transport, Command(0x4E, expected=EVERYTHING)) == Response(b"ABCDE", 0x9000)
    assert len(set(transport.sent)) == 1


@pytest.mark.parametrize("status_word", ["6C08", "6A9E"])
def test_a_command_that_awaits_no_data_is_never_sent_twice(status_word: str) -> None:
    transport = ScriptedTransport(bytes.fromhex(status_word))
    assert exchange(transport, Command(0x18, data=bytes(18))).status_word == int(status_word, 16)
    assert len(transport.sent) == 1


@pytest.mark.parametrize("answer", ["6101", "6A9E", "6C01", "AB" * 1000 + "6A9E"])
def test_an_answer_that_never_ends_is_malformed(answer: str) -> None:
    class Endless:
        def transmit(self, command: bytes) -> bytes:
            return bytes.fromhex(answer)

    with pytest.raises(MalformedAnswer, match="does not end"):
        exchange(Endless(), Command(0x4E, expected=EVERYTHING))


class Repeating:
    """Gives every command the same answer."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.sent: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return self.answer


@pytest.mark.parametrize("status_word", ["6C08", "6A9E"])
def test_a_command_that_goes_once_is_not_sent_again_even_where_it_awaits_data(status_word: str) -> None:
    transport = Repeating(bytes.fromhex(status_word))
    answer = exchange(transport, Command(0x70, data=bytes(8), expected=EVERYTHING, once=True))
    assert answer.status_word == int(status_word, 16)
    assert len(transport.sent) == 1


@pytest.mark.parametrize("status_word", ["6101", "6A9E", "6C01"])
def test_an_answer_that_goes_on_without_bringing_anything_is_given_up_after_a_few(status_word: str) -> None:
    transport = Repeating(bytes.fromhex(status_word))
    with pytest.raises(MalformedAnswer, match="does not end"):
        exchange(transport, Command(0x4E, expected=EVERYTHING))
    assert len(transport.sent) <= 3


@given(answer=st.binary(max_size=400), once=st.booleans(), awaits=st.booleans(), form=st.sampled_from(Form))
def test_whatever_a_card_repeats_it_ends_within_a_bound(
    *, answer: bytes, once: bool, awaits: bool, form: Form
) -> None:
    transport = Repeating(answer)
    command = Command(0x18, data=bytes(18), expected=EVERYTHING if awaits else None, form=form, once=once)
    with contextlib.suppress(MalformedAnswer):
        exchange(transport, command)
    assert len(transport.sent) <= 512
    if once or not awaits:
        assert sum(sent[1] == 0x18 for sent in transport.sent) == 1
