"""The centre's half of a login check, asked by a kiosk over the device API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.keys import HoldLifted, KeyErased, KeyFound, LossReported, PinChanged
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import PaidHow
from kiosk.domain.login_check import (
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    CodeJudged,
    CodeJudgement,
    CodeTyped,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    QuestionRefused,
    Registration,
    signed_message,
)
from kiosk.domain.policy import DAY, USUAL_DEVIATION
from kiosk.pki.suites import SM2, PrivateKey
from sync.central.configuration import SmsProviderName
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.journal.models import Strand
from sync.central.ledger import waking
from sync.central.ledger.models import LedgerAccount, StrandCursor
from sync.central.ledger.portions import PORTION
from sync.central.ledger.rows import register_record
from sync.central.login.checking import CHECKS_AN_HOUR
from sync.central.login.models import LoginCheck
from sync.central.members.models import Operator
from sync.central.tables import strand_number
from sync.protocol import records
from tests.support.books import all_applied, remarks
from tests.support.kiosk_double import KioskDouble
from tests.support.odd_certificates import without_key_parameters

ACCOUNT = "11000001"


def ask(kiosk: KioskDouble, question: LoginQuestion) -> LoginAnswer:
    response = kiosk.request("POST", records.PATH_LOGIN, records.encode(question))
    assert response.status == 200, response.body
    return records.decode_answer(response.body)


@pytest.fixture
def bound(kiosk: KioskDouble) -> CertificateIssued:
    """Kiosk 3 after it bound a key for the account: the certificate as it was issued."""
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    return issued


def begin(kiosk: KioskDouble) -> ChallengeIssued:
    given = ask(kiosk, ChallengeRequested(ACCOUNT))
    assert isinstance(given, ChallengeIssued)
    return given


def sign(
    kiosk: KioskDouble,
    given: ChallengeIssued,
    issued: CertificateIssued,
    *,
    key: PrivateKey | None = None,
) -> LoginAnswer:
    signature = SM2.sign(key or kiosk.member_key, signed_message(given.challenge))
    return ask(kiosk, ChallengeSigned(given.check, issued.certificate, signature))


def messages() -> list[Any]:
    answer = Client().get(f"/sandbox/messages?account={ACCOUNT}")
    assert "沙箱" in answer.json()["sandbox"]
    assert answer.headers["Cache-Control"] == "no-store"
    return list(answer.json()["messages"])


def code_sent() -> str:
    found = re.search(r"验证码 ([0-9]{6})，", messages()[0]["text"])
    assert found is not None
    return found[1]


def test_a_listed_key_that_signs_gets_a_code_which_is_right_once_more_too(
    kiosk: KioskDouble, bound: CertificateIssued
) -> None:
    given = begin(kiosk)
    judged = sign(kiosk, given, bound)
    assert isinstance(judged, LoginJudged)
    assert (judged.signature, judged.chain, judged.registration) == (True, True, Registration.LISTED)
    assert (judged.phone, judged.tries) == ("138****0001", 3)
    assert messages()[0]["to"] == "13811000001"
    wrong = "000000" if code_sent() != "000000" else "111111"
    assert ask(kiosk, CodeTyped(given.check, wrong)) == CodeJudged(CodeJudgement.WRONG, 2)
    for _ in range(2):
        assert ask(kiosk, CodeTyped(given.check, code_sent())) == CodeJudged(CodeJudgement.RIGHT)
    check = LoginCheck.objects.get()
    assert (check.state, check.certificate_number) == ("passed", bound.number)
    assert code_sent() not in check.code_hash


def _bound_by_a_clock_ahead(kiosk: KioskDouble, seconds: int, early: int) -> CertificateIssued:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.clock_offset = seconds
    issued = kiosk.certificate(placed, early=early)
    kiosk.finish(placed)
    kiosk.clock_offset = 0
    kiosk.pushed()
    return issued


@pytest.mark.parametrize("early", [0, USUAL_DEVIATION])
@pytest.mark.parametrize("seconds", [5, 540])
def test_a_key_that_a_clock_a_little_ahead_bound_logs_in_at_once(
    kiosk: KioskDouble, seconds: int, early: int
) -> None:
    bound = _bound_by_a_clock_ahead(kiosk, seconds, early)
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert (judged.signature, judged.chain, judged.registration) == (True, True, Registration.LISTED)


def test_a_clock_further_ahead_than_the_policy_allows_is_not_believed(kiosk: KioskDouble) -> None:
    bound = _bound_by_a_clock_ahead(kiosk, USUAL_DEVIATION + 60, 0)
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert (judged.signature, judged.chain) == (True, False)


def test_three_wrong_codes_end_the_check(kiosk: KioskDouble, bound: CertificateIssued) -> None:
    given = begin(kiosk)
    sign(kiosk, given, bound)
    wrong = "000000" if code_sent() != "000000" else "111111"
    told = [ask(kiosk, CodeTyped(given.check, wrong)) for _ in range(3)]
    assert told[1:] == [CodeJudged(CodeJudgement.WRONG, 1), CodeJudged(CodeJudgement.OVER, 0)]
    for code in (wrong, code_sent()):
        assert ask(kiosk, CodeTyped(given.check, code)) == CodeJudged(CodeJudgement.OVER, 0)


def test_a_check_that_never_came_to_a_code_takes_none(kiosk: KioskDouble, bound: CertificateIssued) -> None:
    given = begin(kiosk)
    assert ask(kiosk, CodeTyped(given.check, "000000")) == QuestionRefused("over")
    sign(kiosk, given, bound, key=SM2.generate())
    assert ask(kiosk, CodeTyped(given.check, "000000")) == QuestionRefused("over")


def test_one_accounts_key_signs_no_challenge_of_another(kiosk: KioskDouble, bound: CertificateIssued) -> None:
    given = ask(kiosk, ChallengeRequested("11000006"))
    assert isinstance(given, ChallengeIssued)
    judged = sign(kiosk, given, bound)
    assert judged == LoginJudged(signature=True, chain=True, registration=Registration.UNKNOWN)
    assert not messages()


def test_a_code_is_too_old_after_five_minutes_and_a_challenge_after_three(
    kiosk: KioskDouble, bound: CertificateIssued, clock: Callable[[int], None]
) -> None:
    given, old = begin(kiosk), begin(kiosk)
    sign(kiosk, given, bound)
    clock(301)
    kiosk.clock_offset = 301
    assert ask(kiosk, CodeTyped(given.check, code_sent())) == CodeJudged(CodeJudgement.OVER)
    assert sign(kiosk, old, bound) == QuestionRefused("over")


def test_another_keys_signature_and_a_used_challenge_get_no_code(
    kiosk: KioskDouble, bound: CertificateIssued
) -> None:
    given = begin(kiosk)
    judged = sign(kiosk, given, bound, key=SM2.generate())
    assert judged == LoginJudged(signature=False, chain=True, registration=Registration.LISTED)
    assert sign(kiosk, given, bound) == QuestionRefused("over")
    assert messages() == []


def test_a_certificate_that_is_not_the_listed_one_is_unknown(
    kiosk: KioskDouble, bound: CertificateIssued
) -> None:
    given = begin(kiosk)
    assert ask(kiosk, ChallengeSigned(given.check, b"\x30\x03\x02\x01\x00", b"")) == LoginJudged(
        signature=False, chain=False, registration=Registration.UNKNOWN
    )
    odd = without_key_parameters(bound.certificate)
    assert ask(kiosk, ChallengeSigned(begin(kiosk).check, odd, b"")) == LoginJudged(
        signature=False, chain=False, registration=Registration.UNKNOWN
    )
    last = bound.certificate[-1] ^ 1
    spoilt = msgspec.structs.replace(bound, certificate=bound.certificate[:-1] + bytes((last,)))
    judged = sign(kiosk, begin(kiosk), spoilt)
    assert isinstance(judged, LoginJudged)
    assert (judged.chain, judged.registration) == (False, Registration.UNKNOWN)
    assert messages() == []


def test_a_key_on_hold_or_replaced_is_told_apart(kiosk: KioskDouble, bound: CertificateIssued) -> None:
    key = KeyOnRecord(bound.number, "E8AD652202221F03", bound.not_before, bound.not_after)
    kiosk.append(LossReported(ACCOUNT, key))
    kiosk.pushed()
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert (judged.registration, judged.phone) == (Registration.ON_HOLD, "")
    kiosk.append(HoldLifted(ACCOUNT, key.on_hold(), "张华"))
    kiosk.pushed()
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert judged.registration is Registration.LISTED


def test_a_loss_that_is_not_applied_yet_keeps_the_key_from_logging_in(
    kiosk: KioskDouble, bound: CertificateIssued, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = KeyOnRecord(bound.number, "E8AD652202221F03", bound.not_before, bound.not_after)
    kiosk.append(LossReported(ACCOUNT, key))
    with monkeypatch.context() as busy:
        busy.setattr(waking, "wake", lambda: None)
        kiosk.pushed()
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert (judged.registration, judged.phone) == (Registration.ON_HOLD, "")
    kiosk.append(HoldLifted(ACCOUNT, key.on_hold(), "张华"))
    kiosk.pushed()
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert judged.registration is Registration.LISTED


def test_a_key_that_a_machine_bound_before_it_was_replaced_logs_in(
    kiosk: KioskDouble, bound: CertificateIssued
) -> None:
    member, machine = kiosk.member_key, KioskDouble(3).enrol(give_token(3, kiosk.now()))
    judged = sign(machine, begin(machine), bound, key=member)
    assert isinstance(judged, LoginJudged)
    assert (judged.signature, judged.chain, judged.registration) == (True, True, Registration.LISTED)


def test_checks_belong_to_their_kiosk_and_to_accounts_that_it_serves(
    kiosk: KioskDouble, bound: CertificateIssued, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    given = begin(kiosk)
    other = make_kiosk(4)
    other.member_key = kiosk.member_key
    assert sign(other, given, bound) == QuestionRefused("over")
    assert ask(kiosk, ChallengeRequested("99999999")) == QuestionRefused("unknown-account")


def test_an_account_is_not_flooded_with_messages(kiosk: KioskDouble) -> None:
    for _ in range(CHECKS_AN_HOUR):
        begin(kiosk)
    assert ask(kiosk, ChallengeRequested(ACCOUNT)) == QuestionRefused("too-many")


def test_without_a_phone_or_a_provider_the_check_ends_without_a_code(
    kiosk: KioskDouble, bound: CertificateIssued, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = msgspec.structs.replace(settings.KEYDESK, sms=SmsProviderName.NONE)
    with monkeypatch.context() as patch:
        patch.setattr(settings, "KEYDESK", without)
        judged = sign(kiosk, begin(kiosk), bound)
        assert isinstance(judged, LoginJudged)
        assert (judged.registration, judged.phone) == (Registration.LISTED, "")
        assert Client().get(f"/sandbox/messages?account={ACCOUNT}").status_code == 404
    Operator.objects.filter(account=ACCOUNT).update(phone="")
    judged = sign(kiosk, begin(kiosk), bound)
    assert isinstance(judged, LoginJudged)
    assert (judged.signature, judged.phone, messages()) == (True, "", [])


def test_entries_about_nobodys_key_are_applied(kiosk: KioskDouble) -> None:
    kiosk.append(KeyErased("", "E8AD652202221F03", "张华"))
    kiosk.append(KeyFound("", "E8AD652202221F04", "张华"))
    kiosk.pushed()
    assert all_applied()
    assert remarks() == {}


def test_a_loss_never_makes_a_key_known(kiosk: KioskDouble) -> None:
    kiosk.append(LossReported(ACCOUNT, KeyOnRecord("3000000000000099", "E8", 1, 2)))
    kiosk.pushed()
    assert remarks() == {2: ["certificate-unknown"]}
    assert register_record(LedgerAccount.objects.get(account=ACCOUNT)).key is None


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A centre whose applier is stopped."""
    monkeypatch.setattr(waking, "wake", lambda: None)


