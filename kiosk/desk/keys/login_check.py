"""登录验证: the checks of the platform's login, made at the desk.

The key signs a challenge of the centre's, or of this kiosk's own where the centre does not answer in time. Signature,
chain and validity are judged here, and by the centre as well where it answers; the register and the SMS code are the
centre's alone. The token is not held while the centre is asked, and its security state is gone when it is opened again;
so the PIN is verified before a challenge is requested, because the centre limits those, and once more for the
signature, but only after it was right.
"""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec.structs import replace

from kiosk.desk.authority import clock_tolerance, policy_of, require_clock, secret
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.desk.status import is_clock_long_behind, network
from kiosk.desk.tokens.own_key import certificate_to_restore, require_own_key
from kiosk.desk.tokens.pin import unlock
from kiosk.desk.tokens.reading import TokenFacts, issued_certificate
from kiosk.desk.tokens.selection import chosen_token
from kiosk.desk.views.status import Network
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.login_check import (
    CHALLENGE_LENGTH,
    CODE_DIGITS,
    MAILBOX_KIND,
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    CodeJudged,
    CodeJudgement,
    CodeTyped,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    Registration,
    signed_message,
)
from kiosk.pki.certificates import IssuedCertificate, parse_certificate
from kiosk.pki.errors import CertificateInvalid
from kiosk.pki.suites import suite
from kiosk.pki.verification import verify_chain
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.vault import VaultItem

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session
    from kiosk.store.transaction import Transaction


_LOG = structlog.get_logger()
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[LoginAnswer] = msgspec.msgpack.Decoder(LoginAnswer)

_LOOK_EVERY = 0.1
# Requests hold an SMS code, or a verifier, at most; none is needed for longer (seconds) than the centre accepts it.
_KEPT = 300


def ask_centre(desk: Desk, question: LoginQuestion, seconds: float) -> LoginAnswer | None:
    """What the centre answers within that many seconds; None without an answer, at once while offline."""
    with desk.database.write() as tx:
        now = desk.clock.wall()
        tx.mailbox.prune(now - _KEPT)
        if network(desk, tx, now) is not Network.ONLINE:
            return None
        number = tx.mailbox.submit(MAILBOX_KIND, _ENCODER.encode(question), now + math.ceil(seconds))
    until = desk.clock.monotonic() + int(1000 * seconds)
    while (answer := _answer_of(desk, number)) is None and desk.clock.monotonic() < until:
        desk.sleep(_LOOK_EVERY)
    return None if answer is None else _decoded(answer)


def _answer_of(desk: Desk, number: int) -> bytes | None:
    with desk.database.read() as tx:
        return tx.mailbox.answer_of(number)


