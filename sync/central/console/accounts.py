"""The console's accounts after the centre was put back: nobody stays signed in, and a person confirms each."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session

from kiosk.domain.exchange import EXCHANGE_KIOSK
from sync.central.journal.alarms import Cause, raise_alarms
from sync.central.journal.models import AlarmKind


def sign_out_all(sender: object, *, number: int, now: int, **_named: object) -> None:
    """End every session, and raise an alarm for each active account (a receiver of `incarnation_began`).

    One that was closed since the backup is open again, with its former password.
    """
    del sender
    Session.objects.all().delete()
    users = get_user_model().objects.filter(is_active=True).order_by("pk")
    raise_alarms(
        (
            Cause(
                AlarmKind.ACCOUNT,
                EXCHANGE_KIOSK,
                f"{number} {user.get_username()}",
                f"账号 {user.get_username()} 在恢复的备份里可以登录：请确认权限和密码没有在备份之后改过或停用",
            )
            for user in users
        ),
        now,
    )
