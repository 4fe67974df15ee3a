"""Common parts of the console's pages: base classes, columns and the remark of an action."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.identifiers import number_in
from sync.central.console.lists import BoundedList, BoundedPaginator, WholeList
from sync.central.console.walks import search
from sync.central.context import centre_now
from sync.central.fleet.feed.telling import telling
from sync.central.formats import china_time, yuan
from sync.central.tables import column_text, holds_amount, holds_time

Row = TypeVar("Row", bound=Model)
REMARK_LENGTH = 200

if TYPE_CHECKING:
    Page = admin.ModelAdmin
    Inline = admin.TabularInline
    Form = forms.ModelForm
else:
    # The stubs' classes are generic, Django's are not: at run time the parameter is ignored.
    class _Bracketed:
        def __class_getitem__(cls, _parameters: object) -> type:
            return cls

    class Page(_Bracketed, admin.ModelAdmin):
        """A page of the console."""

    class Inline(_Bracketed, admin.TabularInline):
        """A table within a page."""

    class Form(_Bracketed, forms.ModelForm):
        """A form of a page."""


class SecondsField(forms.SplitDateTimeField):
    """A time typed in China time and stored in UTC seconds; for rows that are added and never changed."""

    widget = AdminSplitDateTime

    def compress(self, data_list: Any) -> Any:
        """Convert to UTC seconds."""
        moment = super().compress(data_list)
        return None if moment is None else int(moment.timestamp())


class FenField(forms.IntegerField):
    """An amount in whole fen: "110.00", which Django reads as 110, is somebody's yuan and refused."""

    def to_python(self, value: Any) -> Any:
        """The amount. Raises ValidationError."""
        if "." in str(value):
            raise ValidationError("这里填的是分，不写小数点：11000 就是 110.00 元")
        return super().to_python(value)


class _Telling(Page[Row]):
    def changeform_view(self, *positional: Any, **named: Any) -> Any:
        """Django's own transaction is a part of one that tells the kiosks, which gives versions as its last step."""
        with telling(centre_now()):
            return super().changeform_view(*positional, **named)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Row | None:
        """The row of that key; none has NUL in its key, which PostgreSQL refuses to be asked for."""
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)


class Admin(_Telling[Row]):
    """A table that may grow without end: its list's order, filters and searches are those that indexes serve.

    `search_fields` are `=field` (in full) or `^field` (its beginning).
    """

    paginator = BoundedPaginator
    list_per_page = 50
    window = 5_000
    """How many rows are judged by conditions that no index serves (lists.py)."""
    row_an_order = False
    """Whether each row is another order, so that several of a number are orders to choose from."""
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **named: Any) -> type[ChangeList]:
        """The list of one page."""
        del request, named
        return BoundedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        """The rows that fit, none of them twice."""
        if not search_term.strip():
            return queryset, False
        ordering = self.get_ordering(request) or self.opts.ordering or ["-pk"]
        found = search(
            queryset, self.get_search_fields(request), search_term, [str(each) for each in ordering]
        )
        return queryset.filter(pk__in=found.keys), False


class SmallAdmin(_Telling[Row]):
    """A table of some hundreds of rows at most, which can be sorted by any column and searched in any way."""

    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **named: Any) -> type[ChangeList]:
        """The list of one page."""
        del request, named
        return WholeList


class _NotByHand:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are added by the program alone."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are not edited."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are not deleted."""
        del request, obj
        return False


class ReadOnlyAdmin(_NotByHand, Admin[Row]):
    """A table that is not edited by hand; its actions have permissions of their own."""

    def get_fields(self, request: HttpRequest, obj: Row | None = None) -> Any:
        """The page's fields, its times and amounts as people read them."""
        return in_words(self.model, super().get_fields(request, obj))


class SmallReadOnlyAdmin(_NotByHand, SmallAdmin[Row]):
    """A small one."""

    def get_fields(self, request: HttpRequest, obj: Row | None = None) -> Any:
        """The page's fields, its times and amounts as people read them."""
        return in_words(self.model, super().get_fields(request, obj))


class RemarkForm(ActionForm):
    """The remark that some actions require."""

    remark = forms.CharField(label="备注", required=False, max_length=REMARK_LENGTH)


def typed_remark(request: HttpRequest) -> str:
    """The remark typed for the action; empty when there is none."""
    return column_text(request.POST.get("remark", ""), REMARK_LENGTH).strip()


def needed_remark(page: Page[Any], request: HttpRequest) -> str:
    """The remark typed for the action; empty when there is none, which the page says then."""
    remark = typed_remark(request)
    if not remark:
        page.message_user(request, "请先填写备注", messages.ERROR)
    return remark


def time_column(field: str, title: str) -> Any:  # the stubs know columns by name alone
    """A column that shows UTC seconds as China time."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:
        return china_time(getattr(row, field)) or "–"

    return column


def kiosk_column() -> Any:  # the stubs know columns by name alone
    """A column of the kiosk's number; what the exchange does itself is no kiosk's."""

    @admin.display(description="终端机", ordering="kiosk")
    def column(row: Any) -> str:
        return "中心" if row.kiosk == EXCHANGE_KIOSK else str(row.kiosk)

    return column


def yuan_column(field: str, title: str) -> Any:  # the stubs know columns by name alone
    """A column that shows an amount in fen as yuan."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:
        return f"￥{yuan(getattr(row, field))}"

    return column


def in_words(model: type[Model], fields: Iterable[Any]) -> list[Any]:
    """The fields of a page, with their columns in place of the model's times and amounts."""
    columns = dict[str, Any]()
    for field in model._meta.concrete_fields:  # noqa: SLF001 - Django's documented Model._meta API
        title = str(field.verbose_name).removesuffix("(分)")
        if holds_time(field.name):
            columns[field.name] = time_column(field.name, title)
        if holds_amount(field.name):
            columns[field.name] = yuan_column(field.name, title)
    return [columns.get(field, field) if isinstance(field, str) else field for field in fields]


def number_column(field: str, title: str = "订单号") -> Any:  # the stubs know columns by name alone
    """A column that shows an order's number in place of its reference."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:
        return number_in(getattr(row, field)) or "–"

    return column


def hex_column(field: str, title: str, length: int = 8) -> Any:  # the stubs know columns by name alone
    """A column that shows the first hex digits of some bytes."""

    @admin.display(description=title)
    def column(row: Any) -> str:
        return bytes(getattr(row, field)).hex().upper()[:length] or "–"

    return column
