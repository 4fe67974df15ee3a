"""What the machine itself has: Python, a terminal, a font, libcrypto, room."""

from __future__ import annotations

import contextlib
import locale
import shutil
import sys
from pathlib import Path

from hardware.crypto.libcrypto import LibcryptoUnusable
from hardware.crypto.sm2 import sm2
from kiosk.commands.doctor.checks import Check, Level
from kiosk.store.location import DATABASE
from kiosk.store.shortage import shortage
from kiosk.text.failures import Text, libcrypto_failure, store_failure

LEAST_FREE = 200 * 1024 * 1024


LEAST_COLUMNS, LEAST_LINES = 80, 24


def check_python(text: Text) -> Check:
    """The version of Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(text("Python"), Level.WORKS, version)


def check_terminal(text: Text) -> Check:
    """Whether the terminal is large enough and speaks UTF-8."""
    size = shutil.get_terminal_size()
    found = f"{size.columns}×{size.lines} {locale.getpreferredencoding()}"
    if size.columns < LEAST_COLUMNS or size.lines < LEAST_LINES:
        return Check(text("终端"), Level.MISSING, found, text("放大到 80×24 以上"))
    if locale.getpreferredencoding().upper() != "UTF-8":
        return Check(text("终端"), Level.MISSING, found, text("使用 UTF-8 的语言环境，如 LANG=C.UTF-8"))
    return Check(text("终端"), Level.WORKS, found)


def check_font(text: Text) -> Check:
    """Whether the receipts' font is there."""
    with contextlib.suppress(ImportError):
        from noto_cjk_sans_otc import (  # type: ignore[import-untyped]  # noqa: PLC0415 - it may be what is missing
            FONT_PATH,
        )

        file = Path(FONT_PATH)
        if file.is_file():
            return Check(text("凭条字体"), Level.WORKS, file.name)
    return Check(text("凭条字体"), Level.FAILED, text("没有找到"), text("重新运行 make install"))


def check_sm2(text: Text) -> Check:
    """Whether libcrypto does SM2."""
    try:
        return Check(text("国密算法"), Level.WORKS, f"OpenSSL {sm2().version}")
    except LibcryptoUnusable as error:
        return Check(text("国密算法"), Level.FAILED, *libcrypto_failure(error, text))


def check_disk(directory: Path, text: Text) -> Check:
    """Whether there is room for the data."""
    place = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    found = text("{place} 剩余 {megabytes} MB", place=place, megabytes=free // (1024 * 1024))
    if free < LEAST_FREE:
        return Check(text("磁盘"), Level.FAILED, found, text("清出空间"))
    missing = shortage(place / DATABASE)
    if missing is not None:
        return Check(text("磁盘"), Level.FAILED, *store_failure(missing, text))
    return Check(text("磁盘"), Level.WORKS, found)
