"""Example enterprises, operators, staff and prices for the demonstration; making them again changes nothing.

Keys "bound elsewhere" are on the demonstration's virtual tokens: their public keys are passed in, and the exchange's
own issuing CA certifies them.
"""

from __future__ import annotations

import secrets

import msgspec
from argon2 import PasswordHasher
from django.contrib.auth import get_user_model

from kiosk.domain.certificate_numbers import draw_certificate_number
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.decisions import CertificateImported
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderTakenOver
from kiosk.domain.fees import FeeSchedule as Schedule
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import FIRST_EPOCH, NONCE_LENGTH, OrderNumber, OrderReference
from kiosk.domain.masking import masked_document
from kiosk.domain.members import Review, Role
from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.building import Contents, Signer, build_member
from kiosk.pki.names import MemberName, member_name
from kiosk.pki.suites import KeyAlgorithm
from sync.central.centre_keys import CentreKeys
from sync.central.errors import EXCHANGE_KIOSK
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import LedgerCertificate, LedgerOrder
from sync.central.ledger.publishing import publish_enterprise, publish_operators
from sync.central.ledger.rows import certificate_record
from sync.central.ledger.settling import enter_and_apply
from sync.central.members.models import DeskStaff, Enterprise, FeeSchedule, Operator
from sync.central.members.publishing import publish_schedule, publish_staff

ADMINISTRATOR, ADMINISTRATOR_PASSWORD = "admin", "Keydesk-admin"
SCHEDULE = Schedule(number=1, effective_from=1735660800, token=11000, certificate=8000, service=15000)


class BoundKey(msgspec.Struct, frozen=True):
    """A key on one of the demonstration's tokens: `public_key` is 04 ‖ x ‖ y in hex."""

    serial: str
    public_key: str
    algorithm: KeyAlgorithm = KeyAlgorithm.SM2


class ExampleAccount(msgspec.Struct, frozen=True):
    """An example account as the demonstration's drawer lists it."""

    account: str
    password: str
    enterprise: str
    legal_person: str
    operator: str
    note: str


class ExampleCertificate(msgspec.Struct, frozen=True):
    """A certificate for a key that was passed in: DER in hex, times in UTC seconds."""

    account: str
    serial: str
    number: str
    certificate: str
    not_before: int
    not_after: int


class Examples(msgspec.Struct, frozen=True):
    """What was made; `enrol_token` is empty when the kiosk is enrolled already."""

    kiosk: int
    enrol_token: str
    accounts: tuple[ExampleAccount, ...]
    certificates: tuple[ExampleCertificate, ...]
    staff: tuple[tuple[str, str], ...]
    console: tuple[str, str]
    root_certificate: str


class _Example(msgspec.Struct, frozen=True):
    code: str
    account: str
    enterprise: str
    legal_person: str
    operator: str
    note: str
    review: Review = Review.APPROVED
    ends_in: int | None = None  # days; a key bound elsewhere
    lost: bool = False

    @property
    def password(self) -> str:
        return f"Keydesk-{self.account[-1]}"


_GRAIN = ("91110000MA0EXA015Y", "北京示例粮油贸易有限公司", "王建国")
EXAMPLES = (
    _Example(_GRAIN[0], "11000001", _GRAIN[1], _GRAIN[2], "李晓梅", "从未办理"),
    _Example(
        "91410100MA0EXA0233",
        "11000002",
        "河南中原储备粮有限公司（郑州）",
        "赵志强",
        "陈静",
        "20 天后到期",
        ends_in=20,
    ),
    _Example(
        "91370100MA0EXA0310",
        "11000003",
        "山东齐鲁糖业集团有限公司",
        "孙丽华",
        "周伟",
        "一个月前到期",
        ends_in=-30,
    ),
    _Example(
        "91320100MA0EXA04X3",
        "11000004",
        "江苏江南棉麻有限公司",
        "钱卫东",
        "吴敏",
        "已挂失",
        ends_in=120,
        lost=True,
    ),
    _Example(_GRAIN[0], "11000005", _GRAIN[1], _GRAIN[2], "刘洋", "审核中", review=Review.UNDER_REVIEW),
    _Example(
        "91420100MA0EXA058R", "11000006", "湖北长江化肥有限公司", "郑国华", "何芳", "网上已缴费（新办）"
    ),
    _Example(
        "91510100MA0EXA0667",
        "11000007",
        "四川天府肉类食品有限公司",
        "冯立",
        "蒋欣",
        "有效，剩 200 天",
        ends_in=200,
    ),
)
STAFF = (("张华", Role.STAFF, "Staff-1"), ("林涛", Role.SUPERVISOR, "Super-1"))
WEB_ORDER_ACCOUNT = "11000006"


