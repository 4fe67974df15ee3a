"""Several ways to tokens as one: the readers, and each vendor's library."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from hardware.ports import (
    HardwareError,
    ReaderUnavailable,
    SourceProblem,
    Token,
    TokenNotRecognised,
    TokenPresence,
    TokenRemoved,
    TokenSource,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Way(msgspec.Struct, frozen=True):
    """One way to reach tokens, and what it is called where it does not work."""

    name: str
    source: TokenSource


class _Identity(msgspec.Struct, frozen=True):
    """What is known of one insertion; `serial` is None where no driver recognises it."""

    serial: str | None


class CombinedTokenSource:
    """Joins ways to tokens, the preferred one first (`ports.TokenSource`); all methods from any thread.

    A key with a CCID interface may be reached twice, by PC/SC and by its vendor's library. Only its serial number
    tells that it is one key. So where two ways have tokens at the same time, each is opened once, read and closed
    again, and then:

    - of tokens with the same serial number the first way's counts;
    - a card that no driver recognises does not count beside a token that was read: it may be the same key, and
      nothing could be done with it anyway;
    - neither does a token that cannot be opened just now (in use, pulled, failing): a key that one way holds the
      other cannot reach. Where nothing could be read, those of the first way that has any count.

    Where only one way has tokens, nothing is opened.
    """

    def __init__(self, ways: Sequence[Way]) -> None:
        self._ways = tuple(ways)
        self._lock = threading.RLock()
        self._identities: dict[TokenPresence, _Identity] = {}

    def present(self) -> tuple[TokenPresence, ...]:
        """The tokens that are in, each once. Raises ReaderUnavailable where no way works."""
        found: list[tuple[TokenPresence, ...]] = []
        reasons: list[str] = []
        for way in self._ways:
            presences, problems = _look(way)
            found.append(presences)
            if problems and not presences:
                reasons.extend(problem.reason for problem in problems)
            else:
                reasons.append("")
        if all(reasons):
            raise ReaderUnavailable("; ".join(reasons) or "no way to reach tokens is configured")
        named = [
            tuple(self._named(index, presence) for presence in presences)
            for index, presences in enumerate(found)
        ]
        return self._distinct(named)

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that insertion by the way that found it. Raises what that raises."""
        with self._lock:
            way, own = self._way_of(presence)
            token = way.source.open(own)
            self._identities[presence] = _Identity(token.serial)
            return token

    def problems(self) -> tuple[SourceProblem, ...]:
        """What each way that does not work says."""
        return tuple(problem for way in self._ways for problem in _look(way)[1])

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from threads of the ways' own; returns the stop of all."""
        stops = [way.source.watch(changed) for way in self._ways]

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def _named(self, index: int, presence: TokenPresence) -> TokenPresence:
        """Give an insertion a number that no other way's has, and that tells which way's it is."""
        return msgspec.structs.replace(presence, insertion=presence.insertion * len(self._ways) + index)

    def _way_of(self, presence: TokenPresence) -> tuple[Way, TokenPresence]:
        if not self._ways:
            raise TokenRemoved(f"nothing reaches {presence.reader}")
        number, index = divmod(presence.insertion, len(self._ways))
        return self._ways[index], msgspec.structs.replace(presence, insertion=number)

    def _distinct(self, found: Sequence[tuple[TokenPresence, ...]]) -> tuple[TokenPresence, ...]:
        everything = tuple(presence for presences in found for presence in presences)
        with self._lock:
            self._identities = {
                presence: identity
                for presence, identity in self._identities.items()
                if presence in everything
            }
            if sum(bool(presences) for presences in found) < 2:  # noqa: PLR2004 - one way cannot find a key twice
                return everything
            identities = {presence: self._identify(presence) for presence in everything}
        return _once_each(found, identities)

    def _identify(self, presence: TokenPresence) -> _Identity | None:
        """Read a token's serial number unless it is known; None where it cannot be read just now."""
        known = self._identities.get(presence)
        if known is not None:
            return known
        try:
            self.open(presence).close()
        except TokenNotRecognised:
            self._identities[presence] = _Identity(None)
        except HardwareError:
            return None
        return self._identities[presence]


def _look(way: Way) -> tuple[tuple[TokenPresence, ...], tuple[SourceProblem, ...]]:
    """What a way has, and what it says is wrong."""
    try:
        presences = way.source.present()
    except ReaderUnavailable as failure:
        return (), (SourceProblem(way.name, failure.reason),)
    return presences, way.source.problems()


def _once_each(
    found: Sequence[tuple[TokenPresence, ...]], identities: dict[TokenPresence, _Identity | None]
) -> tuple[TokenPresence, ...]:
    """Leave out what is reached a second time; see the class."""
    serials: set[str] = set()
    counted: list[TokenPresence] = []
    unread: tuple[TokenPresence, ...] = ()
    strangers: list[TokenPresence] = []
    for presences in found:
        before = frozenset(serials)
        for presence in presences:
            identity = identities[presence]
            if identity is None:
                continue
            if identity.serial is None:
                strangers.append(presence)
            elif identity.serial not in before:
                serials.add(identity.serial)
                counted.append(presence)
        unread = unread or tuple(presence for presence in presences if identities[presence] is None)
    return tuple(counted) or unread or tuple(strangers)


if TYPE_CHECKING:

    def _is_a_source(source: CombinedTokenSource) -> TokenSource:
        return source
