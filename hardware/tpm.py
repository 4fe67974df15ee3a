"""Sealing a small secret to this machine's TPM 2, by the program `systemd-creds` (systemd 250 or newer).

What is sealed opens with that TPM alone, and only while the platform configuration registers (PCRs) that were named have
the values that they had. The secret goes through pipes and is never in a file or on a command line.
"""

from __future__ import annotations

import enum
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "systemd-creds"
DEVICE = Path("/dev/tpmrm0")
"""The first TPM 2 of a machine, which the kernel shares out."""
SECONDS = 30.0
"""How long it may take: a slow TPM makes its primary key in some ten seconds."""
_LONGEST = 200  # characters of the last line that the program says


class TpmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which TPM, as systemd-creds(1) names it, and the PCRs that have to be the same, as `7` or `7+14`.

    PCR 7 has the state of Secure Boot. systemd 252 cannot open what it seals to no PCR at all.
    """

    device: str = "auto"
    pcrs: str = "7"


class TpmFault(enum.StrEnum):
    """Why the TPM does not serve."""

    NO_PROGRAM = "no-program"
    """There is no systemd-creds."""
    NO_ANSWER = "no-answer"
    """It did not end in time."""
    NO_DEVICE = "no-device"
    """This machine has no TPM 2, or the one that was named is not there."""
    NO_RIGHT = "no-right"
    """This user may not use it."""
    REFUSED = "refused"
    """Another TPM, other values in its PCRs, or what else the program says."""


class TpmError(Exception):
    """The TPM does not serve; `detail` is what the program says, in English."""

    def __init__(self, fault: TpmFault, detail: str = "") -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail


def seal(secret: bytes, name: str, settings: TpmSettings) -> bytes:
    """Seal a secret under a name, which must be given again to open it. Raises TpmError."""
    pcrs = f"--tpm2-pcrs={settings.pcrs}"
    return _run(("--with-key=tpm2", pcrs, f"--name={name}", "encrypt", "-", "-"), secret, settings.device)


def unseal(sealed: bytes, name: str, device: str) -> bytes:
    """Open what `seal` made. Raises TpmError."""
    return _run((f"--name={name}", "decrypt", "-", "-"), sealed, device)


def _run(options: Sequence[str], given: bytes, device: str) -> bytes:
    command = (PROGRAM, f"--tpm2-device={device}", *options)
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=SECONDS, check=False)
    except FileNotFoundError as error:
        raise TpmError(TpmFault.NO_PROGRAM) from error
    except subprocess.TimeoutExpired:
        # Without its cause, which would carry what the program had written.
        raise TpmError(TpmFault.NO_ANSWER, f"{SECONDS:g} s") from None
    except OSError as error:
        raise TpmError(TpmFault.REFUSED, str(error)) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").split("\n")
        if (fault := lacking(device)) is not None:
            raise TpmError(fault, str(_node(device)))
        last = next((line.strip() for line in reversed(said) if line.strip()), f"status {done.returncode}")
        raise TpmError(TpmFault.REFUSED, last[:_LONGEST])
    return done.stdout


def _node(device: str) -> Path | None:
    """The device file that a name of systemd-creds stands for; None where it is none."""
    if device == "auto":
        return DEVICE
    return Path(device) if device.startswith("/") else None


def lacking(device: str) -> TpmFault | None:
    """What this machine or this user lacks to use it; None where that is not known."""
    node = _node(device)
    if node is None:
        return None
    if not node.exists():
        return TpmFault.NO_DEVICE
    return None if os.access(node, os.R_OK | os.W_OK) else TpmFault.NO_RIGHT