def _pending(kiosk: int) -> int:
    strand = Strand.objects.get(kiosk=kiosk)
    cursor = StrandCursor.objects.filter(strand=strand_number(kiosk, strand.number)).first()
    return strand.high_sequence - (0 if cursor is None else cursor.applied)


def test_with_the_applier_stopped_a_fresh_key_logs_in_and_nobody_elses_backlog_is_applied(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], still: None
) -> None:
    other = make_kiosk(4)
    for _ in range(300):
        other.append(PinChanged(ACCOUNT, "E8AD652202221F03"))
    other.pushed()
    kiosk.feed()
    issued = kiosk.bind(kiosk.place())
    kiosk.pushed()
    judged = sign(kiosk, begin(kiosk), issued)
    assert isinstance(judged, LoginJudged)
    assert (judged.signature, judged.chain, judged.registration) == (True, True, Registration.LISTED)
    assert _pending(4) == 301


def test_a_fresh_key_behind_a_long_backlog_of_its_own_kiosk_is_received(
    kiosk: KioskDouble, still: None
) -> None:
    kiosk.feed()
    for _ in range(PORTION):
        kiosk.append(PinChanged(ACCOUNT, "E8AD652202221F03"))
    issued = kiosk.bind(kiosk.place())
    for begin_at in (0, PORTION):
        assert kiosk.upload(kiosk.entries[begin_at : begin_at + PORTION]).status == 200
    judged = sign(kiosk, begin(kiosk), issued)
    assert judged == LoginJudged(signature=True, chain=True, registration=Registration.RECEIVED)
    assert _pending(3) == len(kiosk.entries) - PORTION
    again = sign(kiosk, begin(kiosk), issued)
    assert isinstance(again, LoginJudged)
    assert again.registration is Registration.LISTED


