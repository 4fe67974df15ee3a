"""The traffic log: what a card is told and what it answers, with everything masked that may prove or carry a secret.

A line is the command in hexadecimal, an arrow and the answer, then the time that it took:

    00 CB 3F FF 05 5C 03 5F C1 02 00 -> 53 3B ... 90 00 (4.1 ms)
    80 18 00 01 <23 bytes masked> -> 90 00 (12.0 ms)

Shown is only what the table below lists; of every other command only CLA INS P1 P2 and the status word are. So
a command that nobody thought of is masked, and so are commands too short to have a header.
"""

from __future__ import annotations

import enum
import logging
import time
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.ports import TokenError

if TYPE_CHECKING:
    from hardware.apdu import Channel

LEVEL: Final = 5
"""The log level of the traffic, below logging.DEBUG."""

LOGGER: Final = "keydesk.traffic"

_HEADER: Final = 4
_STATUS: Final = 2


class Shown(enum.Enum):
    """How much of a command stands in the log."""

    ALL = "all"
    COMMAND = "command"
    """The answer is masked: it is the challenge of a proof, or follows a command whose answer may be secret."""
    NOTHING = "nothing"
    """Header and status word alone."""


class Row(msgspec.Struct, frozen=True):
    """One command that may stand in the log; `p2` narrows it to one value where given."""

    cla: int
    instruction: int
    why: str
    shown: Shown = Shown.ALL
    p2: int | None = None


_GMT: Final = 0x80
_ISO: Final = 0x00
_CERTIFICATE_LINK: Final = 0x90

ROWS: Final = (
    Row(_GMT, 0x04, "GetDevInfo: serial number and figures"),
    Row(_GMT, 0x14, "GetPinInfo: tries"),
    Row(_GMT, 0x1C, "ClearSecureState: which application"),
    Row(_GMT, 0x22, "EnumApplication: names"),
    Row(_GMT, 0x24, "DeleteApplication: a name"),
    Row(_GMT, 0x26, "OpenApplication: a name"),
    Row(_GMT, 0x28, "CloseApplication: a handle"),
    Row(_GMT, 0x40, "CreateContainer: a name"),
    Row(_GMT, 0x42, "OpenContainer: a name"),
    Row(_GMT, 0x44, "CloseContainer: handles"),
    Row(_GMT, 0x46, "EnumContainer: names"),
    Row(_GMT, 0x4C, "ImportCertificate: a certificate"),
    Row(_CERTIFICATE_LINK, 0x4C, "ImportCertificate, not the last link"),
    Row(_GMT, 0x4E, "ExportCertificate: a certificate"),
    Row(_GMT, 0x50, "GenRandom: its answer is the challenge of a proof", Shown.COMMAND),
    Row(_GMT, 0x70, "GenECCKeyPair: handles and a public key"),
    Row(_GMT, 0x74, "ECCSignData: what is signed and the signature"),
    Row(_CERTIFICATE_LINK, 0x74, "ECCSignData, not the last link"),
    Row(_GMT, 0x88, "ExportPubKey: a public key"),
    Row(_ISO, 0xA4, "SELECT: an application identifier"),
    Row(_ISO, 0x47, "GENERATE ASYMMETRIC KEY PAIR: algorithm and public key"),
    Row(_ISO, 0xF7, "GET METADATA: algorithm, tries, public key"),
    Row(_ISO, 0xF8, "GET SERIAL"),
    Row(_ISO, 0xFD, "GET VERSION"),
    Row(_ISO, 0xCB, "GET DATA: objects that anybody may read, see `_READABLE`"),
    Row(_ISO, 0xDB, "PUT DATA: certificates, see `_READABLE`"),
    Row(0x10, 0xDB, "PUT DATA, not the last link"),
    Row(_ISO, 0x87, "GENERAL AUTHENTICATE in slot 9A: what is signed and the signature", p2=0x9A),
    Row(_ISO, 0x87, "GENERAL AUTHENTICATE in slot 9C: what is signed and the signature", p2=0x9C),
)
"""Everything that may stand in the log. Not here, and so masked, among others: of GM/T 0017 DevAuth (10),
ChangeDevAuthKey (12), ChangePin (16), VerifyPin (18), UnblockPin (1A) and CreateApplication (20); of PIV VERIFY (20),
CHANGE REFERENCE DATA (24), RESET RETRY COUNTER (2C), GENERAL AUTHENTICATE with the management key (87, 9B),
IMPORT KEY (FE), SET MANAGEMENT KEY (FF), and the links of their chains."""

