"""What the tool for a second architecture makes of pip's answers, and of the lock files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import aarch64

LOCK = "one==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\ntwo==2.0 \\\n    --hash=sha256:cc\nthree==3 \\\n    --hash=sha256:dd\n"
PIP = """#!/bin/sh
while [ "$1" != --requirement ]; do shift; done
if [ -n "$BROKEN" ]; then echo "the registry does not answer" >&2; exit 2; fi
for name in two three; do
    if grep -q "^$name==" "$2"; then echo "ERROR: No matching distribution found for $name==2.0" >&2; exit 1; fi
done
"""


@pytest.fixture
def pip(tmp_path: Path) -> tuple[str]:
    program = tmp_path / "pip"
    program.write_text(PIP)
    program.chmod(0o755)
    return (str(program),)


def test_a_package_is_left_out_with_its_hashes() -> None:
    assert aarch64.without(LOCK, frozenset({"two"})) == LOCK.replace(
        "two==2.0 \\\n    --hash=sha256:cc\n", ""
    )
    assert aarch64.without(LOCK, frozenset()) == LOCK


def test_every_package_without_a_wheel_is_named(pip: tuple[str]) -> None:
    assert aarch64.missing(LOCK, pip) == ["two", "three"]


def test_another_failure_is_no_missing_wheel(pip: tuple[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(SystemExit):
        aarch64.missing(LOCK, pip)


@pytest.mark.parametrize("name", ["kiosk", "central", "demo"])
def test_what_is_built_from_source_is_in_no_lock_that_a_machine_in_use_installs(name: str) -> None:
    lock = (aarch64.ROOT / "requirements" / f"{name}.txt").read_text()
    assert aarch64.without(lock, aarch64.SOURCES) == lock


def test_what_is_built_from_source_is_in_the_lock_for_tests() -> None:
    lock = (aarch64.ROOT / "requirements" / "test.txt").read_text()
    assert aarch64.without(lock, aarch64.SOURCES) != lock
