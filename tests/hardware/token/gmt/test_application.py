"""Several applications on one key: the desk's is prepared and erased, other people's are never touched."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from hardware.ports import (
    ApplicationShared,
    DeviceKeyRefused,
    MalformedAnswer,
    NotSupported,
    PinBlocked,
    PinState,
    TokenError,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    TokenRemoved,
    WrongPin,
)
from hardware.token.gmt.application import application_names
from hardware.token.gmt.commands import Instruction
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.session import GmtSession
from hardware.token.gmt.token import GmtToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import add_application, blank_key, unprepared_key
from hardware.virtual.source import VirtualTokenSource
from tests.support.channels import DirectChannel, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.apdu import Transport
    from hardware.ports import Token

    Opened = Callable[[Transport], GmtToken]

BANK = GmtProfile(application="KEYDESK-BANK", container="BANK", administrator_pin="55555555", pin_tries=6)
"""Its name begins as the desk's does."""


def occupy(card: GmtCard) -> bytes:
    """Have the bank's application on the card with a key pair, a certificate and one try spent; its bytes."""
    add_application(card, BANK)
    use_bank(card)
    return bank_bytes(card)


def use_bank(card: GmtCard) -> None:
    class Channel:
        atr = b""

        def transmit(self, command: bytes) -> bytes:
            return card.transmit(command)

        def close(self) -> None:
            card.power_on()

    token = GmtToken(Channel(), BANK)
    token.verify_pin("111111")
    token.generate_key_pair()
    token.write_certificate(b"the bank's certificate" * 20)
    with pytest.raises(WrongPin):
        token.verify_pin("999999")
    token.close()


def bank_bytes(card: GmtCard) -> bytes:
    (bank,) = (each for each in card.record.applications if each.name == BANK.application)
    assert bank.user.tries_left == 5
    return msgspec.json.encode(bank)


def bind(token: Token, pin: str = "111111") -> None:
    token.verify_pin(pin)
    token.generate_key_pair()
    token.write_certificate(b"the desk's certificate")


def require_blank(token: Token) -> None:
    assert token.pin_state() == PinState(10, 10, factory=True)
    assert token.public_key() is None
    assert token.certificate() is None
    token.verify_pin(token.factory_pin)


def test_a_key_that_others_use_serves_the_desk_too_and_theirs_stays(card: GmtCard, opened: Opened) -> None:
    before = occupy(card)
    token = opened(card)
    bind(token)
    with pytest.raises(WrongPin):
        token.verify_pin("999999")
    token.change_pin("111111", "222222")
    token.unblock_pin(None, "333333")
    token.verify_pin("333333")
    token.sign(b"message")
    token.generate_key_pair()
    token.close()
    assert bank_bytes(card) == before


def test_erasing_makes_blank_and_leaves_others_and_their_tries_alone(
    card: GmtCard, opened: Opened, tmp_path: Path
) -> None:
    before = occupy(card)
    token = opened(card)
    bind(token)
    token.change_pin("111111", "222222")
    token.erase()
    require_blank(token)
    assert bank_bytes(card) == before
    assert bank_bytes(GmtCard(tmp_path / "card.json")) == before


def test_an_erased_key_can_be_bound_again_in_the_same_connection(card: GmtCard, opened: Opened) -> None:
    token = opened(card)
    bind(token)
    first = token.public_key()
    token.erase()
    bind(token)
    assert token.public_key() not in (None, first)
    assert token.certificate() == b"the desk's certificate"


def test_erasing_helps_where_every_pin_is_blocked(tmp_path: Path, opened: Opened) -> None:
    token = opened(blank_key(tmp_path / "card.json", "1", pin_tries=1))
    with pytest.raises(PinBlocked):
        token.verify_pin("999999")
    for _ in range(10):
        with contextlib.suppress(TokenError):
            token.unblock_pin("99999999", "222222")
    token.erase()
    require_blank(token)


