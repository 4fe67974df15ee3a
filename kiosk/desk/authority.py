"""What the centre granted this kiosk, read inside a transaction: identity, policy, prices, secrets, the issuing CA, staff.

Every function raises DeskRefused when what it reads is missing or no longer valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec

from kiosk.desk.errors import DeskRefused
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.status import ClockFault
from kiosk.domain.fees import FeeSchedule, schedule_at
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.members import Role
from kiosk.domain.policy import USUAL_DEVIATION, Policy
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.device_keys import device_verify
from kiosk.pki.errors import CertificateInvalid
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.unsent import unsent_amount, unsent_certificates, unsent_orders
from kiosk.store.vault import VaultItem

if TYPE_CHECKING:
    from kiosk.desk.views.people import StaffSession
    from kiosk.domain.clock import Clock
    from kiosk.domain.ledger import Order
    from kiosk.domain.members import StaffMember
    from kiosk.store.agent_state import AgentState
    from kiosk.store.transaction import Identity, Transaction


class ServerTime(msgspec.Struct, frozen=True):
    """The last time that the centre signed (UTC seconds), and this machine's monotonic clock (ms) and boot then."""

    time: int
    monotonic: int
    boot: str


def clock_fault(
    clock: Clock, last_entry: int | None, server: ServerTime | None, policy: Policy
) -> ClockFault | None:
    """What is wrong with the clock, if anything; `last_entry` is the latest of those entries' wall times (UTC seconds)."""
    now = clock.wall()
    if last_entry is not None and now < last_entry:
        return ClockFault.BEHIND_LAST_ENTRY
    if server is None:
        return ClockFault.SERVER_TIME_TOO_OLD
    if clock.boot() == server.boot:
        elapsed = max(0, clock.monotonic() - server.monotonic) // 1000
        deviates = abs(now - (server.time + elapsed)) > policy.clock_deviation
    else:
        elapsed = 0
        deviates = now < server.time - policy.clock_deviation
    if deviates:
        return ClockFault.FAR_FROM_SERVER
    if max(now - server.time, elapsed) > policy.server_time_age:
        return ClockFault.SERVER_TIME_TOO_OLD
    return None


def identity_of(tx: Transaction) -> Identity:
    """The kiosk's number and epoch."""
    identity = tx.identity
    if identity is None or identity.epoch == 0:
        raise DeskRefused(Refusal.NOT_ENROLLED)
    return identity


def secret(tx: Transaction, item: VaultItem) -> bytes:
    """One of the vault's secrets."""
    found = tx.vault.get(item)
    if found is None:
        raise DeskRefused(Refusal.NOT_ENROLLED)
    return found


def policy_of(tx: Transaction) -> Policy:
    """The policy in force, its signature checked; one for another kiosk or not by the centre is none."""
    kiosk = identity_of(tx).kiosk
    signed = tx.feed.signed_policy()
    if signed is None or not device_verify(secret(tx, VaultItem.CENTRE_KEY), signed.policy, signed.signature):
        raise DeskRefused(Refusal.NOT_ENROLLED)
    try:
        policy = signed.read()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeskRefused(Refusal.NOT_ENROLLED) from error
    if policy.kiosk != kiosk:
        raise DeskRefused(Refusal.NOT_ENROLLED)
    return policy


def certificate_years(tx: Transaction) -> int:
    """How many years a certificate is issued for, as the policy says; one where there is none."""
    try:
        return policy_of(tx).certificate_years
    except DeskRefused:
        return 1


def clock_tolerance(tx: Transaction) -> int:
    """By how many seconds clocks may differ, as the policy says; as usual where there is none."""
    try:
        return policy_of(tx).clock_deviation
    except DeskRefused:
        return USUAL_DEVIATION


def schedule_of(tx: Transaction, now: int) -> FeeSchedule:
    """The prices in force at `now` (UTC seconds)."""
    schedule = schedule_at(tx.feed.schedules(), now)
    if schedule is None:
        raise DeskRefused(Refusal.NO_FEE_SCHEDULE, rests_on_feed=True)
    return schedule


def require_in_use(tx: Transaction) -> None:
    """Refuse once the centre said that this machine was taken out of use: it takes no money and issues nothing.

    What was paid goes to the machine that took its place, or to whom the centre gives it.
    """
    if tx.agent.get().is_out_of_use:
        raise DeskRefused(Refusal.OUT_OF_USE)


def require_feed_whole(tx: Transaction) -> None:
    """Refuse while the kiosk does not know all that the centre told: what is missing reads as no."""
    if not tx.feed.rows.is_whole():
        raise DeskRefused(Refusal.FEED_INCOMPLETE)


def server_time(state: AgentState) -> ServerTime | None:
    """The last time that the centre signed, as the agent received it."""
    if state.signed_time is None:
        return None
    return ServerTime(state.signed_time.time, state.signed_time_monotonic, state.signed_time_boot)


