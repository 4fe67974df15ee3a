"""One conversation with a GM/T key: commands by the layout table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hardware.apdu import EVERYTHING, LONGEST_LENGTH, Command, Response, Transport, exchange
from hardware.ports import MalformedAnswer
from hardware.token.gmt_codec import pack, unpack
from hardware.token.gmt_errors import accept
from hardware.token.gmt_layout import LAYOUTS, Instruction

if TYPE_CHECKING:
    from hardware.token.gmt_profile import GmtProfile

_REPEATABLE: Final = frozenset(
    {
        Instruction.GET_DEVICE_INFORMATION,
        Instruction.GET_PIN_INFORMATION,
        Instruction.ENUMERATE_APPLICATIONS,
        Instruction.ENUMERATE_CONTAINERS,
        Instruction.OPEN_APPLICATION,
        Instruction.OPEN_CONTAINER,
        Instruction.EXPORT_CERTIFICATE,
        Instruction.EXPORT_PUBLIC_KEY,
        Instruction.GENERATE_RANDOM,
        Instruction.ECC_SIGN_DATA,
        Instruction.CREATE_CONTAINER,
        Instruction.GENERATE_ECC_KEY_PAIR,
    }
)
"""What may be sent again to fetch the rest of its answer: it presents no secret, and what it makes is read back."""

_WHOLE: Final = frozenset(
    {
        Instruction.DEVICE_AUTHENTICATION,
        Instruction.VERIFY_PIN,
        Instruction.CHANGE_PIN,
        Instruction.UNBLOCK_PIN,
    }
)


class GmtSession:
    """Sends the commands of one profile's key; every method may raise TokenError."""

    def __init__(self, transport: Transport, profile: GmtProfile) -> None:
        self.profile = profile
        self._transport = transport

    def send(
        self,
        instruction: Instruction,
        p1: int = 0,
        p2: int = 0,
        *,
        expected: int | None = None,
        **values: int | bytes,
    ) -> Response:
        """Send one command with the values of its fields, and return its answer whatever the status word.

        The proof of a PIN or key goes in one piece: a card without chaining would count its first link as a try.
        """
        once = instruction not in _REPEATABLE
        command = Command(instruction, p1, p2, pack(instruction, values), expected, once=once)
        longest = LONGEST_LENGTH if instruction in _WHOLE else self.profile.longest_data
        return exchange(self._transport, command, longest=longest)

    def demand(
        self,
        instruction: Instruction,
        p1: int = 0,
        p2: int = 0,
        *,
        expected: int | None = None,
        **values: int | bytes,
    ) -> bytes:
        """Send one command and return its answer's data; any other status word than 9000 is an error."""
        return accept(instruction, self.send(instruction, p1, p2, expected=expected, **values))

    def fields(self, instruction: Instruction, p2: int = 0, **values: int | bytes) -> dict[str, bytes]:
        """Send one command and read its answer by the table."""
        data = self.demand(instruction, 0, p2, expected=EVERYTHING, **values)
        return unpack(LAYOUTS[instruction].answer, data)

    def random(self, count: int) -> bytes:
        """Have the card make random bytes, which it will take for its challenge."""
        data = self.demand(Instruction.GENERATE_RANDOM, expected=count)
        if len(data) != count:
            raise MalformedAnswer(f"asked for {count} random bytes, got {len(data)}")
        return data
