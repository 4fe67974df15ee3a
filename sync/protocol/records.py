"""The requests that a kiosk sends to the centre, and the answers.

    POST /device/v1/enrol                EnrolRequest → EnrolAnswer       signed with the new device key, keyid "enrol"
    GET  /device/v1/centre               → CentreDescription              unsigned, before enrolment
    POST /device/v1/heartbeat            Heartbeat → HeartbeatAnswer
    POST /device/v1/journal              UploadBatch (batches.py) → UploadAnswer
    GET  /device/v1/journal?after=&strand=  → JournalPage                 the kiosk's own entries back
    GET  /device/v1/feed?after=&wait=    → FeedPage                       waits up to `wait` seconds for a row
    POST /device/v1/epoch                EpochRequest → EpochAnswer
    POST /device/v1/login                LoginQuestion → LoginAnswer      (kiosk/domain/login_check.py)
    POST /device/v1/deed                 DeedShown → DeedAnswer           also from a machine that the centre forgot
    POST /device/v1/snapshot             SnapshotShown → SnapshotAnswer   kiosk/domain/snapshots.py
    POST /device/v1/personal             PersonalUpload → PersonalAnswer  kiosk/domain/personal.py

Bodies are JSON (msgspec: bytes as base64), the upload alone is zstd over MessagePack. A refusal is a `Problem`
(errors.py). Amounts are fen, times UTC seconds. Unknown fields are skipped, so that either end may be newer.
"""

from __future__ import annotations

import enum
import re
from typing import TypeVar

import msgspec

from kiosk.domain.base32 import encode_base32
from kiosk.domain.entries.body import Tip
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.domain.login_check import LoginAnswer, LoginQuestion
from kiosk.domain.personal import Disclosed
from kiosk.domain.policy import SignedPolicy, SignedTime
from kiosk.domain.snapshots import SignedAcknowledgement, SignedSnapshot
from kiosk.domain.versions import Version
from sync.protocol.deeds import SignedDeed
from sync.protocol.errors import BodyMalformed

VERSION = 1
PREFIX = "/device/v1"
PATH_CENTRE = f"{PREFIX}/centre"
PATH_ENROL = f"{PREFIX}/enrol"
PATH_HEARTBEAT = f"{PREFIX}/heartbeat"
PATH_JOURNAL = f"{PREFIX}/journal"
PATH_FEED = f"{PREFIX}/feed"
PATH_EPOCH = f"{PREFIX}/epoch"
PATH_LOGIN = f"{PREFIX}/login"
PATH_DEED = f"{PREFIX}/deed"
PATH_SNAPSHOT = f"{PREFIX}/snapshot"
PATH_PERSONAL = f"{PREFIX}/personal"

JSON_MEDIA_TYPE = "application/json"
MAXIMUM_JSON = 64 * 1024
MAXIMUM_WAIT = 30  # seconds for which a request for the feed may wait
MAXIMUM_KEPT = 50  # rows kept unapplied that one heartbeat reports, the oldest first
MAXIMUM_FINDINGS = 20  # of a nightly run that one heartbeat reports
KEPT_PROBLEM_LENGTH = 200  # characters of each one's problem
FEED_PAGE = 200  # rows
FEED_PAGE_BODIES = 4 * 1024 * 1024  # bytes of all bodies of a page, of which one alone may be longer
JOURNAL_PAGE = 200
SHOWN_ROWS = 20  # rows that a machine shows at once
MAXIMUM_PERSONAL = 10  # personal records of a request: below MAXIMUM_JSON whatever their lengths

_ENROL_TOKEN = re.compile(r"([1-9][0-9]{0,4})-([0-9A-Z]{4}(?:-[0-9A-Z]{4}){5})")

Record = TypeVar("Record", bound=msgspec.Struct)
Decoded = TypeVar("Decoded")
_QUESTION: msgspec.json.Decoder[LoginQuestion] = msgspec.json.Decoder(LoginQuestion)
_ANSWER: msgspec.json.Decoder[LoginAnswer] = msgspec.json.Decoder(LoginAnswer)


class CentreDescription(msgspec.Struct, frozen=True):
    """What a machine must know before it is enrolled; `organisation` is the exchange's name in certificates."""

    version: int
    organisation: str
    centre_key: bytes
    time: int


class EnrolRequest(msgspec.Struct, frozen=True):
    """A new machine asks to become the kiosk that the enrolment token names.

    `token` is one-time (`3-XXXX-…`), `device_key` the Ed25519 public key (32 bytes), `issuing_request` the PKCS#10
    request (DER) for the issuing CA's key.
    """

    token: str
    device_key: bytes
    issuing_request: bytes
    program: str = ""


