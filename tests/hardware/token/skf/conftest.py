from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hardware.token.skf.profile import SkfProfile, configured_profile
from hardware.token.skf.source import SkfTokenSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ODD_LIBRARY = Path(__file__).with_name("odd_library.c")


def _built(folder: Path, name: str, *definitions: str) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        reason = "needs a C compiler: apt-get install gcc libc6-dev"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    library = folder / name
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-pthread", *definitions]
    subprocess.run([*command, "-o", str(library), str(_ODD_LIBRARY)], check=True)
    return str(library)


@pytest.fixture(scope="session")
def odd_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _built(tmp_path_factory.mktemp("odd"), "libodd.so")


@pytest.fixture(scope="session")
def wide_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same where ULONG is unsigned long and handles are int, as one vendor has it."""
    return _built(
        tmp_path_factory.mktemp("wide"),
        "libwide.so",
        "-DULONG=unsigned long",
        "-DHANDLE=int",
        "-Wno-pointer-to-int-cast",
    )


@pytest.fixture(scope="session")
def poor_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same without two functions of the standard's."""
    definitions = ("-DSKF_GenRandom=other_random", "-DSKF_VerifyPIN=other_pin")
    return _built(tmp_path_factory.mktemp("poor"), "libpoor.so", *definitions)


@pytest.fixture
def odd_profile(odd_library: str) -> Callable[..., SkfProfile]:
    """Give a function that makes a profile of the odd library, with short limits."""

    def make(**overrides: Any) -> SkfProfile:
        limits = {
            "call": 2.0,
            "enumeration": 2.0,
            "key_generation": 2.0,
            "load": 5.0,
            **overrides.pop("limits", {}),
        }
        return configured_profile({"library": odd_library, **overrides, "limits": limits})

    return make


@pytest.fixture
def skf_source() -> Iterator[Callable[..., SkfTokenSource]]:
    """Give a function that makes a source, whose processes are ended after the test."""
    sources: list[SkfTokenSource] = []

    def make(*profiles: SkfProfile) -> SkfTokenSource:
        source = SkfTokenSource(profiles)
        sources.append(source)
        return source

    yield make
    for source in sources:
        source.close()


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
        return configured_profile({"library": self.library, **overrides, "limits": limits})

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


@pytest.fixture
def soft_keys(soft_token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftKeys:
    """Give the soft token with one blank key in it."""
    keys = SoftKeys(str(soft_token), tmp_path)
    for name, value in keys.environment.items():
        monkeypatch.setenv(name, value)
    keys.fault()
    keys.insert()
    return keys
