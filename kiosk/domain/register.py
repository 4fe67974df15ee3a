"""The register of one account: which of its certificates is its key, a total function of events in recorded order.

    bound ─ every listed one is its predecessor or lost ─> listed (VALID), the others out of use in the same step
          └ else, or while its order has an open matter ─> held (HELD), until a person decides
    listed ─ loss reported, or found by somebody else ─> on hold (ON_HOLD) ─ lifted ─> listed
    listed by a decision ─ that was undone ─> held
    listed, on hold, held ─ a later one listed, or so decided ─> out of use (REVOKED)
    any ─ its order no longer counts it ─> void (VOID)

So an account has at most one certificate that is not out of use and not held. A claim that was only issued reserves
nothing. Held is listed later by a decision alone, or when its only obstacles became void.

A hold counts how often it was set and lifted (`KeyOnRecord.holds`), so that a late lift from another kiosk never undoes a
newer report. A report always takes effect, even a late one, or one that comes before the certificate.
"""

from __future__ import annotations

import enum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.remarks import Remark, RemarkReason

MATTER = "matter"
"""The obstacle of a certificate whose order has an open matter."""


class Standing(enum.StrEnum):
    """Where a certificate stands; a listed one may be on hold or out of use, as its key says."""

    LISTED = "listed"
    HELD = "held"
    VOID = "void"


class Registered(msgspec.Struct, frozen=True):
    """A certificate that was bound; `order` is empty for one told of by the feed.

    `obstacles` name what it is held for, or was when a decision listed it all the same.
    """

    key: KeyOnRecord
    standing: Standing
    predecessor: str | None = None
    order: str = ""
    obstacles: tuple[str, ...] = ()

    @property
    def status(self) -> CertificateStatus:
        """The certificate's state in one word."""
        if self.standing is Standing.VOID:
            return CertificateStatus.VOID
        if self.key.revoked:
            return CertificateStatus.REVOKED
        if self.standing is Standing.HELD:
            return CertificateStatus.HELD
        return CertificateStatus.ON_HOLD if self.key.lost else CertificateStatus.VALID

    @property
    def is_listed(self) -> bool:
        """Whether it is the account's key, in use or on hold."""
        return self.standing is Standing.LISTED and not self.key.revoked


class Register(msgspec.Struct, frozen=True):
    """One account's certificates, each at the place where it was bound or listed last.

    `told` are keys that a report named before they were bound, `revoked` numbers that were revoked before.
    """

    account: str
    certificates: tuple[Registered, ...] = ()
    told: tuple[KeyOnRecord, ...] = ()
    revoked: tuple[str, ...] = ()

    @property
    def key(self) -> KeyOnRecord | None:
        """The account's key: the certificate that was listed last, be it out of use by now."""
        listed = (each.key for each in reversed(self.certificates) if each.standing is Standing.LISTED)
        return next(listed, None)

    def find(self, number: str) -> Registered | None:
        """The certificate of that number, if it was bound."""
        return next((each for each in self.certificates if each.key.number == number), None)


class CertificateBound(msgspec.Struct, frozen=True):
    """A certificate's order is bound, and its signature was verified where that is judged.

    `has_matter` while its order has an open matter. `unconditional` at the kiosk that issued it, which judged before.
    """

    key: KeyOnRecord
    order: str
    predecessor: str | None
    has_matter: bool
    unconditional: bool


class CertificateVoided(msgspec.Struct, frozen=True):
    """A certificate's order no longer counts it."""

    number: str


class ListingUndone(msgspec.Struct, frozen=True):
    """The decision that listed a certificate was a wrong one: it is held again. What went out of use stays so."""

    number: str


class KeyNamed(msgspec.Struct, frozen=True):
    """A key from elsewhere that a kiosk's entry names: the kiosk's account follows what the feed told it."""

    key: KeyOnRecord


RegisterEvent = (
    CertificateBound
    | CertificateVoided
    | ListingUndone
    | KeyNamed
    | LossReported
    | KeyFound
    | HoldLifted
    | CertificateRevoked
    | RegisterDecided
)


class RegisterFolded(msgspec.Struct, frozen=True):
    """The register after an event, the certificates whose state changed, and the remarks."""

    register: Register
    statuses: tuple[tuple[str, CertificateStatus], ...] = ()
    remarks: tuple[Remark, ...] = ()


