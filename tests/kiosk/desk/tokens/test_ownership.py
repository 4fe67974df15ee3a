"""Whose a token is, over every combination of journal, feed, bindings under way and what is on the token."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from hardware.ports import PinState, Token, TokenPresence
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.keys.erase import Eraser, may_erase
from kiosk.desk.service import DeskService
from kiosk.desk.tokens import ownership
from kiosk.desk.tokens.fitness import require_free
from kiosk.desk.tokens.ownership import Ground, Owner, owner_of
from kiosk.desk.tokens.reading import TokenFacts, issued_certificate
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import (
    Binding,
    BindingStep,
    Certificate,
    CertificateStatus,
    Order,
    OrderStatus,
)
from kiosk.domain.register import Register, Registered, Standing
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, KeyAlgorithm, PrivateKey
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction

NOW = 1_795_327_500
DAY = 86_400
FIRM = "北京示例粮油贸易有限公司"
SERIAL, ELSEWHERE = "THE-TOKEN", "ANOTHER-TOKEN"
HERE, THERE, NEITHER = "11000001", "11000002", "77000001"
WHO_ORDERS = "11000003"

# What is on record of an account's key: none, or its serial and how it stands.
KEYS: dict[str, tuple[str, bool, bool] | None] = {
    "no key": None,
    "in use": (SERIAL, False, False),
    "on hold": (SERIAL, True, False),
    "revoked": (SERIAL, True, True),
    "in use on another token": (ELSEWHERE, False, False),
    "revoked on another token": (ELSEWHERE, True, True),
}
OTHER, GONE = "in use on another token", "revoked on another token"
UNKNOWN = Ground.UNKNOWN_CERTIFICATE
USED = {KeyStatus.IN_USE, KeyStatus.OUT_OF_STEP}
KEY_PAIRS = ("none", HERE, THERE, NEITHER)


class Contents:
    """Certificates of three accounts over a key pair each: the one on record, an older, a newer; an expired one."""

    def __init__(self, authority: IssuingAuthority) -> None:
        self._authority = authority
        self._numbers = itertools.count(0x0002_000001_000001)
        self.key_pairs = {account: SM2.generate() for account in (HERE, THERE, NEITHER)}
        self.certificates: dict[str, bytes | None] = {
            "none": None,
            "damaged": b"\x30\x03\x02\x01\x00",
        }
        for account in self.key_pairs:
            self.certificates |= {
                f"{account} older": self._issue(account, NOW - 20 * DAY, NOW + DAY),
                f"{account} on record": self._issue(account, NOW - 10 * DAY, NOW + 355 * DAY),
                f"{account} newer": self._issue(account, NOW - 5 * DAY, NOW + 360 * DAY),
            }
        self.certificates["of the same second"] = self._issue(HERE, NOW - 10 * DAY, NOW + 300 * DAY)
        self.certificates["expired"] = self._issue(NEITHER, NOW - 20 * DAY, NOW - DAY)

    def _issue(self, account: str, begin: int, end: int) -> bytes:
        key: PrivateKey = self.key_pairs[account]
        member = MemberName(account, FIRM)
        info = certification_request_info(DEFAULT_ORGANISATION, member, KeyAlgorithm.SM2, key.public_key)
        request = assemble(info, KeyAlgorithm.SM2, SM2.sign(key, info))
        return self._authority.issue(request, member, next(self._numbers), begin, end)

    def public_key(self, name: str) -> bytes | None:
        """The key pair of that account; None for none."""
        return None if name == "none" else self.key_pairs[name].public_key

    def key(self, account: str, state: str) -> KeyOnRecord | None:
        """The account's key on record in that state."""
        found = KEYS[state]
        if found is None:
            return None
        serial, lost, revoked = found
        issued = issued_certificate(self.certificates[f"{account} on record"])
        assert issued is not None
        holds = int(lost)
        return KeyOnRecord(
            issued.number,
            serial,
            issued.not_before,
            issued.not_after,
            lost=lost,
            holds=holds,
            revoked=revoked,
        )


@pytest.fixture(scope="session")
def contents(authority: IssuingAuthority) -> Contents:
    return Contents(authority)


