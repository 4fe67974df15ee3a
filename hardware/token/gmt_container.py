"""The container of the profile's name, which holds the desk's key pair and certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hardware.apdu import EVERYTHING
from hardware.ports import MalformedAnswer
from hardware.token.gmt_codec import listed_names, unpack
from hardware.token.gmt_errors import accept
from hardware.token.gmt_layout import LAYOUTS, Instruction, StatusWord

if TYPE_CHECKING:
    from hardware.token.gmt_session import GmtSession

_NUMBER: Final = 2
_NONE_TOLD: Final = (StatusWord.NO_CONTAINER, StatusWord.UNKNOWN_INSTRUCTION, StatusWord.UNKNOWN_CLASS)


def find_container(session: GmtSession, application: bytes) -> bytes | None:
    """Open the container and return its two-byte number; None where there is none."""
    instruction = Instruction.OPEN_CONTAINER
    name = session.profile.container.encode()
    answer = session.send(instruction, expected=_NUMBER, application=application, name=name)
    if answer.status_word == StatusWord.NO_CONTAINER:
        return None
    return unpack(LAYOUTS[instruction].answer, accept(instruction, answer))["container"]


def create_container(session: GmtSession, application: bytes) -> bytes:
    """Create the container and return its two-byte number; the PIN must be verified.

    One that is there already is opened: an earlier creation whose answer was lost. Raises TokenFull,
    SecurityNotSatisfied.
    """
    instruction = Instruction.CREATE_CONTAINER
    name = session.profile.container.encode()
    answer = session.send(instruction, expected=_NUMBER, application=application, name=name)
    if answer.status_word != StatusWord.ALREADY_THERE:
        return unpack(LAYOUTS[instruction].answer, accept(instruction, answer))["container"]
    found = find_container(session, application)
    if found is None:
        raise MalformedAnswer("the card has the container and has it not")
    return found


def holds_other_containers(session: GmtSession, application: bytes) -> bool:
    """Whether the application holds a container that is not the profile's.

    A card that does not know the question has none to tell of. Raises MalformedAnswer, TokenFault.
    """
    instruction = Instruction.ENUMERATE_CONTAINERS
    answer = session.send(instruction, expected=EVERYTHING, application=application)
    if answer.status_word in _NONE_TOLD:
        return False
    return bool(set(listed_names(accept(instruction, answer))) - {session.profile.container.encode()})
