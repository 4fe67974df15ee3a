"""The kiosk's only network client: signed requests to the centre, and its answers.

Every method raises CentreUnreachable, CentreBusy, AnswerUnusable or RequestRefused (errors.py): see sync.agent.line.answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Self, TypeVar
from urllib.parse import urlencode

import httpx2
import msgspec

from kiosk.configuration import is_web_address
from kiosk.domain.versions import write_cursors
from sync.agent.errors import (
    AddressInvalid,
    AnswerUnusable,
    CentreUnreachable,
    CentreUntrusted,
    ProxyRefused,
    ProxyUnreachable,
    RequestRefused,
)
from sync.agent.line.answers import Answer, centre_body
from sync.agent.line.tls import link_trouble
from sync.agent.line.transport import proxy_not_reached
from sync.protocol.batches import BATCH_MEDIA_TYPE, encode_batch
from sync.protocol.errors import BodyMalformed, ProblemCode
from sync.protocol.receipts import HEADER
from sync.protocol.records import (
    JSON_MEDIA_TYPE,
    PATH_CENTRE,
    PATH_DEED,
    PATH_ENROL,
    PATH_EPOCH,
    PATH_FEED,
    PATH_HEARTBEAT,
    PATH_JOURNAL,
    PATH_LOGIN,
    PATH_PERSONAL,
    PATH_SNAPSHOT,
    CentreDescription,
    DeedAnswer,
    DeedShown,
    EnrolAnswer,
    EnrolRequest,
    EpochAnswer,
    EpochRequest,
    FeedPage,
    Heartbeat,
    HeartbeatAnswer,
    JournalPage,
    PersonalAnswer,
    PersonalUpload,
    SnapshotAnswer,
    SnapshotShown,
    UploadAnswer,
    UploadBatch,
    decode,
    decode_answer,
    encode,
)
from sync.protocol.signatures import ENROL_KEY_ID, machine_key_id, sign_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kiosk.domain.login_check import LoginAnswer, LoginQuestion
    from kiosk.domain.policy import SignedTime
    from kiosk.domain.versions import Version

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
LOGIN_SECONDS = 5.0  # a member waits for it
LARGEST_ANSWER = 32 * 1024 * 1024

Record = TypeVar("Record", bound=msgspec.Struct)


class Credentials(msgspec.Struct, frozen=True):
    """Who signs: `kiosk` None while its machine is being enrolled; `device_key` the Ed25519 seed (32 bytes)."""

    kiosk: int | None
    device_key: bytes
    machine: int = 1

    def __repr__(self) -> str:
        """Name the kiosk without its key."""
        return f"Credentials(kiosk={self.kiosk})"

    @property
    def key_id(self) -> str:
        """The `keyid` of the signature (RFC 9421, section 2.3)."""
        return ENROL_KEY_ID if self.kiosk is None else machine_key_id(self.kiosk, self.machine)


class Receipts(Protocol):
    """The centre's receipts as this machine keeps them: the newest is shown with each request."""

    def newest(self) -> str:
        """The newest one's text; empty before the first."""
        ...

    def keep(self, text: str) -> None:
        """Take one that came with an answer, if the centre signed it and it is newer."""
        ...


class CameLast:
    """Receipts of a machine that has no store for them yet: the last one, unchecked, and none is shown."""

    def __init__(self) -> None:
        self.text = ""

    def newest(self) -> str:
        """None."""
        return ""

    def keep(self, text: str) -> None:
        """Note it."""
        self.text = text


