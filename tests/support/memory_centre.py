"""A centre in memory that checks what a centre must check, behind a line that can fail in every way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.errors import ChainBroken
from kiosk.domain.feed import AnyFeedBody, KeyedBody, Removed
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import FeedRow, kind_of, write_body
from kiosk.domain.fees import FeeItem, PriceLine
from kiosk.domain.journal import SealedEntry, check_link, unseal
from kiosk.domain.login_check import LoginAnswer, LoginQuestion, QuestionRefused
from kiosk.domain.personal import Disclosed
from kiosk.domain.policy import Policy
from kiosk.domain.snapshots import SnapshotAcknowledgement, snapshot_hash
from kiosk.domain.versions import (
    ALL,
    MEMBERS,
    NO_VERSION,
    Version,
    audience_of_kiosk,
    parse_cursors,
)
from kiosk.pki.device_keys import device_public_key, generate_device_key
from kiosk.pki.issuing import RootAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.snapshots import sign_acknowledgement, signed_snapshot
from kiosk.pki.suites import SM2
from sync.protocol import records
from sync.protocol.batches import checkpoint_holds, decode_batch
from sync.protocol.deeds import Deed, sign_deed
from sync.protocol.errors import ClockOff, Problem, ProblemCode, SignatureRefused
from sync.protocol.receipts import BITS, HEADER, CentreReceipt, receipt_text, sign_receipt
from sync.protocol.rows import sign_row
from sync.protocol.signatures import parse_machine_key_id, verify_request
from sync.protocol.times import sign_policy, sign_time
from tests.support.values import present

NOW = 1_795_327_500  # 2026-11-22 06:05:00 UTC
YEAR = 365 * 86_400
ADDRESS = "http://centre.example"
LINES = (
    PriceLine(FeeItem.TOKEN, 18_000),
    PriceLine(FeeItem.CERTIFICATE, 12_000),
    PriceLine(FeeItem.SERVICE, 20_000),
)
PAGE = 20


class MemoryKiosk:
    """What the centre holds of one kiosk."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.token = records.enrol_token(number, bytes(range(number, number + 15)))
        self.device_key = b""
        self.issuing_certificate = b""
        self.epoch = 0
        self.machine = 0
        self.revoked = False
        self.retired = False
        self.lines: list[list[SealedEntry]] = []
        self.parents: list[tuple[int, int]] = []
        self.epochs_due: dict[int, int] = {}
        self.stray: dict[bytes, SealedEntry] = {}
        self.audiences = [ALL, MEMBERS, audience_of_kiosk(number)]
        self.heartbeats: list[records.Heartbeat] = []

    @property
    def chain(self) -> list[SealedEntry]:
        """The line of strand 1."""
        return self.lines[0] if self.lines else []

    def tip(self, strand: int) -> Tip | None:
        """The tip of a strand; None for strand 0, and for one that lost everything."""
        if not 1 <= strand <= len(self.lines) or not self.lines[strand - 1]:
            return None
        last = self.lines[strand - 1][-1]
        return Tip(last.entry.epoch, last.entry.sequence, last.hash)

    def marks(self) -> tuple[records.StrandMark, ...]:
        return tuple(
            records.StrandMark(number, *self.parents[number - 1], present(self.tip(number)))
            for number, line in enumerate(self.lines, 1)
            if line
        )

    def strand_of(self, sequence: int, digest: bytes) -> int:
        """The first strand with that entry; 0 for none."""
        for number, line in enumerate(self.lines, 1):
            if 0 < sequence <= len(line) and line[sequence - 1].hash == digest:
                return number
        return 0

    def extend(self, entries: list[SealedEntry]) -> tuple[int, bool]:
        """The strand that ends with a batch, and whether it is new. Raises Refusal."""
        if self.lines == [[]]:  # it lost everything
            self.lines, self.parents = [], []
        strand, last = self._known(entries)
        fresh = [each for each in entries if each.entry.sequence > last]
        if not fresh:
            return strand, False
        line = self.lines[strand - 1][:last] if strand else []
        tip = None if not line else Tip(line[-1].entry.epoch, last, line[-1].hash)
        try:
            for each in fresh:
                tip = check_link(tip, each)
        except ChainBroken as error:
            raise Refusal(409, Problem(ProblemCode.CHAIN_BROKEN, str(error), self.tip(1))) from error
        if strand and last == len(self.lines[strand - 1]):
            self.lines[strand - 1] += fresh
            if any(isinstance(each.entry.body, EpochBegan) for each in fresh):
                self.epochs_due.pop(strand, None)
            return strand, False
        self.lines.append([*line, *fresh])
        self.parents.append((strand, last))
        for number in {strand, len(self.lines)} - {0} if len(self.lines) > 1 else ():
            self.epoch += 1
            self.epochs_due[number] = self.epoch
        return len(self.lines), len(self.lines) > 1

    def _known(self, entries: list[SealedEntry]) -> tuple[int, int]:
        """The strand that has the last entry of a batch which is known, and its sequence. Raises Refusal."""
        for each in reversed(entries):
            if strand := self.strand_of(each.entry.sequence, each.hash):
                return strand, each.entry.sequence
        last = entries[0].entry.sequence - 1
        strand = self.strand_of(last, entries[0].entry.previous)
        if last and not strand:
            problem = Problem(ProblemCode.CHAIN_HOLE, "Entries are missing.", high_water=self.tip(1))
            raise Refusal(409, problem)
        return strand, last


