"""The console's lists of tables that grow: a page costs the same however many rows there are.

A list has one order, that of an index. One condition that an index serves in that order (walks.py) is walked straight.
Of several the one with the fewest rows is walked, and the others are judged within a window of that walk; the page leads
on to the window before. Rows are counted no further than the page shows links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.contrib.admin.filters import FieldListFilter, ListFilter, SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import FieldError, ValidationError
from django.core.paginator import EmptyPage, InvalidPage, Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from kiosk.domain.identifiers import IdentifierError, OrderNumberCheckDigitWrong, parse_order_number
from sync.central.console.walks import backwards, search, serves, up_to, within

AHEAD = 1000
"""How many rows are counted from the first of a page."""
BACK_VAR = "_back"
"""The parameter that says how many windows back the list begins."""
_LAST_ROW = 2**40
_LONGEST = 8  # digits of a number of windows
_TOO_MANY = f"超过 {AHEAD} 条，不能一次全选，请缩小范围"
_HOW = {"=": "写全", "^": "写全或写开头"}


if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator  # the stubs' class is generic, Django's is not


class BoundedPaginator(_Paginator):
    """Pages of a query whose order an index has: the keys alone are walked, then a page's rows fetched by key."""

    exact = True
    rows: QuerySet[Any] | None = None
    """Where the rows are fetched; by default the query's table."""

    def page(self, number: int | str) -> Page[Any]:
        """One page. Raises EmptyPage."""
        place = int(number)
        start = (place - 1) * self.per_page
        if not 0 <= start < _LAST_ROW:
            raise EmptyPage
        walk = self.object_list.values_list("pk", flat=True)  # type: ignore[attr-defined] # the stubs know sequences alone
        keys = list(walk[start : start + max(AHEAD, self.per_page) + 1])
        if start and not keys:
            raise EmptyPage
        self.exact = len(keys) <= AHEAD
        self.count = start + min(len(keys), AHEAD)
        shown = keys[: self.per_page]
        if self.rows is None:
            self.rows = self.object_list.model._base_manager.all()  # type: ignore[attr-defined] # noqa: SLF001 - as above; Django's documented manager
        rows = self.rows.order_by().in_bulk(shown)
        return Page([rows[key] for key in shown if key in rows], place, self)

    @cached_property
    def count(self) -> int:
        """How many rows there are at least; all of them when `exact`."""
        self.page(1)
        return self.count


class Condition(NamedTuple):
    """One condition of a list; `served` when an index has its rows in the list's order."""

    apply: Callable[[QuerySet[Any]], QuerySet[Any]]
    served: bool


class _TextList(ChangeList):
    """A list in which NUL, which no column holds, is an incorrect parameter; whoever searches for it finds nothing."""

    def get_filters(
        self, request: HttpRequest
    ) -> tuple[list[ListFilter], bool, dict[str, bool | str], bool, bool]:
        """The filters, and the parameters beside them. Raises IncorrectLookupParameters."""
        if any("\x00" in text for name, text in request.GET.items() if name != SEARCH_VAR):
            raise IncorrectLookupParameters
        return super().get_filters(request)


class WholeList(_TextList):
    """One page of a small table's list; a number that no column holds is an incorrect parameter."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page. Raises IncorrectLookupParameters."""
        try:
            super().get_results(request)
        except OverflowError as error:  # SQLite's, for more than 64 bits
            raise IncorrectLookupParameters(error) from error