class CentreClient:
    """Requests to one centre.

    `patience` is how long (seconds) nothing may move in an exchange, beyond what the centre was asked to wait
    (`sync.agent.line.pace`). `now` is the centre's clock (UTC seconds) as far as it is known. When the centre refuses a signature for its time,
    `learn_time` takes the centre's signed time and returns whether it is valid: then the request is signed again.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        now: Callable[[], int],
        learn_time: Callable[[SignedTime], bool],
        transport: httpx2.BaseTransport,
        patience: float = ANSWER_SECONDS,
        receipts: Receipts | None = None,
    ) -> None:
        self._address = require_address(address)
        self._credentials = credentials
        self._now = now
        self._learn_time = learn_time
        self._patience = patience
        self._receipts = receipts or CameLast()
        self._http = httpx2.Client(transport=transport, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        """Use it in a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it at the end of the `with`."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def describe(self) -> CentreDescription:
        """Fetch what a machine must know before it is enrolled."""
        return self._decoded(self._send("GET", PATH_CENTRE, signed=False), CentreDescription)

    def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Ask to become the kiosk that the token names."""
        return self._decoded(self._send("POST", PATH_ENROL, encode(request)), EnrolAnswer)

    def heartbeat(self, heartbeat: Heartbeat) -> HeartbeatAnswer:
        """Send a heartbeat."""
        return self._decoded(self._send("POST", PATH_HEARTBEAT, encode(heartbeat)), HeartbeatAnswer)

    def upload(self, batch: UploadBatch, *, held: bool = False) -> UploadAnswer:
        """Upload entries; `held` are those of another strand than this machine writes on."""
        body, query = encode_batch(batch), {"held": 1} if held else None
        sent = self._send("POST", PATH_JOURNAL, body, media_type=BATCH_MEDIA_TYPE, query=query)
        return self._decoded(sent, UploadAnswer)

    def own_entries(self, after: int, strand: int = 0) -> JournalPage:
        """Fetch the entries of a strand's line after a sequence number; of the one that received last for strand 0."""
        query = {"after": after, "strand": strand}
        return self._decoded(self._send("GET", PATH_JOURNAL, query=query), JournalPage)

    def feed(self, cursors: Mapping[int, Version], wait: int) -> FeedPage:
        """The feed's rows past the cursors; the centre waits up to `wait` seconds for one."""
        query: dict[str, int | str] = {"after": write_cursors(cursors), "wait": wait}
        return self._decoded(self._send("GET", PATH_FEED, query=query, wait=float(wait)), FeedPage)

    def epoch(self, request: EpochRequest) -> EpochAnswer:
        """Ask for an epoch that this kiosk never had."""
        return self._decoded(self._send("POST", PATH_EPOCH, encode(request)), EpochAnswer)

    def show_deed(self, shown: DeedShown) -> DeedAnswer:
        """Show what this machine has of the centre's, which may have been put back."""
        return self._decoded(self._send("POST", PATH_DEED, encode(shown)), DeedAnswer)

    def show_snapshot(self, shown: SnapshotShown) -> SnapshotAnswer:
        """Show a snapshot of the journal, which the centre is to acknowledge or has acknowledged."""
        return self._decoded(self._send("POST", PATH_SNAPSHOT, encode(shown)), SnapshotAnswer)

    def send_personal(self, upload: PersonalUpload) -> PersonalAnswer:
        """Upload personal records to which entries commit that were uploaded."""
        return self._decoded(self._send("POST", PATH_PERSONAL, encode(upload)), PersonalAnswer)

    def login(self, question: LoginQuestion) -> LoginAnswer:
        """Ask a question of a login check."""
        body = self._send("POST", PATH_LOGIN, encode(question), patience=min(LOGIN_SECONDS, self._patience))
        try:
            return decode_answer(body)
        except BodyMalformed as error:
            raise AnswerUnusable(f"not the centre's answer: {error}") from error

    def _send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        media_type: str = JSON_MEDIA_TYPE,
        query: Mapping[str, int | str] | None = None,
        wait: float = 0.0,
        patience: float | None = None,
        signed: bool = True,
    ) -> bytes:
        url = self._address + path + (f"?{urlencode(query)}" if query else "")
        patience = self._patience if patience is None else patience
        timeout = httpx2.Timeout(patience + wait, connect=min(CONNECT_SECONDS, patience))

        def once() -> bytes:
            headers = {"accept": JSON_MEDIA_TYPE} | ({"content-type": media_type} if body else {})
            if signed:
                headers |= sign_request(
                    method,
                    url,
                    body,
                    key_id=self._credentials.key_id,
                    device_key=self._credentials.device_key,
                    created=self._now(),
                    receipt=self._receipts.newest(),
                )
            return self._exchange(httpx2.Request(method, url, headers=headers, content=body), timeout)

        try:
            return once()
        except RequestRefused as refused:
            time = refused.problem.signed_time
            if refused.code is not ProblemCode.CLOCK_OFF or time is None or not self._learn_time(time):
                raise
        return once()

    def _exchange(self, request: httpx2.Request, timeout: httpx2.Timeout) -> bytes:
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
        try:
            response = self._http.send(request, stream=True)
            try:
                body = _limited(response)
            finally:
                response.close()
        except httpx2.ProxyError as error:  # it does not connect to the centre
            raise ProxyRefused(f"CONNECT: {error}") from error
        except httpx2.TransportError as error:
            if (trouble := link_trouble(error)) is not None:
                raise CentreUntrusted(trouble, str(error)) from error
            if proxy_not_reached(error):
                raise ProxyUnreachable(str(error)) from error
            raise CentreUnreachable(f"{type(error).__name__}: {error}") from error
        except httpx2.RequestError as error:  # an encoding that does not decode
            raise AnswerUnusable(f"{type(error).__name__}: {error}") from error
        if receipt := response.headers.get(HEADER):
            self._receipts.keep(receipt)
        answer = Answer(response.status_code, response.headers, body)
        return centre_body(answer, request.url.host, self._now())

    @staticmethod
    def _decoded(body: bytes, record: type[Record]) -> Record:
        try:
            return decode(body, record)
        except BodyMalformed as error:
            raise AnswerUnusable(f"not the centre's answer: {error}") from error


def require_address(address: str) -> str:
    """The centre's address without a trailing slash. Raises AddressInvalid."""
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL as error:
        raise AddressInvalid(address) from error
    if not is_web_address(address) or not url.host:
        raise AddressInvalid(address)
    return address.rstrip("/")


def _limited(response: httpx2.Response) -> bytes:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise AnswerUnusable(f"an answer of more than {LARGEST_ANSWER} bytes")
    return bytes(body)