@pytest.fixture
def order() -> Order:
    return Order(
        "9-0001-1", 3, OrderKind.NEW, WHO_ORDERS, FIRM, "", (), 1, NOW, NOW, 900, status=OrderStatus.PAID
    )


def _register(key: KeyOnRecord | None) -> Register:
    return Register(HERE, () if key is None else (Registered(key, Standing.LISTED),))


def _journal(tx: Transaction, contents: Contents, state: str) -> None:
    """What this kiosk bound to HERE."""
    key = contents.key(HERE, state)
    tx.ledger.put((_register(key),))
    if key is not None:
        der = contents.certificates[f"{HERE} on record"]
        assert der is not None
        status = CertificateStatus.ON_HOLD if key.lost else CertificateStatus.VALID
        certificate = Certificate(
            key.number,
            "9-0002-1",
            HERE,
            key.token_serial,
            der,
            key.not_before,
            key.not_after,
            3,
            800,
            CertificateStatus.REVOKED if key.revoked else status,
        )
        tx.ledger.put((certificate,))


def _feed(tx: Transaction, contents: Contents, state: str) -> None:
    """What the feed says of THERE; of no key: that it never was this token."""
    key = contents.key(THERE, state if KEYS[state] else "revoked on another token")
    assert key is not None
    told = KeyBoundElsewhere(
        THERE,
        key.number if KEYS[state] else "00000000000000FF",
        key.token_serial,
        key.not_before if KEYS[state] else 0,
        key.not_after if KEYS[state] else 1,
        lost=key.lost,
        holds=key.holds,
        revoked=key.revoked,
        certificate=(contents.certificates[f"{THERE} on record"] or b"") if KEYS[state] else b"",
    )
    tx.feed.put_key_elsewhere(told)


def _binding(tx: Transaction, order: Order, *, under_way: bool) -> None:
    """An order of HERE whose binding on the token goes on, or was abandoned."""
    step = BindingStep.KEY_PAIR_MADE if under_way else BindingStep.ABANDONED
    attempt = Binding(1, SERIAL, "gmt", "SM2", step)
    tx.ledger.put((replace(order, reference="9-0003-1", account=HERE, bindings=(attempt,)),))


def _in_use(owner: Owner) -> bool:
    """Whether 清空 is refused to everybody."""
    unexpired = owner.not_after is not None and owner.not_after >= NOW
    return may_erase(owner.status, unexpired_member=unexpired) is Eraser.NOBODY


def _refused_to_others(tx: Transaction, order: Order, facts: TokenFacts) -> bool:
    """Whether an order of somebody else is told that the token is another member's."""
    try:
        require_free(tx, order, facts)
    except TokenUnusable as unusable:
        return _is_anothers(unusable.refused)
    return False


def _is_anothers(outcome: object) -> bool:
    """Whether the token is refused as another member's, whatever makes it that."""
    return (
        isinstance(outcome, TokenRefused)
        and outcome.reason is TokenRefusal.ANOTHER_MEMBERS
        and outcome.found == SERIAL
    )


def _record(tx: Transaction, contents: Contents, order: Order, here: str, there: str) -> None:
    _journal(tx, contents, here)
    _feed(tx, contents, there)
    _binding(tx, order, under_way=False)


@pytest.mark.parametrize("under_way", [True, False])
def test_what_is_erased_by_nobody_is_free_for_no_new_key(
    database: Database, contents: Contents, order: Order, monkeypatch: pytest.MonkeyPatch, *, under_way: bool
) -> None:
    # a dozen certificates are read thousands of times
    monkeypatch.setattr(ownership, "issued_certificate", functools.cache(issued_certificate))
    seen = set()
    with database.write() as tx:
        for here, there in itertools.product(KEYS, KEYS):
            _record(tx, contents, order, here, there)
            _binding(tx, order, under_way=under_way)
            for pair, certificate in itertools.product(KEY_PAIRS, contents.certificates):
                facts = TokenFacts(SERIAL, contents.public_key(pair), contents.certificates[certificate])
                owner = owner_of(tx, facts)
                judged = _in_use(owner), _refused_to_others(tx, order, facts)
                assert judged != (True, False), (here, there, pair, certificate, owner)
                seen.add(judged)
                assert (owner.status is KeyStatus.UNDER_WAY) is under_way
                assert (owner.ground is Ground.BINDING) is under_way
                if not under_way and "in use" in (here, there):
                    blank = pair == certificate == "none"
                    assert owner.status in ({KeyStatus.BLANK} if blank else USED), (pair, certificate)
    assert seen == ({(True, True)} if under_way else {(True, True), (False, True), (False, False)})


