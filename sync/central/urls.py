"""The centre's URLs."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import path, re_path

from sync.central.device import views as device
from sync.central.login import first_passwords
from sync.central.login import views as login
from sync.central.payments import passwords
from sync.central.payments import views as payments
from sync.central.payments.orders import form_views
from sync.central.payments.orders import views as orders
from sync.central.payments.orders.visitors import PATH as ORDERS
from sync.protocol import records


def home(_request: HttpRequest) -> HttpResponseRedirect:
    """Redirect the bare address to the console."""
    return HttpResponseRedirect("/admin/")


def _relative(address: str) -> str:
    return address.removeprefix("/")


urlpatterns = [
    path("", home),
    path("admin/", admin.site.urls),
    path(_relative(records.PATH_CENTRE), device.centre),
    path(_relative(records.PATH_ENROL), device.enrol),
    path(_relative(records.PATH_HEARTBEAT), device.heartbeat),
    path(_relative(records.PATH_JOURNAL), device.journal),
    path(_relative(records.PATH_FEED), device.feed),
    path(_relative(records.PATH_EPOCH), device.epoch),
    path(_relative(records.PATH_LOGIN), login.question),
    path(_relative(records.PATH_DEED), device.deed),
    path(_relative(records.PATH_SNAPSHOT), device.snapshot),
    path(_relative(records.PATH_PERSONAL), device.personal),
    path("sandbox/messages", login.sandbox_messages),
    path("orders", lambda _request: HttpResponseRedirect(ORDERS)),
    path("orders/", orders.page),
    path("orders/follow", orders.follow_picture),
    path(_relative(first_passwords.PATH), passwords.page),
    path(f"{_relative(first_passwords.PATH)}<str:token>", passwords.link),
    re_path(r"^orders/(?P<reference>[0-9a-f.-]{5,40})/delivery$", form_views.delivery),
    re_path(r"^orders/(?P<reference>[0-9a-f.-]{5,40})/invoice$", form_views.invoice),
    # The QR code's address is in capitals and short: /P/ may be left out to fit a longer host name.
    re_path(r"^(?:[Pp]/)?(?P<token>[0-9A-Za-z]{61})/?$", payments.page),
    re_path(r"^[Pp]/(?P<token>[^/]{1,200})/?$", payments.page),
]
