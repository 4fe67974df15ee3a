"""Several token sources as one: the readers, and each vendor's library."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import msgspec

from hardware.ports import (
    HardwareError,
    ReaderUnavailable,
    SourceFault,
    Token,
    TokenError,
    TokenNotRecognised,
    TokenPresence,
    TokenRemoved,
    TokenSource,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class NamedSource(msgspec.Struct, frozen=True):
    """A token source with the name by which its problems are reported."""

    name: str
    source: TokenSource


class _Identity(msgspec.Struct, frozen=True):
    """What is known of one insertion; `serial` is None where no driver recognises it, `public_key` where none is told."""

    serial: str | None
    public_key: bytes | None = None

    def may_be(self, other: _Identity) -> bool:
        """Whether both may be one token: vendors ship several of one serial number, which their key pairs tell apart."""
        differ = self.public_key is not None and other.public_key not in (None, self.public_key)
        return self.serial == other.serial and not differ


class CombinedTokenSource:
    """Joins token sources, the preferred one first (`ports.TokenSource`); all methods from any thread.

    A key with a CCID interface may be reached twice, by PC/SC and by its vendor's library. Only its serial number
    and its key pair tell that it is one key. So where two sources have tokens at the same time, each is opened once,
    read and closed again, and then:

    - of tokens with the same serial number the first source's counts, unless both have key pairs that differ;
    - a card that no driver recognises does not count beside a token that was read: it may be the same key, and
      nothing could be done with it anyway;
    - neither does a token that cannot be opened just now (in use, pulled, failing): a key that one source
      holds the other cannot reach. Where nothing could be read, those of the first source that has any count.

    Where only one source has tokens, nothing is opened.
    """

    def __init__(self, sources: Sequence[NamedSource]) -> None:
        self._sources = tuple(sources)
        self._lock = threading.RLock()
        self._identities: dict[TokenPresence, _Identity] = {}

    def present(self) -> tuple[TokenPresence, ...]:
        """The tokens that are in, each once. Raises ReaderUnavailable where no source works."""
        found: list[tuple[TokenPresence, ...]] = []
        reasons: list[str] = []
        for named in self._sources:
            presences, problems = _look(named)
            found.append(presences)
            if problems and not presences:
                reasons.extend(problem.reason for problem in problems)
            else:
                reasons.append("")
        if all(reasons):
            raise ReaderUnavailable("; ".join(reasons) or "no token source is configured")
        numbered = [
            tuple(self._named(index, presence) for presence in presences)
            for index, presences in enumerate(found)
        ]
        return self._distinct(numbered)

    def open(self, presence: TokenPresence) -> Token:
        """Connect to that insertion through the source that found it. Raises what that source raises."""
        with self._lock:
            named, own = self._source_of(presence)
            token = named.source.open(own)
            known = self._identities.get(presence)
            if known is None or known.serial != token.serial:
                self._identities[presence] = _Identity(token.serial)
            return token

    def problems(self) -> tuple[SourceFault, ...]:
        """The problems of each source that does not work."""
        return tuple(problem for named in self._sources for problem in _look(named)[1])

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` from the sources' own threads; returns a function that stops all."""
        stops = [named.source.watch(changed) for named in self._sources]

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def _named(self, index: int, presence: TokenPresence) -> TokenPresence:
        """Number an insertion so that no other source's has the same number, and the number names its source."""
        return msgspec.structs.replace(presence, insertion=presence.insertion * len(self._sources) + index)

    def _source_of(self, presence: TokenPresence) -> tuple[NamedSource, TokenPresence]:
        if not self._sources:
            raise TokenRemoved(f"nothing reaches {presence.reader}")
        number, index = divmod(presence.insertion, len(self._sources))
        return self._sources[index], msgspec.structs.replace(presence, insertion=number)

    def _distinct(self, found: Sequence[tuple[TokenPresence, ...]]) -> tuple[TokenPresence, ...]:
        everything = tuple(presence for presences in found for presence in presences)
        with self._lock:
            self._identities = {
                presence: identity
                for presence, identity in self._identities.items()
                if presence in everything
            }
            if sum(bool(presences) for presences in found) < 2:  # noqa: PLR2004 - one source finds no key twice
                return everything
            identities = {presence: self._identify(presence) for presence in everything}
        return _without_duplicates(found, identities)

    def _identify(self, presence: TokenPresence) -> _Identity | None:
        """Read a token's serial number and public key unless they are known; None where it cannot be read just now."""
        known = self._identities.get(presence)
        if known is not None:
            return known
        try:
            with contextlib.closing(self.open(presence)) as token:
                self._identities[presence] = _Identity(token.serial, _public_key(token))
        except TokenNotRecognised:
            self._identities[presence] = _Identity(None)
        except HardwareError:
            return None
        return self._identities[presence]


def _public_key(token: Token) -> bytes | None:
    """A token's public key; None where it has none, or does not tell it, as one that is not prepared."""
    with contextlib.suppress(TokenError):
        return token.public_key()
    return None


def _look(named: NamedSource) -> tuple[tuple[TokenPresence, ...], tuple[SourceFault, ...]]:
    """The tokens of a source, and its problems."""
    try:
        presences = named.source.present()
    except ReaderUnavailable as failure:
        return (), (SourceFault(named.name, failure.reason),)
    return presences, named.source.problems()


def _without_duplicates(
    found: Sequence[tuple[TokenPresence, ...]], identities: dict[TokenPresence, _Identity | None]
) -> tuple[TokenPresence, ...]:
    """Leave out tokens that two sources found; the class tells the rules."""
    read: list[_Identity] = []
    counted: list[TokenPresence] = []
    unread: tuple[TokenPresence, ...] = ()
    strangers: list[TokenPresence] = []
    for presences in found:
        before = tuple(read)
        for presence in presences:
            identity = identities[presence]
            if identity is None:
                continue
            if identity.serial is None:
                strangers.append(presence)
            elif not any(identity.may_be(each) for each in before):
                read.append(identity)
                counted.append(presence)
        unread = unread or tuple(presence for presence in presences if identities[presence] is None)
    return tuple(counted) or unread or tuple(strangers)


if TYPE_CHECKING:

    def _is_a_source(source: CombinedTokenSource) -> TokenSource:
        return source