def fold_register(register: Register, event: RegisterEvent) -> RegisterFolded:
    """The register after this event; never raises."""
    after, remark = _after(register, event)
    before = {each.key.number: each.status for each in register.certificates}
    statuses = tuple(
        (each.key.number, each.status)
        for each in after.certificates
        if before.get(each.key.number) is not each.status
    )
    early = tuple(
        (number, CertificateStatus.REVOKED) for number in after.revoked if number not in register.revoked
    )
    return RegisterFolded(after, (*statuses, *early), () if remark is None else (remark,))


def later_key(one: KeyOnRecord | None, other: KeyOnRecord | None) -> KeyOnRecord | None:
    """The later of two keys of one account; for the same key, the later state of its loss.

    Revoked is final; with equal counts of holds it is lost when either says so.
    """
    if one is None or other is None:
        return one or other
    if one.number == other.number:
        return _joined(one, other)
    return max(one, other, key=lambda key: (key.not_before, key.not_after))


def _joined(one: KeyOnRecord, other: KeyOnRecord) -> KeyOnRecord:
    revoked = one.revoked or other.revoked
    lost = one.lost or other.lost if one.holds == other.holds else max(one, other, key=_holds).lost
    return replace(one, lost=lost or revoked, holds=max(one.holds, other.holds), revoked=revoked)


def _holds(key: KeyOnRecord) -> int:
    return key.holds


_Step = tuple[Register, Remark | None]


def _after(register: Register, event: RegisterEvent) -> _Step:  # noqa: PLR0911 - one case an event
    match event:
        case CertificateBound():
            return _bound(register, event)
        case CertificateVoided():
            return _voided(register, event.number), None
        case ListingUndone():
            return _held_again(register, event.number), None
        case KeyNamed():
            return _named(register, event.key), None
        case LossReported():
            return _lost(register, event.key)
        case KeyFound():
            return (register, None) if event.key is None else _lost(register, event.key)
        case HoldLifted():
            return _lifted(register, event.key)
        case CertificateRevoked():
            return _revoked(register, event.number), None
        case RegisterDecided():
            return _decided(register, event)
        case _:
            assert_never(event)


def _bound(register: Register, event: CertificateBound) -> _Step:
    number = event.key.number
    if register.find(number) is not None:
        return register, Remark(RemarkReason.CERTIFICATE_EXISTS, number)
    told = next((each for each in register.told if each.number == number), None)
    key = event.key if told is None else _joined(event.key, told)
    register = replace(register, told=tuple(each for each in register.told if each.number != number))
    if number in register.revoked:
        out = Registered(key.out_of_use(), Standing.HELD, event.predecessor, event.order)
        kept = tuple(each for each in register.revoked if each != number)
        return _with(replace(register, revoked=kept), out), Remark(RemarkReason.CERTIFICATE_DIFFERS, number)
    new = Registered(
        _on_hold_like(register, event.predecessor, key), Standing.HELD, event.predecessor, event.order
    )
    in_the_way = (*((MATTER,) if event.has_matter else ()), *obstacles(register, new))
    if in_the_way and not event.unconditional:
        return (
            _with(register, replace(new, obstacles=in_the_way)),
            Remark(RemarkReason.CERTIFICATE_HELD, number),
        )
    return _listed(register, new), None


def _on_hold_like(register: Register, predecessor: str | None, key: KeyOnRecord) -> KeyOnRecord:
    """A renewal keeps the token: if that was reported lost, the new certificate is on hold like the old one.

    Where the old one is not known yet, what was reported or lifted last about its token counts.
    """
    if predecessor is None:
        return key
    all_known = (*(each.key for each in register.certificates), *register.told)
    on_its_token = [each for each in all_known if each.token_serial == key.token_serial]
    known = next((each for each in all_known if each.number == predecessor), None) or max(
        on_its_token, key=_holds, default=None
    )
    if known is None or known.token_serial != key.token_serial or known.holds % 2 == 0:
        return key  # an odd count: set once more than lifted
    return replace(key, lost=True, holds=max(known.holds, key.holds))


def obstacles(register: Register, new: Registered) -> tuple[str, ...]:
    """The listed certificates that are neither the predecessor nor lost."""
    return tuple(
        each.key.number
        for each in register.certificates
        if each.is_listed and not each.key.lost and each.key.number != new.predecessor
    )


def _listed(register: Register, new: Registered) -> Register:
    """The register with this one listed, last, and every other listed one out of use."""
    others = tuple(
        replace(each, key=each.key.out_of_use()) if each.is_listed else each
        for each in register.certificates
        if each.key.number != new.key.number
    )
    listed = replace(new, standing=Standing.LISTED)
    return replace(register, certificates=(*others, listed))


