"""What entries make of the books: the centre's checks, the folds of the domain, matters, news for the kiosks.

It reads what was loaded, writes nothing, and never raises for an entry that a kiosk can send.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import BindingStarted, Bound, CertificateIssued
from kiosk.domain.entries.decisions import (
    CertificateChecked,
    CertificateImported,
    CertificateRevoked,
    Decision,
    MatterDecided,
    RegisterDecided,
    StrandDecided,
)
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.entries.requests import PersonalErased
from kiosk.domain.errors import EntryMalformed
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import Entry, unseal
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.ledger_fold import RecordRow, bound_event, fold_entry
from kiosk.domain.register import (
    MATTER,
    CertificateBound,
    ListingUndone,
    Register,
    RegisterEvent,
    Standing,
    fold_register,
    obstacles,
)
from kiosk.domain.register import Registered as RegisterRow
from kiosk.domain.remarks import Remark, RemarkReason
from kiosk.domain.requests import Proposal, Requests
from kiosk.domain.subjects import subjects
from sync.central.journal.models import Entry as EntryRow
from sync.central.ledger.books import Books, decided_key
from sync.central.ledger.ceilings import Ceilings
from sync.central.ledger.checks import check, takes_no_effect
from sync.central.ledger.echoes import Found
from sync.central.ledger.erasing import Erasure
from sync.central.ledger.matters import own_kiosks, subject_key
from sync.central.ledger.models import Checked, DecidedStrand, EntryRemark, Matter, MatterState
from sync.central.ledger.news import News
from sync.central.ledger.readings import Readings, Told
from sync.central.ledger.rows import SERIAL, Registered
from sync.central.ledger.rules import Action
from sync.central.ledger.stored import ACCOUNT, CERTIFICATE, PROPOSAL, REFERENCE, UNLISTED, fits
from sync.central.tables import column_text

_CENTRE_S_OWN = CertificateChecked | CertificateImported | MatterDecided | StrandDecided
_SUBJECT = 60
_HOLDS = 1_000_000  # more often nobody lost and found one key; counting on from there stays within a number
_REMARK_BITS = 8  # no entry leaves more than a few


class Placed(msgspec.Struct, frozen=True):
    """An entry at its position; `entry` is None when it cannot be read here, or is set aside."""

    position: int
    row: EntryRow
    entry: Entry | None
    wall_before: int

    @property
    def told(self) -> Told | None:
        """The entry as the centre's checks need it."""
        if self.entry is None:
            return None
        return Told(self.entry, self.row.strand, self.row.received_at, self.wall_before, self.position)


def place(position: int, row: EntryRow, before: EntryRow | None, *, condemned: bool = False) -> Placed:
    """An entry as it is to be folded, after the one `before` it on its strand."""
    wall = row.wall if before is None else before.wall
    try:
        entry = None if condemned else unseal(bytes(row.data)).entry
    except EntryMalformed:
        entry = None
    return Placed(position, row, entry if entry is not None and _fits(entry) else None, wall)


def _fits(entry: Entry) -> bool:
    """Whether the tables can have what the entry names, and the folds count on from it."""
    named = subjects(entry.body)
    texts = (
        (named.order, REFERENCE),
        (named.account, ACCOUNT),
        (named.certificate, CERTIFICATE),
        (named.proposal, PROPOSAL),
    )
    key = getattr(entry.body, "key", None)
    counts = key.holds if isinstance(key, KeyOnRecord) else 0
    serials = (
        each.token_serial for each in (entry.body, key) if isinstance(each, BindingStarted | KeyOnRecord)
    )
    return (
        0 <= counts <= _HOLDS
        and all(fits(text, length) for text, length in texts)
        and all(fits(serial, SERIAL) for serial in serials)
    )


