"""What can go wrong between the kiosk and the centre.

    AgentError
    ├── NotEnrolledYet          this data directory holds no kiosk yet (directory)
    ├── AddressInvalid          nothing says where the centre is, or it is no address (address)
    ├── AuthorityUnusable       the file with the authority of the centre's TLS certificate cannot be used (file)
    ├── EnrolmentFailed         the centre did not take this kiosk, or its answer does not hold (problem)
    ├── HistoryForked           the centre has another entry under a sequence of ours (sequence)
    ├── ExchangeFailed          a request brought no usable answer; it may still have been carried out
    │   ├── CentreUnreachable   no connection, cut, or no answer in time
    │   │   └── CentreUntrusted     who answers cannot prove to be the centre (trouble)
    │   ├── CentreBusy          429 or 503: not before `retry_after` seconds
    │   └── AnswerUnusable      a server's fault, or an answer that is not the centre's
    └── RequestRefused          the centre answered with a problem (status, problem)

After ExchangeFailed the same request is sent again: the centre takes every one of them any number of times.
"""

from __future__ import annotations

from pathlib import Path

from kiosk.store.agent_state import LinkTrouble
from sync.protocol.errors import Problem, ProblemCode


class AgentError(Exception):
    """The agent cannot do what it was asked."""


class NotEnrolledYet(AgentError):
    """The data directory holds no enrolled kiosk."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds no enrolled kiosk; run `keydesk-sync enrol` first")
        self.directory = directory


class AddressInvalid(AgentError):
    """The centre's address is missing or none."""

    def __init__(self, address: str) -> None:
        wrong = f"{address!r} is no address" if address else "no address"
        super().__init__(f"{wrong} of the centre; give --centre https://… or set url under [centre]")
        self.address = address


class AuthorityUnusable(AgentError):
    """The file named as the centre's certificate authority holds none that can be read."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"{file} cannot be used as the centre's certificate authority ({reason}); "
            "certificate_authority under [centre] names a PEM file"
        )
        self.file = file


class EnrolmentFailed(AgentError):
    """The centre did not take this kiosk, or its answer does not fit what was asked."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class HistoryForked(AgentError):
    """The centre holds another entry than this kiosk under that sequence; a person decides."""

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"the centre has another journal entry {sequence} of this kiosk: a copy of it is in use"
        )
        self.sequence = sequence


class ExchangeFailed(AgentError):
    """A request brought no usable answer; whether the centre carried it out is not known."""


class CentreUnreachable(ExchangeFailed):
    """No connection, a connection that broke, or no answer in time."""


class CentreUntrusted(CentreUnreachable):
    """Whoever answers at the centre's address does not prove to be the centre; nothing was sent."""

    def __init__(self, trouble: LinkTrouble, detail: str) -> None:
        super().__init__(f"{_UNTRUSTED[trouble]} ({detail})")
        self.trouble = trouble


_UNTRUSTED = {
    LinkTrouble.UNKNOWN_AUTHORITY: "the centre's certificate is of an authority that is not trusted here",
    LinkTrouble.EXPIRED: "the centre's certificate has expired, or this machine's clock is wrong",
    LinkTrouble.NOT_YET_VALID: "the centre's certificate is not valid yet, or this machine's clock is wrong",
    LinkTrouble.ANOTHER_HOST: "the centre's certificate is for another host name than that of its address",
    LinkTrouble.NO_TLS: "the centre's address says https and what answers there speaks no TLS",
    LinkTrouble.REFUSED: "the centre's certificate does not hold",
}


class CentreBusy(ExchangeFailed):
    """The centre asks for patience; `retry_after` in seconds, None when it names no time."""

    def __init__(self, status: int, retry_after: float | None) -> None:
        super().__init__(f"the centre is busy ({status})")
        self.status = status
        self.retry_after = retry_after


class AnswerUnusable(ExchangeFailed):
    """The answer is a server's fault, or nothing that the centre says."""


class RequestRefused(AgentError):
    """The centre understood and refused; the same request would be refused again."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"the centre refused ({status} {problem.code.value}): {problem.sentence}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> ProblemCode:
        """Why."""
        return self.problem.code
