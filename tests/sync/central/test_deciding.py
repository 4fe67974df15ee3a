"""Staff decide at once, whatever waits to be applied and whatever applying it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from kiosk.domain.entries.decisions import MatterDecided
from kiosk.domain.entries.keys import PinChanged
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.ledger import PaidHow
from sync.central.console.waiting import WAITS
from sync.central.examples import Examples
from sync.central.journal.models import Entry
from sync.central.ledger import applier, settling, waking
from sync.central.ledger.folding import Folder, Placed
from sync.central.ledger.models import LedgerCertificate, Matter, StrandCursor
from sync.central.ledger.replaying import differences
from sync.central.tables import strand_number
from tests.support.books import all_applied, open_matters, the_matter
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.conftest import apply_and_verify

pytestmark = pytest.mark.django_db
NOBODY_S = MatterDecided("noted", "3-0147-6", "noted", "admin", "")


@pytest.fixture
def staff(examples: Examples) -> Client:
    client = Client()
    assert client.login(username="admin", password="Keydesk-admin")
    return client


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Stop the applier."""

    def stop() -> None:
        monkeypatch.setattr(waking, "wake", lambda: None)

    return stop


def _act(client: Client, model: type[Model], action: str, *keys: object) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    chosen = {"action": action, "_selected_action": [str(key) for key in keys], "remark": "看过了"}
    answer = client.post(reverse(name), chosen, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def _failing_for(monkeypatch: pytest.MonkeyPatch, kiosk: int, kind: type) -> None:
    """Have the fold fail for the entries of a kiosk of some kind, as for one that nobody thought of."""
    fold = Folder.fold

    def failing(self: Folder, each: Placed) -> None:
        if each.row.kiosk == kiosk and each.entry is not None and isinstance(each.entry.body, kind):
            raise ValueError("an entry that nobody thought of")
        fold(self, each)

    monkeypatch.setattr(Folder, "fold", failing)


def test_a_decision_applies_nobody_elses_entries(
    staff: Client,
    kiosk: KioskDouble,
    make_kiosk: Callable[[int], KioskDouble],
    still: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    kiosk.pushed()
    still()
    other = make_kiosk(4)
    other.place(account="11000007")
    other.pushed()
    _failing_for(monkeypatch, 4, OrderPlaced)
    page = _act(staff, Matter, "accept", the_matter().pk)
    assert WAITS not in page
    assert open_matters() == []
    assert not StrandCursor.objects.filter(strand=strand_number(4, 1)).exists()


def test_a_decision_that_cannot_be_applied_now_is_on_record_and_said_to_be_under_way(
    staff: Client, kiosk: KioskDouble, still: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.feed()
    kiosk.place(lines=())
    kiosk.pushed()
    still()
    matter = the_matter()
    with monkeypatch.context() as broken:
        _failing_for(broken, 12288, MatterDecided)
        assert WAITS in _act(staff, Matter, "accept", matter.pk)
        assert WAITS in _act(staff, Matter, "accept", matter.pk)
    assert Entry.objects.filter(kiosk=12288, kind="matter-decided").count() == 2
    assert open_matters() != []
    apply_and_verify()
    assert all_applied()
    matter.refresh_from_db()
    assert (matter.state, matter.action) == ("decided", "accept")
    assert differences() == []


def test_a_certificate_is_revoked_while_its_kiosks_entries_wait(
    staff: Client, kiosk: KioskDouble, still: Callable[[], None]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    still()
    for _ in range(40):
        kiosk.append(PinChanged("11000001", "E8AD652202221F03"))
    kiosk.pushed()
    assert WAITS not in _act(staff, LedgerCertificate, "revoke", issued.number)
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    assert not settling.decisions_wait()
    assert not all_applied()
    apply_and_verify()
    assert differences() == []


def test_an_applier_that_requests_overtake_again_and_again_comes_through_with_smaller_batches(
    kiosk: KioskDouble, still: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody decides something whenever more than a hundred entries are folded."""
    still()
    for _ in range(400):
        kiosk.append(PinChanged("11000001", "E8AD652202221F03"))
    kiosk.pushed()
    fold, sizes = applier.fold, list[int]()

    def overtaken(placed: Sequence[Placed], **named: Any) -> Folder:
        if len(placed) > 100:
            monkeypatch.setattr(applier, "fold", fold)
            settling.enter_and_apply([NOBODY_S], int(time.time()))
            monkeypatch.setattr(applier, "fold", overtaken)
        sizes.append(len(placed))
        return fold(placed, **named)

    monkeypatch.setattr(applier, "fold", overtaken)
    applier.apply_pending(int(time.time()))
    assert all_applied()
    assert max(sizes) > 100
    assert differences() == []