_READABLE: Final = ("5C035FC102", "5C035FC105", "5C035FC10A")
"""How GET DATA and PUT DATA begin for the objects that may stand in the log: identifier and the two certificates.

Some cards keep the management key's salt, or the key itself, in other objects.
"""

_OBJECT_COMMANDS: Final = (0xCB, 0xDB)
_GET_RESPONSE: Final = (_ISO, 0xC0)
_GMT_GET_RESPONSE: Final = (_GMT, 0xC0)
_CHAINING: Final = 0x10


class TrafficChannel:
    """A channel that writes what goes through it to the log (`apdu.Channel`)."""

    def __init__(self, channel: Channel, logger: logging.Logger | None = None) -> None:
        self._channel = channel
        self._logger = logger or logging.getLogger(LOGGER)
        self._pending = Shown.NOTHING
        self._chained: tuple[int, int, int, int] | None = None

    @property
    def atr(self) -> bytes:
        """The card's answer to reset."""
        return self._channel.atr

    def transmit(self, command: bytes) -> bytes:
        """Pass a command on, and log it with its answer."""
        shown = self._judge(command)
        began = time.monotonic()
        try:
            answer = self._channel.transmit(command)
        except TokenError as failure:
            self._logger.log(LEVEL, "%s -> %s", _command_text(command, shown), type(failure).__name__)
            raise
        elapsed = (time.monotonic() - began) * 1000
        self._logger.log(
            LEVEL, "%s -> %s (%.1f ms)", _command_text(command, shown), _answer_text(answer, shown), elapsed
        )
        return answer

    def close(self) -> None:
        """Close the channel underneath."""
        self._channel.close()
        self._logger.log(LEVEL, "closed")

    def _judge(self, command: bytes) -> Shown:
        """Look a command up, following what began before it.

        GET RESPONSE is shown as the command whose answer it continues, a link of a chain as its first link was.
        """
        if len(command) >= _HEADER and (command[0], command[1]) in (_GET_RESPONSE, _GMT_GET_RESPONSE):
            return self._pending
        same_chain = self._chained is not None and self._chained == _chain_name(command)
        shown = self._pending if same_chain else shown_of(command)
        self._pending = shown
        more_follows = len(command) >= _HEADER and bool(command[0] & _CHAINING)
        self._chained = _chain_name(command) if more_follows else None
        return shown


def traffic_channel(channel: Channel) -> Channel:
    """Wrap a channel where the traffic is logged, and leave it as it is where it is not."""
    return TrafficChannel(channel) if logging.getLogger(LOGGER).isEnabledFor(LEVEL) else channel


def shown_of(command: bytes) -> Shown:
    """How much of a command may stand in the log, by the table; nothing where it has no row."""
    if len(command) < _HEADER:
        return Shown.NOTHING
    cla, instruction, _, p2 = command[:_HEADER]
    for row in ROWS:
        if (row.cla, row.instruction) == (cla, instruction) and row.p2 in (None, p2):
            if (cla | _CHAINING) == _CHAINING and instruction in _OBJECT_COMMANDS and not _readable(command):
                return Shown.NOTHING
            return row.shown
    return Shown.NOTHING


def _readable(command: bytes) -> bool:
    return command[_HEADER + 1 :].hex().upper().startswith(_READABLE)


def _chain_name(command: bytes) -> tuple[int, int, int, int] | None:
    if len(command) < _HEADER:
        return None
    return command[0] & ~_CHAINING, command[1], command[2], command[3]


def _command_text(command: bytes, shown: Shown) -> str:
    if shown is not Shown.NOTHING:
        return _hexadecimal(command)
    if len(command) < _HEADER:
        return _masked(len(command))
    return " ".join(
        part for part in (_hexadecimal(command[:_HEADER]), _masked(len(command) - _HEADER)) if part
    )


def _answer_text(answer: bytes, shown: Shown) -> str:
    if shown is Shown.ALL:
        return _hexadecimal(answer)
    if len(answer) < _STATUS:
        return _masked(len(answer))
    status_word = _hexadecimal(answer[-_STATUS:])
    return " ".join(part for part in (_masked(len(answer) - _STATUS), status_word) if part)


def _masked(length: int) -> str:
    return f"<{length} bytes masked>" if length else ""


def _hexadecimal(data: bytes) -> str:
    return data.hex(" ").upper()


if TYPE_CHECKING:

    def _is_a_channel(channel: TrafficChannel) -> Channel:
        return channel