def test_erasing_prepares_a_key_that_has_only_others_on_it(tmp_path: Path, opened: Opened) -> None:
    card = unprepared_key(tmp_path / "card.json", "1")
    before = occupy(card)
    token = opened(card)
    with pytest.raises(TokenNotPrepared):
        token.public_key()
    token.erase()
    require_blank(token)
    assert bank_bytes(card) == before


def test_another_device_key_is_refused_before_anything_is_deleted(card: GmtCard) -> None:
    before = card.record
    token = GmtToken(DirectChannel(card), GmtProfile(device_key="00" * 16))
    with pytest.raises(DeviceKeyRefused) as refused:
        token.erase()
    assert "00" * 16 not in str(refused.value)
    assert card.record == before


@pytest.mark.parametrize("status_word", ["6300", "63C2", "63C0", "6982", "6983"])
def test_each_way_of_refusing_the_device_key_is_the_same_error(card: GmtCard, status_word: str) -> None:
    token = GmtToken(DirectChannel(Answering(card, Instruction.DEVICE_AUTHENTICATION, status_word)))
    with pytest.raises(DeviceKeyRefused):
        token.erase()


def test_without_an_administrator_pin_nothing_is_erased(card: GmtCard) -> None:
    channel = DirectChannel(card)
    token = GmtToken(channel, GmtProfile(administrator_pin=""))
    channel.sent.clear()
    with pytest.raises(NotSupported):
        token.erase()
    assert channel.sent == []


class Answering:
    """The card, with its own answer to one instruction."""

    def __init__(
        self, card: GmtCard, instruction: Instruction, answer: str, *, executes: bool = False
    ) -> None:
        self.card, self.instruction, self.answer = card, instruction, bytes.fromhex(answer)
        self.executes = executes

    def transmit(self, command: bytes) -> bytes:
        if command[1] != self.instruction:
            return self.card.transmit(command)
        if self.executes:
            self.card.transmit(command)
        return self.answer


def test_a_card_that_takes_a_name_for_the_beginning_of_another_deletes_nothing(tmp_path: Path) -> None:
    card = unprepared_key(tmp_path / "card.json", "1")
    before = occupy(card)

    class Careless:
        """It opens the bank's application by the desk's name, and would delete it so."""

        def transmit(self, command: bytes) -> bytes:
            if command[1] in (Instruction.OPEN_APPLICATION, Instruction.DELETE_APPLICATION):
                name = BANK.application.encode()
                header, le = command[:4], b"\0\x0a" if command[1] == Instruction.OPEN_APPLICATION else b""
                return card.transmit(header + b"\0" + len(name).to_bytes(2) + name + le)
            return card.transmit(command)

    channel = DirectChannel(Careless())
    GmtToken(channel).erase()
    assert Instruction.DELETE_APPLICATION not in [command[1] for command in channel.sent]
    assert bank_bytes(card) == before


THEIRS = GmtProfile(container="THEIR-KEY")
"""Somebody else's container in the desk's application."""


def test_an_application_with_containers_of_others_is_not_erased(card: GmtCard) -> None:
    bind(GmtToken(DirectChannel(card), THEIRS))
    card.power_on()
    token = GmtToken(DirectChannel(card))
    bind(token)
    before = card.record
    with pytest.raises(ApplicationShared):
        token.erase()  # it would take theirs along
    assert card.record == before
    assert token.certificate() == b"the desk's certificate"


@pytest.mark.parametrize("answer", ["6A94", "6D00", "6E00", "009000", "9000"])
def test_a_card_that_lists_no_containers_is_erased(card: GmtCard, answer: str) -> None:
    bind(GmtToken(DirectChannel(card)))
    card.power_on()
    token = GmtToken(DirectChannel(Answering(card, Instruction.ENUMERATE_CONTAINERS, answer)))
    token.erase()
    require_blank(token)


@pytest.mark.parametrize("answer", ["6F00", "6581", "6982", "AA", "41004200004300009000"])
def test_a_list_of_containers_that_fails_keeps_the_application(card: GmtCard, answer: str) -> None:
    bind(GmtToken(DirectChannel(card)))
    card.power_on()
    before = card.record
    token = GmtToken(DirectChannel(Answering(card, Instruction.ENUMERATE_CONTAINERS, answer)))
    with pytest.raises(TokenError):
        token.erase()
    assert card.record == before