class Touched(Exception):
    """More than looked at."""


class LookedAt:
    """A token that is read and nothing else."""

    serial = SERIAL
    driver = "gmt"
    algorithm = KeyAlgorithm.SM2
    application = "KEYDESK"
    factory_pin = "111111"

    def __init__(self, facts: TokenFacts) -> None:
        self._facts = facts

    def public_key(self) -> bytes | None:
        return self._facts.public_key

    def certificate(self) -> bytes | None:
        return self._facts.certificate

    def pin_state(self) -> PinState:
        return PinState(6, 6, factory=False)

    def close(self) -> None:
        """Nothing is open."""

    def verify_pin(self, pin: str) -> None:
        raise Touched(pin)

    def erase(self) -> None:
        raise Touched

    def change_pin(self, old: str, new: str) -> None:
        raise AssertionError(old, new)

    def unblock_pin(self, unblocking_pin: str | None, new_pin: str) -> None:
        raise AssertionError(unblocking_pin, new_pin)

    def random(self, count: int) -> bytes:
        raise AssertionError(count)

    def generate_key_pair(self) -> bytes:
        raise AssertionError

    def write_certificate(self, certificate: bytes) -> None:
        raise AssertionError(certificate)

    def sign(self, message: bytes) -> bytes:
        raise AssertionError(message)


class OneToken(VirtualTokenSource):
    """A reader with that token in it."""

    def __init__(self) -> None:
        super().__init__()
        self.token = LookedAt(TokenFacts(SERIAL, None, None))

    def present(self) -> tuple[TokenPresence, ...]:
        return (TokenPresence("first", b"", 1),)

    def open(self, presence: TokenPresence) -> Token:
        assert presence.insertion == 1
        return self.token


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.REPLACEMENT])
@pytest.mark.parametrize(
    ("pair", "certificate"),
    [
        ("none", "none"),
        (THERE, "none"),
        (THERE, "damaged"),
        (THERE, f"{THERE} older"),
        (NEITHER, f"{NEITHER} newer"),
    ],
)
def test_nobody_elses_order_takes_what_nobody_erases_at_insertion_or_at_the_binding(
    desk: Desk,
    database: Database,
    contents: Contents,
    order: Order,
    supervisor: StaffSession,
    session_of: Callable[[str], Session],
    paid_order: Callable[[str, OrderKind], str],
    kind: OrderKind,
    pair: str,
    certificate: str,
) -> None:
    source = OneToken()
    source.token = LookedAt(TokenFacts(SERIAL, contents.public_key(pair), contents.certificates[certificate]))
    service = DeskService(dataclasses.replace(desk, tokens=source))
    number, member = paid_order(WHO_ORDERS, kind), session_of(WHO_ORDERS)
    for here, there in itertools.product(("no key", "in use", "on hold", "revoked"), KEYS):
        with database.write() as tx:
            _record(tx, contents, order, here, there)
        try:
            in_use = service.erase(supervisor, SERIAL) == TokenRefused(TokenRefusal.IN_USE, found=SERIAL)
        except Touched:
            in_use = False
        read = service.read_token(number)
        try:
            bound: object = service.bind(member, number, "654321", False, lambda _progress: None)  # noqa: FBT003
        except Touched:
            bound = None
        assert _is_anothers(read) is _is_anothers(bound), (here, there)
        assert _is_anothers(read) or not in_use, (here, there)


