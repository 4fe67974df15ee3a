"""What the centre checks beyond the fold: prices derived again, the policy's limits, the certificate itself."""

from __future__ import annotations

import msgspec
from django.db.models import Sum

from kiosk.domain.certificate_numbers import CertificateNumber
from kiosk.domain.entries import (
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateRevoked,
    OrderAssigned,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    RefundCompleted,
    SurplusReturned,
)
from kiosk.domain.errors import DisputeReason, EntryDisputed, EntryWaits
from kiosk.domain.feed import FeeSchedulePublished
from kiosk.domain.fees import schedule_at
from kiosk.domain.identifiers import IdentifierError
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Ledger, Order, PaidHow
from kiosk.domain.lookups import order_of
from kiosk.domain.payment_codes import PaymentCodeError
from kiosk.domain.policy import Policy
from kiosk.domain.validity import validity
from kiosk.pki.certificates import ParsedCertificate, parse_certificate, parse_member_certificate
from kiosk.pki.errors import PkiError
from kiosk.pki.verification import verify_certificate
from sync.central.context import centre_keys
from sync.central.fleet import policies
from sync.central.fleet.machines import machine_of, verified_order_code
from sync.central.fleet.models import FeedItem, KioskPolicy
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind, Fact, FactKind, Source
from sync.central.journal.models import Entry as EntryRow
from sync.central.ledger.echoes import check_echo
from sync.central.ledger.money import money_returned
from sync.central.tables import LAST, entry_key, row_key

_UNPROVED = (PaidHow.CODE.value, PaidHow.SCAN.value, PaidHow.DESK.value)


def check(ledger: Ledger, entry: Entry, row: EntryRow) -> None:
    """Raise EntryDisputed or EntryWaits unless the centre can stand by this entry; the fold comes after."""
    match entry.body:
        case OrderPlaced():
            _check_price(entry, entry.body)
            _check_token(entry, entry.body)
        case OrderPaid():
            _watch_amount(entry, row)
        case CertificateIssued():
            _check_money_kept(entry.body.order)
            _check_certificate(ledger, entry, entry.body, row)
        case BindingStarted() | Bound():
            _check_money_kept(entry.body.order)
        case OrderAssigned() | OrderReleased() | RefundCompleted() | SurplusReturned() | CertificateRevoked():
            check_echo(entry.kiosk, entry.body)
        case _:
            pass


def _check_price(entry: Entry, body: OrderPlaced) -> None:
    """The named schedule must be one that the kiosk could take for the one in force, by what its feed had told it."""
    differs = EntryDisputed(DisputeReason.PRICE_DIFFERS, body.order)
    told = FeedItem.objects.filter(
        key__gt=row_key(entry.kiosk, 0),
        key__lte=row_key(entry.kiosk, max(0, min(body.feed, LAST))),
        kind="fee-schedule",
    ).order_by("key")
    schedules = tuple(
        msgspec.json.decode(bytes(item), type=FeeSchedulePublished).schedule
        for item in told.values_list("body", flat=True)
    )
    policy = _policy(entry.kiosk, body.policy, body.order)
    # Around the moment a schedule begins the kiosk's clock decides, as far as the policy lets it go wrong.
    moments = (entry.wall, entry.wall - policy.clock_deviation, entry.wall + policy.clock_deviation)
    in_force = {schedule_at(schedules, moment) for moment in moments}
    named = next((each for each in in_force if each is not None and each.number == body.schedule), None)
    if named is None or named.lines(body.order_kind) != body.lines:
        raise differs


def _check_token(entry: Entry, body: OrderPlaced) -> None:
    """The order's code must be this order's, by this kiosk's key."""
    try:
        code, _ = verified_order_code(entry.kiosk, body.order_code, centre_keys())
    except PaymentCodeError as error:
        raise EntryDisputed(DisputeReason.ORDER_OF_ANOTHER_KIOSK, body.order) from error
    its_own = code.order.kiosk == entry.kiosk and str(code.reference) == body.order
    if not its_own or (code.account, code.kind) != (body.account, body.order_kind):
        raise EntryDisputed(DisputeReason.ORDER_OF_ANOTHER_KIOSK, body.order)
    if code.fee_schedule != body.schedule:
        raise EntryDisputed(DisputeReason.PRICE_DIFFERS, body.order)


def _check_money_kept(order: str) -> None:
    """Nothing is bound for money that went back, as it may once its kiosk was revoked."""
    if money_returned(order):
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order)


def _policy(kiosk: int, number: int, subject: str) -> Policy:
    named = KioskPolicy.objects.filter(key=row_key(kiosk, number)) if 1 <= number <= LAST else None
    row = None if named is None else named.first()
    if row is None:
        raise EntryDisputed(DisputeReason.BEYOND_POLICY, subject)
    return policies.read(row)


