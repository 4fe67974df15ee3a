"""Filters of the console's lists, whose choices are known without looking through the list's table."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.contrib.admin.filters import EmptyFieldListFilter, FieldListFilter, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from kiosk.domain.versions import ALL, MEMBERS, audience_of_kiosk
from sync.central.console.walks import columns_of, serves
from sync.central.fleet.models import Kiosk
from sync.central.members.models import DeskStaff, name_faults
from sync.central.tables import LAST, LAST_STRAND, entry_key, fact_key, row_key
from sync.central.wording import audience_name


class ListedFilter(FieldListFilter):
    """A column's filter with choices from another, small table."""

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        self._parameter = f"{field_path}__exact"
        given = params.get(self._parameter)
        self._value = None if given is None else given[-1]
        super().__init__(field, request, params, model, model_admin, field_path)

    @abstractmethod
    def listed(self) -> Iterable[object]:
        """The values to choose from."""

    def expected_parameters(self) -> list[str | None]:
        """The parameter of the choice."""
        return [self._parameter]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """All, then each value."""
        yield {
            "selected": self._value is None,
            "query_string": changelist.get_query_string(remove=[self._parameter]),
            "display": "全部",
        }
        for value in self.listed():
            yield {
                "selected": str(value) == self._value,
                "query_string": changelist.get_query_string({self._parameter: value}),
                "display": self.shown(value),
            }

    def shown(self, value: object) -> str:
        """How a value is shown."""
        return str(value)


class KioskFilter(ListedFilter):
    """A kiosk's number, of the kiosks that there are."""

    def listed(self) -> Iterable[object]:
        """The kiosks."""
        return Kiosk.objects.order_by("number").values_list("number", flat=True)


class AudienceFilter(ListedFilter):
    """Whom the feed's rows are for: all kiosks, those that serve all members, or one of the kiosks that there are."""

    def listed(self) -> Iterable[object]:
        """The audiences."""
        kiosks = Kiosk.objects.order_by("number").values_list("number", flat=True)
        return (ALL, MEMBERS, *map(audience_of_kiosk, kiosks))

    def shown(self, value: object) -> str:
        """Its name."""
        return audience_name(int(str(value)))


class SupervisorFilter(ListedFilter):
    """Somebody of the desk's staff."""

    def listed(self) -> Iterable[object]:
        """The names."""
        return DeskStaff.objects.order_by("name").values_list("name", flat=True)


class KioskKeyFilter(KioskFilter):
    """A kiosk's number where the list is in the order of a key that begins with it (`row_key`), the index that is needed."""

    bounds: Callable[[int], tuple[object, object]] = staticmethod(
        lambda kiosk: (row_key(kiosk, 0), row_key(kiosk, LAST))
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the kiosk chosen."""
        del request
        if self._value is None:
            return queryset
        if not (self._value.isdecimal() and len(self._value) <= len("32767")):
            raise IncorrectLookupParameters
        least, most = self.bounds(int(self._value))
        return queryset.filter(pk__gte=least, pk__lte=most)

    def served(self, model: type[Model], ordering: Sequence[str]) -> bool:
        """The primary key serves it."""
        return columns_of(model, ordering) == columns_of(model, ["pk"])


class KioskEntryFilter(KioskKeyFilter):
    """The same for the keys of entries."""

    bounds = staticmethod(lambda kiosk: (entry_key(kiosk, 0, 0), entry_key(kiosk, LAST_STRAND, LAST)))


class KioskTextFilter(KioskKeyFilter):
    """The same for keys that are text (`sync.central.tables.fact_key`)."""

    bounds = staticmethod(lambda kiosk: (fact_key(kiosk, 0, bytes(8)), fact_key(kiosk, LAST, b"\xff" * 8)))


class SetFilter(EmptyFieldListFilter):
    """Whether a time was set; each answer has an index of its own rows."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the answer chosen."""
        del request
        if self.lookup_kwarg not in self.used_parameters:
            return queryset
        if self.lookup_val not in {"0", "1"}:
            raise IncorrectLookupParameters
        return queryset.filter(**{f"{self.field_path}__isnull": self.lookup_val == "1"})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """All, not yet, and set: Django says 空 and 非空."""
        for each, shown in zip(super().choices(changelist), ("全部", "还没有", "已有"), strict=True):
            yield {**each, "display": shown}

    def served(self, model: type[Model], ordering: Sequence[str]) -> bool:
        """Whether there is such an index."""
        return serves(model, ordering, self.field_path, empty=self.lookup_val == "1")


class RefusedNames(SimpleListFilter):
    """Names that were stored under a former rule and would be refused today; judged row by row, so in a window of the list."""

    title = "名称"
    parameter_name = "names"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The one choice."""
        del request, model_admin
        return [("refused", "现在不能用的")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that are refused. Raises IncorrectLookupParameters."""
        del request
        if self.value() is None:
            return queryset
        if self.value() != "refused":
            raise IncorrectLookupParameters
        return queryset.filter(pk__in=[row.pk for row in queryset if name_faults(row)])
