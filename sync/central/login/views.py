"""The views of login checks: the kiosks' questions, and the sandbox's messages."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from sync.central.context import centre_keys, centre_now
from sync.central.device.answers import answer, device_view
from sync.central.device.authentication import caller, read_body, require_working
from sync.central.login.checking import LoginCheckService
from sync.central.login.models import SandboxMessage
from sync.central.login.sms import sms_provider
from sync.central.tables import column_text
from sync.protocol import records

SHOWN = 10
SANDBOX = "沙箱：没有短信发出，知道账号的人都能看到这些。Sandbox: nothing is sent, and whoever knows an account can read this."


@device_view("POST")
def question(request: HttpRequest) -> HttpResponse:
    """Answer one question of a kiosk's login check."""
    now = centre_now()
    body = read_body(request, records.MAXIMUM_JSON)
    kiosk = require_working(caller(request, body, now))
    checking = LoginCheckService(kiosk.number, centre_keys(), sms_provider(settings.KEYDESK.sms), now)
    return answer(checking.answer(records.decode_question(body)))


@require_GET
def sandbox_messages(request: HttpRequest) -> HttpResponse:
    """Play an account's phone: its latest messages, newest first; only with the sandbox provider."""
    if not settings.KEYDESK.plays_messages:
        raise Http404
    account = column_text(request.GET.get("account", ""), 12)
    rows = SandboxMessage.objects.filter(account=account)[:SHOWN]
    shown = [{"to": row.phone, "text": row.text, "at": row.sent_at} for row in rows]
    said = {"sandbox": SANDBOX, "messages": shown}
    return JsonResponse(
        said, json_dumps_params={"ensure_ascii": False}, headers={"Cache-Control": "no-store"}
    )
