"""The desk's application on a GM/T key: found among others, created, and erased to blank.

Whatever else is on the key belongs to others: only the name of the profile's application is ever sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hardware.apdu import EVERYTHING
from hardware.ports import ApplicationShared, MalformedAnswer, NotSupported, TokenFault, TokenNotPrepared
from hardware.token.gmt.codec import listed_names, unpack
from hardware.token.gmt.commands import DEVICE_CHALLENGE, LAYOUTS, Instruction, StatusWord
from hardware.token.gmt.pin import pin_key, read_pin_state, seal
from hardware.token.gmt.session import accept, refuse, refuse_device_key

if TYPE_CHECKING:
    from hardware.token.gmt.session import GmtSession


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


_ANYONE_WITH_USER_PIN: Final = 0x10
_ADMINISTRATOR_TRIES: Final = 10
_OPEN_ANSWER: Final = 0x0A


def open_application(session: GmtSession) -> bytes:
    """Open the profile's application and return its two-byte number. Raises TokenNotPrepared."""
    instruction = Instruction.OPEN_APPLICATION
    data = session.demand(instruction, expected=_OPEN_ANSWER, name=_name(session))
    return unpack(LAYOUTS[instruction].answer, data)["application"]


def application_names(session: GmtSession) -> tuple[bytes, ...]:
    """Enumerate the applications of the key, other people's too, by their names' bytes.

    Raises MalformedAnswer where a name is empty or longer than 32 bytes, NotSupported.
    """
    return listed_names(session.demand(Instruction.ENUMERATE_APPLICATIONS, expected=EVERYTHING))


def authenticate_device(session: GmtSession) -> None:
    """Prove the profile's device key (DevAuth). Raises DeviceKeyRefused."""
    instruction = Instruction.DEVICE_AUTHENTICATION
    proof = seal(_device_key(session), session.random(DEVICE_CHALLENGE))
    answer = session.send(instruction, proof=proof)
    if answer.status_word != StatusWord.SUCCESS:
        refuse_device_key(instruction, answer.status_word)


def create_application(session: GmtSession) -> bool:
    """Create the profile's application, with its PINs and tries; False where there is one of that name.

    The device must be authenticated. Raises SecurityNotSatisfied, TokenFull, NotSupported where the profile
    names no administrator PIN.
    """
    profile, key = session.profile, _device_key(session)
    if not profile.administrator_pin:
        raise NotSupported("create application")
    instruction = Instruction.CREATE_APPLICATION
    answer = session.send(
        instruction,
        administrator_key=seal(key, pin_key(profile.administrator_pin)),
        administrator_tries=_ADMINISTRATOR_TRIES,
        user_key=seal(key, pin_key(profile.factory_pin)),
        user_tries=profile.pin_tries,
        rights=_ANYONE_WITH_USER_PIN,
        name=_name(session),
    )
    if answer.status_word == StatusWord.ALREADY_THERE:
        return False
    accept(instruction, answer)
    return True


def renew_application(session: GmtSession) -> None:
    """Put a blank application in the place of the profile's, or where there was none.

    The device key is proved before anything is deleted, and containers of others in the application keep it: they
    would go with it. An application that is there although it was deleted counts where it is blank: then the card
    executed the creation and its answer was lost on the way. Raises DeviceKeyRefused, TokenFull, NotSupported,
    ApplicationShared, and TokenFault with 6A89 where what is there is not blank.
    """
    if not session.profile.administrator_pin:
        raise NotSupported("erase")
    found = _deletable_application(session)
    authenticate_device(session)
    if found:
        _delete_application(session)
    if not create_application(session) and not _is_blank(session):
        raise TokenFault(Instruction.CREATE_APPLICATION, StatusWord.ALREADY_THERE)


def _deletable_application(session: GmtSession) -> bool:
    """Whether the profile's application is on the key, under exactly its name, closed here if it is.

    A card that takes a name for the beginning of another's opens somebody else's application: the enumeration
    tells. Raises ApplicationShared where it holds containers of others.
    """
    try:
        number = open_application(session)
    except TokenNotPrepared:
        return False
    found = _name(session) in application_names(session)
    shared = found and holds_other_containers(session, number)
    session.demand(Instruction.CLOSE_APPLICATION, application=number)
    if shared:
        raise ApplicationShared("the application holds containers of others")
    return found


def _delete_application(session: GmtSession) -> None:
    """Delete the profile's application; one that is gone already is well."""
    instruction = Instruction.DELETE_APPLICATION
    answer = session.send(instruction, name=_name(session))
    if answer.status_word not in (StatusWord.SUCCESS, StatusWord.NO_APPLICATION):
        refuse(instruction, answer.status_word)


def _is_blank(session: GmtSession) -> bool:
    try:
        application = open_application(session)
    except TokenNotPrepared:
        return False
    state = read_pin_state(session, application)
    untouched = state.untouched and state.factory is not False
    return untouched and find_container(session, application) is None


def _name(session: GmtSession) -> bytes:
    return session.profile.application.encode()


def _device_key(session: GmtSession) -> bytes:
    return bytes.fromhex(session.profile.device_key)