@pytest.mark.parametrize(
    ("here", "there", "pair", "certificate", "status", "ground", "account"),
    [
        ("in use", "no key", HERE, f"{HERE} on record", KeyStatus.IN_USE, Ground.JOURNAL, HERE),
        ("no key", "in use", THERE, f"{THERE} on record", KeyStatus.IN_USE, Ground.FEED, THERE),
        ("no key", "in use", THERE, "none", KeyStatus.OUT_OF_STEP, Ground.FEED, THERE),
        ("no key", "in use", THERE, "damaged", KeyStatus.OUT_OF_STEP, Ground.FEED, THERE),
        ("no key", "in use", THERE, f"{THERE} older", KeyStatus.OUT_OF_STEP, Ground.FEED, THERE),
        ("no key", "in use", THERE, f"{THERE} newer", KeyStatus.OUT_OF_STEP, Ground.FEED, THERE),
        # the serial counts before a certificate that was copied
        ("no key", "in use", THERE, f"{NEITHER} newer", KeyStatus.OUT_OF_STEP, Ground.FEED, THERE),
        ("on hold", "no key", HERE, f"{NEITHER} newer", KeyStatus.ON_HOLD, Ground.JOURNAL, HERE),
        # given up, and made another member's elsewhere before the feed told of it
        ("on hold", "no key", NEITHER, f"{NEITHER} newer", KeyStatus.UNKNOWN, UNKNOWN, NEITHER),
        ("revoked", "no key", NEITHER, f"{NEITHER} newer", KeyStatus.UNKNOWN, UNKNOWN, NEITHER),
        ("no key", "on hold", NEITHER, f"{NEITHER} newer", KeyStatus.UNKNOWN, UNKNOWN, NEITHER),
        ("on hold", "no key", NEITHER, f"{HERE} older", KeyStatus.ON_HOLD, Ground.JOURNAL, HERE),
        ("on hold", GONE, NEITHER, f"{THERE} on record", KeyStatus.ON_HOLD, Ground.JOURNAL, HERE),
        # two accounts have the serial
        ("in use", "in use", HERE, "damaged", KeyStatus.OUT_OF_STEP, Ground.JOURNAL, HERE),
        ("in use", "in use", THERE, "damaged", KeyStatus.OUT_OF_STEP, Ground.FEED, THERE),
        ("in use", "on hold", THERE, f"{THERE} on record", KeyStatus.OUT_OF_STEP, Ground.JOURNAL, HERE),
        ("on hold", "revoked", THERE, f"{THERE} on record", KeyStatus.REVOKED, Ground.FEED, THERE),
        ("on hold", "revoked", NEITHER, "damaged", KeyStatus.ON_HOLD, Ground.JOURNAL, HERE),
        # by the certificate alone
        (OTHER, "no key", HERE, f"{HERE} on record", KeyStatus.UNKNOWN, Ground.KNOWN_CERTIFICATE, HERE),
        (OTHER, "no key", HERE, f"{HERE} older", KeyStatus.REVOKED, Ground.KNOWN_CERTIFICATE, HERE),
        (OTHER, "no key", HERE, f"{HERE} newer", KeyStatus.UNKNOWN, UNKNOWN, HERE),
        (OTHER, "no key", HERE, "of the same second", KeyStatus.UNKNOWN, UNKNOWN, HERE),
        ("no key", OTHER, THERE, f"{THERE} on record", KeyStatus.UNKNOWN, Ground.KNOWN_CERTIFICATE, THERE),
        (GONE, "no key", HERE, f"{HERE} on record", KeyStatus.REVOKED, Ground.KNOWN_CERTIFICATE, HERE),
        ("no key", GONE, THERE, f"{THERE} on record", KeyStatus.REVOKED, Ground.KNOWN_CERTIFICATE, THERE),
        ("no key", "no key", NEITHER, "expired", KeyStatus.UNKNOWN, UNKNOWN, NEITHER),
        ("no key", "no key", NEITHER, "damaged", KeyStatus.UNKNOWN, Ground.ANOTHER_AUTHORITY, None),
        ("no key", "no key", NEITHER, "none", KeyStatus.UNKNOWN, Ground.KEY_PAIR, None),
        # blank
        ("no key", "no key", "none", "none", KeyStatus.BLANK, Ground.NOTHING, None),
        ("in use", "no key", "none", "none", KeyStatus.BLANK, Ground.JOURNAL, HERE),
        ("no key", "in use", "none", "none", KeyStatus.BLANK, Ground.FEED, THERE),
    ],
)
def test_the_strongest_ground_says_whose_a_token_is(
    database: Database,
    contents: Contents,
    order: Order,
    here: str,
    there: str,
    pair: str,
    certificate: str,
    status: KeyStatus,
    ground: Ground,
    account: str | None,
) -> None:
    with database.write() as tx:
        _record(tx, contents, order, here, there)
        facts = TokenFacts(SERIAL, contents.public_key(pair), contents.certificates[certificate])
        owner = owner_of(tx, facts)
    assert (owner.status, owner.ground, owner.account) == (status, ground, account)


