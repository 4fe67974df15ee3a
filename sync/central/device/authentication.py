"""Authentication: the signature of a device request, checked over the exact bytes received."""

from __future__ import annotations

from django.http import HttpRequest

from sync.central.context import centre_keys
from sync.central.fleet.models import Kiosk, KioskState
from sync.protocol.errors import BodyTooLarge, ClockOff, Problem, ProblemCode, SignatureRefused
from sync.protocol.signatures import KeyLookup, verify_request
from sync.protocol.times import sign_time

_FIELDS = ("Content-Digest", "Signature-Input", "Signature")


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


def caller(request: HttpRequest, body: bytes, now: int) -> Kiosk:
    """The kiosk that signed this request. Raises CallerRefused."""
    kiosks: dict[str, Kiosk] = {}

    def key_of(key_id: str) -> bytes | None:
        if not (key_id.isascii() and key_id.isdigit() and len(key_id) <= len("32767")):
            return None
        kiosk = Kiosk.objects.filter(number=int(key_id)).exclude(state=KioskState.AWAITED).first()
        if kiosk is None or not kiosk.device_key:
            return None
        kiosks[key_id] = kiosk
        return bytes(kiosk.device_key)

    try:
        verified = _verify(request, body, key_of, now)
    except ClockOff as off:
        kiosk = next(iter(kiosks.values()))
        signed = sign_time(kiosk.number, now, centre_keys().centre_key)
        sentence = (
            f"The request's time is {abs(off.created - now)} s off: sign again with the time given here."
        )
        raise CallerRefused(401, Problem(ProblemCode.CLOCK_OFF, sentence, signed_time=signed)) from off
    except SignatureRefused as error:
        if not kiosks:
            problem = Problem(
                ProblemCode.KIOSK_UNKNOWN, "No kiosk that is enrolled here signed this request."
            )
        else:
            problem = Problem(ProblemCode.SIGNATURE_REFUSED, "The request is not signed by that kiosk.")
        raise CallerRefused(401, problem) from error
    return kiosks[verified]


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
