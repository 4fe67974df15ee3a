"""Common parts of the console's pages: base classes, columns and the remark of an action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import Model
from django.http import HttpRequest

from sync.central.formats import china_time, yuan
from sync.central.tables import column_text

Row = TypeVar("Row", bound=Model)
REMARK_LENGTH = 200
NEEDS_REMARK = "请先填写备注"

if TYPE_CHECKING:
    Admin = admin.ModelAdmin
    Inline = admin.TabularInline
    Form = forms.ModelForm
else:
    # The stubs' classes are generic, Django's are not: at run time the parameter is ignored.
    class _Bracketed:
        def __class_getitem__(cls, _parameters: object) -> type:
            return cls

    class Admin(_Bracketed, admin.ModelAdmin):
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


class ReadOnlyAdmin(Admin[Row]):
    """A table that is not edited by hand; its actions have permissions of their own."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are added by the program alone."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Rows are not edited."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Rows are not deleted."""
        del request, obj
        return False


class RemarkForm(ActionForm):
    """The remark that some actions require."""

    remark = forms.CharField(label="备注", required=False, max_length=REMARK_LENGTH)


def typed_remark(request: HttpRequest) -> str:
    """The remark typed for the action; empty when there is none."""
    return column_text(request.POST.get("remark", ""), REMARK_LENGTH).strip()


def time_column(field: str, title: str) -> Any:  # the stubs know columns by name alone
    """A column that shows UTC seconds as China time."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:
        return china_time(getattr(row, field)) or "–"

    return column


def yuan_column(field: str, title: str) -> Any:  # the stubs know columns by name alone
    """A column that shows an amount in fen as yuan."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:
        return f"￥{yuan(getattr(row, field))}"

    return column


def hex_column(field: str, title: str, length: int = 8) -> Any:  # the stubs know columns by name alone
    """A column that shows the first hex digits of some bytes."""

    @admin.display(description=title)
    def column(row: Any) -> str:
        return bytes(getattr(row, field)).hex().upper()[:length] or "–"

    return column
