from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOOKS = ROOT / "tools" / "hooks"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the project's hooks, and a check of its own that a file decides."""
    shutil.copytree(HOOKS, tmp_path / "tools" / "hooks")
    (tmp_path / "Makefile").write_text("check:\n\t@test ! -e broken\n")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "config", "core.hooksPath", "tools/hooks")
    _git(tmp_path, "add", "Makefile", "tools")
    return tmp_path


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    alone = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "somebody",
        "GIT_AUTHOR_EMAIL": "somebody@example.cn",
        "GIT_COMMITTER_NAME": "somebody",
        "GIT_COMMITTER_EMAIL": "somebody@example.cn",
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=alone, capture_output=True, text=True, check=False
    )


def _commit(folder: Path, *paragraphs: str) -> subprocess.CompletedProcess[str]:
    return _git(folder, "commit", "--allow-empty", *(part for each in paragraphs for part in ("-m", each)))


def test_a_commit_is_made_where_the_check_passes(repository: Path) -> None:
    assert _commit(repository, "Open the desk").returncode == 0


def test_no_commit_is_made_where_the_check_fails(repository: Path) -> None:
    (repository / "broken").touch()
    assert _commit(repository, "Open the desk").returncode != 0
    assert not _git(repository, "log").stdout


def test_changes_that_are_not_staged_are_pointed_out(repository: Path) -> None:
    assert "not staged" not in _commit(repository, "Open the desk").stderr
    with (repository / "Makefile").open("a") as file:
        file.write("\n")
    assert "not staged" in _commit(repository, "Open the desk again").stderr


@pytest.mark.parametrize(
    ("subject", "taken"),
    [
        ("x" * 72, True),
        ("x" * 73, False),
        ("密" * 72, True),
        ("密" * 73, False),
        ("fixup! " + "x" * 72, True),
    ],
)
def test_a_subject_has_at_most_72_characters(repository: Path, subject: str, taken: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert (_commit(repository, subject).returncode == 0) == taken


def test_a_body_is_parted_from_its_subject(repository: Path) -> None:
    assert _commit(repository, "Open the desk", "So that members come.").returncode == 0
    assert _commit(repository, "Open the desk\nSo that members come.").returncode != 0


def test_the_hooks_are_those_of_pre_commit_and_what_ci_runs() -> None:
    configured = (ROOT / ".pre-commit-config.yaml").read_text()
    for hook in HOOKS.iterdir():
        assert os.access(hook, os.X_OK), hook
        assert f"entry: tools/hooks/{hook.name}" in configured
    assert "make --no-print-directory check" in (HOOKS / "pre-commit").read_text()
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "$(MAKE) --no-print-directory --jobs=2 --output-sync=target check all-tests" in makefile
