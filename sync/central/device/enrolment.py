"""Enrolment: a machine becomes a kiosk, and the answer holds all that it needs to work on its own."""

from __future__ import annotations

import hmac
import secrets

import msgspec
from django.db import transaction

from kiosk.domain.entries.body import Tip
from kiosk.domain.payment_codes import SECRET_LENGTH
from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.errors import CertificateInvalid, IssueRefused, RequestInvalid
from kiosk.pki.issuing import kiosk_request
from kiosk.pki.names import organisation_of
from kiosk.pki.verification import verify_issuing
from sync.central.centre_keys import ISSUING_YEARS, CentreKeys, new_serial
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import newer_token, token_digest
from sync.central.fleet.epochs import next_epoch, next_machine
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.issuing_requests import certificate_for, wait_for_root
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

ROOT_LIFE = 90 * DAY
"""How long (seconds) a token lives on for a machine that waits for the root."""


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
                raise _expired(token)
            if token.device_key and not hmac.compare_digest(bytes(token.device_key), request.device_key):
                raise _refused(ProblemCode.TOKEN_REFUSED, "Another machine waits with this enrolment token.")
            certificate = _certificate(kiosk, request, keys, now)
            token.device_key = request.device_key
            if certificate is None:
                token.expires_at = max(token.expires_at, now + ROOT_LIFE)
                token.save()
            else:
                machine = _enrol_new(kiosk, request, certificate, keys, now)
                token.used_at = now
                token.save()
                return _answer(kiosk, machine, keys, now)
        else:
            return _answer(kiosk, _enrolled_before(kiosk, token, request), keys, now)
    # Only now, since what was noted in the transaction is to stay.
    raise _refused(ProblemCode.AWAITING_ROOT, "The centre's root has to sign the request first: ask again.")


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


def _certificate(kiosk: Kiosk, request: EnrolRequest, keys: CentreKeys, now: int) -> bytes | None:
    """The certificate of a machine's issuing CA; None, and noted, where the root has to sign it elsewhere. Raises EnrolmentRefused."""
    if Machine.objects.filter(device_key=request.device_key).exists():
        raise _refused(ProblemCode.REQUEST_REFUSED, "This device key was enrolled before: make another.")
    try:
        verified = kiosk_request(
            organisation_of(parse_certificate(keys.root_certificate).subject),
            request.issuing_request,
            kiosk.number,
        )
        certificate = certificate_for(kiosk.number, verified)
        if certificate is not None:
            verify_issuing(certificate, keys.root_certificate, now)
            return certificate
        if not keys.root_is_here:
            wait_for_root(kiosk, request.issuing_request, verified, now)
            return None
        root = keys.root()
        # A day early, so that a kiosk whose clock is a little slow accepts it too.
        begin = max(now - DAY, root.certificate.not_before)
        end_ = add_years(begin, ISSUING_YEARS)
        return root.certify_kiosk(request.issuing_request, kiosk.number, new_serial(), begin, end_)
    except (RequestInvalid, IssueRefused, CertificateInvalid) as error:
        sentence = f"The request for the issuing certificate does not hold: {error}."
        raise _refused(ProblemCode.REQUEST_REFUSED, sentence) from error


def _enrol_new(
    kiosk: Kiosk, request: EnrolRequest, certificate: bytes, keys: CentreKeys, now: int
) -> Machine:
    """Enrol the next machine of a kiosk; the one before is retired."""
    machine = _put_machine(kiosk, request.device_key, certificate, keys, now)
    kiosk.state, kiosk.enrolled_at, kiosk.last_contact = KioskState.ENROLLED, now, now
    kiosk.program = column_text(request.program, 60)
    next_epoch(kiosk)
    kiosk.save()
    record_soon()
    policies.ensure(kiosk.number, keys, now)
    publish_audiences(kiosk, now)
    return machine


def _put_machine(kiosk: Kiosk, device_key: bytes, certificate: bytes, keys: CentreKeys, now: int) -> Machine:
    former = present_machine(kiosk.number)
    number = next_machine(kiosk, 0 if former is None else former.number)
    if former is not None and former.state == MachineState.ENROLLED:
        end(former, MachineState.RETIRED, "", f"第 {number} 台机器接替", now)
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


def _expired(token: EnrolmentToken) -> EnrolmentRefused:
    newer = newer_token(token)
    said = (
        "is too old: ask for another"
        if newer is None
        else "is void, since a newer one was given out: use that"
    )
    return EnrolmentRefused(
        Problem(ProblemCode.TOKEN_REFUSED, f"This enrolment token {said}.", newer_token=newer)
    )


def _refused(code: ProblemCode, sentence: str) -> EnrolmentRefused:
    return EnrolmentRefused(Problem(code, sentence))
