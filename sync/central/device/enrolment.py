"""Enrolment: a machine becomes a kiosk, and the answer holds all that it needs to work on its own."""

from __future__ import annotations

import hmac
import secrets

import msgspec
from django.db import transaction

from kiosk.domain.entries import Tip
from kiosk.domain.payment_codes import SECRET_LENGTH
from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.errors import IssueRefused, RequestInvalid
from sync.central.centre_keys import CentreKeys, new_serial
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import token_digest
from sync.central.fleet.epochs import next_epoch, next_machine
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.machines import end, payment_secret, present_machine, secret_context
from sync.central.fleet.models import EnrolmentToken, Kiosk, KioskState, Machine, MachineState
from sync.central.fleet.standing import record_soon
from sync.central.journal.strands import latest, numbered, strands_of
from sync.central.ledger.publishing import publish_audiences
from sync.central.tables import column_text, row_key
from sync.protocol.deeds import Deed, SignedDeed, sign_deed
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.records import EnrolAnswer, EnrolRequest
from sync.protocol.times import sign_time

ISSUING_YEARS = 5


class EnrolmentRefused(Exception):
    """The machine is not enrolled; `problem` is the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


def enrol(request: EnrolRequest, keys: CentreKeys, now: int) -> EnrolAnswer:
    """Enrol a machine; the same machine that repeats its request gets the same kiosk again. Raises EnrolmentRefused."""
    with telling(now):
        token = EnrolmentToken.objects.select_for_update().filter(digest=token_digest(request.token)).first()
        if token is None:
            raise _refused(ProblemCode.TOKEN_REFUSED, "This enrolment token is not known.")
        kiosk = Kiosk.objects.select_for_update().get(number=token.kiosk_id)
        if kiosk.state == KioskState.REVOKED:
            raise _refused(ProblemCode.KIOSK_REVOKED, "This kiosk was revoked.")
        if token.used_at is None:
            if token.expires_at <= now:
                raise _refused(ProblemCode.TOKEN_REFUSED, "This enrolment token is too old: ask for another.")
            machine = _enrol_new(kiosk, request, keys, now)
            token.used_at, token.device_key = now, request.device_key
            token.save()
        else:
            machine = _enrolled_before(kiosk, token, request)
        return _answer(kiosk, machine, keys, now)


def begin_epoch(number: int, strand: int) -> tuple[int, Tip | None]:
    """Give a kiosk a new epoch; the result is the epoch and what the centre holds of that strand (0: the latest)."""
    with transaction.atomic():
        kiosk = Kiosk.objects.select_for_update().get(number=number)
        epoch = next_epoch(kiosk)
        kiosk.save(update_fields=["epoch_given"])
        strands = strands_of(number)
        named = numbered(strands, strand) if strand else latest(strands)
        return epoch, None if named is None else named.high_water


def _enrolled_before(kiosk: Kiosk, token: EnrolmentToken, request: EnrolRequest) -> Machine:
    """The machine that repeats its request. Raises EnrolmentRefused."""
    machine = present_machine(kiosk.number)
    keys = [bytes(token.device_key), b"" if machine is None else bytes(machine.device_key)]
    if machine is None or not all(hmac.compare_digest(each, request.device_key) for each in keys):
        raise _refused(ProblemCode.TOKEN_REFUSED, "This enrolment token was used by another machine.")
    return machine


def _enrol_new(kiosk: Kiosk, request: EnrolRequest, keys: CentreKeys, now: int) -> Machine:
    """Enrol the next machine of a kiosk; the one before is retired. Raises EnrolmentRefused."""
    if Machine.objects.filter(device_key=request.device_key).exists():
        raise _refused(ProblemCode.REQUEST_REFUSED, "This device key was enrolled before: make another.")
    root = keys.root()
    # A day early, so that a kiosk whose clock is a little slow accepts it too.
    begin = max(now - DAY, root.certificate.not_before)
    try:
        certificate = root.certify_kiosk(
            request.issuing_request, kiosk.number, new_serial(), begin, add_years(begin, ISSUING_YEARS)
        )
    except (RequestInvalid, IssueRefused) as error:
        sentence = f"The request for the issuing certificate does not hold: {error}."
        raise _refused(ProblemCode.REQUEST_REFUSED, sentence) from error
    machine = _put_machine(kiosk, request.device_key, certificate, keys, now)
    kiosk.state, kiosk.enrolled_at, kiosk.last_contact = KioskState.ENROLLED, now, now
    kiosk.program = column_text(request.program, 60)
    next_epoch(kiosk)
    kiosk.save()
    policies.ensure(kiosk.number, keys, now)
    publish_audiences(kiosk, now)
    return machine


def _put_machine(kiosk: Kiosk, device_key: bytes, certificate: bytes, keys: CentreKeys, now: int) -> Machine:
    former = present_machine(kiosk.number)
    number = next_machine(kiosk, 0 if former is None else former.number)
    if former is not None and former.state == MachineState.ENROLLED:
        end(former, MachineState.RETIRED, "", f"第 {number} 台机器接替", now)
        record_soon()
    sealed = keys.seal_secret(secrets.token_bytes(SECRET_LENGTH), secret_context(kiosk.number, number))
    deed = sign_deed(Deed(kiosk.number, number, device_key, certificate, sealed), keys.centre_key)
    return Machine.objects.create(
        key=row_key(kiosk.number, number),
        kiosk=kiosk,
        number=number,
        device_key=device_key,
        issuing_certificate=certificate,
        payment_secret=sealed,
        deed=msgspec.json.encode(deed),
        enrolled_at=now,
        shown_in=present_incarnation(),
    )


def _answer(kiosk: Kiosk, machine: Machine, keys: CentreKeys, now: int) -> EnrolAnswer:
    return EnrolAnswer(
        kiosk=kiosk.number,
        machine=machine.number,
        epoch=kiosk.epoch_given,
        issuing_certificate=bytes(machine.issuing_certificate),
        root_certificate=keys.root_certificate,
        payment_secret=payment_secret(machine, keys),
        centre_key=keys.centre_public_key,
        policy=policies.ensure(kiosk.number, keys, now),
        signed_time=sign_time(kiosk.number, now, keys.centre_key),
        deed=msgspec.json.decode(bytes(machine.deed), type=SignedDeed),
    )


def _refused(code: ProblemCode, sentence: str) -> EnrolmentRefused:
    return EnrolmentRefused(Problem(code, sentence))
