"""The machines of a kiosk: the present one, those before it, their secrets and their issuing certificates."""

from __future__ import annotations

import msgspec
from django.db.models import Count, Q

from kiosk.domain.payment_codes import OrderCode, PaymentCodeError, order_code_key, verify_order_code
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.models import Kiosk, KioskState, Machine, MachineState
from sync.central.tables import column_text, row_key
from sync.protocol.deeds import SignedDeed, read_deed


def enrolled_kiosks() -> list[int]:
    """The numbers of the kiosks in use."""
    return list(Kiosk.objects.filter(state=KioskState.ENROLLED).values_list("number", flat=True))


def present_machine(kiosk: int) -> Machine | None:
    """The machine that was enrolled last; None before the first."""
    return Machine.objects.filter(kiosk_id=kiosk).order_by("-key").first()


def machine_of(kiosk: int, number: int) -> Machine | None:
    """The machine of that number, with its kiosk."""
    return Machine.objects.select_related("kiosk").filter(key=row_key(kiosk, number)).first()


def made_of(signed: SignedDeed, state: MachineState, now: int) -> Machine:
    """The machine of a deed that the centre signed, not saved. Raises BodyMalformed."""
    deed = read_deed(signed)
    return Machine(
        key=row_key(deed.kiosk, deed.machine),
        kiosk_id=deed.kiosk,
        number=deed.machine,
        state=state,
        device_key=deed.device_key,
        issuing_certificate=deed.issuing_certificate,
        payment_secret=deed.sealed_secret,
        deed=msgspec.json.encode(signed),
        enrolled_at=now,
    )


def is_revoked(machine: Machine) -> bool:
    """Whether what this machine sends is kept out of the books: it was revoked, or its kiosk was."""
    return machine.state == MachineState.REVOKED or machine.kiosk.state == KioskState.REVOKED


def is_working(machine: Machine) -> bool:
    """Whether this machine may serve members."""
    return machine.state == MachineState.ENROLLED and machine.kiosk.state == KioskState.ENROLLED


def has_working_machine(kiosk: int) -> bool:
    """Whether a machine of this kiosk may serve members."""
    machine = present_machine(kiosk)
    return machine is not None and is_working(machine)


def is_out_of_use(machine: Machine) -> bool:
    """Whether this machine may upload and nothing else, until it is enrolled anew."""
    ended = {MachineState.RETIRED, MachineState.LOST, MachineState.REVOKED}
    return machine.state in ended or machine.kiosk.state == KioskState.REVOKED


def machines_held_back() -> set[tuple[int, int]]:
    """The machines (kiosk and number) of which nothing is entered yet.

    Staff have to confirm them, or they have not shown what the centre told them before it was put back, which their entries
    repeat.
    """
    present = present_incarnation()
    waiting = Q(state=MachineState.UNCONFIRMED)
    if present > 1:
        waiting |= Q(state=MachineState.ENROLLED, shown_in__lt=present)
    rows = Machine.objects.filter(waiting).order_by("key")
    return set(rows.values_list("kiosk_id", "number"))


def count_ended() -> int:
    """How many machines and kiosks were taken out of use, a revoked machine twice: it never falls."""
    ended = Q(state__in=(MachineState.RETIRED, MachineState.LOST, MachineState.REVOKED))
    found = Machine.objects.aggregate(
        ended=Count("key", filter=ended), revoked=Count("key", filter=Q(state=MachineState.REVOKED))
    )
    kiosks = Kiosk.objects.filter(state=KioskState.REVOKED).count()
    return int(found["ended"]) + int(found["revoked"]) + kiosks


def distrust(begun_at: int, incarnation: int) -> list[Machine]:
    """Have staff confirm every machine that was enrolled before an incarnation began, unless they did in it; those concerned."""
    rows = Machine.objects.filter(
        state=MachineState.ENROLLED, enrolled_at__lt=begun_at, confirmed_in__lt=incarnation
    )
    found = list(rows.order_by("key"))
    Machine.objects.filter(key__in=[each.key for each in found]).update(state=MachineState.UNCONFIRMED)
    return found


def end(machine: Machine, state: MachineState, by: str, remark: str, now: int) -> None:
    """Take a machine out of use; one that is out of use already may only be revoked besides."""
    Machine.objects.filter(key=machine.key).update(
        state=state, ended_at=now, ended_by=by, remark=column_text(remark, 200)
    )


def payment_secret(machine: Machine, keys: CentreKeys) -> bytes:
    """The secret that a machine and the centre share for order codes and confirmations. Raises SealBroken."""
    return keys.open_secret(machine.payment_secret, secret_context(machine.kiosk_id, machine.number))


def payment_secrets(kiosk: int, keys: CentreKeys) -> list[bytes]:
    """The secrets of all machines of a kiosk, the present one's first. Raises SealBroken."""
    return [payment_secret(each, keys) for each in Machine.objects.filter(kiosk_id=kiosk).order_by("-key")]


def secret_context(kiosk: int, machine: int) -> str:
    """The context under which a machine's payment secret is sealed."""
    return f"payment secret of kiosk {kiosk}, machine {machine}"


def verified_order_code(kiosk: int, data: bytes, keys: CentreKeys) -> tuple[OrderCode, bool]:
    """An order code of this kiosk, and whether its present machine made it. Raises PaymentCodeError."""
    machines = list(Machine.objects.filter(kiosk_id=kiosk).order_by("-key"))
    for place, machine in enumerate(machines):
        try:
            return verify_order_code(data, order_code_key(payment_secret(machine, keys))), place == 0
        except PaymentCodeError:
            if place == len(machines) - 1:
                raise
    raise PaymentCodeError("no machine of that kiosk")


def issuing_certificates(kiosk: Kiosk) -> list[bytes]:
    """The issuing CAs (DER) of the kiosk's machines, the present one first."""
    rows = Machine.objects.filter(kiosk=kiosk).order_by("-key")
    return [bytes(each) for each in rows.values_list("issuing_certificate", flat=True)]
