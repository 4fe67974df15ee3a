"""What can go wrong between the kiosk and the centre.

    AgentError
    ├── NotEnrolledYet          the data directory holds no kiosk yet (directory)
    ├── AddressInvalid          the centre's address is missing or invalid (address)
    ├── AuthorityUnusable       the file with the CA of the centre's TLS certificate cannot be used (file, reason)
    │   └── AddressInClear          the address beside it is not https (address)
    ├── ProxyUnusable           what is configured names no proxy
    ├── EnrolmentFailed         the centre refused this machine, or its answer is invalid (fault, kiosk, …)
    ├── AwaitingRoot            the centre's root has to sign first: ask again (kiosk, fingerprint)
    ├── HistoryForked           the centre has another entry at a sequence number of this kiosk (sequence)
    ├── ExchangeFailed          a request got no usable answer; the centre may have carried it out all the same
    │   ├── CentreUnreachable   no connection, cut, or no answer in time (detail)
    │   │   ├── CentreUntrusted     the other end cannot prove to be the centre (trouble, detail)
    │   │   └── ProxyUnreachable    no connection to the configured proxy
    │   ├── CentreBusy          429 or 503: try again after `retry_after` seconds
    │   └── AnswerUnusable      a server error, or an answer that is not the centre's (detail, status)
    │       ├── NetworkLogin        a page in its place: the network wants somebody to log in
    │       ├── ProxyRefused        a proxy or a front did not let it through
    │       └── UploadBlocked       something in between takes no request as large as this
    └── RequestRefused          the centre answered with a problem (status, problem)

After ExchangeFailed the same request is sent again: repeating a request changes nothing at the centre.
Their text is English, for logs and programs; sync.agent.failure_wording words them for people.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import ClassVar

from kiosk.configuration import ProxyInvalid
from kiosk.store.agent_state import ContactFault, LinkFault
from sync.protocol.errors import Problem, ProblemCode


class AgentError(Exception):
    """The agent cannot do what it was asked; `failure` is set where the contact with the centre failed."""

    failure: ClassVar[ContactFault | None] = None


class NotEnrolledYet(AgentError):
    """The data directory holds no enrolled kiosk."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds no enrolled kiosk; run `keydesk-sync enrol` first")
        self.directory = directory


class AddressInvalid(AgentError):
    """The centre's address is missing or invalid."""

    def __init__(self, address: str) -> None:
        wrong = f"{address!r} is no address" if address else "no address"
        super().__init__(f"{wrong} of the centre; give --centre https://… or set url under [centre]")
        self.address = address


class AuthorityUnusable(AgentError):
    """The file named as the centre's certificate authority cannot be used."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"{file} cannot be used as the centre's certificate authority ({reason}); "
            "certificate_authority under [centre] names a PEM file"
        )
        self.file = file
        self.reason = reason


class AddressInClear(AuthorityUnusable):
    """A certificate authority is configured, but the centre's address is not https, so that it would check nothing."""

    def __init__(self, file: Path, address: str) -> None:
        super().__init__(file, f"the centre's address {address!r} is not https")
        self.address = address


class ProxyUnusable(AgentError):
    """What is configured as the proxy names none; what it says is told to nobody, for it may hold a password."""

    def __init__(self) -> None:
        super().__init__(f"proxy under [centre] cannot be used: {ProxyInvalid()}")


class EnrolmentFault(enum.StrEnum):
    """Why a machine did not become the kiosk that its enrolment token names."""

    NO_TOKEN = "no-token"  # noqa: S105 - a reason, no secret
    ANOTHER_KIOSK_HERE = "another-kiosk-here"
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - a reason, no secret
    TOKEN_REPLACED = "token-replaced"  # noqa: S105 - a reason, no secret
    ANSWER_FOR_ANOTHER = "answer-for-another"
    NO_PAYMENT_SECRET = "no-payment-secret"  # noqa: S105 - a reason, no secret
    NOT_SIGNED = "not-signed"
    CERTIFICATE_INVALID = "certificate-invalid"


