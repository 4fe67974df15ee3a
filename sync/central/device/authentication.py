"""Authentication: the signature of a device request, checked over the exact bytes received."""

from __future__ import annotations

from django.http import HttpRequest

from sync.central.context import centre_keys
from sync.central.device.receipts import answers_to, look_at_receipt
from sync.central.fleet.machines import is_revoked, is_working, machine_of
from sync.central.fleet.models import Kiosk, Machine, MachineState
from sync.protocol.errors import BodyTooLarge, ClockOff, Problem, ProblemCode, SignatureRefused
from sync.protocol.receipts import HEADER
from sync.protocol.signatures import KeyLookup, parse_machine_key_id, verify_request
from sync.protocol.times import sign_time

_FIELDS = ("Content-Digest", "Signature-Input", "Signature", HEADER)


class CallerRefused(Exception):
    """The request is refused; `problem` and the HTTP `status` are the answer."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.status = status
        self.problem = problem


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The body, read up to its limit. Raises BodyTooLarge."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge(int(announced), limit)
    body = bytes(request.read(limit + 1))
    if len(body) > limit:
        raise BodyTooLarge(len(body), limit)
    return body


def caller(request: HttpRequest, body: bytes, now: int) -> Machine:
    """The machine that signed this request, whatever its state; its receipt was looked at. Raises CallerRefused."""
    machines: dict[str, Machine] = {}

    def key_of(key_id: str) -> bytes | None:
        named = parse_machine_key_id(key_id)
        machine = None if named is None else machine_of(*named)
        if machine is None:
            return None
        machines[key_id] = machine
        return bytes(machine.device_key)

    try:
        verified = _verify(request, body, key_of, now)
    except ClockOff as off:
        machine = next(iter(machines.values()))
        signed = sign_time(machine.kiosk_id, now, centre_keys().centre_key)
        sentence = (
            f"The request's time is {abs(off.created - now)} s off: sign again with the time given here."
        )
        raise CallerRefused(401, Problem(ProblemCode.CLOCK_OFF, sentence, signed_time=signed)) from off
    except SignatureRefused as error:
        if not machines:
            problem = Problem(
                ProblemCode.KIOSK_UNKNOWN, "No machine that is enrolled here signed this request."
            )
        else:
            problem = Problem(ProblemCode.SIGNATURE_REFUSED, "The request is not signed by that kiosk.")
        raise CallerRefused(401, problem) from error
    machine = machines[verified]
    machine = look_at_receipt(request, machine, now)
    answers_to(request, machine)
    return machine


def require_working(machine: Machine) -> Kiosk:
    """The kiosk of a machine that may serve members. Raises CallerRefused."""
    if is_revoked(machine):
        raise CallerRefused(403, Problem(ProblemCode.KIOSK_REVOKED, "This kiosk was revoked."))
    if machine.state == MachineState.UNCONFIRMED:
        sentence = (
            "The centre was put back from a backup: its staff have to confirm this machine, which may upload."
        )
        raise CallerRefused(403, Problem(ProblemCode.MACHINE_UNCONFIRMED, sentence))
    if not is_working(machine):
        sentence = "This machine was taken out of use: it may upload and nothing else."
        raise CallerRefused(403, Problem(ProblemCode.MACHINE_RETIRED, sentence))
    return machine.kiosk


def require_signed_by(request: HttpRequest, body: bytes, public_key: bytes, key_id: str, now: int) -> None:
    """Raise CallerRefused unless this key signed the request under that key id."""
    try:
        _verify(request, body, lambda named: public_key if named == key_id else None, now)
    except ClockOff:
        return  # a machine that is being enrolled has no trusted time yet; the answer brings it
    except SignatureRefused as error:
        problem = Problem(ProblemCode.SIGNATURE_REFUSED, "The request is not signed by its own device key.")
        raise CallerRefused(401, problem) from error


def _verify(request: HttpRequest, body: bytes, key_of: KeyLookup, now: int) -> str:
    headers = {name: value for name in _FIELDS if (value := request.headers.get(name)) is not None}
    url = f"http://centre{request.get_full_path()}"
    return verify_request(request.method or "", url, headers, body, key_of=key_of, now=now).key_id