class EnrolAnswer(msgspec.Struct, frozen=True):
    """All that a kiosk needs to work on its own; certificates are DER, the payment secret has 32 bytes.

    `machine` is the number of this enrolment, `deed` what the machine keeps of it.
    """

    kiosk: int
    machine: int
    epoch: int
    issuing_certificate: bytes
    root_certificate: bytes
    payment_secret: bytes
    centre_key: bytes
    policy: SignedPolicy
    signed_time: SignedTime
    deed: SignedDeed


class StrandMark(msgspec.Struct, frozen=True):
    """A strand of a kiosk's journal: where it left which other one (0: none), and what the centre has of it."""

    strand: int
    parent: int
    branch_sequence: int
    high_water: Tip


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a kiosk's chain ended at `time`, signed with its device key over `checkpoint_message`."""

    kiosk: int
    epoch: int
    sequence: int
    hash: bytes
    time: int
    signature: bytes

    @property
    def tip(self) -> Tip:
        """The tip that it signs."""
        return Tip(self.epoch, self.sequence, self.hash)


class UploadBatch(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive entries (their exact bytes), and the checkpoint of the last one."""

    entries: tuple[bytes, ...]
    checkpoint: Checkpoint


class UploadAnswer(msgspec.Struct, frozen=True):
    """What the centre holds of the strand that ends with the batch's last entry.

    `branched` when that strand began with this batch, `begin_epoch` the new epoch that its kiosk has to begin (None:
    none), `quarantined` when the machine is revoked, `retired` when it may only upload any more, `unconfirmed` when that is so
    until staff of a centre that was put back confirm it. `lacked` counts the entries of the batch that it had not.
    """

    high_water: Tip | None
    signed_time: SignedTime
    strand: int = 0
    strands: tuple[StrandMark, ...] = ()
    begin_epoch: int | None = None
    branched: bool = False
    quarantined: bool = False
    retired: bool = False
    unconfirmed: bool = False
    lacked: int = 0


class UnappliedNotice(msgspec.Struct, frozen=True):
    """A row of the feed that the kiosk could not apply, and why."""

    audience: int
    key: str
    problem: str


class NightItem(msgspec.Struct, frozen=True):
    """One thing that a nightly run left for a person: the kind of a finding, and the step where one failed."""

    kind: str
    count: int = 0
    step: str = ""


class NightNotice(msgspec.Struct, frozen=True):
    """The kiosk's nights, by its own clock (UTC seconds): since when they are owed, at which minute of the day (China time).

    `ended` is when the last run ended (None: none yet), `findings` what it left for people, at most MAXIMUM_FINDINGS, `expiring`
    how many keys end soon.
    """

    since: int
    at: int
    ended: int | None = None
    findings: tuple[NightItem, ...] = ()
    expiring: int = 0


class Heartbeat(msgspec.Struct, frozen=True):
    """A sign of life; `backlog` counts entries not yet acknowledged, `wall` is the kiosk's clock (UTC seconds).

    `cursors` are those of the feed by audience, `strand` is the one that the kiosk's journal was on when the centre
    answered last (0: not known), `night` tells of the nightly run (None: from a program that knows none).
    """

    checkpoint: Checkpoint | None
    backlog: int
    cursors: dict[int, Version]
    wall: int
    program: str = ""
    kept: tuple[UnappliedNotice, ...] = ()
    strand: int = 0
    night: NightNotice | None = None


class HeartbeatAnswer(msgspec.Struct, frozen=True):
    """The centre's time and what it holds of this kiosk; `heads` are the newest versions by audience.

    `strand` is the one that has the checkpoint's tip, 0 when none has it yet; then `high_water` is that of the strand
    which the heartbeat named, if there is one. The other fields are those of `UploadAnswer`.
    """

    signed_time: SignedTime
    high_water: Tip | None
    heads: dict[int, Version]
    strand: int = 0
    strands: tuple[StrandMark, ...] = ()
    begin_epoch: int | None = None
    quarantined: bool = False
    retired: bool = False
    unconfirmed: bool = False


class FeedPage(msgspec.Struct, frozen=True):
    """Live rows past the cursors by audience and stamp, and the head of each audience that the kiosk reads.

    A head is the centre's present incarnation with the stamp given last in that audience, read before the rows; so is a
    cursor the incarnation with the stamp of the last row. `more` when further rows can be fetched at once.
    """

    rows: tuple[FeedRow, ...]
    heads: dict[int, Version]
    more: bool


class JournalPage(msgspec.Struct, frozen=True):
    """The entries of a strand's line (their exact bytes), in order of sequence; strand 0 before the first.

    `arrivals` tells for each when it was received: it rises with the batches of a kiosk, whatever strands they continue.
    `strands` are all of the kiosk. Both are empty from an older centre.
    """

    entries: tuple[bytes, ...]
    more: bool
    strand: int
    high_water: Tip | None
    arrivals: tuple[int, ...] = ()
    strands: tuple[StrandMark, ...] = ()


class EpochRequest(msgspec.Struct, frozen=True):
    """A kiosk that was restored or cloned asks for a new epoch after its tip, on that strand (0: the latest)."""

    tip: Tip | None
    reason: str = ""
    strand: int = 0


class EpochAnswer(msgspec.Struct, frozen=True):
    """An epoch that this kiosk never had; it may append only after it has pulled its entries back to `high_water`."""

    epoch: int
    high_water: Tip | None


class DeedShown(msgspec.Struct, frozen=True):
    """What a machine has from the centre, after the centre was put back: its deed, its policy (None: none), and rows.

    `rows` are those that the centre may have forgotten: facts for its kiosk alone, and of members, staff and prices;
    `since` is the incarnation that it heard of before (0: none); `more` when it shows further ones.
    """

    deed: SignedDeed
    policy: SignedPolicy | None = None
    rows: tuple[FeedRow, ...] = ()
    since: int = 0
    more: bool = False


class DeedAnswer(msgspec.Struct, frozen=True):
    """The centre knows the machine now; `unconfirmed` until its staff say that it may serve members.

    Of the rows of an audience it may have forgotten those whose stamp is past the one in `lost_past`.
    """

    signed_time: SignedTime
    lost_past: dict[int, int]
    unconfirmed: bool = False


class SnapshotShown(msgspec.Struct, frozen=True):
    """A snapshot of the journal that the centre is to acknowledge; with the acknowledgement where it has done so."""

    snapshot: SignedSnapshot
    acknowledgement: SignedAcknowledgement | None = None


class SnapshotState(enum.StrEnum):
    """Where a snapshot stands at the centre: `waiting` is still being checked, `early` may be shown again later.

    `missing` where the centre acknowledged it and has its entries no more.
    """

    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    EARLY = "early"
    MISSING = "missing"


class SnapshotAnswer(msgspec.Struct, frozen=True):
    """Where a snapshot stands; `acknowledgement` once it is acknowledged, `reason` why it is refused.

    `high_water` is what the centre has of the journal where it is `missing` entries (None: nothing).
    """

    state: SnapshotState
    acknowledgement: SignedAcknowledgement | None = None
    reason: str = ""
    high_water: Tip | None = None


class PersonalUpload(msgspec.Struct, frozen=True):
    """Personal records to which uploaded entries of this kiosk commit, with their salts; at most MAXIMUM_PERSONAL."""

    records: tuple[Disclosed, ...]


class PersonalOutcome(enum.StrEnum):
    """What became of a personal record: `unknown` and `later` may be sent again, the others need not be."""

    KEPT = "kept"
    ERASED = "erased"
    UNKNOWN = "unknown"
    LATER = "later"
    MALFORMED = "malformed"


class PersonalAnswer(msgspec.Struct, frozen=True):
    """What became of each record that was sent, in their order."""

    outcomes: tuple[PersonalOutcome, ...]


def decode_question(body: bytes) -> LoginQuestion:
    """The question of a login check. Raises BodyMalformed."""
    return _decoded(body, _QUESTION)


def decode_answer(body: bytes) -> LoginAnswer:
    """The answer to a question of a login check. Raises BodyMalformed."""
    return _decoded(body, _ANSWER)


def encode(record: msgspec.Struct) -> bytes:
    """The JSON of a record."""
    return msgspec.json.encode(record)


def decode(body: bytes, record: type[Record]) -> Record:
    """The record in a JSON body. Raises BodyMalformed."""
    return _decoded(body, msgspec.json.Decoder(record))


def _decoded(body: bytes, decoder: msgspec.json.Decoder[Decoded]) -> Decoded:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyMalformed(str(error)) from error


def kiosk_of_enrol_token(token: str) -> int:
    """The kiosk number that an enrolment token names. Raises BodyMalformed."""
    match = _ENROL_TOKEN.fullmatch(token.strip().upper())
    if match is None or not 1 <= int(match.group(1)) <= MAXIMUM_KIOSK:
        raise BodyMalformed("no enrolment token")
    return int(match.group(1))


def enrol_token(kiosk: int, secret: bytes) -> str:
    """The text of an enrolment token: the kiosk and 24 characters from 15 random bytes.

    Raises ValueError for another length.
    """
    if len(secret) != 15:  # noqa: PLR2004 - 15 bytes are 24 characters without a spare bit
        raise ValueError(f"15 bytes, not {len(secret)}")
    text = encode_base32(secret)
    return f"{kiosk}-" + "-".join(text[at : at + 4] for at in range(0, len(text), 4))
