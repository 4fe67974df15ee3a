from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from bench.central_lists import addresses
from bench.central_rows import big_models, fill
from sync.central.console.base import Admin
from sync.central.console.lists import AHEAD, BoundedList
from sync.central.fleet.models import Kiosk
from sync.central.journal.models import Alarm, Entry
from sync.central.ledger.models import LedgerOrder
from sync.central.members.models import DeskStaff, Enterprise, Operator
from sync.central.payments.models import DeskPayment, Payment, PaymentAttempt
from tests.support.query_plans import faults, statements, steps

pytestmark = pytest.mark.django_db

SMALL = {
    "auth_group": "what the exchange's own staff may do",
    "auth_permission": "one for each of the models' verbs",
    "auth_user": "the exchange's own staff",
    "django_content_type": "one for each model",
    "fleet_issuingrequest": "one for each machine that was enrolled while the root was elsewhere",
    "fleet_kiosk": "the kiosks",
    "fleet_machine": "a few for each kiosk",
    "fleet_kioskpolicy": "a few a year for each kiosk",
    "journal_strand": "one for each kiosk, and one for each copy that went another way",
    "members_deskstaff": "the desks' staff",
    "members_feeschedule": "the prices, a few a year",
}
"""The tables that may be read from end to end, with the reason."""
BIG = big_models()[:-1]
sqlite_alone = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="SQLite's plans; `make bench` measures PostgreSQL too"
)


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    Kiosk.objects.bulk_create([Kiosk(number=each) for each in (1, 2)])
    DeskStaff.objects.create(name="主管1")
    return client


def tables_of(model: type[Model]) -> list[type[Model]]:
    """The model with those that its rows need or are looked up in."""
    others = {Operator: [Enterprise, Operator], Payment: [Payment, PaymentAttempt, DeskPayment]}
    return others.get(model, [model])


def listed(client: Client, path: str) -> BoundedList:
    """The list at an address, without its page."""
    request = RequestFactory().get(path)
    request.user = User.objects.get(username="admin")
    _, _, app, name, _ = path.split("/", 4)
    page = next(page for model, page in site._registry.items() if model._meta.label_lower == f"{app}.{name}")
    made = page.get_changelist_instance(request)
    assert isinstance(made, BoundedList)
    return made


def test_every_list_of_the_console_is_known_to_grow_or_to_be_small() -> None:
    others = [model for model, page in site._registry.items() if not isinstance(page, Admin)]
    assert {model._meta.db_table for model in others} <= SMALL.keys()


@sqlite_alone
@pytest.mark.parametrize("model", BIG, ids=lambda model: model._meta.label)
def test_no_list_filter_search_or_page_reads_a_table_that_grows_from_end_to_end(
    staff: Client, model: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site._registry[model], "list_per_page", 5)  # most of the time goes into rows on pages
    fill(tables_of(model), 200)
    wrong = []
    for address in addresses(staff, model):
        with statements() as sent:
            answer = staff.get(address.path)
        assert answer.status_code in {200, 302}, address
        wrong += [(address.what, each, one.sql) for one in sent for each in faults(one, SMALL)]
    assert not wrong, wrong[0]