def test_a_key_whose_entries_fail_is_received_and_left_to_the_applier(
    kiosk: KioskDouble, still: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ValueError("an entry that nobody thought of")

    kiosk.feed()
    issued = kiosk.bind(kiosk.place())
    kiosk.pushed()
    with monkeypatch.context() as broken:
        broken.setattr("sync.central.ledger.folding.check", failing)
        judged = sign(kiosk, begin(kiosk), issued)
    assert judged == LoginJudged(signature=True, chain=True, registration=Registration.RECEIVED)
    assert not messages()


def test_a_key_that_never_arrived_is_unknown(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place())
    judged = sign(kiosk, begin(kiosk), issued)
    assert judged == LoginJudged(signature=True, chain=False, registration=Registration.UNKNOWN)


def test_a_key_that_is_not_bound_yet_is_unknown(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.pushed()
    judged = sign(kiosk, begin(kiosk), issued)
    assert judged == LoginJudged(signature=True, chain=True, registration=Registration.UNKNOWN)


def test_checks_that_were_asked_while_the_clock_was_ahead_do_not_count(kiosk: KioskDouble) -> None:
    for _ in range(CHECKS_AN_HOUR):
        assert isinstance(ask(kiosk, ChallengeRequested(ACCOUNT)), ChallengeIssued)
    LoginCheck.objects.update(asked_at=F("asked_at") + 30 * DAY)
    assert isinstance(ask(kiosk, ChallengeRequested(ACCOUNT)), ChallengeIssued)