def _decoded(answer: bytes) -> LoginAnswer | None:
    try:
        return _DECODER.decode(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        _LOG.warning("an answer that cannot be read", problem=str(error))
        return None


_OUT_OF_USE = {Registration.ON_HOLD, Registration.REVOKED}


class Local(msgspec.Struct, frozen=True):
    """The desk's own results; `chain` is None where this kiosk lacks the issuing CA's certificate.

    `in_use` while neither journal nor feed knows of a hold or a revocation.
    """

    signature: bool
    chain: bool | None
    validity: bool
    in_use: bool


def results_of(local: Local, judged: LoginJudged | None) -> tuple[tuple[Check, CheckResult], ...]:
    """Every check with its result, in the order of `Check`; `judged` None without the centre."""
    signature = local.signature and (judged is None or judged.signature)
    in_use = local.in_use and (judged is None or judged.registration not in _OUT_OF_USE)
    results = {
        Check.PASSWORD: CheckResult.PASSED,
        Check.PIN: CheckResult.PASSED,
        Check.SIGNATURE: _result(holds=signature),
        Check.CHAIN: _chain(local, judged),
        Check.VALIDITY: _result(holds=local.validity),
        Check.REVOCATION: _result(holds=in_use),
        Check.REGISTER: CheckResult.NOT_CHECKED
        if judged is None or judged.registration is Registration.RECEIVED
        else _result(holds=judged.registration is Registration.LISTED),
    }
    failed = CheckResult.FAILED in results.values()
    sent = judged is not None and bool(judged.phone) and not failed
    results[Check.SMS] = CheckResult.WAITS if sent else CheckResult.NOT_CHECKED
    return tuple(results.items())


def _chain(local: Local, judged: LoginJudged | None) -> CheckResult:
    """A centre that does not know the certificate yet does not turn a passed check into a failed one."""
    if local.chain is False:
        return CheckResult.FAILED
    if judged is None or judged.registration is Registration.UNKNOWN:
        return CheckResult.PASSED if local.chain else CheckResult.NOT_CHECKED
    return _result(holds=judged.chain)


def _result(*, holds: bool) -> CheckResult:
    return CheckResult.PASSED if holds else CheckResult.FAILED


class _Signed(msgspec.Struct, frozen=True):
    """What the key gave: the certificate that is on it, and its signature over the message."""

    certificate: IssuedCertificate
    message: bytes
    signature: bytes


def login_check(
    desk: Desk, session: Session, pin: str, *, last_try_confirmed: bool = False, serial: str | None = None
) -> LoginCheckView:
    """The check up to the SMS code; waits for the centre as long as the settings say. Raises TokenUnusable, DeskRefused.

    A wrong token and a wrong PIN are refused before a challenge is requested. What an unfinished renewal left
    on the key is replaced by the certificate on record first. With a clock that is long behind nothing is
    judged, and no PIN tried.
    """
    with desk.database.read() as tx:
        if is_clock_long_behind(tx, desk.clock):
            require_clock(tx, desk.clock, policy_of(tx))
    with chosen_token(desk, serial=serial, account=session.account) as chosen:
        facts = chosen.facts()
        with desk.database.read() as tx:
            restored = certificate_to_restore(tx, require_own_key(tx, session.account, facts), facts)
        if restored is None:
            _certificate(desk, session, facts)
        unlock(chosen.token, pin, factory_pin=None, last_try_confirmed=last_try_confirmed)
        if restored is not None:
            chosen.token.write_certificate(restored)
    given = ask_centre(desk, ChallengeRequested(session.account), desk.settings.challenge_wait)
    if not isinstance(given, ChallengeIssued) or len(given.challenge) != CHALLENGE_LENGTH:
        given = None
    challenge = given.challenge if given else desk.random(CHALLENGE_LENGTH)
    signed = _sign(desk, session, facts, signed_message(challenge), pin, confirmed=last_try_confirmed)
    judged = None
    if given is not None:
        question = ChallengeSigned(given.check, signed.certificate.der, signed.signature)
        judged = ask_centre(desk, question, desk.settings.judgement_wait)
    if not isinstance(judged, LoginJudged):
        judged = None
    return _view(desk, session, facts.serial, signed, judged, check=given.check if given else "")


def login_code(desk: Desk, view: LoginCheckView, code: str) -> LoginCheckView:
    """The check with the code from the message; one that has no six digits is not sent, and costs no try.

    Where the centre does not answer the code is NOT_CHECKED, and the same code may be given again.
    """
    digits = "".join(unicodedata.normalize("NFKC", code).split())
    if not view.check or not (len(digits) == CODE_DIGITS and digits.isascii() and digits.isdigit()):
        return view
    judged = ask_centre(desk, CodeTyped(view.check, digits), desk.settings.judgement_wait)
    if not isinstance(judged, CodeJudged):
        return _with_code(view, CheckResult.NOT_CHECKED, view.tries_left)
    match judged.judgement:
        case CodeJudgement.RIGHT:
            return replace(_with_code(view, CheckResult.PASSED, judged.tries_left), check="")
        case CodeJudgement.WRONG:
            return _with_code(view, CheckResult.WAITS, judged.tries_left)
        case CodeJudgement.OVER:
            return replace(_with_code(view, CheckResult.FAILED, 0), check="")


def _with_code(view: LoginCheckView, result: CheckResult, tries_left: int) -> LoginCheckView:
    results = tuple((check, result if check is Check.SMS else each) for check, each in view.results)
    return replace(view, results=results, tries_left=tries_left)


def _certificate(desk: Desk, session: Session, facts: TokenFacts) -> IssuedCertificate:
    """The certificate on the token, which must be the account's own. Raises TokenUnusable, DeskRefused."""
    with desk.database.read() as tx:
        own = require_own_key(tx, session.account, facts)
    on_token = issued_certificate(facts.certificate)
    if on_token is None:
        raise TokenUnusable(TokenRefused(TokenRefusal.NO_CERTIFICATE, found=facts.serial))
    copied = own.certificate is not None and own.certificate.der != on_token.der
    if on_token.number != own.key.number or copied:
        serial = own.key.token_serial
        raise TokenUnusable(
            TokenRefused(
                TokenRefusal.NOT_THE_KEY_ON_RECORD,
                expected=serial,
                found=facts.serial,
                detail=on_token.number,
            )
        )
    return on_token


def _sign(
    desk: Desk, session: Session, before: TokenFacts, message: bytes, pin: str, *, confirmed: bool
) -> _Signed:
    """Present the PIN that was right and have the key sign; the token must be the one that was looked at before."""
    with chosen_token(desk, serial=before.serial, account=session.account) as chosen:
        token = chosen.token
        facts = chosen.facts()
        certificate = _certificate(desk, session, facts)
        unlock(token, pin, factory_pin=None, last_try_confirmed=confirmed)
        return _Signed(certificate, message, token.sign(message))


def _view(
    desk: Desk, session: Session, serial: str, signed: _Signed, judged: LoginJudged | None, *, check: str
) -> LoginCheckView:
    certificate, now = signed.certificate, desk.clock.wall()
    verified = suite(certificate.algorithm).verify(certificate.public_key, signed.message, signed.signature)
    with desk.database.read() as tx:
        local = Local(
            signature=verified,
            chain=_chain_verifies(tx, certificate, now),
            validity=_valid(certificate, now, clock_tolerance(tx)),
            in_use=_in_use(tx, session.account, certificate),
        )
        feed_as_of = None if judged is not None else tx.agent.get().last_contact
    results = results_of(local, judged)
    waits = judged is not None and dict(results)[Check.SMS] is CheckResult.WAITS
    view = LoginCheckView(
        serial=serial,
        certificate=certificate.number,
        not_after=certificate.not_after,
        results=results,
        feed_as_of=feed_as_of,
        received=judged is not None and judged.registration is Registration.RECEIVED,
    )
    if judged is None or not waits:
        return view
    return replace(
        view, check=check, phone=judged.phone, code_expires=judged.code_expires, tries_left=judged.tries
    )


def _valid(certificate: IssuedCertificate, now: int, tolerance: int) -> bool:
    """Whether it is valid now, though the clock of the kiosk that issued it may be ahead."""
    begin = parse_certificate(certificate.der).not_before
    return begin - tolerance <= now <= certificate.not_after


def _chain_verifies(tx: Transaction, certificate: IssuedCertificate, now: int) -> bool | None:
    """Whether the chain holds; None for a certificate by another issuing CA, which this kiosk does not have.

    The member's own end is a check by itself, so a chain is judged at a time when that certificate is valid.
    """
    issuing, root = (secret(tx, item) for item in (VaultItem.ISSUING_CERTIFICATE, VaultItem.ROOT_CERTIFICATE))
    at = min(max(now, certificate.not_before), certificate.not_after)
    try:
        authority, member = parse_certificate(issuing), parse_certificate(certificate.der)
        if member.extensions.authority_key_identifier != authority.extensions.key_identifier:
            return None
        verify_chain(certificate.der, issuing, root, at)
    except CertificateInvalid:
        return False
    return True


def _in_use(tx: Transaction, account: str, certificate: IssuedCertificate) -> bool:
    """Whether neither this kiosk nor the feed knows of a hold or a revocation."""
    key = key_on_record(tx, account)
    ours = tx.ledger.certificate(certificate.number)
    if key is None or key.lost or key.number != certificate.number:
        return False
    return ours is None or ours.status is CertificateStatus.VALID
