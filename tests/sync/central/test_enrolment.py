from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.test import Client

from kiosk.domain.policy import DAY
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.verification import verify_issuing
from sync.central.centre_keys import CentreKeys
from sync.central.device.enrolment import enrol
from sync.central.errors import EXCHANGE_KIOSK, KioskNumberRefused
from sync.central.fleet.enrolment_tokens import TOKEN_LIFE, give_token, hand_out, token_digest
from sync.central.fleet.models import EnrolmentToken, Kiosk, KioskState, Machine, MachineState
from sync.protocol import records
from sync.protocol.deeds import Deed, SignedDeed, deed_holds, read_deed
from sync.protocol.errors import ProblemCode
from tests.support.kiosk_double import Answer, KioskDouble, Send

pytestmark = pytest.mark.django_db


def _now() -> int:
    return int(time.time())


def test_a_token_makes_a_kiosk_with_a_certified_issuing_ca(keys: CentreKeys) -> None:
    double = KioskDouble(3)
    answer = double.enrol_with(give_token(3, _now())).read(records.EnrolAnswer)
    assert (answer.kiosk, answer.epoch, len(answer.payment_secret)) == (3, 1, 32)
    assert answer.root_certificate == keys.root_certificate
    issuing = verify_issuing(answer.issuing_certificate, answer.root_certificate, _now())
    assert issuing.public_key == double.issuing_key.public_key
    assert issuing.extensions.permitted
    row = Kiosk.objects.get(number=3)
    assert row.state == KioskState.ENROLLED
    machine = Machine.objects.get()
    assert (machine.kiosk_id, machine.number, machine.state) == (3, 1, MachineState.ENROLLED)
    assert answer.payment_secret not in bytes(machine.payment_secret)


def test_the_deed_says_all_that_the_centre_has_of_the_machine(keys: CentreKeys) -> None:
    double = KioskDouble(3)
    answer = double.enrol_with(give_token(3, _now())).read(records.EnrolAnswer)
    assert deed_holds(answer.deed, keys.centre_public_key)
    machine = Machine.objects.get()
    assert read_deed(answer.deed) == Deed(
        3,
        1,
        device_public_key(double.device_key),
        answer.issuing_certificate,
        bytes(machine.payment_secret),
    )
    changed = answer.deed.deed[:-1] + b"?"
    assert not deed_holds(SignedDeed(changed, answer.deed.signature), keys.centre_public_key)


def test_the_same_machine_may_ask_again_and_gets_the_same() -> None:
    double, token = KioskDouble(3), give_token(3, _now())
    first = double.enrol_with(token).read(records.EnrolAnswer)
    again = double.enrol_with(token).read(records.EnrolAnswer)
    assert (first.payment_secret, first.issuing_certificate, first.epoch) == (
        again.payment_secret,
        again.issuing_certificate,
        again.epoch,
    )


def test_another_machine_cannot_use_the_token_again() -> None:
    token = give_token(3, _now())
    assert KioskDouble(3).enrol_with(token).status == 200
    answer = KioskDouble(3).enrol_with(token)
    assert (answer.status, answer.problem.code) == (403, ProblemCode.TOKEN_REFUSED)


def test_a_token_given_later_replaces_the_one_before() -> None:
    old, given = give_token(3, _now()), hand_out(3, _now())
    assert (given.voided, given.awaits_root) == (1, False)
    refused = KioskDouble(3).enrol_with(old)
    assert (refused.status, refused.problem.code) == (403, ProblemCode.TOKEN_REFUSED)
    newer = EnrolmentToken.objects.get(digest=token_digest(given.token))
    assert refused.problem.newer_token == newer.made_at
    assert KioskDouble(3).enrol_with(given.token.lower()).status == 200
    assert hand_out(3, _now()).voided == 0, "one that was used stays used"


def test_a_token_with_which_a_machine_waits_for_the_root_is_not_replaced_without_a_word(
    keys: CentreKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CentreKeys, "root_is_here", property(lambda _keys: False))
    waiting, token = KioskDouble(3), give_token(3, _now())
    assert waiting.enrol_with(token).problem.code is ProblemCode.AWAITING_ROOT
    given = hand_out(3, _now())
    assert (given.voided, given.awaits_root) == (1, True)
    assert waiting.enrol_with(token).problem.newer_token is not None


