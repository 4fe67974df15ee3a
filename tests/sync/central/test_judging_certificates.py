"""Certificates that kiosks issued, judged by the authority of their machine, by their own time and by the policy."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import Certificate, CertificateStatus, PaidHow
from kiosk.domain.policy import Policy
from kiosk.pki import issuing
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.journal.models import Fact
from sync.central.ledger.models import LedgerAccount, LedgerCertificate
from sync.central.ledger.rules import Action
from sync.central.ledger.verifying import is_genuine
from sync.protocol import records
from tests.support.books import decide, open_matters, status_of, the_matter
from tests.support.desk import NOW, authorities
from tests.support.kiosk_double import KioskDouble
from tests.support.odd_certificates import root_without_key_parameters

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("replay_equals_the_tables")]


def test_a_certificate_by_another_authority_is_a_matter(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    other = make_kiosk(4)
    kiosk.issuing_key, kiosk.enrolment = other.issuing_key, other.enrolment
    placed = kiosk.place(order_code=b"")
    kiosk.pushed()
    assert the_matter().rule == "order-of-another-kiosk"
    assert placed.order_code == b""


def test_a_certificate_by_a_stolen_authority_is_never_listed_and_on_record(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    own, other = kiosk.enrolment, make_kiosk(4)
    kiosk.issuing_key, kiosk.enrolment = other.issuing_key, other.enrolment
    issued = kiosk.bind(placed)
    kiosk.enrolment = own
    kiosk.pushed()
    assert open_matters() == [("signature-wrong", "11000001")]
    assert Fact.objects.filter(kind="certificate").count() == 1
    assert status_of(issued.number) == "bound"
    assert not LedgerAccount.objects.filter(account="11000001").exists()


def test_what_came_before_the_machine_was_replaced_is_judged_by_its_own_authority(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    issued = kiosk.bind(kiosk.place())
    kiosk.pushed()
    KioskDouble(3).enrol(give_token(3, int(time.time())))
    decide(Action.ACCEPT)
    assert LedgerCertificate.objects.get().number == issued.number


def test_a_certificate_by_the_authority_of_a_machine_that_was_replaced_is_a_matter(
    kiosk: KioskDouble,
) -> None:
    kiosk.feed()
    kiosk.pushed()
    machine = KioskDouble(3)
    machine.enrolment = machine.enrol_with(give_token(3, int(time.time()) - 10)).read(records.EnrolAnswer)
    machine.tip, machine.cursors = kiosk.tip, kiosk.cursors
    machine.epoch, machine.machine = machine.answer.epoch, machine.answer.machine
    machine.append(EpochBegan(given_by_centre=True, continues=kiosk.tip))
    machine.issuing_key = kiosk.issuing_key
    machine.enrolment = msgspec.structs.replace(
        machine.answer, issuing_certificate=kiosk.answer.issuing_certificate
    )
    machine.bind(machine.place())
    machine.pushed()
    assert the_matter().rule == "signature-wrong"


def test_a_certificate_of_an_odd_form_is_never_listed(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed, certificate=root_without_key_parameters())
    kiosk.finish(placed)
    kiosk.pushed()
    assert the_matter().rule == "signature-wrong"


def test_a_certificate_that_ends_too_late_is_a_matter(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.bind(kiosk.place(), old_end=int(time.time()) + 300 * 86400)
    kiosk.pushed()
    assert the_matter().rule == "certificate-differs"


@pytest.mark.parametrize(("seconds", "stands"), [(660, False), (540, True), (-660, False), (-5, False)])
def test_a_certificate_that_begins_at_another_time_than_its_entry_tells_is_a_matter(
    kiosk: KioskDouble,
    seconds: int,
    stands: bool,  # noqa: FBT001 - the parameter
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    issued = kiosk.certificate(placed, wall=kiosk.now() + seconds)
    kiosk.finish(placed)
    kiosk.pushed()
    assert status_of(issued.number) == ("valid" if stands else "held")
    if not stands:
        assert ("certificate-differs", "11000001") in open_matters()


@pytest.mark.parametrize(("before", "stands"), [(1, False), (0, True)])
def test_a_certificate_that_begins_before_its_issuer_s_is_a_matter(
    kiosk: KioskDouble,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    stands: bool,  # noqa: FBT001 - the parameter
) -> None:
    monkeypatch.setattr(issuing, "_require_period", lambda *_: None)  # what an honest kiosk refuses itself
    issuer = parse_certificate(kiosk.answer.issuing_certificate)
    kiosk.feed()
    kiosk.clock_offset = issuer.not_before + 300 - kiosk.now()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    issued = kiosk.certificate(placed, begin=issuer.not_before - before)
    kiosk.finish(placed)
    kiosk.clock_offset = 0
    kiosk.pushed()
    assert status_of(issued.number) == ("valid" if stands else "bound")
    assert Fact.objects.filter(certificate_number=issued.number).count() == 1
    if not stands:
        assert the_matter().rule == "signature-wrong"


@pytest.mark.parametrize(("early", "genuine"), [(0, True), (600, True), (86_400, True), (86_401, False)])
def test_a_certificate_that_begins_longer_before_its_issue_than_any_policy_allows_is_not_genuine(
    early: int,
    genuine: bool,  # noqa: FBT001 - the parameter
) -> None:
    authority, key = authorities().issuing, SM2.generate()
    member = MemberName("11000001", "甲")
    info = certification_request_info(DEFAULT_ORGANISATION, member, KeyAlgorithm.SM2, key.public_key)
    request = assemble(info, KeyAlgorithm.SM2, SM2.sign(key, info))
    end = NOW + 86_400
    der = authority.issue(request, member, 1, NOW, end, early)
    status = CertificateStatus.BOUND
    certificate = Certificate("0000000000000001", "3-0147-6", "11000001", "A", der, NOW, end, 3, 1, status)
    assert is_genuine(certificate, None, authority.certificate) is genuine


def test_certificates_beyond_the_policy_are_matters(kiosk: KioskDouble, keys: CentreKeys) -> None:
    kiosk.feed()
    now = int(time.time())
    limits = Policy(number=0, kiosk=3, valid_until=now + 86400, unsynced_certificates=0, unsynced_amount=1)
    row = policies.issue(3, limits, keys, now)
    issued = kiosk.bind(kiosk.place(), policy=row.number)
    kiosk.pushed()
    assert sorted(rule for rule, _ in open_matters()) == ["amount-beyond-policy", "beyond-policy"]
    assert status_of(issued.number) == "held"


def test_a_copy_that_is_put_back_begins_no_count_anew(kiosk: KioskDouble, keys: CentreKeys) -> None:
    """Both were issued before either was uploaded: on strands of their own, and beyond the policy together."""
    kiosk.feed()
    now = int(time.time())
    limits = Policy(
        number=0, kiosk=3, valid_until=now + 86400, unsynced_certificates=1, unsynced_amount=34000
    )
    row = policies.issue(3, limits, keys, now)
    kiosk.clock_offset = -60
    copy = kiosk.twin()
    first = kiosk.bind(kiosk.place("11000001"), policy=row.number)
    kiosk.pushed()
    assert open_matters() == []
    second = copy.bind(copy.place("11000003", nonce=b"other6"), policy=row.number, serial="7F3A")
    copy.pushed()
    assert sorted(rule for rule, _ in open_matters()) == ["amount-beyond-policy", "beyond-policy"]
    assert (status_of(first.number), status_of(second.number)) == ("valid", "held")


def test_a_policy_that_was_never_given_is_a_matter(kiosk: KioskDouble) -> None:
    kiosk.feed()
    kiosk.place(policy=99)
    kiosk.pushed()
    assert the_matter().rule == "beyond-policy"
