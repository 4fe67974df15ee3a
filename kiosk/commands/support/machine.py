"""What a bundle tells of the machine: versions, and what the service manager says of the units."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as driver  # type: ignore[import-untyped]  # the package has no types

from kiosk.text.command_line import program

UNITS = (
    "keydesk.service",
    "keydesk-sync.service",
    "keydesk-watchdog.service",
    "pcscd.service",
    "pcscd.socket",
)
RUNNING = Path("/run/systemd/system")
"""There where systemd is the service manager: sd_booted(3)."""
_RELEASE = Path("/etc/os-release")
_PATIENCE = 10.0  # seconds
_PROPERTIES = (
    *(
        "Id",
        "LoadState",
        "ActiveState",
        "SubState",
        "UnitFileState",
        "Result",
        "ExecMainCode",
        "ExecMainStatus",
    ),
    *("NRestarts", "ActiveEnterTimestamp", "InactiveEnterTimestamp"),
)
_PROPERTY = re.compile(rf"(?:{'|'.join(_PROPERTIES)})=[\w :.+-]{{0,60}}", re.ASCII)
_RELEASE_LINE = re.compile(
    r'(?:ID|VERSION_ID|VERSION_CODENAME|IMAGE_ID|IMAGE_VERSION)="?([\w.+-]{1,40})"?', re.ASCII
)


def versions() -> dict[str, Any]:
    """The program's, the system's and the libraries' versions."""
    return {
        "program": program(),
        "python": platform.python_version(),
        "sqlite": driver.sqlite_version,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "system": _release(),
        "libraries": dict(sorted(_libraries().items())),
    }


def _release() -> list[str]:
    """The lines of os-release(5) that name the system and the image that it was made from."""
    try:
        lines = _RELEASE.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return [sys.platform]
    return [line for line in lines if _RELEASE_LINE.fullmatch(line)]


def _libraries() -> dict[str, str]:
    return {each.metadata["Name"]: each.version for each in distributions() if each.metadata["Name"]}


def units() -> list[str]:
    """What systemd says of the units, one property a line; empty where it does not run this machine or does not answer."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not RUNNING.is_dir():
        return []
    command = (systemctl, "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", *UNITS)
    try:
        told = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in told.stdout.decode(errors="replace").splitlines() if _PROPERTY.fullmatch(line)]