def test_a_creation_whose_answer_said_that_it_exists_counts_where_it_is_blank(card: GmtCard) -> None:
    bind(GmtToken(DirectChannel(card)))
    card.power_on()
    token = GmtToken(DirectChannel(Answering(card, Instruction.CREATE_APPLICATION, "6A89", executes=True)))
    token.erase()
    require_blank(token)


def test_an_application_that_survives_its_deletion_is_a_fault_and_not_blank(card: GmtCard) -> None:
    bind(GmtToken(DirectChannel(card)))
    card.power_on()
    token = GmtToken(DirectChannel(Answering(card, Instruction.DELETE_APPLICATION, "9000")))
    with pytest.raises(TokenFault) as failed:
        token.erase()
    assert (failed.value.instruction, failed.value.status_word) == (Instruction.CREATE_APPLICATION, 0x6A89)


def test_a_container_that_exists_after_all_is_opened(card: GmtCard) -> None:
    class Lossy:
        """It executes the first CreateContainer, whose answer is lost, and then has forgotten when asked."""

        lost = forgotten = False

        def transmit(self, command: bytes) -> bytes:
            if command[1] == Instruction.CREATE_CONTAINER and not self.lost:
                self.lost = True
                card.transmit(command)
                return b"\x01"
            if command[1] == Instruction.OPEN_CONTAINER and self.lost and not self.forgotten:
                self.forgotten = True
                return b"\x6a\x94"
            return card.transmit(command)

    token = GmtToken(DirectChannel(Lossy()))
    token.verify_pin("111111")
    with pytest.raises(MalformedAnswer):
        token.generate_key_pair()
    assert token.generate_key_pair() == token.public_key()
    assert len(card.record.applications[0].containers) == 1


@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.PULLED_BEFORE,
        FaultKind.PULLED_AFTER,
        FaultKind.INTERNAL_ERROR,
        FaultKind.TRUNCATED,
        FaultKind.SILENT,
    ],
)
def test_erasing_interrupted_at_any_command_completes_when_called_again(
    tmp_path: Path, kind: FaultKind, *, prepared: bool
) -> None:
    points = 0
    while True:
        path = tmp_path / f"{points}.json"
        card = blank_key(path, "1") if prepared else unprepared_key(path, "1")
        before = occupy(card)
        if interrupted(card, kind, points + 1, prepared=prepared):
            points += 1
            assert bank_bytes(card) == before
            continue
        break
    assert points == (8 if prepared else 4)


def interrupted(card: GmtCard, kind: FaultKind, at: int, *, prepared: bool) -> bool:
    """Erase with a fault at the nth command of the erasure, then again; whether the fault came at all."""
    faulty = FaultyCard(card)
    source = VirtualTokenSource()
    token = source.open(source.insert(faulty))
    if prepared:
        bind(token)
    faulty.plan(Fault(kind, at=at))
    try:
        token.erase()
    except TokenRemoved:
        token.close()
        token = source.open(source.insert(faulty))
    except TokenError:
        pass
    else:
        return False
    token.erase()
    require_blank(token)
    return True


@pytest.mark.parametrize("others", [3, 4])
def test_a_key_has_room_for_so_many_applications_and_says_when_it_is_full(
    tmp_path: Path, opened: Opened, others: int
) -> None:
    card = unprepared_key(tmp_path / "card.json", "1")
    for number in range(others):
        add_application(card, GmtProfile(application=f"OTHER-{number}"))
    before = card.record
    token = opened(card)
    if others < 4:
        token.erase()
        require_blank(token)
        return
    with pytest.raises(TokenFull):
        token.erase()
    assert card.record == before
    with pytest.raises(TokenNotPrepared):
        token.pin_state()


APPLICATION, CONTAINER, KEY_PAIR, CERTIFICATE = 64, 32, 96, 500


