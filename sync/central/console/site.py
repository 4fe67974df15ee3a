"""The console itself: its titles, and what its first page says of backups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from kiosk.backup.standing import BackupState, state
from sync.central.backups.record import read_record
from sync.central.context import centre_now
from sync.central.formats import china_time

_BACKUPS = {
    BackupState.FRESH: "最近一次备份：{newest}",
    BackupState.FAILING: "最近一次备份没有送到每一处（最近备好的是 {newest}）：在中心运行 keydesk-central doctor 看原因",
    BackupState.STALE: "备份过期：最近备好的是 {newest}。在中心运行 keydesk-central doctor 看原因，再运行 keydesk-central backup",
    BackupState.AHEAD: "有的备份日期在将来，时钟错过（最近备好的是 {newest}）：在中心运行 keydesk-central doctor 看怎么办",
    BackupState.MISSING: "还没有备好过一次备份：在中心运行 keydesk-central doctor 看原因，再运行 keydesk-central backup",
    BackupState.NOT_CONFIGURED: "没有配置备份：磁盘一坏，账目和密钥就都没有了。在配置文件的 [backup] 里写上公钥和目录",
}


class ConsoleSite(AdminSite):
    """The staff console."""

    site_title = "密钥服务台 中心"
    site_header = "密钥服务台 中心"
    index_title = "管理"
    site_url = None
    empty_value_display = "–"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Django's first page, with an alarm where backups are missing or old."""
        return super().index(request, {**(extra_context or {}), "backups": _notice_of_backups()})


class _Notice(msgspec.Struct, frozen=True):
    """One sentence, and whether it is an alarm."""

    text: str
    is_alarm: bool


def _notice_of_backups() -> _Notice:
    record = read_record(Path(settings.KEYDESK.directory))
    found = state(settings.KEYDESK.backup, record, centre_now())
    newest = "" if record is None or record.newest is None else china_time(record.newest)
    return _Notice(_BACKUPS[found].format(newest=newest), found is not BackupState.FRESH)