class EnrolmentFailed(AgentError):
    """The centre refused this machine, or its answer does not fit the request.

    Where the problem concerns them: `kiosk` is the one that the token names, `here` the one that the data directory
    holds already, `detail` what is wrong with the certificate, or when a newer token was given out.
    """

    def __init__(
        self,
        fault: EnrolmentFault,
        *,
        kiosk: int | None = None,
        here: int | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(_ENROLMENT[fault].format(kiosk=kiosk, here=here, detail=detail))
        self.fault = fault
        self.kiosk = kiosk
        self.here = here
        self.detail = detail


_ENROLMENT = {
    EnrolmentFault.NO_TOKEN: "that is no enrolment token; it reads like 3-XXXX-XXXX-…",
    EnrolmentFault.ANOTHER_KIOSK_HERE: (
        "this data directory is kiosk {here} already; give another --data for kiosk {kiosk}"
    ),
    EnrolmentFault.TOKEN_REFUSED: (
        "the token is unknown, too old, or was used by another machine; ask for a new one at the centre"
    ),
    EnrolmentFault.TOKEN_REPLACED: (
        "the centre gave out a newer token for kiosk {kiosk} at {detail}, this one is void; use that one"
    ),
    EnrolmentFault.ANSWER_FOR_ANOTHER: (
        "the centre's answer is for another kiosk or from another centre; ask its staff"
    ),
    EnrolmentFault.NO_PAYMENT_SECRET: "the centre's answer lacks the payment secret; ask its staff",
    EnrolmentFault.NOT_SIGNED: "the centre's time or policy is not signed for this kiosk; ask its staff",
    EnrolmentFault.CERTIFICATE_INVALID: (
        "the certificate from the centre does not hold ({detail}); ask its staff"
    ),
}


class AwaitingRoot(AgentError):
    """The centre's root is elsewhere and has to sign this machine's request first; asking again is right."""

    def __init__(self, kiosk: int, fingerprint: str) -> None:
        super().__init__(
            f"the centre's root has to sign the request of kiosk {kiosk} first, key {fingerprint}"
        )
        self.kiosk = kiosk
        self.fingerprint = fingerprint


class HistoryForked(AgentError):
    """The centre holds another entry than this kiosk at that sequence number; a person decides."""

    failure = ContactFault.FORKED

    def __init__(self, sequence: int) -> None:
        super().__init__(
            f"the centre has another journal entry {sequence} of this kiosk: a copy of it is in use"
        )
        self.sequence = sequence


class ExchangeFailed(AgentError):
    """A request got no usable answer; whether the centre carried it out is not known.

    `retry_after` is in how many seconds the answer asks to be tried again; None when it says nothing of it.
    """

    retry_after: float | None = None


class CentreUnreachable(ExchangeFailed):
    """No connection, a broken connection, or no answer in time; `detail` is the network library's message."""

    failure = ContactFault.UNREACHABLE

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class CentreUntrusted(CentreUnreachable):
    """The server at the centre's address cannot prove to be the centre; nothing was sent to it."""

    def __init__(self, trouble: LinkFault, detail: str) -> None:
        super().__init__(f"{_UNTRUSTED[trouble]} ({detail})")
        self.trouble = trouble
        self.detail = detail


class ProxyUnreachable(CentreUnreachable):
    """No connection to the proxy that is configured."""

    failure = ContactFault.PROXY_UNREACHABLE


_UNTRUSTED = {
    LinkFault.UNKNOWN_AUTHORITY: "the centre's certificate is of an authority that is not trusted here",
    LinkFault.EXPIRED: "the centre's certificate has expired, or this machine's clock is wrong",
    LinkFault.NOT_YET_VALID: "the centre's certificate is not valid yet, or this machine's clock is wrong",
    LinkFault.ANOTHER_HOST: "the centre's certificate is for another host name than that of its address",
    LinkFault.NO_TLS: "the centre's address says https and what answers there speaks no TLS",
    LinkFault.REFUSED: "the centre's certificate does not hold",
}


class CentreBusy(ExchangeFailed):
    """The centre asks to be tried again later."""

    failure = ContactFault.BUSY

    def __init__(self, status: int, retry_after: float | None) -> None:
        super().__init__(f"the centre is busy ({status})")
        self.status = status
        self.retry_after = retry_after


class AnswerUnusable(ExchangeFailed):
    """The answer is a server error (`status`), or not in the protocol (`detail`)."""

    failure = ContactFault.ANSWER_UNUSABLE

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class NetworkLogin(AnswerUnusable):
    """A captive portal answered: a page or a redirection elsewhere in the place of the centre's answer, or 511."""

    failure = ContactFault.NETWORK_LOGIN


class ProxyRefused(AnswerUnusable):
    """A proxy, or what stands before the centre, answered that it does not let the request through."""

    failure = ContactFault.PROXY_REFUSED

    def __init__(self, detail: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail, status)
        self.retry_after = retry_after


class UploadBlocked(AnswerUnusable):
    """Something between here and the centre takes no request as large as this (413)."""

    failure = ContactFault.UPLOAD_BLOCKED


class RequestRefused(AgentError):
    """The centre understood the request and refused it; the same request would be refused again."""

    failure = ContactFault.REFUSED

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"the centre refused ({status} {problem.code.value}): {problem.sentence}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> ProblemCode:
        """Why it was refused."""
        return self.problem.code