def test_a_key_without_room_for_the_application_stays_unprepared(tmp_path: Path, opened: Opened) -> None:
    token = opened(unprepared_key(tmp_path / "card.json", "1", room=APPLICATION - 1))
    with pytest.raises(TokenFull):
        token.erase()
    with pytest.raises(TokenNotPrepared):
        token.certificate()


@pytest.mark.parametrize("room", [APPLICATION + CONTAINER - 1, APPLICATION + CONTAINER + KEY_PAIR - 1])
def test_a_key_without_room_for_container_or_key_pair_has_none(
    tmp_path: Path, opened: Opened, room: int
) -> None:
    token = opened(blank_key(tmp_path / "card.json", "1", room=room))
    token.verify_pin("111111")
    with pytest.raises(TokenFull):
        token.generate_key_pair()
    assert token.public_key() is None
    assert token.certificate() is None
    again = opened(GmtCard(tmp_path / "card.json"))
    assert again.public_key() is None


@pytest.mark.parametrize("longest_data", [16, 1024])
def test_a_key_without_room_for_the_certificate_keeps_what_it_had(tmp_path: Path, longest_data: int) -> None:
    profile = GmtProfile(longest_data=longest_data)
    room = APPLICATION + CONTAINER + KEY_PAIR + CERTIFICATE - 1
    card = blank_key(tmp_path / "card.json", "1", profile, room=room)
    token = GmtToken(DirectChannel(card), profile)
    token.verify_pin("111111")
    public_key = token.generate_key_pair()
    for held in (None, b"an older certificate"):
        if held is not None:
            token.write_certificate(held)
        with pytest.raises(TokenFull):
            token.write_certificate(b"c" * CERTIFICATE)
        assert (token.public_key(), token.certificate()) == (public_key, held)
    token.write_certificate(b"c" * (CERTIFICATE - 1))
    assert token.certificate() == b"c" * (CERTIFICATE - 1)


def test_a_full_key_that_refuses_in_mid_chain_has_not_written(tmp_path: Path) -> None:
    profile = GmtProfile(longest_data=100)
    card = blank_key(tmp_path / "card.json", "1", profile)
    links = 0

    class FullAtSecondLink:
        def transmit(self, command: bytes) -> bytes:
            nonlocal links
            links += command[1] == Instruction.IMPORT_CERTIFICATE
            if command[1] == Instruction.IMPORT_CERTIFICATE and links == 2:
                card.transmit(b"\x80\xff\x00\x00")
                return b"\x6a\x84"
            return card.transmit(command)

    token = GmtToken(DirectChannel(FullAtSecondLink()), profile)
    token.verify_pin("111111")
    token.generate_key_pair()
    with pytest.raises(TokenFull):
        token.write_certificate(b"c" * 300)
    assert links == 2
    assert token.certificate() is None
    token.write_certificate(b"c" * 300)
    assert token.certificate() == b"c" * 300


def test_the_names_of_all_applications_are_told(card: GmtCard) -> None:
    session = GmtSession(card, GmtProfile())
    assert application_names(session) == (b"KEYDESK",)
    add_application(card, GmtProfile(application="网银"))
    assert application_names(session) == (b"KEYDESK", "网银".encode())


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (b"", ()),
        (b"\0", ()),
        (b"\0\0", ()),
        (b"A", (b"A",)),
        (b"A\0B\0", (b"A", b"B")),
        (b"\xff\0\0", (b"\xff",)),
    ],
)
def test_a_list_of_names_may_end_in_any_number_of_zeros(answer: bytes, names: tuple[bytes, ...]) -> None:
    assert application_names(GmtSession(ScriptedTransport(answer + b"\x90\0"), GmtProfile())) == names


@pytest.mark.parametrize("answer", [b"\0A\0", b"A\0\0B\0", b"A" * 33 + b"\0"])
def test_a_list_with_an_empty_or_endless_name_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        application_names(GmtSession(ScriptedTransport(answer + b"\x90\0"), GmtProfile()))
