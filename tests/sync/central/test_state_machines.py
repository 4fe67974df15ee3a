"""docs/state-machines.md says what becomes of matters and of certificates at the centre: its turns happen, and no others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.keys import HoldLifted, LossReported
from kiosk.domain.entries.orders import OrderPaid, RefundGranted
from kiosk.domain.ledger import PaidHow
from kiosk.domain.policy import Policy
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.models import Kiosk
from sync.central.ledger import settling, waking
from sync.central.ledger.applier import apply_pending
from sync.central.ledger.matters import Matters
from sync.central.ledger.models import LedgerCertificate, Matter, MatterState
from sync.central.ledger.rows import certificate_on_register
from sync.central.ledger.rules import RULES, Action
from sync.central.ledger.verifying import Stage, hasten
from sync.central.login.checking import registration
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db
DOCUMENT = Path(__file__).parents[3] / "docs" / "state-machines.md"


def written(section: str) -> set[tuple[str, ...]]:
    """The first three cells of the rows of a section's table."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, section
    rows = (line.strip("|").split("|") for line in found[1].splitlines() if line.startswith("|"))
    return {tuple(cell.strip() for cell in row[:3]) for row in rows if not row[0].startswith("-")} - {
        ("from", "what", "to"),
        ("state", "what has it", "a login check says"),
    }


class _Turns:
    """Notes every turn of a matter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: set[tuple[str, ...]] = set()
        raise_new, close, reopen = Matters.raise_new, Matters.close, Matters.reopen

        def raised(matters: Matters, matter: Matter) -> bool:
            before = matters.find(matter.rule, matter.subject)
            state = "–" if before is None else str(before.state)
            done = raise_new(matters, matter)
            if done:
                self.seen.add((state, "remark", "open"))
            return done

        def closed(
            matters: Matters, matter: Matter, state: MatterState, action: str, by: str, remark: str, at: int
        ) -> None:
            before = str(matter.state)
            close(matters, matter, state, action, by, remark, at)
            if state != MatterState.OPEN:
                self.seen.add((before, action or "over", state.value))

        def reopened(matters: Matters, matter: Matter, by: str, remark: str) -> None:
            self.seen.add((str(matter.state), "reopen", "open"))
            reopen(matters, matter, by, remark)

        monkeypatch.setattr(Matters, "raise_new", raised)
        monkeypatch.setattr(Matters, "close", closed)
        monkeypatch.setattr(Matters, "reopen", reopened)


def _decide(rule: str, action: Action) -> None:
    (matter,) = Matter.objects.filter(rule=rule, state=MatterState.OPEN)
    assert settling.decide([matter], action, "admin", "看过了", int(time.time())) == []


def _bind(kiosk: KioskDouble, account: str, nonce: bytes = b"nonce6", **changes: int) -> CertificateIssued:
    placed = kiosk.place(account, nonce=nonce)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed, None, **changes)  # type: ignore[arg-type]  # fields of the entry
    kiosk.finish(placed)
    return issued


def test_the_turns_of_a_matter_are_as_written(
    kiosk: KioskDouble,
    make_kiosk: Callable[[int], KioskDouble],
    keys: CentreKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns, other = _Turns(monkeypatch), make_kiosk(4)
    for each in (kiosk, other):
        each.feed()
    _decide_prices(kiosk)
    _decide_keys(kiosk, other)
    _decide_amounts(kiosk, keys)
    _decide_holds(kiosk, other)
    assert turns.seen == written("A matter (待办事项)")
    assert {action.value for rule in RULES.values() for action in rule.actions} | {"reopen"} == {
        action.value for action in Action
    }


def _decide_prices(kiosk: KioskDouble) -> None:
    placed = kiosk.place("11000001", lines=())
    kiosk.pushed()
    _decide("price-differs", Action.ACCEPT)
    (matter,) = Matter.objects.all()
    settling.decide([matter], Action.REOPEN, "admin", "看错了", int(time.time()))
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 0, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    _decide("price-differs", Action.REFUND)
    kiosk.place("11000001", nonce=b"again0")  # while the first is open: a warning
    kiosk.append(RefundGranted(placed.order, "林涛", "中心要求"))
    kiosk.pushed()


def _decide_keys(kiosk: KioskDouble, other: KioskDouble) -> None:
    for account, action in (("11000003", Action.LIST), ("11000006", Action.REVOKE)):
        for each in (kiosk, other):
            _bind(each, account, account[2:].encode())
            each.pushed()
        _decide("certificate-held", action)


def _decide_amounts(kiosk: KioskDouble, keys: CentreKeys) -> None:
    policies.issue(3, Policy(0, 3, kiosk.now() + 86400, unsynced_amount=1), keys, kiosk.now())
    placed = kiosk.place("11000007")
    for _ in range(2):
        kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
        kiosk.pushed()
        _decide("amount-beyond-policy", Action.NOTED)


def _decide_holds(kiosk: KioskDouble, other: KioskDouble) -> None:
    row = LedgerCertificate.objects.get(account="11000003", status="valid")
    key = KeyOnRecord(row.number, row.token_serial, row.not_before, row.not_after)
    kiosk.append(LossReported("11000003", key))
    kiosk.pushed()
    Kiosk.objects.filter(number=4).update(serves_all=False)
    other.append(HoldLifted("11000003", key.on_hold(), "张华"))
    other.pushed()
    _decide("hold-kept", Action.LIFT)


def test_the_states_of_a_certificate_at_the_centre_are_as_written(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "wake", lambda: None)
    kiosk.feed()
    good, wrong = _bind(kiosk, "11000001"), _bind(kiosk, "11000003", not_after=int(time.time()) + 86400)
    kiosk.pushed()
    now = int(time.time())
    said: set[tuple[str, str]] = set()

    def note(state: str, issued: CertificateIssued, stage: Stage) -> None:
        said.add((state, registration(certificate_on_register(issued.number), stage).value))

    def shown(issued: CertificateIssued) -> tuple[str, str]:
        row = LedgerCertificate.objects.get(number=issued.number)
        return row.status, row.checked

    assert not LedgerCertificate.objects.exists()
    note("appended", good, Stage.WAITING)
    apply_pending(now)
    assert shown(good) == ("bound", "")
    note("applied", good, Stage.WAITING)
    assert hasten(good.number, good.certificate, now) is Stage.JUDGED
    assert shown(good) == ("valid", "genuine")
    note("listed", good, Stage.JUDGED)
    assert hasten(wrong.number, wrong.certificate, now) is Stage.JUDGED
    assert shown(wrong) == ("bound", "wrong")
    note("verified", wrong, Stage.JUDGED)
    assert {(state, answer) for state, _, answer in written("A certificate at the centre")} == said