def _voided(register: Register, number: str) -> Register:
    """Without it; what was held for nothing else than void ones is judged again, in recorded order."""
    found = register.find(number)
    if found is None or found.standing is Standing.VOID:
        return register
    register = _with(register, replace(found, standing=Standing.VOID))
    void = {each.key.number for each in register.certificates if each.standing is Standing.VOID}
    for each in register.certificates:
        waits = each.standing is Standing.HELD and not each.key.revoked and each.obstacles
        if waits and void.issuperset(each.obstacles) and not obstacles(register, each):
            register = _listed(register, replace(each, obstacles=()))
    return register


def _named(register: Register, key: KeyOnRecord) -> Register:
    """The later of the account's key and this one is its key."""
    present = register.key
    later = later_key(present, key)
    if later is None or later == present:
        return register
    known = register.find(later.number)
    if known is None:
        return _listed(register, Registered(later, Standing.LISTED))
    if known.standing is Standing.VOID or known.key.revoked:
        return register
    return _listed(register, replace(known, key=_joined(known.key, later), obstacles=()))


def _lost(register: Register, named: KeyOnRecord) -> _Step:
    """The certificate on hold, and the one that its token was renewed to; one out of use stays so."""
    found = register.find(named.number)
    remark = None
    if found is None:
        known = next((each for each in register.told if each.number == named.number), named)
        others = tuple(each for each in register.told if each.number != named.number)
        register = replace(register, told=(*others, known.reported(named)))
    else:
        register = _with(register, replace(found, key=found.key.reported(named)))
    on_its_token = [
        each
        for each in register.certificates
        if each.key.token_serial == named.token_serial
        and not each.key.revoked
        and each.standing is not Standing.VOID
    ]
    for each in on_its_token:
        register = _with(register, replace(each, key=each.key.on_hold()))
    if found is None and not on_its_token:
        remark = Remark(RemarkReason.CERTIFICATE_UNKNOWN, named.number)
    return register, remark


def _lifted(register: Register, named: KeyOnRecord) -> _Step:
    """In use again, unless a later loss was reported."""
    found = register.find(named.number)
    if found is None:
        return _lifted_early(register, named)
    if found.key.revoked or found.standing is Standing.VOID:
        return register, Remark(RemarkReason.CERTIFICATE_DIFFERS, named.number)
    if found.key.holds > named.holds:
        return register, None
    return _with(register, replace(found, key=found.key.lifted())), None


def _lifted_early(register: Register, named: KeyOnRecord) -> _Step:
    """The same for a key that a report named before it was bound."""
    told = next((each for each in register.told if each.number == named.number), None)
    if told is None:
        return register, Remark(RemarkReason.CERTIFICATE_UNKNOWN, named.number)
    others = tuple(each for each in register.told if each.number != named.number)
    kept = told if told.holds > named.holds else told.lifted()
    return replace(register, told=(*others, kept)), None


def _revoked(register: Register, number: str) -> Register:
    """Out of use for good; one that was not bound yet is when it is."""
    found = register.find(number)
    if found is not None:
        return _with(register, replace(found, key=found.key.out_of_use()))
    if number in register.revoked:
        return register
    return replace(register, revoked=(*register.revoked, number))


def _decided(register: Register, event: RegisterDecided) -> _Step:
    found = register.find(event.certificate)
    if event.decision is Decision.REVOKE:
        return _revoked(register, event.certificate), None
    if found is None:
        return register, Remark(RemarkReason.CERTIFICATE_UNKNOWN, event.certificate)
    if found.standing is not Standing.HELD or found.key.revoked:
        return register, Remark(RemarkReason.CERTIFICATE_DIFFERS, event.certificate)
    if event.decision is Decision.KEEP:
        return _with(register, replace(found, obstacles=())), None
    return _listed(register, found), None


def _held_again(register: Register, number: str) -> Register:
    found = register.find(number)
    if found is None or not found.is_listed:
        return register
    return _with(register, replace(found, standing=Standing.HELD))


def _with(register: Register, row: Registered) -> Register:
    """The register with this row in its place, or at the end."""
    if register.find(row.key.number) is None:
        return replace(register, certificates=(*register.certificates, row))
    rows = tuple(row if each.key.number == row.key.number else each for each in register.certificates)
    return replace(register, certificates=rows)