class BoundedList(_TextList):
    """One page of a list, from what the address asks for."""

    counted: str
    """How many rows there are, as far as they were counted."""
    note = ""
    earlier = ""
    latest = ""
    across = False
    """Whether an action may take all rows at once."""
    _complete = True
    _remaining: dict[str, Any]

    def __init__(self, request: HttpRequest, *arguments: Any) -> None:
        given = request.GET.get(BACK_VAR, "")
        self._back = int(given) if given.isdecimal() and len(given) < _LONGEST else 0
        super().__init__(request, *arguments)
        self.params.pop(BACK_VAR, None)
        first = self._declared(request)[0].lstrip("-")
        self.sortable_by = [each for each in self.list_display if self.get_ordering_field(each) == first]  # type: ignore[misc] # columns may be callables
        self.search_help_text = search_help(self.model, self.search_fields)

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The parameters that filter."""
        kept = super().get_filters_params(params)
        kept.pop(BACK_VAR, None)
        return kept

    def get_filters(
        self, request: HttpRequest
    ) -> tuple[list[ListFilter], bool, dict[str, bool | str], bool, bool]:
        """The filters, and the parameters beside them."""
        found = super().get_filters(request)
        self._remaining = found[2]
        return found

    def get_query_string(
        self, new_params: dict[str, Any] | None = None, remove: Iterable[str] | None = None
    ) -> str:
        """An address; another condition begins with the newest rows again."""
        if new_params is None or not {PAGE_VAR, BACK_VAR} & set(new_params):
            remove = [*(remove or ()), BACK_VAR]
        return super().get_query_string(new_params, remove)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """The declared order, or its reverse."""
        del queryset
        declared = self._declared(request)
        given = str(self.params.get(ORDER_VAR, "")).partition(".")[0]
        column = given.removeprefix("-")
        if not column.isdecimal() or int(column) >= len(self.list_display):
            return declared
        field = self.get_ordering_field(self.list_display[int(column)])
        if field != declared[0].lstrip("-") or given.startswith("-") == declared[0].startswith("-"):
            return declared
        return backwards(declared)

    def _declared(self, request: HttpRequest) -> list[str]:
        """The declared order, made total by the primary key in the same direction."""
        declared = [str(each) for each in self.model_admin.get_ordering(request) or self.opts.ordering or ()]
        if not declared:
            return ["-pk"]
        if not {"pk", self.pk_name} & {each.lstrip("-") for each in declared}:
            declared.append("-pk" if declared[0].startswith("-") else "pk")
        return declared

    @property
    def pk_name(self) -> str:
        """The name of the primary key."""
        return self.opts.pk.name

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """The rows that an action takes (POST); the rows of a page are walked by `get_results`."""
        del exclude_parameters  # of counts for each choice, which this list does not show
        found = self.get_filters(request)
        self.filter_specs, self.has_filters, remaining, _, self.has_active_filters = found
        self.clear_all_filters_qs = self.get_query_string(remaining, self.get_filters_params())
        ordering = self.get_ordering(request, self.root_queryset)
        conditions = self._conditions(request, ordering)
        try:
            self._walk = self._walked(conditions, ordering)
            if request.method == "POST":
                return self._chosen(request, conditions).order_by(*ordering)
        except (FieldError, OverflowError, TypeError, ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error
        return self._walk

    def get_results(self, request: HttpRequest) -> None:
        """Walk to the page."""
        page = self._page(request, self.list_per_page, self.page_num)
        self.can_show_all = self.paginator.exact and self.paginator.count <= self.list_max_show_all
        self.multi_page = self.paginator.count > self.list_per_page
        if self.show_all and self.can_show_all and self.multi_page:
            page = self._page(request, self.list_max_show_all, 1)
        self.result_list, self.result_count = page.object_list, self.paginator.count
        self.full_result_count, self.show_full_result_count, self.show_admin_actions = None, False, True
        exact = self.paginator.exact
        self.counted = f"共 {self.result_count} 条" if exact else f"{self.result_count} 条以上"
        self.across = exact and self._complete and self.result_count <= AHEAD

    def _page(self, request: HttpRequest, size: int, number: int) -> Page[Any]:
        self.paginator = self.model_admin.get_paginator(request, self._walk, size)
        self.paginator.rows = self.apply_select_related(self.root_queryset)
        try:
            page: Page[Any] = self.paginator.page(number)
        except (InvalidPage, OverflowError) as error:
            raise IncorrectLookupParameters from error
        return page

    def _conditions(self, request: HttpRequest, ordering: Sequence[str]) -> list[Condition]:
        """What the filters and the parameters beside them ask for."""

        def chosen(spec: ListFilter) -> Condition:
            def chosen_of(rows: QuerySet[Any]) -> QuerySet[Any]:
                found = spec.queryset(request, rows)
                return rows if found is None else found

            return Condition(chosen_of, _served(spec, self.model, ordering))

        def named(key: str, values: Any) -> Condition:
            asked = build_q_object_from_lookup_parameters({key: values})
            field = key.removesuffix("__exact")
            return Condition(
                lambda rows: rows.filter(asked), len(values) == 1 and serves(self.model, ordering, field)
            )

        specs = [chosen(spec) for spec in self.filter_specs if _active(spec)]
        return specs + [named(key, values) for key, values in self._remaining.items()]

    def _walked(self, conditions: list[Condition], ordering: Sequence[str]) -> QuerySet[Any]:
        """The query of the rows' keys, in order."""
        ordered = self.root_queryset.order_by(*ordering)
        if self.query:
            typed = _typed(self.query)
            found = search(self.root_queryset, self.search_fields, typed.text, ordering)
            self._complete = found.complete
            self.note = "" if found.complete else "符合的太多，只列出一部分，请写得更完整"
            if typed.mistyped and not found.keys:
                self.note = "订单号的校验位不对，可能抄错或听错了一位"
            elif typed.number and len(found.keys) > 1 and self.model_admin.row_an_order:  # type: ignore[attr-defined] # the console's own page
                self.note = f"这个号有 {len(found.keys)} 笔订单：按账号和时间分辨，先问清是谁的"
            window = self.root_queryset.order_by().filter(pk__in=found.keys)[: len(found.keys)]
        elif len(conditions) <= 1 and all(each.served for each in conditions):
            return _all(conditions, ordered)
        else:
            window = self._window(conditions, ordered)
        return _all(conditions, within(window, ordered))

    def _window(self, conditions: list[Condition], ordered: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that are judged: some of the shortest walk."""
        size = self.model_admin.window  # type: ignore[attr-defined] # the console's own page
        served = [each.apply(ordered) for each in conditions if each.served]
        walk = (
            min(served, key=lambda rows: up_to(rows, size + 1)) if len(served) > 1 else [*served, ordered][0]
        )
        begin = self._back * size
        if list(walk.values("pk")[begin + size : begin + size + 1]):
            self._complete = False
            self.earlier = self.get_query_string({BACK_VAR: self._back + 1, PAGE_VAR: 1})
        if self._back:
            self.latest = self.get_query_string({BACK_VAR: None, PAGE_VAR: 1})
        if self.earlier or self._back:
            self.note = f"只在第 {begin + 1} 到 {begin + size} 条里找过"
        return walk[begin : begin + size]

    def _chosen(self, request: HttpRequest, conditions: list[Condition]) -> QuerySet[Any]:
        """The rows that were ticked, as far as they still fit the list's conditions; or all of a short list."""
        root = self.root_queryset
        if request.POST.get("select_across") == "1":
            keys = list(self._walk.values_list("pk", flat=True)[: AHEAD + 1])
            if len(keys) > AHEAD or not self._complete:
                messages.error(request, _TOO_MANY)
                return root.none()
        else:
            ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
            some = root.order_by().filter(pk__in=ticked)[: len(ticked)]
            keys = list(_all(conditions, within(some, root.order_by())).values_list("pk", flat=True))
        return root.filter(pk__in=keys)


def search_help(model: type[Model], fields: Iterable[str]) -> str:
    """What can be searched for, and how it is to be typed."""
    said = []
    for name in fields:
        *relations, last = name[1:].split("__")
        owner = model
        for relation in relations:
            owner = owner._meta.get_field(relation).related_model  # type: ignore[assignment] # noqa: SLF001 - Django's documented API
        field = owner._meta.get_field(last)  # noqa: SLF001 - Django's documented API
        said.append((getattr(field, "verbose_name", last), _HOW[name[0]]))
    return "；".join(
        f"{'、'.join(dict.fromkeys(str(name) for name, how in said if how == each))}（{each}）"
        for each in dict.fromkeys(how for _, how in said)
    )


class _Typed(NamedTuple):
    """What is searched for; an order number as it is written, however it was typed."""

    text: str
    number: bool = False
    mistyped: bool = False
    """It has a wrong check digit."""


def _typed(text: str) -> _Typed:
    try:
        return _Typed(str(parse_order_number(text)), number=True)
    except OrderNumberCheckDigitWrong:
        return _Typed(text, mistyped=True)
    except IdentifierError:
        return _Typed(text)


def _all(conditions: Iterable[Condition], rows: QuerySet[Any]) -> QuerySet[Any]:
    for each in conditions:
        rows = each.apply(rows)
    return rows


def _active(spec: ListFilter) -> bool:
    """Whether a choice was made."""
    if isinstance(spec, SimpleListFilter):
        return spec.value() is not None
    return bool(spec.used_parameters)


def _served(spec: ListFilter, model: type[Model], ordering: Sequence[str]) -> bool:
    """Whether an index has the rows of what was chosen in the list's order."""
    own = getattr(spec, "served", None)
    if own is not None:
        return bool(own(model, ordering))
    if not isinstance(spec, FieldListFilter):
        return False
    asked = [(name, values) for name, values in spec.used_parameters.items() if isinstance(values, list)]
    one_value = [(name, len(values)) for name, values in asked] == [(f"{spec.field_path}__exact", 1)]
    return one_value and serves(model, ordering, spec.field_path)
