from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hardware.token.skf.profile import SkfProfile, configured_profile
from hardware.token.skf.source import SkfTokenSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from tests.support import skf
from tests.support.run_folder import run_folder
from tests.support.skf import SoftKeys


@pytest.fixture(scope="session")
def odd_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return skf.odd_library(run_folder(tmp_path_factory), "libodd.so")


@pytest.fixture(scope="session")
def wide_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same where ULONG is unsigned long and handles are int, as one vendor has it."""
    return skf.odd_library(
        run_folder(tmp_path_factory),
        "libwide.so",
        "-DULONG=unsigned long",
        "-DHANDLE=int",
        "-Wno-pointer-to-int-cast",
    )


@pytest.fixture(scope="session")
def poor_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same without two functions of the standard's."""
    definitions = ("-DSKF_GenRandom=other_random", "-DSKF_VerifyPIN=other_pin")
    return skf.odd_library(run_folder(tmp_path_factory), "libpoor.so", *definitions)


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
        return configured_profile(
            {"library": odd_library, **overrides, "limits": skf.stretched_limits(limits)}
        )

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


@pytest.fixture
def soft_keys(soft_token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftKeys:
    """Give the soft token with one blank key in it."""
    keys = SoftKeys(str(soft_token), tmp_path)
    for name, value in keys.environment.items():
        monkeypatch.setenv(name, value)
    keys.fault()
    keys.insert()
    return keys