class Refusal(Exception):
    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.status, self.problem = status, problem


class MemoryCentre:
    """Enrolment, heartbeats, journals and feeds, by the protocol's own checks."""

    def __init__(self) -> None:
        self.now = NOW
        self.key = generate_device_key()
        self.root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - YEAR, NOW + 20 * YEAR)
        self.kiosks: dict[int, MemoryKiosk] = {}
        self.rows: dict[tuple[int, str], FeedRow] = {}
        self.heads: dict[int, int] = {}
        self.incarnation = 1
        self.lock = threading.Lock()
        self.requests: list[str] = []
        self.shown: list[str] = []
        self.deeds: list[records.DeedShown] = []
        self.snapshots: list[records.SnapshotShown] = []
        self.snapshot_state = records.SnapshotState.ACKNOWLEDGED
        self.personal: list[tuple[Disclosed, ...]] = []
        self.personal_outcome = records.PersonalOutcome.KEPT
        self.takes_personal = True
        self.login: Callable[[LoginQuestion], LoginAnswer] = lambda _: QuestionRefused("unknown-account")

    def kiosk(self, number: int) -> MemoryKiosk:
        return self.kiosks.setdefault(number, MemoryKiosk(number))

    def publish(self, number: int, body: KeyedBody, audience: int | None = None) -> FeedRow:
        """Write a row, for one kiosk unless an audience is named."""
        return self.publish_as(number, row_key_of(body), kind_of(body), write_body(body), audience)

    def publish_as(
        self, number: int, key: str, kind: str, body: bytes, audience: int | None = None
    ) -> FeedRow:
        """Write a row whatever its body is."""
        audience = audience_of_kiosk(number) if audience is None else audience
        with self.lock:
            self.heads[audience] = self.heads.get(audience, 0) + 1
            version = Version(self.incarnation, self.heads[audience])
            before = self.rows.get((audience, key))
            base = NO_VERSION
            if before is not None:
                earlier = before.version.incarnation < self.incarnation
                base = before.version if earlier else before.base
            row = sign_row(FeedRow(audience, key, version, base, kind, msgspec.Raw(body)), self.key)
            self.rows[audience, key] = row
        return row

    def remove(self, number: int, key: str, audience: int | None = None) -> FeedRow:
        return self.publish_as(number, key, kind_of(Removed()), write_body(Removed()), audience)

    def told(self, number: int) -> list[AnyFeedBody]:
        """What the rows of one kiosk's own audience say, the earliest first."""
        rows = [row for (audience, _), row in self.rows.items() if audience == audience_of_kiosk(number)]
        return [row.read() for row in sorted(rows, key=lambda row: row.version)]

    def policy(self, number: int, serial: int = 1) -> Any:
        return sign_policy(Policy(serial, number, NOW + YEAR), self.key)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        try:
            body = self._answer(request, bytes(request.read()))
        except Refusal as refusal:
            return httpx2.Response(refusal.status, content=records.encode(refusal.problem))
        return httpx2.Response(200, content=records.encode(body), headers=self._receipt(request))

    def receipt(self, kiosk: MemoryKiosk) -> CentreReceipt:
        """What the centre has of a kiosk."""
        strand = len(kiosk.lines)
        heads = {each: head.stamp for each, head in self.heads_of(kiosk).items() if head.stamp}
        bits = self.incarnation.to_bytes(BITS, "big")
        return CentreReceipt(
            self.incarnation, bits, kiosk.number, strand, kiosk.tip(strand), heads, 0, self.now
        )

    def _receipt(self, request: httpx2.Request) -> dict[str, str]:
        named = request.headers.get("signature-input", "").partition('keyid="')[2].partition("/")[0]
        kiosk = self.kiosks.get(int(named)) if named.isdigit() else None
        if kiosk is None:
            return {}
        self.shown.append(request.headers.get(HEADER, ""))
        return {HEADER: receipt_text(sign_receipt(self.receipt(kiosk), self.key))}

    def _answer(self, request: httpx2.Request, body: bytes) -> msgspec.Struct:
        path = request.url.path
        if path == records.PATH_CENTRE:
            public = device_public_key(self.key)
            return records.CentreDescription(1, DEFAULT_ORGANISATION, public, self.now)
        if path == records.PATH_ENROL:
            return self._enrol(request, body)
        kiosk = self._caller(request, body)
        if path == records.PATH_DEED:
            self.deeds.append(records.decode(body, records.DeedShown))
            lost_past = dict.fromkeys(kiosk.audiences, 0)
            return records.DeedAnswer(sign_time(kiosk.number, self.now, self.key), lost_past=lost_past)
        return self._of_kiosk(kiosk, request, body)

    def _of_kiosk(  # noqa: PLR0911 - one case a path
        self, kiosk: MemoryKiosk, request: httpx2.Request, body: bytes
    ) -> msgspec.Struct:
        path = request.url.path
        match request.method, path:
            case "POST", records.PATH_HEARTBEAT:
                return self._heartbeat(kiosk, records.decode(body, records.Heartbeat))
            case "POST", records.PATH_JOURNAL:
                return self._append(kiosk, decode_batch(body))
            case ("GET", records.PATH_JOURNAL | records.PATH_FEED) | ("POST", records.PATH_EPOCH) if (
                kiosk.revoked
            ):
                raise Refusal(403, Problem(ProblemCode.KIOSK_REVOKED, "This kiosk was revoked."))
            case "GET", records.PATH_JOURNAL:
                after = int(request.url.params["after"])
                strand = int(request.url.params["strand"]) or len(kiosk.lines)
                line = kiosk.lines[strand - 1] if strand else []
                page = tuple(each.data for each in line[after : after + 50])
                return records.JournalPage(page, len(line) > after + 50, strand, kiosk.tip(strand))
            case "GET", records.PATH_FEED:
                return self._feed(kiosk, request)
            case "POST", records.PATH_SNAPSHOT:
                self.snapshots.append(records.decode(body, records.SnapshotShown))
                return self.judge_snapshot(kiosk, self.snapshots[-1])
            case "POST", records.PATH_PERSONAL if self.takes_personal:
                sent = records.decode(body, records.PersonalUpload).records
                self.personal.append(sent)
                return records.PersonalAnswer(tuple(self.judge_personal(kiosk, each) for each in sent))
            case "POST", records.PATH_LOGIN:
                return self.login(records.decode_question(body))
            case "POST", records.PATH_EPOCH:
                kiosk.epoch += 1
                strand = records.decode(body, records.EpochRequest).strand or len(kiosk.lines)
                return records.EpochAnswer(kiosk.epoch, kiosk.tip(strand))
        raise Refusal(404, Problem(ProblemCode.NOT_FOUND, path))

    def judge_personal(self, kiosk: MemoryKiosk, sent: Disclosed) -> records.PersonalOutcome:
        """Kept, unless told otherwise, if an entry of the kiosk's commits to it."""
        bodies = [each.entry.body for line in kiosk.lines for each in line]
        if sent.commitment not in {getattr(each, "commitment", b"") for each in bodies}:
            return records.PersonalOutcome.UNKNOWN
        return self.personal_outcome

    def judge_snapshot(self, kiosk: MemoryKiosk, shown: records.SnapshotShown) -> records.SnapshotAnswer:
        """Acknowledge a snapshot, unless told otherwise, if the journal is here."""
        snapshot = present(signed_snapshot(shown.snapshot))
        assert snapshot.device_key == kiosk.device_key
        if not kiosk.strand_of(snapshot.head.sequence, snapshot.head.hash):
            lost = records.SnapshotState.MISSING if shown.acknowledgement else records.SnapshotState.REFUSED
            return records.SnapshotAnswer(lost, high_water=kiosk.tip(len(kiosk.lines)))
        if self.snapshot_state is not records.SnapshotState.ACKNOWLEDGED:
            return records.SnapshotAnswer(self.snapshot_state, reason="told")
        digest, bits = snapshot_hash(shown.snapshot.snapshot), self.incarnation.to_bytes(BITS, "big")
        said = SnapshotAcknowledgement(kiosk.number, digest, self.incarnation, bits, self.now)
        return records.SnapshotAnswer(self.snapshot_state, sign_acknowledgement(said, self.key))

    def _enrol(self, request: httpx2.Request, body: bytes) -> records.EnrolAnswer:
        asked = records.decode(body, records.EnrolRequest)
        self._verified(request, body, lambda _: asked.device_key)
        kiosk = next((each for each in self.kiosks.values() if each.token == asked.token), None)
        if kiosk is None or kiosk.device_key not in {b"", asked.device_key}:
            raise Refusal(403, Problem(ProblemCode.TOKEN_REFUSED, "No such token."))
        if not kiosk.device_key:
            kiosk.device_key, kiosk.retired = asked.device_key, False
            kiosk.epoch += 1
            kiosk.machine += 1
        kiosk.issuing_certificate = self.root.certify_kiosk(
            asked.issuing_request, kiosk.number, kiosk.number + 1, self.now - 3600, self.now + 5 * YEAR
        )
        deed = Deed(kiosk.number, kiosk.machine, kiosk.device_key, kiosk.issuing_certificate, b"sealed")
        return records.EnrolAnswer(
            kiosk=kiosk.number,
            machine=kiosk.machine,
            epoch=kiosk.epoch,
            issuing_certificate=kiosk.issuing_certificate,
            root_certificate=self.root.certificate.der,
            payment_secret=bytes(32),
            centre_key=device_public_key(self.key),
            policy=self.policy(kiosk.number),
            signed_time=sign_time(kiosk.number, self.now, self.key),
            deed=sign_deed(deed, self.key),
        )

    def _heartbeat(self, kiosk: MemoryKiosk, beat: records.Heartbeat) -> records.HeartbeatAnswer:
        if beat.checkpoint is not None:
            assert checkpoint_holds(beat.checkpoint, kiosk.number, kiosk.device_key)
        kiosk.heartbeats.append(beat)
        signed = sign_time(kiosk.number, self.now, self.key)
        tip = beat.checkpoint
        strand = len(kiosk.lines) if tip is None else kiosk.strand_of(tip.sequence, tip.hash)
        return records.HeartbeatAnswer(
            signed,
            kiosk.tip(strand or beat.strand),
            self.heads_of(kiosk),
            strand,
            kiosk.marks(),
            kiosk.epochs_due.get(strand),
            quarantined=kiosk.revoked,
            retired=kiosk.revoked or kiosk.retired,
        )

    def _append(self, kiosk: MemoryKiosk, batch: records.UploadBatch) -> records.UploadAnswer:
        entries = [unseal(data) for data in batch.entries]
        assert checkpoint_holds(batch.checkpoint, kiosk.number, kiosk.device_key)
        assert batch.checkpoint.hash == entries[-1].hash
        assert all(each.entry.kiosk == kiosk.number for each in entries)
        strand, branched, lacked = 0, False, 0
        with self.lock:
            if kiosk.revoked:
                kiosk.stray |= {each.hash: each for each in entries}
            else:
                lacked = sum(not kiosk.strand_of(each.entry.sequence, each.hash) for each in entries)
                strand, branched = kiosk.extend(entries)
        signed = sign_time(kiosk.number, self.now, self.key)
        return records.UploadAnswer(
            kiosk.tip(strand),
            signed,
            strand,
            kiosk.marks(),
            kiosk.epochs_due.get(strand),
            branched=branched,
            quarantined=kiosk.revoked,
            retired=kiosk.revoked or kiosk.retired,
            lacked=lacked,
        )

    def _feed(self, kiosk: MemoryKiosk, request: httpx2.Request) -> records.FeedPage:
        cursors, wait = parse_cursors(request.url.params["after"]), int(request.url.params["wait"])
        until = time.monotonic() + wait
        while not (found := self._past(kiosk, cursors)) and time.monotonic() < until:
            time.sleep(0.02)
        heads = self.heads_of(kiosk)
        return records.FeedPage(tuple(found[:PAGE]), heads, more=len(found) > PAGE)

    def heads_of(self, kiosk: MemoryKiosk) -> dict[int, Version]:
        """The heads of the audiences that a kiosk reads."""
        return {each: Version(self.incarnation, self.heads.get(each, 0)) for each in kiosk.audiences}

    def _past(self, kiosk: MemoryKiosk, cursors: dict[int, Version]) -> list[FeedRow]:
        with self.lock:
            rows = [row for row in self.rows.values() if row.audience in kiosk.audiences]
        return sorted(
            (row for row in rows if row.version.stamp > self._after(row.audience, cursors)),
            key=lambda row: (row.audience, row.version.stamp),
        )

    def _after(self, audience: int, cursors: dict[int, Version]) -> int:
        cursor = cursors.get(audience, NO_VERSION)
        return cursor.stamp if cursor.incarnation == self.incarnation else 0

    def _caller(self, request: httpx2.Request, body: bytes) -> MemoryKiosk:
        def key_of(key_id: str) -> bytes | None:
            number, machine = present(parse_machine_key_id(key_id))
            kiosk = self.kiosks.get(number)
            return kiosk.device_key if kiosk and kiosk.machine == machine else None

        return self.kiosks[present(parse_machine_key_id(self._verified(request, body, key_of)))[0]]

    def _verified(self, request: httpx2.Request, body: bytes, key_of: Callable[[str], bytes | None]) -> str:
        try:
            return verify_request(
                request.method, str(request.url), request.headers, body, key_of=key_of, now=self.now
            ).key_id
        except ClockOff as error:
            kiosk = int(request.headers["signature-input"].partition('keyid="')[2].partition("/")[0])
            signed = sign_time(kiosk, self.now, self.key)
            problem = Problem(ProblemCode.CLOCK_OFF, str(error), signed_time=signed)
            raise Refusal(401, problem) from error
        except SignatureRefused as error:
            raise Refusal(401, Problem(ProblemCode.SIGNATURE_REFUSED, str(error))) from error
