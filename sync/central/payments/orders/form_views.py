"""The forms of one paid order: {base}/orders/{REFERENCE}/delivery and …/invoice, for the browser that paid or a member who signed in.

Anybody else is led to the orders' page, whether or not there is such an order. Django's own check of forms (CSRF) is on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token

from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.masking import masked_phone
from kiosk.domain.personal import PersonalKind
from sync.central.context import centre_now
from sync.central.ledger.requesting import (
    Answer,
    Known,
    ask_delivery,
    ask_invoice,
    known_for,
    withdraw_invoice,
)
from sync.central.members.models import Operator
from sync.central.payments.answers import WAIT, html
from sync.central.payments.orders.cards import Card, of_visitor
from sync.central.payments.orders.forms import (
    DELIVERY_FIELDS,
    INVOICE_FIELDS,
    Faults,
    choice_words,
    filled,
    known_delivery,
    known_invoice,
    read_delivery,
    read_invoice,
    refilled,
)
from sync.central.payments.orders.sections import INVOICE_KINDS
from sync.central.payments.orders.visitors import PATH, Visitor, refused_for_now, visitor_of
from sync.central.payments.rates import Rate

_HOUR = 3600
# Each form that is sent costs work, and each that changes something an entry for ever.
POSTS, CHANGES = Rate(30, WAIT), Rate(20, _HOUR)
RATES = (POSTS, CHANGES)
_SAID = {Answer.TOO_LATE: "too-late", Answer.NOT_ASKED: "closed"}
_NOTES = {PersonalKind.DELIVERY: ("dispatch", "overdue", "returned"), PersonalKind.INVOICE: ("invoice",)}


def delivery(request: HttpRequest, reference: str) -> HttpResponse:
    """The form of where the key is mailed."""
    return _view(request, reference, PersonalKind.DELIVERY)


def invoice(request: HttpRequest, reference: str) -> HttpResponse:
    """The form of to whom an invoice is made out."""
    return _view(request, reference, PersonalKind.INVOICE)


class _Visit:
    """A visitor at the form of an order."""

    def __init__(
        self, request: HttpRequest, visitor: Visitor, card: Card, kind: PersonalKind, now: int
    ) -> None:
        self.request = request
        self.card = card
        self.kind = kind
        self.now = now
        self.earlier = visitor.account == card.account
        self.known = known_for(card.reference, card.account, kind, earlier=self.earlier)
        self.operator = Operator.objects.select_related("enterprise").filter(account=card.account).first()

    @property
    def bound_phone(self) -> str:
        """The account's phone."""
        return "" if self.operator is None else self.operator.phone

    def page(
        self, posted: Mapping[str, str] | None, faults: Faults, status: int, notice: str = ""
    ) -> HttpResponse:
        """The form, with what was typed and what is wrong with it, or with what is known."""
        context: dict[str, object] = {
            "card": self.card,
            "form": self.kind.value,
            "seen": self.known.seen,
            "notice": notice,
            "csrf": get_token(self.request),
            "notes": [each for each in self.card.notes if each.name.startswith(_NOTES[self.kind])],
        }
        if self.kind is PersonalKind.DELIVERY:
            context |= self._delivery(posted, faults)
        else:
            context |= self._invoice(posted, faults)
        return html("payments/request.html", context, status)

    def _delivery(self, posted: Mapping[str, str] | None, faults: Faults) -> dict[str, object]:
        known = known_delivery(self.known.record, self.operator)
        chosen = not known.phone if posted is None else "bound" in posted
        return {
            "bound": masked_phone(self.bound_phone),
            "bound_chosen": chosen,
            "fields": (
                filled(DELIVERY_FIELDS, known)
                if posted is None
                else refilled(DELIVERY_FIELDS, posted, faults)
            ),
        }

    def _invoice(self, posted: Mapping[str, str] | None, faults: Faults) -> dict[str, object]:
        known = known_invoice(self.known.record, self.operator)
        usual = InvoiceKind.SPECIAL if known.credit_code else InvoiceKind.ORDINARY
        former = self.card.invoice_asked
        chosen = (former or usual).value if posted is None else posted.get("invoice", "")
        return {
            "kinds": [(each.value, name, each.value == chosen) for each, name in INVOICE_KINDS.items()],
            "kind_fault": choice_words(faults),
            "may_withdraw": former is not None,
            "fields": (
                filled(INVOICE_FIELDS, known) if posted is None else refilled(INVOICE_FIELDS, posted, faults)
            ),
        }

    def ask(self) -> HttpResponse:
        """Take the form that was sent."""
        fields = {name: str(text) for name, text in self.request.POST.items()}
        seen = Known(fields.get("seen", ""))
        read = self._read_delivery if self.kind is PersonalKind.DELIVERY else self._read_invoice
        faults, enter = read(fields, seen)
        if faults:
            return self.page(fields, faults, 422) if seen.seen == self.known.seen else self._elsewhere()
        if not CHANGES.allows(self.card.reference, self.now):
            return refused_for_now("changed-often")
        answer = enter()
        if answer is Answer.ELSEWHERE:
            return self._elsewhere()
        return back(_SAID.get(answer, f"{self.kind.value}-kept"))

    def withdraw(self) -> HttpResponse:
        """Take a request for an invoice back."""
        if not CHANGES.allows(self.card.reference, self.now):
            return refused_for_now("changed-often")
        answer = withdraw_invoice(self.card.reference, self.card.account, self.now)
        return back(_SAID.get(answer, "invoice-withdrawn"))

    def _read_delivery(self, fields: Mapping[str, str], seen: Known) -> tuple[Faults, Callable[[], Answer]]:
        known = known_delivery(self.known.record, self.operator)
        address, faults = read_delivery(fields, known, bound=bool(self.bound_phone))
        order = self.card.reference, self.card.account
        return faults, partial(ask_delivery, *order, address, seen, self.now, earlier=self.earlier)

    def _read_invoice(self, fields: Mapping[str, str], seen: Known) -> tuple[Faults, Callable[[], Answer]]:
        known = known_invoice(self.known.record, self.operator)
        chosen, details, faults = read_invoice(fields, known)
        order = self.card.reference, self.card.account
        return faults, partial(ask_invoice, *order, chosen, details, seen, self.now, earlier=self.earlier)

    def _elsewhere(self) -> HttpResponse:
        self.known = known_for(self.card.reference, self.card.account, self.kind, earlier=self.earlier)
        return self.page(None, {}, 409, "elsewhere")


def _view(request: HttpRequest, reference: str, kind: PersonalKind) -> HttpResponse:
    now = centre_now()
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, POST"})
    visitor = visitor_of(request, now)
    if request.method == "POST" and not POSTS.allows(visitor.address, now):
        return refused_for_now()
    card = of_visitor(reference, visitor.account, visitor.browser, settings.KEYDESK.working_days, now)
    if card is None or card.section(kind.value) is None:
        return back("who" if card is None else "closed")
    visit = _Visit(request, visitor, card, kind, now)
    if request.method != "POST":
        return visit.page(None, {}, 200)
    withdraws = kind is PersonalKind.INVOICE and request.POST.get("action") == "withdraw"
    return visit.withdraw() if withdraws else visit.ask()


def back(said: str) -> HttpResponse:
    """To the orders' page, which says what became of it."""
    return HttpResponseRedirect(f"{PATH}?said={said}")