def test_a_certificate_that_a_binding_on_another_token_waits_for_is_not_free_to_overwrite(
    database: Database, contents: Contents, order: Order
) -> None:
    with database.write() as tx:
        _record(tx, contents, order, "in use on another token", "no key")
        der = contents.certificates[f"{HERE} on record"]
        issued = issued_certificate(der)
        assert issued is not None
        certificate = tx.ledger.certificate(issued.number)
        assert certificate is not None
        tx.ledger.put((replace(certificate, status=CertificateStatus.ISSUED), Register(HERE)))
        facts = TokenFacts(SERIAL, contents.public_key(HERE), der)
        owner = owner_of(tx, facts)
        assert (owner.ground, owner.order) == (Ground.KNOWN_CERTIFICATE, "9-0002-1")
        assert _in_use(owner)
        assert _refused_to_others(tx, order, facts)


@pytest.mark.parametrize(
    ("here", "there", "refused"),
    [
        ("in use", "no key", True),
        ("no key", "in use", True),
        ("on hold", "in use", True),
        ("on hold", "no key", False),
        ("no key", "on hold", False),
        ("revoked", "on hold", False),
    ],
)
def test_a_blank_token_that_is_on_record_is_free_once_its_key_is_given_up(
    database: Database, contents: Contents, order: Order, here: str, there: str, *, refused: bool
) -> None:
    with database.write() as tx:
        _record(tx, contents, order, here, there)
        assert _refused_to_others(tx, order, TokenFacts(SERIAL, None, None)) is refused


def test_a_key_that_this_kiosk_bound_names_its_order(
    database: Database, contents: Contents, order: Order
) -> None:
    facts = TokenFacts(SERIAL, contents.public_key(HERE), contents.certificates[f"{HERE} on record"])
    with database.write() as tx:
        _record(tx, contents, order, "in use", "no key")
        assert owner_of(tx, facts).order == "9-0002-1"
        _record(tx, contents, order, "in use on another token", "no key")
        assert owner_of(tx, facts).order == "9-0002-1"


@pytest.mark.parametrize(("here", "own"), [("in use", True), ("in use on another token", False)])
def test_a_token_with_a_binding_under_way_is_a_key_on_record_only_where_the_record_names_it(
    database: Database, contents: Contents, order: Order, here: str, *, own: bool
) -> None:
    with database.write() as tx:
        _record(tx, contents, order, here, "no key")
        _binding(tx, order, under_way=True)
        key = owner_of(tx, TokenFacts(SERIAL, contents.public_key(HERE), None)).key
    assert key == (contents.key(HERE, here) if own else None)


def test_a_token_with_a_binding_under_way_tells_the_certificate_that_is_on_it_and_its_end(
    database: Database, contents: Contents, order: Order
) -> None:
    der = contents.certificates[f"{HERE} older"]
    issued = issued_certificate(der)
    assert issued is not None
    with database.write() as tx:
        _record(tx, contents, order, "in use", "no key")
        _binding(tx, order, under_way=True)
        owner = owner_of(tx, TokenFacts(SERIAL, contents.public_key(HERE), der))
    assert owner.status is KeyStatus.UNDER_WAY
    assert (owner.certificate, owner.not_after) == (issued.number, NOW + DAY)
