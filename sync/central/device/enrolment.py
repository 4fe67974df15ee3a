"""Enrolment: a machine becomes a kiosk, and the answer holds all that it needs to work on its own."""

from __future__ import annotations

import hmac
import secrets

from django.db import transaction

from kiosk.domain.entries import Tip
from kiosk.domain.payment_codes import SECRET_LENGTH
from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.errors import IssueRefused, RequestInvalid
from sync.central.centre_keys import CentreKeys, new_serial
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import token_digest
from sync.central.fleet.machines import payment_secret, retire, secret_context
from sync.central.fleet.models import EnrolmentToken, Kiosk, KioskState
from sync.central.journal.models import Entry
from sync.central.ledger.publishing import publish_everything
from sync.central.tables import LAST, column_text, row_key
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
    with transaction.atomic():
        token = EnrolmentToken.objects.select_for_update().filter(digest=token_digest(request.token)).first()
        if token is None:
            raise _refused(ProblemCode.TOKEN_REFUSED, "This enrolment token is not known.")
        kiosk = Kiosk.objects.select_for_update().get(number=token.kiosk_id)
        if kiosk.state == KioskState.REVOKED:
            raise _refused(ProblemCode.KIOSK_REVOKED, "This kiosk was revoked.")
        if token.used_at is None:
            if token.expires_at <= now:
                raise _refused(ProblemCode.TOKEN_REFUSED, "This enrolment token is too old: ask for another.")
            _enrol_new(kiosk, request, keys, now)
            token.used_at, token.device_key = now, request.device_key
            token.save()
        elif not hmac.compare_digest(bytes(token.device_key), request.device_key) or not hmac.compare_digest(
            bytes(kiosk.device_key), request.device_key
        ):
            raise _refused(ProblemCode.TOKEN_REFUSED, "This enrolment token was used by another machine.")
        return _answer(kiosk, keys, now)


def next_epoch(kiosk: Kiosk) -> int:
    """An epoch that this kiosk never had, recorded in its row (not saved)."""
    keys = (row_key(kiosk.number, 0), row_key(kiosk.number, LAST))
    epoch = kiosk.epoch_given + 1
    while Entry.objects.filter(key__range=keys, epoch=epoch).exists():
        epoch += 1
    kiosk.epoch_given = epoch
    return epoch


def begin_epoch(number: int) -> tuple[int, Tip | None]:
    """Give a kiosk a new epoch; the result is the epoch and what the centre holds of the kiosk."""
    with transaction.atomic():
        kiosk = Kiosk.objects.select_for_update().get(number=number)
        epoch = next_epoch(kiosk)
        kiosk.save(update_fields=["epoch_given"])
        return epoch, kiosk.high_water


def _enrol_new(kiosk: Kiosk, request: EnrolRequest, keys: CentreKeys, now: int) -> None:
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
    first = kiosk.enrolled_at is None
    if not first:
        retire(kiosk, now)
    kiosk.state, kiosk.enrolled_at, kiosk.last_contact = KioskState.ENROLLED, now, now
    kiosk.device_key, kiosk.issuing_certificate = request.device_key, certificate
    kiosk.program = column_text(request.program, 60)
    kiosk.payment_secret = keys.seal_secret(secrets.token_bytes(SECRET_LENGTH), secret_context(kiosk.number))
    next_epoch(kiosk)
    kiosk.save()
    policies.ensure(kiosk.number, keys, now)
    if first:
        publish_everything(kiosk, now)


def _answer(kiosk: Kiosk, keys: CentreKeys, now: int) -> EnrolAnswer:
    return EnrolAnswer(
        kiosk=kiosk.number,
        epoch=kiosk.epoch_given,
        issuing_certificate=bytes(kiosk.issuing_certificate),
        root_certificate=keys.root_certificate,
        payment_secret=payment_secret(kiosk, keys),
        centre_key=keys.centre_public_key,
        policy=policies.ensure(kiosk.number, keys, now),
        signed_time=sign_time(kiosk.number, now, keys.centre_key),
    )


def _refused(code: ProblemCode, sentence: str) -> EnrolmentRefused:
    return EnrolmentRefused(Problem(code, sentence))
