"""Files that are no library for this machine: what is said of each, with the system's own loader."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hardware.ports import LibraryFailure, VendorLibraryFailed
from hardware.token.skf.process import SkfProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource

    Profiles = Callable[..., SkfProfile]
    Sources = Callable[..., SkfTokenSource]


def _reason(library: str) -> str:
    with pytest.raises(VendorLibraryFailed) as caught:
        SkfProcess(library).start()
    assert caught.value.failure == LibraryFailure.UNUSABLE
    return caught.value.reason


def _with(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda data: _with(data, 18, (258).to_bytes(2, "little")),
            "it is for loongarch, 64-bit, this machine needs",
        ),
        (lambda data: _with(data, 18, (0x1234).to_bytes(2, "little")), "it is for processor 4660, 64-bit"),
        (lambda data: _with(data, 4, b"\1"), "32-bit, this machine needs"),
        (lambda data: data[:200], "the loader refuses it"),
        (lambda _: b"", "it is no library"),
        (lambda _: b"MZ" + bytes(100), "it is no library"),
    ],
    ids=["another processor", "an unknown processor", "32 bits", "cut off", "empty", "of another system"],
)
def test_a_file_that_the_loader_refuses_is_told_by_why(
    tmp_path: Path, odd_library: str, change: object, said: str
) -> None:
    assert callable(change)
    file = tmp_path / "libvendor.so"
    file.write_bytes(change(Path(odd_library).read_bytes()))
    reason = _reason(str(file))
    assert said in reason
    assert "install the vendor's package" in reason


def test_what_is_not_there_or_a_folder_is_told(tmp_path: Path) -> None:
    assert _reason(str(tmp_path / "libvendor.so")).startswith(
        "there is no such file: correct `library` in [[skf]]"
    )
    assert _reason(str(tmp_path)).startswith("it is a folder: ")
    assert "its whole path" in _reason("libvendor-of-nobody.so")


def test_a_library_that_lacks_functions_is_told_by_them(poor_library: str) -> None:
    assert _reason(poor_library).startswith("it has no SKF_VerifyPIN, SKF_GenRandom of GM/T 0016")


def test_a_library_that_is_missing_or_another_is_unusable(odd_profile: Profiles, skf_source: Sources) -> None:
    source = skf_source(
        odd_profile(library="/nonexistent/libvendor.so"), odd_profile(library="libc.so.6"), odd_profile()
    )
    assert [presence.reader for presence in source.present()] == ["Odd key"]
    missing, another = source.problems()
    assert "libvendor.so unusable: there is no such file" in missing.reason
    assert "SKF_EnumDev" in another.reason
    assert all("[[skf]]" in problem.reason for problem in (missing, another)), "it says what to do"


def test_a_library_that_the_vendors_needs_is_named(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    source = tmp_path / "needed.c"
    source.write_text("int needed(void) { return 1; }\n")
    build = [compiler, "-shared", "-fPIC", "-x", "c", str(source), "-Wl,--no-as-needed"]
    needed = tmp_path / "libneeded.so"
    subprocess.run([*build, "-Wl,-soname,libneeded.so.1", "-o", needed], check=True)
    vendors = tmp_path / "libvendor.so"
    subprocess.run([*build, "-x", "none", needed, "-o", vendors], check=True)
    assert (
        _reason(str(vendors))
        == "it needs libneeded.so.1, which is not there: install the package that has it"
    )