@sqlite_alone
@pytest.mark.parametrize("model", BIG, ids=lambda model: model._meta.label)
def test_what_a_list_costs_does_not_grow_with_its_table(
    staff: Client, model: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.central.console.lists.AHEAD", 20)
    monkeypatch.setattr("sync.central.console.walks.SEARCHED", 20)
    monkeypatch.setattr(site._registry[model], "list_per_page", 1)
    monkeypatch.setattr(site._registry[model], "window", 50)
    taken = []
    for rows in (8000, 24_000):
        for each in tables_of(model)[::-1]:
            each._base_manager.all()._raw_delete(connection.alias)
        fill(tables_of(model), rows)
        taken.append({address.what: _cost(staff, address.path) for address in addresses(staff, model)})
    small, large = taken
    assert small.keys() == large.keys()
    grown = {what: (small[what], large[what]) for what in small if large[what] > small[what] * 1.2 + 50}
    assert not grown


def _cost(client: Client, path: str) -> int:
    with steps() as counted:
        try:
            listed(client, path)
        except IncorrectLookupParameters:  # no such page
            return 0
        return counted()


@sqlite_alone
def test_the_log_is_read_along_its_indexes_too(staff: Client) -> None:
    fill([LedgerOrder], 1)
    order = LedgerOrder.objects.get()
    LogEntry.objects.log_actions(User.objects.get().pk, [order], CHANGE, "seen", single_object=True)
    history = reverse("admin:ledger_ledgerorder_history", args=[order.pk])
    with statements() as sent:
        assert "seen" in staff.get(history).content.decode()
        assert order.pk in staff.get(reverse("admin:index")).content.decode()
    log = [one for one in sent if "django_admin_log" in one.sql]
    assert len(log) >= 3
    assert not [(each, one.sql) for one in log for each in faults(one, SMALL)]


@sqlite_alone
@pytest.mark.parametrize(
    "rows",
    [
        lambda: LedgerOrder.objects.filter(kind="new"),
        lambda: LedgerOrder.objects.filter(kind="new").order_by("-placed_at", "-reference")[:50],
        lambda: LedgerOrder.objects.filter(reference__iexact="x"),
        lambda: LedgerOrder.objects.filter(account__icontains="1"),
        lambda: LedgerOrder.objects.order_by("total")[:50],
        lambda: LedgerOrder.objects.filter(status="paid").order_by("total")[:50],
        lambda: LedgerOrder.objects.values_list("owner").distinct(),
        lambda: LedgerOrder.objects.filter(status="paid").order_by("owner").values_list("owner").distinct(),
    ],
)
def test_a_statement_that_reads_or_sorts_a_whole_table_is_found(rows: Any, staff: Client) -> None:
    with statements() as sent:
        list(rows())
    assert [each for one in sent for each in faults(one, SMALL)]


@sqlite_alone
def test_counting_a_table_is_found_too(staff: Client) -> None:
    with statements() as sent:
        LedgerOrder.objects.count()
    assert [each for one in sent for each in faults(one, SMALL)]


@sqlite_alone
def test_the_cost_of_a_scan_grows(staff: Client) -> None:
    costs = []
    for rows in (1000, 3000):
        LedgerOrder.objects.all().delete()
        fill([LedgerOrder], rows)
        with steps() as counted:
            list(LedgerOrder.objects.filter(total=-1))
        costs.append(counted())
    assert costs[1] > costs[0] * 2


def _numbers(page: BoundedList) -> list[object]:
    return [row.pk for row in page.result_list]


def test_pages_are_those_of_the_whole_order(staff: Client) -> None:
    fill([LedgerOrder], 10_100)
    base = reverse("admin:ledger_ledgerorder_changelist")
    whole = list(LedgerOrder.objects.values_list("reference", flat=True))
    far = listed(staff, f"{base}?p=200")
    assert _numbers(far) == whole[9950:10_000]
    assert far.counted == "共 10100 条"
    first = listed(staff, base)
    assert _numbers(first) == whole[:50]
    assert first.counted == f"{AHEAD} 条以上"
    placed = next(
        place
        for place, each in enumerate(first.list_display)
        if getattr(each, "admin_order_field", "") == "placed_at"
    )
    assert _numbers(listed(staff, f"{base}?o={placed}")) == whole[::-1][:50]
    assert _numbers(listed(staff, f"{base}?o=-{placed}")) == whole[:50]
    assert _numbers(listed(staff, f"{base}?o=1")) == whole[:50]
    assert staff.get(f"{base}?p=203").status_code == 302
    assert "1000 条以上" in staff.get(base).content.decode()


def test_a_filter_finds_every_row_it_fits(staff: Client) -> None:
    fill([LedgerOrder], 3000)
    base = reverse("admin:ledger_ledgerorder_changelist")
    for given in ({"status": "paid"}, {"kind": "renewal"}, {"owner": 3}, {"owner": 3, "status": "placed"}):
        query = "&".join(f"{name}__exact={value}" for name, value in given.items())
        rows = LedgerOrder.objects.filter(**given)
        page = listed(staff, f"{base}?{query}&all=")
        assert _numbers(page) == list(rows.values_list("reference", flat=True)[: len(page.result_list)])
        assert page.result_count == rows.count() > 0


def test_a_filter_without_an_index_looks_some_way_back_and_says_so(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site._registry[LedgerOrder], "window", 600)
    fill([LedgerOrder], 1000)
    wanted = LedgerOrder.objects.last()
    assert wanted is not None
    LedgerOrder.objects.filter(pk=wanted.pk).update(kind="replacement")
    LedgerOrder.objects.exclude(pk=wanted.pk).update(kind="new")
    path = f"{reverse('admin:ledger_ledgerorder_changelist')}?kind__exact=replacement"
    page = listed(staff, path)
    assert (_numbers(page), page.note) == ([], "只在第 1 到 600 条里找过")
    assert "往前再找" in staff.get(path).content.decode()
    further = listed(staff, f"{path.partition('?')[0]}{page.earlier}")
    assert (_numbers(further), further.earlier) == ([wanted.pk], "")
    assert listed(staff, f"{path.partition('?')[0]}{further.latest}").note == page.note


def test_a_rare_value_beside_a_common_one_is_found_whole(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site._registry[LedgerOrder], "window", 100)
    fill([LedgerOrder], 3000)
    LedgerOrder.objects.update(owner=1)
    path = f"{reverse('admin:ledger_ledgerorder_changelist')}?owner__exact=1&status__exact=refunded"
    page = listed(staff, path)
    assert _numbers(page) == list(LedgerOrder.objects.filter(status="refunded").values_list("pk", flat=True))
    assert page.note == ""


def test_a_search_takes_a_number_in_full_and_a_name_by_its_beginning(staff: Client) -> None:
    Enterprise.objects.create(
        code="91110000MA0EXA015Y", name="北京示例粮油贸易有限公司", legal_person="王建国"
    )
    Enterprise.objects.create(code="91110000MA0EXA0160", name="北京糖业有限公司", legal_person="李 华")
    base = reverse("admin:members_enterprise_changelist")

    def found(words: str) -> int:
        return len(listed(staff, f"{base}?q={words}").result_list)

    assert [found(each) for each in ("北京", "北京示例", "王建国", "91110000ma0exa0160")] == [2, 1, 1, 1]
    assert [found(each) for each in ("示例", "王建", "9111 王建国", "北京 李")] == [0, 0, 1, 0]
    assert (
        listed(staff, base).search_help_text == "统一社会信用代码、企业名称（写全或写开头）；企业法人（写全）"
    )


def test_a_search_that_fits_too_much_says_so(staff: Client) -> None:
    fill([Enterprise], 6000)
    page = listed(staff, f"{reverse('admin:members_enterprise_changelist')}?q=北京")
    assert page.result_count == AHEAD
    assert "请写得更完整" in page.note


def test_enterprises_are_looked_up_by_their_beginning_in_an_operators_form(staff: Client) -> None:
    fill([Enterprise], 2000)
    asked = {"app_label": "members", "model_name": "operator", "field_name": "enterprise", "term": "北京"}
    with statements() as sent:
        answer = staff.get("/admin/autocomplete/", asked).json()
    assert (len(answer["results"]), answer["pagination"]["more"]) == (20, True)
    if connection.vendor == "sqlite":
        assert not [each for one in sent for each in faults(one, SMALL)]


def test_an_action_takes_what_was_ticked_and_still_fits(staff: Client) -> None:
    fill([Alarm], 3000)
    open_alarms = list(Alarm.objects.filter(cleared_at=None).values_list("pk", flat=True))
    cleared = Alarm.objects.exclude(cleared_at=None)[0]
    path = f"{reverse('admin:journal_alarm_changelist')}?cleared_at__isempty=1"
    asked = {"action": "clear", "remark": "seen", "_selected_action": [open_alarms[0], cleared.pk]}
    assert "已处理 1 条告警" in staff.post(path, asked, follow=True).content.decode()
    assert set(Alarm.objects.filter(remark="seen").values_list("pk", flat=True)) == {open_alarms[0]}


def test_an_action_takes_a_short_list_as_a_whole_and_no_long_one(staff: Client) -> None:
    fill([Alarm], 60_000)
    base = reverse("admin:journal_alarm_changelist")
    asked = {"action": "clear", "remark": "all", "select_across": "1"}
    ticked = {"_selected_action": [Alarm.objects.filter(cleared_at=None)[0].pk]}
    answer = staff.post(base, {**asked, **ticked}, follow=True).content.decode()
    assert "不能一次全选" in answer
    assert not Alarm.objects.filter(remark="all").exists()
    answer = staff.post(f"{base}?cleared_at__isempty=1", {**asked, **ticked}, follow=True).content.decode()
    assert "已处理 60 条告警" in answer


@pytest.mark.parametrize(
    "query",
    [
        "p=99999999999999999999",
        "_back=99999999999",
        "_back=x",
        "o=99",
        "o=x",
        "kiosk__exact=x",
        "q=%00",
        "all=",
        "wall=x",
    ],
)
def test_an_odd_address_shows_the_list_all_the_same(staff: Client, query: str) -> None:
    answer = staff.get(f"{reverse('admin:journal_entry_changelist')}?{query}", follow=True)
    assert answer.status_code == 200
    assert "共 0 条" in answer.content.decode()


def test_the_kiosk_filter_is_its_part_of_the_key(staff: Client) -> None:
    fill([Entry], 400)
    page = listed(staff, f"{reverse('admin:journal_entry_changelist')}?kiosk__exact=2")
    assert {row.kiosk for row in page.result_list} == {2}
    assert page.result_count == Entry.objects.filter(kiosk=2).count()