def make_examples(kiosk: int, bound: dict[str, BoundKey], keys: CentreKeys, now: int) -> Examples:
    """Make what is missing. Keys in `bound`, by account, are certified; other accounts get no key."""
    with telling(now):
        _administrator()
        _prices(now)
        _people(now)
        certificates = tuple(
            made
            for example in EXAMPLES
            if example.ends_in is not None
            and (key := bound.get(example.account)) is not None
            and (made := _key(example, key, keys, now)) is not None
        )
        row, _ = Kiosk.objects.get_or_create(number=kiosk, defaults={"place": "服务大厅"})
        _web_order(kiosk, now)
        awaited = row.state == KioskState.AWAITED
        token = give_token(kiosk, now) if awaited else ""
    return Examples(
        kiosk=kiosk,
        enrol_token=token,
        accounts=tuple(
            ExampleAccount(
                each.account, each.password, each.enterprise, each.legal_person, each.operator, each.note
            )
            for each in EXAMPLES
        ),
        certificates=certificates,
        staff=tuple((name, password) for name, _, password in STAFF),
        console=(ADMINISTRATOR, ADMINISTRATOR_PASSWORD),
        root_certificate=keys.root_certificate.hex(),
    )


def _administrator() -> None:
    users = get_user_model().objects
    if not users.filter(username=ADMINISTRATOR).exists():
        users.create_superuser(ADMINISTRATOR, password=ADMINISTRATOR_PASSWORD)


def _prices(now: int) -> None:
    row, made = FeeSchedule.objects.get_or_create(
        number=SCHEDULE.number,
        defaults={
            "effective_from": SCHEDULE.effective_from,
            "token": SCHEDULE.token,
            "certificate": SCHEDULE.certificate,
            "service": SCHEDULE.service,
        },
    )
    if made:
        publish_schedule(row, now)


def _people(now: int) -> None:
    hasher = PasswordHasher()
    for name, role, password in STAFF:
        if not DeskStaff.objects.filter(name=name).exists():
            person = DeskStaff.objects.create(name=name, role=role.value, verifier=hasher.hash(password))
            publish_staff(person, now)
    for example in EXAMPLES:
        enterprise, made = Enterprise.objects.get_or_create(
            code=example.code,
            defaults={
                "name": example.enterprise,
                "legal_person": example.legal_person,
                "review": Review.APPROVED.value,
            },
        )
        if made:
            publish_enterprise(enterprise, now)
        if not Operator.objects.filter(account=example.account).exists():
            operator = Operator.objects.create(
                account=example.account,
                enterprise=enterprise,
                name=example.operator,
                review=example.review.value,
                verifier=hasher.hash(example.password),
                phone=f"138{example.account}",
                document=DocumentKind.RESIDENT_ID.value,
                document_number=masked_document(f"41010119900101{example.account[-4:]}"),
                authorised=True,
            )
            publish_operators([operator], now)


def _key(example: _Example, key: BoundKey, keys: CentreKeys, now: int) -> ExampleCertificate | None:
    """The exchange's certificate for a key that was bound elsewhere: the one on record, else a new one."""
    known = LedgerCertificate.objects.filter(account=example.account, kiosk=EXCHANGE_KIOSK).first()
    if known is None:
        number = draw_certificate_number(
            EXCHANGE_KIOSK,
            secrets.token_bytes,
            lambda drawn: LedgerCertificate.objects.filter(number=drawn).exists(),
        )
        not_after = now + (example.ends_in or 0) * DAY
        not_before = add_years(not_after, -1)
        der = _certify(example, key, keys, int(number), (not_before, not_after), now)
        _register(example, key, str(number), der, (not_before, not_after), now)
        known = LedgerCertificate.objects.get(number=str(number))
    record = certificate_record(known)
    return ExampleCertificate(
        example.account,
        record.token_serial,
        record.number,
        record.certificate.hex(),
        record.not_before,
        record.not_after,
    )


def _certify(
    example: _Example, key: BoundKey, keys: CentreKeys, number: int, period: tuple[int, int], now: int
) -> bytes:
    """A back-dated certificate, as the demonstration needs it; `issue` would refuse that."""
    authority = keys.exchange(now)
    name = member_name(authority.organisation, MemberName(example.account, example.enterprise))
    contents = Contents(
        serial=number,
        subject=name,
        algorithm=key.algorithm,
        public_key=bytes.fromhex(key.public_key),
        not_before=period[0],
        not_after=period[1],
    )
    return build_member(contents, Signer(authority.certificate.subject, authority.private_key))


def _register(
    example: _Example, key: BoundKey, number: str, der: bytes, period: tuple[int, int], now: int
) -> None:
    made = CertificateImported(example.account, number, key.serial, der, *period)
    on_record = KeyOnRecord(number, key.serial, *period)
    lost = (LossReported(example.account, on_record),) if example.lost else ()
    enter_and_apply([made, *lost], now)


def _web_order(kiosk: int, now: int) -> None:
    """A new-key order that was paid on the web and is to be bound at the kiosk."""
    number = OrderNumber(EXCHANGE_KIOSK, FIRST_EPOCH, 1)
    if LedgerOrder.objects.filter(order_number=str(number)).exists():
        return
    example = next(each for each in EXAMPLES if each.account == WEB_ORDER_ACCOUNT)
    given = OrderTakenOver(
        order=str(OrderReference(number, secrets.token_bytes(NONCE_LENGTH))),
        account=example.account,
        enterprise=example.enterprise,
        operator=example.operator,
        order_kind=OrderKind.NEW,
        lines=SCHEDULE.lines(OrderKind.NEW),
        schedule=SCHEDULE.number,
        placed_at=now - DAY,
        transaction="WEB0000000000001",
        paid_at=now - DAY,
        handover=1,
        new_owner=kiosk,
        by="web",
        remark="网上已缴费",
    )
    enter_and_apply([given], now)
