"""The centre's side of a login check: the challenge, the verification, the SMS code.

A check belongs to the kiosk that asked and to one account that the kiosk serves, and is judged once.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from typing import Any

from django.db import transaction

from kiosk.domain.certificate_numbers import CertificateNumberMalformed, parse_certificate_number
from kiosk.domain.identifiers import is_account
from kiosk.domain.ledger import Certificate, CertificateStatus
from kiosk.domain.login_check import (
    CHALLENGE_LENGTH,
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    CodeJudged,
    CodeJudgement,
    CodeTyped,
    FirstPasswordChosen,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    QuestionRefused,
    Registration,
    signed_message,
)
from kiosk.domain.masking import masked_phone
from kiosk.domain.policy import USUAL_DEVIATION
from kiosk.pki.certificates import parse_member_certificate
from kiosk.pki.errors import CertificateInvalid
from kiosk.pki.suites import suite
from kiosk.pki.verification import verify_chain
from sync.central.centre_keys import CentreKeys
from sync.central.errors import EXCHANGE_KIOSK
from sync.central.fleet.machines import issuing_certificates
from sync.central.fleet.models import Kiosk
from sync.central.fleet.policies import newest
from sync.central.journal.models import Fact, FactKind, Source
from sync.central.ledger.models import LedgerCertificate, StrandCursor
from sync.central.ledger.rows import certificate_on_register
from sync.central.ledger.verifying import Stage, hasten
from sync.central.login import first_passwords
from sync.central.login.codes import CODE_SECONDS, CODE_TRIES, code_message, hashed, new_code
from sync.central.login.messages import Purpose
from sync.central.login.models import CheckState, LoginCheck
from sync.central.login.sms import Message, MessageNotSent, SmsProvider
from sync.central.members.models import Operator
from sync.central.members.publishing import serves
from sync.central.tables import column_text, strand_number

LOG = logging.getLogger("keydesk.central")

CHALLENGE_SECONDS = 180
CHECKS_AN_HOUR = 10
KEPT_SECONDS = 30 * 86400
_LONGEST_NAME = 40


def end_all(sender: object, **_named: object) -> None:
    """End every check, with its code, once the centre was put back; limits begin anew (a receiver of `incarnation_began`)."""
    del sender
    LoginCheck.objects.all().delete()


class LoginCheckService:
    """Answers one kiosk's questions at the time `now` (UTC seconds)."""

    def __init__(self, kiosk: int, keys: CentreKeys, sms: SmsProvider, now: int) -> None:
        self._kiosk = kiosk
        self._keys = keys
        self._sms = sms
        self._now = now

    def answer(self, question: LoginQuestion) -> LoginAnswer:
        """Answer a question; refused for an account that the kiosk does not serve, and for a check that is over."""
        match question:
            case ChallengeRequested():
                return self._challenge(question)
            case ChallengeSigned():
                return self._judge(question)
            case CodeTyped():
                return self._take_code(question)
            case FirstPasswordChosen():
                return self._first_password(question)

    def _first_password(self, chosen: FirstPasswordChosen) -> LoginAnswer:
        """Tries are counted by the account; a kiosk learns nothing of accounts that it does not serve."""
        if not self._serves(chosen.account):
            return CodeJudged(CodeJudgement.OVER)
        return first_passwords.take_code(chosen, self._now)

    def _serves(self, account: str) -> bool:
        """Whether it is an account, and the kiosk serves it."""
        return is_account(account) and serves(self._kiosk, account)

    def _challenge(self, asked: ChallengeRequested) -> LoginAnswer:
        if not self._serves(asked.account):
            return QuestionRefused("unknown-account")
        LoginCheck.objects.filter(asked_at__lt=self._now - KEPT_SECONDS).delete()
        lately = LoginCheck.objects.filter(
            account=asked.account, asked_at__range=(self._now - 3599, self._now)
        )
        if lately.count() >= CHECKS_AN_HOUR:
            return QuestionRefused("too-many")
        check = LoginCheck.objects.create(
            key=f"{self._kiosk:05d}-{secrets.token_hex(16)}",
            kiosk=self._kiosk,
            account=asked.account,
            challenge=secrets.token_bytes(CHALLENGE_LENGTH),
            asked_at=self._now,
            expires=self._now + CHALLENGE_SECONDS,
        )
        return ChallengeIssued(check.key, bytes(check.challenge), check.expires)

    def _judge(self, signed: ChallengeSigned) -> LoginAnswer:
        if not self._is_asked(LoginCheck.objects.filter(**self._named(signed.check)).first()):
            return QuestionRefused("over")
        stage = self._hastened(signed)
        with transaction.atomic():
            check = self._of(signed.check)
            if check is None or not self._is_asked(check):
                return QuestionRefused("over")
            judged = self._judged(check, signed, stage)
            good = judged.signature and judged.chain and judged.registration is Registration.LISTED
            check.state = CheckState.FAILED
            code = ""
            operator = Operator.objects.filter(account=check.account).exclude(phone="").first()
            if good and operator is not None:
                code = new_code()
                check.state, check.tries_left = CheckState.CODE_SENT, CODE_TRIES
                check.code_hash, check.code_expires = hashed(check.key, code), self._now + CODE_SECONDS
            elif good:
                check.state = CheckState.PASSED  # nobody to send a code to
            check.save()
        if operator is None or not code or not self._sent(check, operator.phone, code):
            return judged
        return LoginJudged(
            judged.signature,
            judged.chain,
            judged.registration,
            phone=masked_phone(operator.phone),
            code_expires=check.code_expires,
            tries=CODE_TRIES,
        )

    def _is_asked(self, check: LoginCheck | None) -> bool:
        """Whether the check waits for its signature."""
        return check is not None and check.state == CheckState.ASKED and self._now <= check.expires

    def _hastened(self, signed: ChallengeSigned) -> Stage:
        """Somebody waits: this certificate is applied and verified before any other, outside the check's transaction."""
        try:
            certificate = parse_member_certificate(signed.certificate)
        except CertificateInvalid:
            return Stage.UNKNOWN
        return hasten(certificate.number, signed.certificate, self._now)

    def _judged(self, check: LoginCheck, signed: ChallengeSigned, stage: Stage) -> LoginJudged:
        """Verify the signature, the chain and the entry in the register, each on its own."""
        try:
            certificate = parse_member_certificate(signed.certificate)
        except CertificateInvalid:
            return LoginJudged(signature=False, chain=False, registration=Registration.UNKNOWN)
        check.certificate_number = certificate.number
        listed = certificate_on_register(certificate.number)
        own = certificate.account == check.account and (
            listed is None or (listed.certificate == signed.certificate and listed.account == check.account)
        )
        message = signed_message(bytes(check.challenge))
        signs = suite(certificate.algorithm).verify(certificate.public_key, message, signed.signature)
        return LoginJudged(
            signature=signs,
            chain=stage is not Stage.UNKNOWN and self._chain_holds(certificate.number, signed.certificate),
            registration=registration(listed, stage) if own else Registration.UNKNOWN,
        )

    def _chain_holds(self, number: str, der: bytes) -> bool:
        try:
            issuer = parse_certificate_number(number).kiosk
        except CertificateNumberMalformed:
            return False
        issuers = [self._keys.exchange_certificate]
        if issuer != EXCHANGE_KIOSK:
            kiosk = Kiosk.objects.filter(number=issuer).first()
            issuers = [] if kiosk is None else issuing_certificates(kiosk)
        policy = newest(issuer)
        tolerance = USUAL_DEVIATION if policy is None else policy.clock_deviation
        return any(self._verified(der, each, number, tolerance) for each in issuers)

    def _verified(self, der: bytes, issuer: bytes, number: str, tolerance: int) -> bool:
        try:
            verify_chain(der, issuer, self._keys.root_certificate, self._now, tolerance)
        except CertificateInvalid as error:
            LOG.info("login check: certificate %s: %s", number, error)
            return False
        return True

    def _sent(self, check: LoginCheck, phone: str, code: str) -> bool:
        """Send the code; without a provider, or where it fails, the check ends without one."""
        parameters = code_message(code, Purpose.LOGIN_CHECK)
        try:
            self._sms.send(Message(check.account, phone, parameters, self._now))
        except MessageNotSent as error:
            LOG.warning("login check %s: %s", check.key, error.reason)
            LoginCheck.objects.filter(key=check.key).update(
                state=CheckState.PASSED, code_hash="", tries_left=0
            )
            return False
        return True

    def _take_code(self, typed: CodeTyped) -> LoginAnswer:
        with transaction.atomic():
            check = self._of(typed.check)
            if check is None or check.state == CheckState.ASKED:
                return QuestionRefused("over")
            if check.state == CheckState.FAILED:  # after the code, or before one was sent
                return CodeJudged(CodeJudgement.OVER) if check.code_hash else QuestionRefused("over")
            right = hmac.compare_digest(check.code_hash, hashed(check.key, typed.code))
            if check.state == CheckState.PASSED:  # the same code again, since the answer was lost
                return CodeJudged(CodeJudgement.RIGHT if right and check.code_hash else CodeJudgement.OVER)
            if not check.tries_left or self._now > check.code_expires:
                return CodeJudged(CodeJudgement.OVER)
            check.tries_left -= 1
            if right:
                check.state = CheckState.PASSED
            elif not check.tries_left:
                check.state = CheckState.FAILED
            check.save()
        if right:
            return CodeJudged(CodeJudgement.RIGHT)
        return CodeJudged(CodeJudgement.WRONG if check.tries_left else CodeJudgement.OVER, check.tries_left)

    def _of(self, check: str) -> LoginCheck | None:
        return LoginCheck.objects.select_for_update().filter(**self._named(check)).first()

    def _named(self, check: str) -> dict[str, Any]:
        """The condition of being the kiosk's check of that name."""
        return {"key": column_text(check, _LONGEST_NAME), "kiosk": self._kiosk}


def registration(listed: Certificate | None, stage: Stage) -> Registration:
    """What a check says of a certificate that is so on the register, at that stage of being taken in."""
    match None if listed is None else listed.status:
        case CertificateStatus.VALID if listed is not None:
            return Registration.ON_HOLD if _loss_pending(listed) else Registration.LISTED
        case CertificateStatus.ON_HOLD:
            return Registration.ON_HOLD
        case CertificateStatus.REVOKED | CertificateStatus.VOID:
            return Registration.REVOKED
        case _:
            return Registration.RECEIVED if stage is Stage.WAITING else Registration.UNKNOWN


def _loss_pending(listed: Certificate) -> bool:
    """Whether a loss of that key was reported that the ledger has not applied yet; it counts all the same."""
    same_token = LedgerCertificate.objects.filter(account=listed.account, token_serial=listed.token_serial)
    reported = Fact.objects.filter(
        kind=FactKind.REVOCATION,
        source=Source.CHAIN,
        certificate_number__in=same_token.values("number"),
    )
    applied = dict(StrandCursor.objects.values_list("strand", "applied"))
    places = reported.values_list("kiosk", "strand", "sequence")
    return any(sequence > applied.get(strand_number(kiosk, strand), 0) for kiosk, strand, sequence in places)
