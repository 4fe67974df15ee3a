"""A row's page with the facts that staff need, and a form for each thing that may be entered now."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from sync.central.console.base import ReadOnlyAdmin, Row


class Fact(NamedTuple):
    """A line of the page."""

    label: str
    value: str


class Offered(NamedTuple):
    """A form, and what its button says; each form is told by its prefix, which its button has as its name.

    `seen` tells of which state the page showed the facts, where the form is about them; nothing in it is personal.
    """

    form: forms.Form
    send: str
    seen: str = ""


def offered(
    request: HttpRequest, kind: type[forms.Form], prefix: str, send: str, *, seen: str = "", **initial: str
) -> Offered:
    """A form, with what was typed where its button was pressed."""
    pressed = request.method == "POST" and prefix in request.POST
    return Offered(kind(request.POST if pressed else None, prefix=prefix, initial=initial), send, seen)


class FactsAdmin(ReadOnlyAdmin[Row]):
    """A table with such a page for who has the permission `MAY_ENTER`; everybody else sees the row as it is kept."""

    change_form_template = "admin/facts.html"
    MAY_ENTER: ClassVar[str]
    CAPTION: ClassVar[str]
    NOT_NOW: ClassVar[str]
    """What is said where a form is sent that is no longer offered."""
    CHANGED: ClassVar[str] = "资料在此期间改过，没有登记。请核对下面现在的内容，再登记一次"
    """What is said where a form is sent from a page with other facts than now."""

    @abstractmethod
    def forms_of(self, request: HttpRequest, row: Row) -> list[Offered]:
        """The forms of what may be entered now."""

    @abstractmethod
    def enter(self, request: HttpRequest, row: Row, form: forms.Form) -> bool:
        """Do what a valid form says; whether that is all, so that the page is read anew."""

    @abstractmethod
    def facts_of(self, request: HttpRequest, row: Row, sent: forms.Form | None) -> list[Fact]:
        """The lines of the page, after a form that was sent and asks for no more than another look."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one row."""
        row = self.get_object(request, object_id)
        if row is None or not request.user.has_perm(self.MAY_ENTER):
            return super().change_view(request, object_id, form_url, extra_context)
        shown, sent = self.forms_of(request, row), None
        if request.method == "POST":
            chosen = next((each for each in shown if each.form.prefix in request.POST), None)
            if chosen is None or request.POST.get("seen", chosen.seen) != chosen.seen:
                said = self.NOT_NOW if chosen is None else self.CHANGED
                self.message_user(request, said, messages.ERROR)
                return HttpResponseRedirect(request.get_full_path())
            sent = chosen.form
            if sent.is_valid() and self.enter(request, row, sent):
                return HttpResponseRedirect(request.get_full_path())
        request.method = "GET"  # what was wrong with a form is on the page; nothing else is taken
        context = {
            **(extra_context or {}),
            "caption": self.CAPTION,
            "facts": self.facts_of(request, row, sent),
            "forms": shown,
        }
        return super().change_view(request, object_id, form_url, context)
