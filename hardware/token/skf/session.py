"""One conversation with one key through its vendor's library: calls, their answers, and whether the key is there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hardware.ports import MalformedAnswer, TokenError, TokenFault, TokenRemoved
from hardware.token.skf.codes import SarCode, standard_code
from hardware.token.skf.errors import FROM_A_LIVE_KEY, REMOVED, FunctionFailed, error_of
from hardware.token.skf.layout import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hardware.token.skf.process import SkfProcess
    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.wire import Answer

LONGEST_LIST: Final = 32 * 1024
"""Bytes of a list of names."""

LONGEST_CERTIFICATE: Final = 16 * 1024

_ATTEMPTS: Final = 3
"""How often a length is asked for that changes while it is read."""

_PRESENT: Final = 1


class SkfCalls:
    """The calls of one library that need no key; every method may raise TokenError."""

    def __init__(self, process: SkfProcess, profile: SkfProfile) -> None:
        self.process = process
        self.profile = profile
        self._vendor_codes: Mapping[int, SarCode] = profile.vendor_codes

    def code(self, answer: Answer) -> SarCode | None:
        """Name an answer's code, by the profile's table first."""
        return standard_code(answer.code, self._vendor_codes)

    def answer(
        self,
        function: str,
        *arguments: int | bytes,
        seconds: float | None = None,
        generation: int | None = None,
    ) -> tuple[SarCode | None, Answer]:
        """Call one function, once, and return the code's name and the whole answer."""
        limit = self.profile.limits.call if seconds is None else seconds
        answer = self.process.call(function, arguments, limit, generation)
        return self.code(answer), answer

    def read(
        self,
        function: str,
        *arguments: int | bytes,
        longest: int,
        seconds: float | None = None,
        generation: int | None = None,
    ) -> tuple[SarCode | None, Answer, bytes]:
        """Ask a function for its length, then for its data (GM/T 0016-2012, 6.2), whatever the code.

        Raises MalformedAnswer for a length over `longest`, or past what was given.
        """
        length = 0
        for _ in range(_ATTEMPTS):
            if not length:
                code, answer = self.answer(function, *arguments, 0, seconds=seconds, generation=generation)
                length = _length(answer)
                if code in (SarCode.INVALID_PARAMETER, SarCode.BUFFER_TOO_SMALL) and not length:
                    length = longest  # a library that cannot be asked
                elif code not in (SarCode.OK, SarCode.BUFFER_TOO_SMALL) or not length:
                    return code, answer, b""
            if length > longest:
                raise MalformedAnswer(f"{function} wants {length} bytes")
            code, answer = self.answer(function, *arguments, length, seconds=seconds, generation=generation)
            if code == SarCode.BUFFER_TOO_SMALL:
                # Some say only now how much there is; one that says no more than before is asked again.
                length = _length(answer) if _length(answer) > length else 0
                continue
            if code == SarCode.OK and _length(answer) > length:
                raise MalformedAnswer(f"{function} claims more than it had room for")
            return code, answer, _data(answer)
        raise MalformedAnswer(f"{function} does not settle on a length")

    def devices(self) -> tuple[bytes, ...]:
        """Return the names of the keys that are in now."""
        with self.process.exclusively():
            code, answer, data = self.read(
                "SKF_EnumDev", _PRESENT, longest=LONGEST_LIST, seconds=self.profile.limits.enumeration
            )
        if code == SarCode.DEVICE_REMOVED:
            return ()
        if code != SarCode.OK:
            raise FunctionFailed("SKF_EnumDev", answer.code)
        return names(data)


class SkfSession(SkfCalls):
    """The calls for one key, from its insertion to its removal; after that they are refused for good.

    `current` tells whether the insertion still lasts, `lost` is told when the connection turns out to be dead.
    """

    def __init__(
        self,
        process: SkfProcess,
        profile: SkfProfile,
        device: bytes,
        current: Callable[[], bool] = lambda: True,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(process, profile)
        self._device = device
        self._current = current
        self._lost = lost
        self._ended = False
        self.generation = process.start()

    @property
    def alive(self) -> bool:
        """Whether calls are still made: the key is in, and its process is the one that it was opened in."""
        return (
            not self._ended
            and self.process.generation == self.generation
            and self.process.runs
            and self._current()
        )

    def call(
        self, function: str, *arguments: int | bytes, seconds: float | None = None
    ) -> tuple[SarCode | None, Answer]:
        """Call one function with this key's handles, and return its answer whatever the code."""
        self._require_alive()
        return self.answer(function, *arguments, seconds=seconds, generation=self.generation)

    def fetch(
        self, function: str, *arguments: int | bytes, longest: int
    ) -> tuple[SarCode | None, Answer, bytes]:
        """Read what a function has to give to this key's handles, whatever the code."""
        self._require_alive()
        return self.read(function, *arguments, longest=longest, generation=self.generation)

    def disconnect(self, device: int) -> None:
        """Give the connection up, also that to a key which is gone; what the library says to it is of no account."""
        self._ended = True
        with contextlib.suppress(TokenError):
            self.answer("SKF_DisConnectDev", device, generation=self.generation)

    def demand(self, function: str, *arguments: int | bytes, seconds: float | None = None) -> Answer:
        """Call one function; any other code than success is an error."""
        code, answer = self.call(function, *arguments, seconds=seconds)
        if code != SarCode.OK:
            raise self.failure(function, answer, code)
        return answer

    def demand_handle(self, function: str, *arguments: int | bytes, seconds: float | None = None) -> int:
        """Call a function that gives a handle."""
        return handle_of(function, self.demand(function, *arguments, seconds=seconds))

    def failure(self, function: str, answer: Answer, code: SarCode | None) -> TokenError:
        """Return the error that a code means. Raises TokenRemoved where the key has gone."""
        self.require_presence(function, answer, code)
        return error_of(function, answer.code, code)

    def require_presence(self, function: str, answer: Answer, code: SarCode | None) -> None:
        """After a failure, raise TokenRemoved unless the key is still there.

        Libraries answer a removal with all sorts of codes: only the list of devices tells.
        """
        if code in FROM_A_LIVE_KEY:
            return
        gone = code in REMOVED
        if not gone:
            # A library that cannot even list its keys has told nothing of this one.
            with contextlib.suppress(TokenFault, MalformedAnswer):
                gone = self._device not in self.devices()
        if gone:
            self._ended = True
            self._lost()
            raise TokenRemoved(f"{function} answered {answer.code:08X}")

    def _require_alive(self) -> None:
        """Refuse a handle that may be of another insertion by now: a new key must not answer for the old."""
        if not self.alive:
            raise TokenRemoved("the connection to the key has ended")


def handle_of(function: str, answer: Answer) -> int:
    """Return the handle that an answer ends with. Raises MalformedAnswer where it is none."""
    handle = answer.results[-1] if answer.results else 0
    if not isinstance(handle, int) or not handle:
        raise MalformedAnswer(f"{function} gave no handle")
    return handle


def number_of(answer: Answer, index: int) -> int:
    """Return one of the numbers of an answer. Raises MalformedAnswer where it is none."""
    results = answer.results
    value = results[index] if -len(results) <= index < len(results) else None
    if not isinstance(value, int):
        raise MalformedAnswer("a number is missing")
    return value


def _length(answer: Answer) -> int:
    """Return a buffer's length: the results end with it and the data."""
    return number_of(answer, -2)


def _data(answer: Answer) -> bytes:
    data = answer.results[-1]
    return data if isinstance(data, bytes) else b""