def current_clock_fault(tx: Transaction, clock: Clock, policy: Policy) -> ClockFault | None:
    """What is wrong with the clock, if anything."""
    state = tx.agent.get()
    return clock_fault(clock, tx.journal.latest_wall(state.high_water), server_time(state), policy)


def require_clock(tx: Transaction, clock: Clock, policy: Policy) -> None:
    """Refuse while the clock cannot be believed."""
    trouble = current_clock_fault(tx, clock, policy)
    match trouble:
        case None:
            return
        case ClockFault.BEHIND_LAST_ENTRY:
            raise DeskRefused(Refusal.CLOCK_BEHIND)
        case ClockFault.FAR_FROM_SERVER:
            raise DeskRefused(Refusal.CLOCK_FAR_FROM_SERVER)
        case ClockFault.SERVER_TIME_TOO_OLD:
            raise DeskRefused(Refusal.SERVER_TIME_TOO_OLD)
        case _:
            assert_never(trouble)


def require_policy_holds(tx: Transaction, policy: Policy, now: int) -> None:
    """Refuse when the policy ended, or when it allows no further certificate before the next upload."""
    if now > policy.valid_until:
        raise DeskRefused(Refusal.POLICY_ENDED)
    if certificates_left(tx, policy) == 0:
        raise DeskRefused(Refusal.POLICY_CERTIFICATES_REACHED)


def certificates_left(tx: Transaction, policy: Policy) -> int:
    """How many certificates the policy allows before the next upload."""
    return max(0, policy.unsynced_certificates - unsent_certificates(tx))


def require_certificate_foreseen(tx: Transaction, policy: Policy) -> None:
    """Refuse when the orders before it may take the last certificates that the policy allows before the next upload.

    This keeps members from being refused after paying. Orders that the centre already has, and orders whose token is
    handed over later, do not count: they are expected to be bound online.
    """
    wanting = [order for order in unsent_orders(tx) if order.delivery is None and not _has_certificate(order)]
    if certificates_left(tx, policy) <= len(wanting):
        raise DeskRefused(Refusal.POLICY_CERTIFICATES_REACHED)


def _has_certificate(order: Order) -> bool:
    return order.binding is not None and order.binding.certificate is not None


def require_amount_allowed(tx: Transaction, policy: Policy, amount: int, *, except_order: str = "") -> None:
    """Refuse when `amount` (fen) could exceed what the kiosk may accept before the next upload.

    Unpaid orders count as well, so that no member is refused after paying; `except_order` is left out.
    """
    if amount > amount_left(tx, policy, except_order=except_order):
        raise DeskRefused(Refusal.POLICY_AMOUNT_REACHED)


def amount_left(tx: Transaction, policy: Policy, *, except_order: str = "") -> int:
    """How much (fen) may still be accepted before the next upload, less the orders that wait for payment."""
    waiting = sum(
        order.total
        for order in tx.ledger.orders(status=OrderStatus.PLACED)
        if order.reference != except_order
    )
    return policy.unsynced_amount - unsent_amount(tx) - waiting


def require_issuer_outlives(tx: Transaction, end: int) -> None:
    """Refuse when a certificate until `end` (UTC seconds) would outlive this kiosk's issuing CA."""
    if end > issuer_end(tx):
        raise DeskRefused(Refusal.ISSUER_ENDS_TOO_SOON)


def issuer_end(tx: Transaction) -> int:
    """The end (UTC seconds) of this kiosk's issuing CA, which no certificate passes."""
    return parse_certificate(secret(tx, VaultItem.ISSUING_CERTIFICATE)).not_after


def issuing_authority(tx: Transaction, now: int) -> IssuingAuthority:
    """The kiosk's issuing CA, checked against its root at `now` (UTC seconds)."""
    try:
        return IssuingAuthority.load(
            secret(tx, VaultItem.ISSUING_KEY),
            secret(tx, VaultItem.ISSUING_CERTIFICATE),
            secret(tx, VaultItem.ROOT_CERTIFICATE),
            now,
        )
    except CertificateInvalid as error:
        raise DeskRefused(Refusal.ISSUER_ENDS_TOO_SOON) from error


def require_staff(tx: Transaction, staff: StaffSession) -> StaffMember:
    """That person as the record has them, whatever their role."""
    member = tx.members.staff(staff.name)
    if member is None:
        raise DeskRefused(Refusal.NOT_ALLOWED)
    return member


def require_supervisor(tx: Transaction, staff: StaffSession) -> None:
    """Refuse unless the record still calls that person a supervisor."""
    if not staff.supervisor or require_staff(tx, staff).role is not Role.SUPERVISOR:
        raise DeskRefused(Refusal.NOT_ALLOWED)