def test_a_token_dies_of_age(clock: Callable[[int], None]) -> None:
    token = give_token(3, _now() - TOKEN_LIFE - DAY)
    refused = KioskDouble(3).enrol_with(token).problem
    assert (refused.code, refused.newer_token) == (ProblemCode.TOKEN_REFUSED, None)


def test_unknown_tokens_are_refused(db: None) -> None:
    for token in ("3-0000-0000-0000-0000-0000-0000", "", "x" * 5000):
        assert KioskDouble(3).enrol_with(token).problem.code is ProblemCode.TOKEN_REFUSED


def test_a_request_in_another_kiosks_name_is_refused_and_the_token_stays_good() -> None:
    token = give_token(3, _now())
    answer = KioskDouble(3).enrol_with(token, number=5)
    assert (answer.status, answer.problem.code) == (422, ProblemCode.REQUEST_REFUSED)
    assert EnrolmentToken.objects.get().used_at is None
    assert KioskDouble(3).enrol_with(token).status == 200


def recording(sent: list[bytes]) -> Send:
    """Note the bodies that would be sent."""

    def send(_method: str, _url: str, _headers: dict[str, str], body: bytes) -> Answer:
        sent.append(body)
        return Answer(0, b"")

    return send


def test_the_request_must_be_signed_by_the_key_in_it() -> None:
    token, thief, owner = give_token(3, _now()), KioskDouble(3), KioskDouble(3)
    sent: list[bytes] = []
    owner.send = recording(sent)
    owner.enrol_with(token)
    body = sent[0]
    answer = thief.request("POST", records.PATH_ENROL, body, key_id="enrol")
    assert (answer.status, answer.problem.code) == (401, ProblemCode.SIGNATURE_REFUSED)


def test_a_machine_with_a_wrong_clock_can_be_enrolled() -> None:
    double = KioskDouble(3)
    double.clock_offset = -5 * 365 * DAY
    answer = double.enrol_with(give_token(3, _now())).read(records.EnrolAnswer)
    assert abs(answer.signed_time.time - _now()) < 5


def test_a_replaced_machine_gets_a_new_epoch_and_new_secrets() -> None:
    old = KioskDouble(3).enrol(give_token(3, _now()))
    new = KioskDouble(3)
    answer = new.enrol_with(give_token(3, _now())).read(records.EnrolAnswer)
    assert answer.epoch == 2
    assert (answer.machine, old.answer.machine) == (2, 1)
    assert answer.payment_secret != old.answer.payment_secret
    assert [each.state for each in Machine.objects.order_by("number")] == ["retired", "enrolled"]
    assert old.pushed().retired
    refused = old.request("GET", f"{records.PATH_FEED}?after=0")
    assert (refused.status, refused.problem.code) == (403, ProblemCode.MACHINE_RETIRED)


def test_a_device_key_is_enrolled_once() -> None:
    double = KioskDouble(3).enrol(give_token(3, _now()))
    answer = double.enrol_with(give_token(3, _now()))
    assert (answer.status, answer.problem.code) == (422, ProblemCode.REQUEST_REFUSED)
    assert Machine.objects.get().state == MachineState.ENROLLED


def test_the_centre_describes_itself(db: None, keys: CentreKeys) -> None:
    body = Client().get(records.PATH_CENTRE).content
    described = records.decode(body, records.CentreDescription)
    assert described.organisation == "北京华商储备商品交易所"
    assert described.centre_key == keys.centre_public_key


def test_issuing_certificates_outlive_what_is_issued_under_them(keys: CentreKeys) -> None:
    token = give_token(3, _now())
    double = KioskDouble(3)
    sent: list[bytes] = []
    double.send = recording(sent)
    double.enrol_with(token)
    answer = enrol(records.decode(sent[0], records.EnrolRequest), keys, _now())
    certificate = parse_certificate(answer.issuing_certificate)
    assert certificate.not_after - _now() > 3 * 365 * DAY


@pytest.mark.parametrize("number", [0, -1, 32768, EXCHANGE_KIOSK])
def test_numbers_that_no_kiosk_can_have_are_refused(db: None, number: int) -> None:
    with pytest.raises(KioskNumberRefused):
        give_token(number, _now())
    assert not Kiosk.objects.exists()
