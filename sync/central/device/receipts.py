"""Receipts: the one that a machine shows, and the one in every answer to it.

What the centre signs is read after whatever was asked was committed.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from sync.central.context import centre_keys, centre_now
from sync.central.fleet.feed.reading import audiences_read
from sync.central.fleet.feed.writing import newest_stamps, present_life
from sync.central.fleet.machines import count_ended, machine_of
from sync.central.fleet.models import Machine
from sync.central.journal.incarnations import take_receipt
from sync.central.journal.models import Strand
from sync.central.journal.strands import strand_key
from sync.protocol.receipts import HEADER, CentreReceipt, believed, receipt_text, sign_receipt

_MACHINE = "keydesk.machine"


def answers_to(request: HttpRequest, machine: Machine) -> None:
    """Note whose request this is: its answer, a refusal too, carries a receipt."""
    request.META[_MACHINE] = machine


def look_at_receipt(request: HttpRequest, machine: Machine, now: int) -> Machine:
    """Act on the receipt that a machine shows, covered by its signature; one that the centre did not sign is ignored.

    The result is the machine as it stands then.
    """
    receipt = believed(request.headers.get(HEADER, ""), machine.kiosk_id, centre_keys().centre_public_key)
    if receipt is None or not take_receipt(receipt, now):
        return machine
    return machine_of(machine.kiosk_id, machine.number) or machine


def with_receipt(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer with the receipt for the machine that asked, if it is known."""
    machine = request.META.get(_MACHINE)
    if isinstance(machine, Machine):
        signed = sign_receipt(receipt_for(machine, centre_now()), centre_keys().centre_key)
        response[HEADER] = receipt_text(signed)
    return response


def receipt_for(machine: Machine, now: int) -> CentreReceipt:
    """What is committed of a machine's kiosk; no transaction is open, in which something else might be read."""
    life = present_life()
    # The newest stamps are of rows that everybody sees who reads after this.
    heads = newest_stamps(audiences_read(machine.kiosk))
    number = Machine.objects.filter(key=machine.key).values_list("strand", flat=True).first() or 0
    strand = Strand.objects.filter(key=strand_key(machine.kiosk_id, number)).first() if number else None
    tip = None if strand is None else strand.high_water
    return CentreReceipt(life.number, life.bits, machine.kiosk_id, number, tip, heads, count_ended(), now)
