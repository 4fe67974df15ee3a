"""The traffic log: what a card is told stands in it, and no PIN or key ever does."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.apdu import Command, Form, links
from hardware.ports import TokenRemoved, WrongPin
from hardware.token.gmt.pin import pin_key
from hardware.token.gmt.profile import GmtProfile
from hardware.token.piv.profile import PivProfile
from hardware.token.registry import Driver, gmt_driver, open_token, piv_driver
from hardware.traffic import LEVEL, LOGGER, ROWS, Shown, TrafficChannel, shown_of, traffic_channel
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard
    from hardware.virtual.piv.card import PivCard

SECRET = bytes.fromhex("5EC2E75EC2E75EC2E75EC2E75EC2E75E")

CARRIERS = (
    (0x80, 0x10, 0, 0),  # DevAuth
    (0x80, 0x12, 0, 0),  # ChangeDevAuthKey
    (0x80, 0x16, 0, 1),  # ChangePin
    (0x80, 0x18, 0, 1),  # VerifyPin
    (0x80, 0x1A, 0, 1),  # UnblockPin
    (0x80, 0x20, 0, 0),  # CreateApplication
    (0x00, 0x20, 0, 0x80),  # VERIFY
    (0x00, 0x24, 0, 0x80),  # CHANGE REFERENCE DATA
    (0x00, 0x2C, 0, 0x80),  # RESET RETRY COUNTER
    (0x00, 0x87, 0x0A, 0x9B),  # GENERAL AUTHENTICATE with the management key
    (0x00, 0xFE, 0x11, 0x9A),  # IMPORT KEY
    (0x00, 0xFF, 0xFF, 0xFF),  # SET MANAGEMENT KEY
)


class Lines(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Echo:
    """Answers every command with the secret."""

    atr = b"\x3b\x00"

    def transmit(self, command: bytes) -> bytes:
        return SECRET + b"\x90\x00"

    def close(self) -> None:
        return


@contextlib.contextmanager
def logged(level: int = LEVEL) -> Iterator[Lines]:
    logger, lines = logging.getLogger(LOGGER), Lines()
    before = logger.level
    logger.addHandler(lines)
    logger.setLevel(level)
    try:
        yield lines
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before)


def spaced(data: bytes) -> str:
    return data.hex(" ").upper()


def tell(*commands: bytes) -> Lines:
    with logged() as lines:
        channel = TrafficChannel(Echo())
        for command in commands:
            channel.transmit(command)
    return lines


def test_what_is_no_secret_stands_there_in_full() -> None:
    (line,) = tell(bytes.fromhex("80 26 00 00 00 00 07 4B 45 59 44 45 53 4B 00 0A")).lines
    assert line.startswith("80 26 00 00 00 00 07 4B 45 59 44 45 53 4B 00 0A -> 5E C2")


def test_of_what_proves_a_pin_only_the_header_and_the_status_word_stand_there() -> None:
    (line,) = tell(bytes.fromhex("80 18 00 01 00 00 12 00 01") + SECRET).lines
    assert line.startswith("80 18 00 01 <21 bytes masked> -> <16 bytes masked> 90 00")


def test_the_challenge_of_a_proof_is_masked() -> None:
    (line,) = tell(bytes.fromhex("80 50 00 00 00 00 10")).lines
    assert line.startswith("80 50 00 00 00 00 10 -> <16 bytes masked> 90 00")


@pytest.mark.parametrize("header", CARRIERS, ids=lambda header: bytes(header).hex())
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("longest", [4, 255])
def test_no_form_or_chain_of_a_command_with_a_secret_shows_it(
    header: tuple[int, int, int, int], form: Form, longest: int
) -> None:
    cla, instruction, p1, p2 = header
    command = Command(instruction, p1, p2, SECRET * 3, 255, cla=cla, form=form)
    follow = Command(0xC0, expected=255, cla=0, form=form)
    sent = [link.encode() for link in links(command, longest)]
    lines = tell(*sent, follow.encode())
    assert len(lines.lines) == len(sent) + 1
    assert spaced(SECRET)[:8] not in lines.text


@given(st.binary(min_size=4, max_size=4), st.integers(0, 8))
def test_a_command_that_the_table_does_not_know_is_masked(header: bytes, more: int) -> None:
    allowed = any(
        (row.cla, row.instruction) == tuple(header[:2]) and row.p2 in (None, header[3]) for row in ROWS
    )
    command = header + b"\x10" + SECRET + bytes(more)
    if not allowed:
        assert shown_of(command) is Shown.NOTHING
        assert tell(command).lines[0].startswith(f"{spaced(header)} <{17 + more} bytes masked> -> <16 bytes")


@given(st.lists(st.tuples(st.sampled_from(CARRIERS), st.booleans()), min_size=1, max_size=5), st.data())
def test_no_order_of_commands_makes_a_secret_readable(
    secrets: list[tuple[tuple[int, int, int, int], bool]], data: st.DataObject
) -> None:
    harmless = st.sampled_from(
        [bytes((row.cla, row.instruction, 0, row.p2 or 0)) for row in ROWS] + [b"\x00\xc0\x00\x00\x00"]
    )
    with logged() as lines:
        channel = TrafficChannel(Echo())
        for header, chained in secrets:
            with contextlib.suppress(IndexError):
                channel.transmit(data.draw(harmless))
            lines.lines.clear()
            channel.transmit(bytes((header[0] | (0x10 if chained else 0), *header[1:], 16)) + SECRET)
            channel.transmit(b"\x00\xc0\x00\x00\x00")
            assert spaced(SECRET)[:8] not in lines.text


@given(st.binary(max_size=3))
def test_what_is_too_short_to_be_a_command_is_masked(command: bytes) -> None:
    assert tell(command).lines[0].startswith(f"<{len(command)} bytes masked>" if command else " ->")


@pytest.mark.parametrize("identifier", ["5FFF00", "5FC109", "5FC1"])
def test_objects_that_may_hold_keys_are_masked(identifier: str) -> None:
    name = bytes.fromhex(identifier)
    data = bytes((0x5C, len(name))) + name + b"\x53\x10" + SECRET
    command = Command(0xDB, 0x3F, 0xFF, data, cla=0, form=Form.SHORT)
    assert spaced(SECRET)[:8] not in tell(*(link.encode() for link in links(command, 12))).text


def test_a_certificate_s_chain_stands_there_to_its_end() -> None:
    data = bytes.fromhex("5C 03 5F C1 05 53 10") + SECRET
    command = Command(0xDB, 0x3F, 0xFF, data, cla=0, form=Form.SHORT)
    lines = tell(*(link.encode() for link in links(command, 12)))
    assert "masked" not in lines.text


def test_a_card_that_is_pulled_is_told_of_without_its_command_s_secret() -> None:
    class Pulled(Echo):
        def transmit(self, command: bytes) -> bytes:
            raise TokenRemoved("gone")

    with logged() as lines, pytest.raises(TokenRemoved):
        TrafficChannel(Pulled()).transmit(bytes.fromhex("00 20 00 80 08") + SECRET[:8])
    assert lines.lines == ["00 20 00 80 <9 bytes masked> -> TokenRemoved"]


def test_where_the_traffic_is_not_wanted_the_channel_stays_as_it_is() -> None:
    echo = Echo()
    with logged(logging.INFO):
        assert traffic_channel(echo) is echo


@given(pin=st.text("0123456789", min_size=8, max_size=8), new=st.text("0123456789", min_size=8, max_size=8))
def test_nothing_that_is_made_of_a_pin_is_in_the_log_of_a_command(pin: str, new: str) -> None:
    block = pin.encode().ljust(8, b"\xff")
    lines = tell(
        bytes.fromhex("00 20 00 80 08") + block,
        bytes.fromhex("00 24 00 80 10") + block + new.encode(),
        bytes.fromhex("00 2C 00 80 10") + block + new.encode(),
    )
    assert spaced(block) not in lines.text
    assert spaced(new.encode()) not in lines.text


DEVICE_KEY = bytes.fromhex("D1CE0123D1CE4567D1CE89ABD1CECDEF")
MANAGEMENT_KEY = bytes.fromhex("3A3B3C3D3E3F4A4B4C4D4E4F5A5B5C5D5E5F6A6B6C6D6E6F")


def gmt_key(path: Path) -> tuple[GmtCard, Driver]:
    profile = GmtProfile(device_key=DEVICE_KEY.hex(), administrator_pin="83920174")
    return blank_key(path, "E8AD652202221F03", profile), gmt_driver(profile)


def piv_key(path: Path) -> tuple[PivCard, Driver]:
    profile = PivProfile(management_key=MANAGEMENT_KEY.hex(), unblocking_pin="83920174")
    card = blank_piv_key(path, "7", management_key=MANAGEMENT_KEY, puk="83920174")
    return card, piv_driver(profile)


@pytest.mark.parametrize("make", [gmt_key, piv_key])
def test_a_whole_use_of_a_key_logs_no_pin_key_or_proof(
    tmp_path: Path, make: Callable[[Path], tuple[Any, Driver]]
) -> None:
    key, driver = make(tmp_path / "key")
    channel = DirectChannel(key)
    with logged() as lines:
        token = open_token(channel, (driver,))
        factory, chosen = token.factory_pin, "46137982"
        with pytest.raises(WrongPin):
            token.verify_pin("99999999")
        token.verify_pin(factory)
        token.generate_key_pair()
        token.write_certificate(b"certificate" * 60)
        token.change_pin(factory, chosen)
        token.verify_pin(chosen)
        token.sign(b"message")
        token.unblock_pin(None, "60317452")
        token.erase()
        token.close()
    assert len(lines.lines) >= len(channel.sent)
    assert lines.text.count("masked") >= 8
    for secret in secrets_of((factory, chosen, "99999999", "60317452", "83920174"), channel.sent):
        assert spaced(secret) not in lines.text


def secrets_of(pins: tuple[str, ...], sent: list[bytes]) -> Iterator[bytes]:
    """PINs, the keys made of them, the configured keys, and the body of every command that carried a proof."""
    for pin in pins:
        yield pin.encode()
        yield pin_key(pin)[:8]
    yield DEVICE_KEY[:8]
    yield MANAGEMENT_KEY[:8]
    carriers = {(cla, instruction, p2) for cla, instruction, _, p2 in CARRIERS}
    for command in sent:
        if (command[0], command[1], command[3]) in carriers and len(command) > 16:
            yield command[-9:-1]