class Folder:
    """Folds entries into books, in the order of their positions."""

    def __init__(self, books: Books, readings: Readings, ceilings: Ceilings, news: News) -> None:
        self.books = books
        self.news = news
        self.read = msgspec.msgpack.encode(readings.read)
        self.echoed = readings.echoed
        self.remarks: list[EntryRemark] = []
        self._readings = readings
        self._ceilings = ceilings
        self._count = 0

    def fold(self, each: Placed) -> None:
        """Fold one entry."""
        self._count = 0
        if each.entry is None:
            where = f"{each.row.kiosk}/{each.row.strand}/{each.row.sequence}"
            self._remarked(each, "", Remark(RemarkReason.UNREADABLE, where))
        elif isinstance(each.entry.body, _CENTRE_S_OWN):
            self._of_the_centre(each, each.entry, each.entry.body)
        elif (told := each.told) is not None:
            self._of_anybody(each, told)

    def _of_anybody(self, each: Placed, told: Told) -> None:
        entry, body, named = told.entry, told.entry.body, subjects(told.entry.body)
        before = self.books.order(named.order)
        predecessor = body.predecessor if isinstance(body, CertificateIssued) else None
        old = self.books.certificate(predecessor) if predecessor else None
        for remark in check(told, before, old, self._readings, self._ceilings):
            self._remarked(each, named.order, remark)
            if takes_no_effect(body):
                return
        if isinstance(body, CertificateIssued) and self._is_taken(body):
            self._remarked(each, named.order, Remark(RemarkReason.CERTIFICATE_EXISTS, body.number))
            return
        if isinstance(body, OrderPlaced) and self._is_open_already(body):
            self._remarked(each, named.order, Remark(RemarkReason.ORDER_OPEN_ALREADY, body.order))
        is_set_aside = self.books.is_set_aside(each.row.kiosk, each.row.strand)
        if is_set_aside and isinstance(body, Bound):
            self._take_out_of_use(each, entry, self.books.certificates_of(before).values())
        folding = fold_entry(self.books, entry, self._judge)
        self._put(each, entry, folding.rows)
        if is_set_aside and isinstance(body, CertificateIssued):
            self._take_out_of_use(each, entry, (row for row in folding.rows if isinstance(row, Certificate)))
        for remark in folding.remarks:
            if not self._is_passed_on(told, remark):
                self._remarked(each, named.order, remark)
        if isinstance(body, RegisterDecided) and entry.kiosk == EXCHANGE_KIOSK:
            self._close(each, RemarkReason.CERTIFICATE_HELD, body)
        self._end_what_is_over(each, folding.rows, named.order)

    def _is_passed_on(self, told: Told, remark: Remark) -> bool:
        """Whether a former owner repeats what it was told of money, which the owner hears of as well."""
        is_money = remark.reason is RemarkReason.MONEY_TOLD_BY_ANOTHER
        return is_money and self._readings.echo(told) is Found.SAID

    def _of_the_centre(self, each: Placed, entry: Entry, body: _CENTRE_S_OWN) -> None:
        if entry.kiosk != EXCHANGE_KIOSK:
            where = f"{each.row.kiosk}/{each.row.strand}/{each.row.sequence}"
            self._remarked(each, "", Remark(RemarkReason.NOT_THE_EXCHANGE, where))
            return
        match body:
            case CertificateChecked():
                self._checked(each, entry, body)
            case CertificateImported():
                self._imported(each, entry, body)
            case MatterDecided():
                self._decided(each, entry, body)
            case StrandDecided():
                self._strand_decided(each, entry, body)

    def _checked(self, each: Placed, entry: Entry, body: CertificateChecked) -> None:
        """The register judges a bound certificate once its signature was verified, and never one whose is wrong."""
        row = self.books.registered(body.certificate)
        if row is None or row.checked is not Checked.NOT_YET:
            return
        row = replace(row, checked=Checked.GENUINE if body.genuine else Checked.WRONG)
        self.books.put_certificate(row)
        certificate = row.certificate
        if not body.genuine:
            self._remarked(each, certificate.order, Remark(RemarkReason.SIGNATURE_WRONG, certificate.number))
        elif (
            certificate.status is CertificateStatus.BOUND and (event := self._judge(certificate)) is not None
        ):
            self._register(each, entry, certificate.account, event)

    def _imported(self, each: Placed, entry: Entry, body: CertificateImported) -> None:
        """A certificate that the exchange issued itself: nobody else judges it."""
        certificate = Certificate(
            number=body.certificate,
            order="",
            account=body.account,
            token_serial=body.token_serial,
            certificate=body.data,
            not_before=body.not_before,
            not_after=body.not_after,
            kiosk=EXCHANGE_KIOSK,
            sequence=entry.sequence,
            status=CertificateStatus.BOUND,
        )
        if self.books.registered(certificate.number) is not None:
            return
        registered = Registered(certificate, entry.machine, each.row.strand, each.position, Checked.GENUINE)
        self.books.put_certificate(registered)
        self._register(each, entry, body.account, bound_event(certificate, unconditional=True))

    def _decided(self, each: Placed, entry: Entry, body: MatterDecided) -> None:
        matter = self.books.matters.find(body.rule, body.subject)
        if matter is None:
            return
        if (matter.state == MatterState.OPEN) is (body.action == Action.REOPEN.value):
            return  # somebody else decided meanwhile
        if body.action == Action.REOPEN.value:
            self._reopened(each, entry, matter, body)
            return
        state, at = MatterState.DECIDED, each.row.received_at
        self.books.matters.close(matter, state, body.action, body.by, body.remark, at)
        self.news.of_matter(matter)
        if body.action == Action.ACCEPT.value and not self._holding(matter.order):
            self._release(each, entry, matter.order, body)

    def _strand_decided(self, each: Placed, entry: Entry, body: StrandDecided) -> None:
        """What is set aside comes into use no more, neither what it told of so far nor what it may still tell of."""
        row = DecidedStrand(
            key=decided_key(body.kiosk, body.strand, body.machine),
            kiosk=body.kiosk,
            strand=body.strand,
            machine=body.machine,
            decision=body.decision.value,
            position=each.position,
            decided_at=each.row.received_at,
            by=column_text(body.by, 150),
            remark=column_text(body.remark, 200),
        )
        self.books.put_strand(row)
        if self.books.is_set_aside(body.kiosk, body.strand):
            unlisted = self.books.unlisted_on(body.kiosk, body.strand)
            self._take_out_of_use(each, entry, (row.certificate for row in unlisted))

    def _take_out_of_use(self, each: Placed, entry: Entry, certificates: Iterable[Certificate]) -> None:
        """Take those of these certificates out of use that are not listed; of others' only the centre."""
        for certificate in certificates:
            own = entry.kiosk in {certificate.kiosk, EXCHANGE_KIOSK}
            if own and certificate.status in UNLISTED:
                revoked = CertificateRevoked(certificate.number, "set-aside", "")
                self._register(each, entry, certificate.account, revoked)

    def _reopened(self, each: Placed, entry: Entry, matter: Matter, body: MatterDecided) -> None:
        """Open again, with the key held again that the decision listed; over at once where nothing is left to decide."""
        action = matter.action
        self.books.matters.reopen(matter, body.by, body.remark)
        self.news.of_matter(matter)
        if action == Action.LIST.value:
            self._hold_again(each, entry, matter.subject)
        elif action == Action.ACCEPT.value:
            for number in self.books.certificates_of(self.books.order(matter.order)):
                self._hold_again(each, entry, number, MATTER)
        if self._is_over(matter):
            self.books.matters.close(matter, MatterState.ENDED, "", "", "", each.row.received_at)
            self.news.of_matter(matter)

    def _hold_again(self, each: Placed, entry: Entry, number: str, obstacle: str = "") -> None:
        """Hold a listed certificate again; with an obstacle only one that had been held for it."""
        certificate = self.books.certificate(number)
        account = "" if certificate is None else certificate.account
        found = self.books.register_of(account).find(number)
        if found is not None and found.is_listed and (not obstacle or obstacle in found.obstacles):
            self._register(each, entry, account, ListingUndone(number))

    def _release(self, each: Placed, entry: Entry, reference: str, body: MatterDecided) -> None:
        """List what was held for nothing but the order's matters; for the rest a person chooses the key."""
        order = self.books.order(reference)
        for certificate in self.books.certificates_of(order).values():
            found = self.books.register_of(certificate.account).find(certificate.number)
            if found is None or found.standing is not Standing.HELD or found.key.revoked:
                continue
            obstructed = obstacles(self.books.register_of(certificate.account), found)
            if set(found.obstacles) == {MATTER} and not obstructed and not self._is_refused(reference):
                decision = RegisterDecided(
                    certificate.account, reference, certificate.number, Decision.LIST, body.by, body.remark
                )
                self._register(each, entry, certificate.account, decision)
            else:
                held = Remark(RemarkReason.CERTIFICATE_HELD, certificate.number)
                self._remarked(each, reference, held)

    def _holding(self, reference: str) -> list[Matter]:
        """The open matters that hold the key of an order."""
        return self.books.matters.that_hold(self.books.order(reference))

    def _judge(self, certificate: Certificate) -> CertificateBound | None:
        row = self.books.registered(certificate.number)
        if row is None or row.checked is not Checked.GENUINE:
            return None
        order = certificate.order
        return bound_event(certificate, has_matter=bool(self._holding(order)) or self._is_refused(order))

    def _is_refused(self, reference: str) -> bool:
        """Whether the order's money went back, or a person decided that it is to: only a person lists its key then."""
        order = self.books.order(reference)
        return self._readings.returned(reference) or self.books.matters.is_refunded(order)

    def _register(self, each: Placed, entry: Entry, account: str, event: RegisterEvent) -> None:
        """Fold an event into an account's register, and what follows from that."""
        folded = fold_register(self.books.register_of(account), event)
        changed = [
            replace(row.certificate, status=status)
            for number, status in folded.statuses
            if (row := self.books.registered(number)) is not None
        ]
        rows: tuple[RecordRow, ...] = (*changed, folded.register)
        self._put(each, entry, rows)
        for remark in folded.remarks:
            self._remarked(each, "", remark)
        self._end_what_is_over(each, rows)

    def _put(self, each: Placed, entry: Entry, rows: tuple[RecordRow, ...]) -> None:
        self.news.of_entry(entry, rows, self.books)
        if isinstance(entry.body, PersonalErased):
            until = min(entry.body.until, each.row.received_at)
            self.news.of_erasure(Erasure(entry.body.account, until, entry.kiosk))
        for row in rows:
            match row:
                case Order():
                    self.books.put_order(row)
                case Certificate():
                    known = self.books.registered(row.number)
                    if known is None:
                        known = Registered(row, entry.machine, each.row.strand, each.position)
                    self.books.put_certificate(replace(known, certificate=row))
                case Register():
                    self.books.put_register(row)
                case Requests():
                    self.books.put_requests(row)
                case Proposal():
                    self.books.put_proposal(row)

    def _is_taken(self, body: CertificateIssued) -> bool:
        """Whether another order's certificate has that number."""
        row = self.books.registered(body.number)
        return row is not None and row.certificate.order != body.order

    def _is_open_already(self, body: OrderPlaced) -> bool:
        return any(
            reference != body.order for reference in self.books.open_orders(body.account, body.order_kind)
        )

    def _remarked(self, each: Placed, order: str, remark: Remark) -> None:
        self._count += 1
        self.remarks.append(
            EntryRemark(
                key=each.position << _REMARK_BITS | self._count,
                position=each.position,
                entry=each.row.key,
                reason=remark.reason.value,
                subject=column_text(remark.subject, _SUBJECT),
            )
        )
        certificate = self.books.registered(remark.subject)
        order = order or ("" if certificate is None else certificate.certificate.order)
        known = self.books.order(order)
        account = each.row.account if known is None else known.account
        kiosk, sequence = each.row.kiosk, each.row.sequence
        if kiosk == EXCHANGE_KIOSK and certificate is not None:
            # The centre's word about what that kiosk issued.
            kiosk, sequence = certificate.certificate.kiosk, certificate.certificate.sequence
        subject = remark.subject
        if order and kiosk not in own_kiosks(order, known):
            subject = f"{subject} {kiosk}"  # beside what the order's own kiosks may give rise to
        matter = Matter(
            key=subject_key(remark.reason.value, subject),
            rule=remark.reason.value,
            subject=column_text(subject, _SUBJECT),
            kiosk=kiosk,
            account=account if certificate is None else certificate.certificate.account,
            order=order,
            sequence=sequence,
            position=each.position,
            raised_at=each.row.received_at,
        )
        if self._is_decided(each, certificate) or self._is_about_a_matter(remark, matter):
            return
        if self.books.matters.raise_new(matter):
            self.news.of_matter(matter)

    def _is_decided(self, each: Placed, certificate: Registered | None) -> bool:
        """Whether staff set aside the strand of the entry, or of the certificate that the centre checked."""
        if certificate is not None and each.row.kiosk == EXCHANGE_KIOSK:
            return self.books.is_set_aside(certificate.certificate.kiosk, certificate.strand)
        return self.books.is_set_aside(each.row.kiosk, each.row.strand)

    def _is_about_a_matter(self, remark: Remark, matter: Matter) -> bool:
        """Whether a key is held for nothing but its order's matters, which are on record."""
        if remark.reason is not RemarkReason.CERTIFICATE_HELD:
            return False
        found = self.books.register_of(matter.account).find(remark.subject)
        if found is None or set(found.obstacles) != {MATTER}:
            return False
        return bool(self._holding(matter.order))

    def _close(self, each: Placed, rule: RemarkReason, body: RegisterDecided) -> None:
        matter = self.books.matters.find(rule.value, body.certificate)
        if matter is not None and matter.state == MatterState.OPEN:
            action, at = body.decision.value, each.row.received_at
            self.books.matters.close(matter, MatterState.DECIDED, action, body.by, body.remark, at)
            self.news.of_matter(matter)

    def _end_what_is_over(self, each: Placed, rows: tuple[RecordRow, ...], order: str = "") -> None:
        """Close the warnings whose cause these rows took away; without rows those of the order that was not placed.

        Only those that they can concern are judged: somebody may have raised very many about one account.
        """
        if not rows:
            self._end(each, filter(self._is_over, self._beside_another(order)))
        for row in rows:
            match row:
                case Order():
                    concerned = self._beside_another(row.reference)
                    still_open = self.books.open_orders(row.account, row.kind)
                    if len(still_open) == 1:
                        concerned += self._beside_another(*still_open)
                    self._end(each, filter(self._is_over, concerned))
                case Register():
                    held = {one.key.number for one in row.certificates if _is_held(one)}
                    matters = self.books.matters.open_of(row.account, RemarkReason.CERTIFICATE_HELD.value)
                    self._end(each, [matter for matter in matters if matter.subject not in held])
                case Certificate() | Requests() | Proposal():
                    pass

    def _end(self, each: Placed, matters: Iterable[Matter]) -> None:
        for matter in matters:
            if matter.state == MatterState.OPEN:
                self.books.matters.close(matter, MatterState.ENDED, "", "", "", each.row.received_at)
                self.news.of_matter(matter)

    def _beside_another(self, reference: str) -> list[Matter]:
        """The open matters of an order that was placed beside another one."""
        open_matters = self.books.matters.open_about(reference)
        return [each for each in open_matters if each.rule == RemarkReason.ORDER_OPEN_ALREADY.value]

    def _is_over(self, matter: Matter) -> bool:
        if matter.rule == RemarkReason.ORDER_OPEN_ALREADY.value:
            order = self.books.order(matter.subject)
            if order is None or not order.status.is_open:
                return True
            return len(self.books.open_orders(order.account, order.kind)) == 1
        if matter.rule == RemarkReason.CERTIFICATE_HELD.value:
            found = self.books.register_of(matter.account).find(matter.subject)
            return found is None or not _is_held(found)
        return False


def _is_held(row: RegisterRow) -> bool:
    return row.standing is Standing.HELD and not row.key.revoked
