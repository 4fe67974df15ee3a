"""Libraries of vendors that tests load: the soft token's keys, and the odd library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hardware.token.skf.profile import SkfProfile, configured_profile
from tests.support.pcsc import do_without
from tests.support.run_folder import alone
from tests.support.waiting import slowness

_TESTS = Path(__file__).parents[1]
_LONGEST_SECONDS = 600.0
_SOFT_TOKEN = _TESTS / "soft_token"
_ODD_LIBRARY = _TESTS / "hardware" / "token" / "skf" / "odd_library.c"


def soft_token(folder: Path, name: str = "libsofttoken.so", *definitions: str) -> Path:
    """Compile the soft token into a folder that the run's processes share, and give the library's path.

    Where it cannot be compiled, the tests are skipped with the reason; under CI they fail.
    """
    library, compiler = folder / name, shutil.which("gcc")
    if library.exists():
        return library
    if (
        compiler is None
        or shutil.which("make") is None
        or not _compiles(compiler, "#include <openssl/evp.h>")
    ):
        do_without("needs a C compiler and OpenSSL's headers: apt-get install gcc make libc6-dev libssl-dev")
    with alone(folder, "soft_token"):
        if not library.exists():
            fresh = library.with_suffix(".new")
            made = f"CC={compiler}", f"LIBRARY={fresh}", f"DEFINITIONS={' '.join(definitions)}"
            subprocess.run(["make", "-s", "-C", _SOFT_TOKEN, *made], check=True)
            fresh.rename(library)
    return library


def _compiles(compiler: str, source: str) -> bool:
    command = [compiler, "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input=source.encode(), capture_output=True, check=False).returncode == 0


def odd_library(folder: Path, name: str, *definitions: str) -> str:
    """Compile the library that misbehaves on demand (odd_library.c) into a folder that the run's processes share."""
    compiler = shutil.which("cc")
    if compiler is None:
        do_without("needs a C compiler: apt-get install gcc libc6-dev")
    library = folder / name
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-pthread", *definitions]
    with alone(folder, name):
        if not library.exists():
            fresh = library.with_suffix(".new")
            subprocess.run([*command, "-o", str(fresh), str(_ODD_LIBRARY)], check=True)
            fresh.rename(library)
    return str(library)


def stretched_limits(limits: dict[str, float]) -> dict[str, float]:
    """Give a library the time that this machine needs now for what an idle one does in these seconds."""
    factor = slowness()
    return {name: round(min(seconds * factor, _LONGEST_SECONDS), 1) for name, seconds in limits.items()}


class SoftKeys:
    """The soft token's folder of keys, its log of calls and its file of faults."""

    def __init__(self, library: str, folder: Path) -> None:
        self.library = library
        self.folder = folder / "keys"
        self.folder.mkdir()
        self.log = folder / "calls.log"
        self._faults = folder / "faults"
        self._insertions = 0

    @property
    def environment(self) -> dict[str, str]:
        """Where the library finds all that."""
        return {
            "SOFT_TOKEN_STATE": str(self.folder),
            "SOFT_TOKEN_LOG": str(self.log),
            "SOFT_TOKEN_FAULTS": str(self._faults),
        }

    def profile(self, **overrides: Any) -> SkfProfile:
        """Make a profile of the soft token, with short limits."""
        limits = {
            "call": 3.0,
            "enumeration": 3.0,
            "key_generation": 3.0,
            "erasure": 3.0,
            **overrides.pop("limits", {}),
        }
        return configured_profile({"library": self.library, **overrides, "limits": stretched_limits(limits)})

    def insert(self, name: str = "E8AD652202221F03") -> None:
        """Plug a key in; a new name is a blank key."""
        self._insertions += 1
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "inserted").write_text(f"{self._insertions}\n")

    def pull(self, name: str = "E8AD652202221F03") -> None:
        """Unplug a key."""
        (self.folder / name / "inserted").unlink(missing_ok=True)

    def state(self, name: str = "E8AD652202221F03") -> str:
        """What is on a key, as its file has it."""
        return (self.folder / name / "state").read_text()

    def change(self, old: str, new: str, name: str = "E8AD652202221F03") -> None:
        """Put something else on a key behind its library's back."""
        assert old in self.state(name)
        (self.folder / name / "state").write_text(self.state(name).replace(old, new))

    def fault(self, *lines: str) -> None:
        """Have these faults happen, with calls counted anew."""
        self._faults.write_text("".join(f"{line}\n" for line in lines))
        self.log.write_text("")

    def calls(self) -> list[str]:
        """The functions that were called since the faults were last chosen."""
        return [line.split()[1] for line in self.log.read_text().splitlines() if line.startswith(">")]
