"""What can go wrong between the kiosk and the centre.

    AgentError
    ├── NotEnrolledYet          this data directory holds no kiosk yet (directory)
    ├── AddressInvalid          nothing says where the centre is, or it is no address (address)
    ├── AuthorityUnusable       the file with the authority of the centre's TLS certificate cannot be used (file, reason)
    │   └── AddressInClear          the address beside it is not https (address)
    ├── EnrolmentFailed         the centre did not take this kiosk, or its answer does not hold (problem, kiosk, …)
    ├── HistoryForked           the centre has another entry under a sequence of ours (sequence)
    ├── ExchangeFailed          a request brought no usable answer; it may still have been carried out
    │   ├── CentreUnreachable   no connection, cut, or no answer in time (detail)
    │   │   └── CentreUntrusted     who answers cannot prove to be the centre (trouble, detail)
    │   ├── CentreBusy          429 or 503: not before `retry_after` seconds
    │   └── AnswerUnusable      a server's fault, or an answer that is not the centre's (detail, status)
    └── RequestRefused          the centre answered with a problem (status, problem)

After ExchangeFailed the same request is sent again: the centre takes every one of them any number of times.
Their text is English, for logs and programs; sync.agent.failure_wording says them to people.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import ClassVar

from kiosk.store.agent_state import ContactFailure, LinkTrouble
from sync.protocol.errors import Problem, ProblemCode


class AgentError(Exception):
    """The agent cannot do what it was asked; `failure` where it failed at the centre."""

    failure: ClassVar[ContactFailure | None] = None


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
        self.reason = reason


class AddressInClear(AuthorityUnusable):
    """An authority is named and the centre's address speaks no TLS, so that nothing would be checked by it."""

    def __init__(self, file: Path, address: str) -> None:
        super().__init__(file, f"the centre's address {address!r} is not https")
        self.address = address


class EnrolmentProblem(enum.StrEnum):
    """Why a machine did not become the kiosk that its token names."""

    NO_TOKEN = "no-token"  # noqa: S105 - what was given is none
    ANOTHER_KIOSK_HERE = "another-kiosk-here"
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - a reason, no secret
    ANSWER_FOR_ANOTHER = "answer-for-another"
    NO_PAYMENT_SECRET = "no-payment-secret"  # noqa: S105 - a reason, no secret
    NOT_SIGNED = "not-signed"
    CERTIFICATE_INVALID = "certificate-invalid"


class EnrolmentFailed(AgentError):
    """The centre did not take this kiosk, or its answer does not fit what was asked.

    `kiosk` is the one that the token names, `here` the one that the data directory holds already, `detail` what is
    wrong with the certificate; each where the problem is about it.
    """

    def __init__(
        self,
        problem: EnrolmentProblem,
        *,
        kiosk: int | None = None,
        here: int | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(_ENROLMENT[problem].format(kiosk=kiosk, here=here, detail=detail))
        self.problem = problem
        self.kiosk = kiosk
        self.here = here
        self.detail = detail


_ENROLMENT = {
    EnrolmentProblem.NO_TOKEN: "that is no enrolment token; it reads like 3-XXXX-XXXX-…",
    EnrolmentProblem.ANOTHER_KIOSK_HERE: (
        "this data directory is kiosk {here} already; give another --data for kiosk {kiosk}"
    ),
    EnrolmentProblem.TOKEN_REFUSED: (
        "the token is unknown, too old, or was used by another machine; ask for a new one at the centre"
    ),
    EnrolmentProblem.ANSWER_FOR_ANOTHER: (
        "the centre's answer is for another kiosk or from another centre; ask its staff"
    ),
    EnrolmentProblem.NO_PAYMENT_SECRET: "the centre's answer lacks the payment secret; ask its staff",
    EnrolmentProblem.NOT_SIGNED: "the centre's time or policy is not signed for this kiosk; ask its staff",
    EnrolmentProblem.CERTIFICATE_INVALID: (
        "the certificate from the centre does not hold ({detail}); ask its staff"
    ),
}


class HistoryForked(AgentError):
    """The centre holds another entry than this kiosk under that sequence; a person decides."""

    failure = ContactFailure.FORKED

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"the centre has another journal entry {sequence} of this kiosk: a copy of it is in use"
        )
        self.sequence = sequence


class ExchangeFailed(AgentError):
    """A request brought no usable answer; whether the centre carried it out is not known."""


class CentreUnreachable(ExchangeFailed):
    """No connection, a connection that broke, or no answer in time; `detail` is what the network library says."""

    failure = ContactFailure.UNREACHABLE

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class CentreUntrusted(CentreUnreachable):
    """Whoever answers at the centre's address does not prove to be the centre; nothing was sent."""

    def __init__(self, trouble: LinkTrouble, detail: str) -> None:
        super().__init__(f"{_UNTRUSTED[trouble]} ({detail})")
        self.trouble = trouble
        self.detail = detail


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

    failure = ContactFailure.BUSY

    def __init__(self, status: int, retry_after: float | None) -> None:
        super().__init__(f"the centre is busy ({status})")
        self.status = status
        self.retry_after = retry_after


class AnswerUnusable(ExchangeFailed):
    """The answer is a server's fault (`status`), or nothing that the centre says (`detail`)."""

    failure = ContactFailure.ANSWER_UNUSABLE

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class RequestRefused(AgentError):
    """The centre understood and refused; the same request would be refused again."""

    failure = ContactFailure.REFUSED

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"the centre refused ({status} {problem.code.value}): {problem.sentence}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> ProblemCode:
        """Why."""
        return self.problem.code