def _watch_amount(entry: Entry, row: EntryRow) -> None:
    """Money is taken in every state; a kiosk that took more on its own word than it may is pointed out."""
    newest = policies.newest(entry.kiosk)
    if newest is None:
        return
    unproved = Fact.objects.filter(
        kiosk=entry.kiosk,
        kind=FactKind.MONEY,
        source=Source.CHAIN,
        how__in=_UNPROVED,
        sequence__lte=entry.sequence,
        received_at__gte=min(entry.wall, row.received_at),
    )
    amount = unproved.aggregate(sum=Sum("amount"))["sum"] or 0
    if amount > newest.unsynced_amount:
        detail = f"未同步收款 {amount / 100:.2f} 元，上限 {newest.unsynced_amount / 100:.2f} 元"
        subject = f"{entry.epoch}/{entry.sequence}"
        raise_alarm(AlarmKind.BEYOND_POLICY, entry.kiosk, subject, detail, row.received_at)


def _check_certificate(ledger: Ledger, entry: Entry, body: CertificateIssued, row: EntryRow) -> None:
    policy = _policy(entry.kiosk, body.policy, body.number)
    order = order_of(ledger, body.order)
    try:
        number = str(CertificateNumber(entry.kiosk, entry.epoch, entry.sequence))
    except IdentifierError as error:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, body.number) from error
    if number != body.number:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, body.number)
    _check_paper(entry, body, order)
    _check_clock(entry, body, policy, row)
    _check_period(ledger, body, order, policy)
    unsynced = Fact.objects.filter(
        kiosk=entry.kiosk,
        kind=FactKind.CERTIFICATE,
        source=Source.CHAIN,
        sequence__lte=entry.sequence,
        received_at__gte=entry.wall,
    ).count()
    beyond = unsynced > policy.unsynced_certificates or entry.wall > policy.valid_until
    # A clock ahead of the receipt would hide how much was unsynced.
    if beyond or entry.wall > row.received_at + policy.clock_deviation:
        raise EntryDisputed(DisputeReason.BEYOND_POLICY, body.number)


def _check_paper(entry: Entry, body: CertificateIssued, order: Order) -> None:
    """The DER must be by the issuing CA of the machine that wrote the entry, and say what the entry says."""
    differs = EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, body.number)
    machine = machine_of(entry.kiosk, entry.machine)
    try:
        certificate = parse_member_certificate(body.certificate)
        issuer = None if machine is None else _issuer(body.certificate, bytes(machine.issuing_certificate))
    except PkiError as error:
        raise differs from error
    if issuer is None:
        raise differs
    says = (certificate.number, certificate.account, certificate.not_before, certificate.not_after)
    if says != (body.number, order.account, body.not_before, body.not_after):
        raise differs
    binding = order.binding
    if binding is not None and binding.public_key not in {None, certificate.public_key}:
        raise differs
    if certificate.not_after > issuer.not_after or certificate.not_before < issuer.not_before:
        raise EntryDisputed(DisputeReason.BEYOND_POLICY, body.number)


def _issuer(der: bytes, authority: bytes) -> ParsedCertificate | None:
    """The CA if it signed a certificate, else None. Raises PkiError when one of them cannot be read."""
    issued, issuer = parse_certificate(der), parse_certificate(authority)
    return issuer if _signed(issued, issuer) else None


def _signed(issued: ParsedCertificate, issuer: ParsedCertificate) -> bool:
    try:
        verify_certificate(issued, issuer)
    except PkiError:
        return False
    return True


def _check_clock(entry: Entry, body: CertificateIssued, policy: Policy, row: EntryRow) -> None:
    """A certificate begins when its entry tells, and no kiosk issues while its clock is behind its last entry."""
    key = entry_key(entry.kiosk, row.strand, entry.sequence - 1)
    before = EntryRow.objects.filter(key=key).values_list("wall", flat=True)
    behind = any(entry.wall < wall for wall in before)
    if behind or abs(body.not_before - entry.wall) > policy.clock_deviation:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, body.number)


def _check_period(ledger: Ledger, body: CertificateIssued, order: Order, policy: Policy) -> None:
    """The end must follow from the predecessor's end, as the register or the order's own record has it."""
    differs = EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, body.number)
    if body.predecessor is not None:
        predecessor = ledger.certificate(body.predecessor)
        if predecessor is None:
            raise EntryWaits(f"certificate {body.predecessor}")
        if predecessor.account != order.account or predecessor.not_after != body.old_end:
            raise differs
    elif body.old_end is not None:
        raise differs
    if body.not_after > validity(body.not_before, body.old_end, policy.certificate_years).end:
        raise differs
