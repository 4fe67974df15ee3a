"""Whether everything that is locked installs on aarch64: asked of the registry, with the locks' hashes.

    python tools/aarch64.py             # every file of requirements/, of the wheels alone that such a machine takes
    python tools/aarch64.py kiosk       # one of them

What has no wheel is built from source there, which wants a C compiler; `SOURCES` names what is known to. Nothing is
installed and nothing is run: a second architecture is not at hand. Exit status 1 where anything else is missing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = frozenset({"pyscard"})
"""What has no wheel for aarch64, and is for tests alone."""

# Debian 12 has glibc 2.36; each lower one is taken as well.
_PLATFORMS: Final = (
    "manylinux2014_aarch64",
    *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 37)),
    "any",
)
_REQUIREMENT: Final = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+.*(?:\n[ \t]+--hash=\S+.*)*\n?", re.MULTILINE
)
_MISSING: Final = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)==")


def without(lock: str, names: frozenset[str]) -> str:
    """The lock file's text without these packages."""
    return _REQUIREMENT.sub(lambda found: "" if found[1].lower() in names else found[0], lock)


def missing(lock: str, pip: tuple[str, ...] = (sys.executable, "-m", "pip")) -> list[str]:
    """The packages of a lock file that have no wheel for aarch64, each once, in the order in which pip meets them."""
    lacking: list[str] = []
    while True:
        done = _asked(without(lock, frozenset(lacking)), pip)
        if done.returncode == 0:
            return lacking
        found = _MISSING.search(done.stderr)
        if found is None or found[1].lower() in lacking:
            sys.stderr.write(done.stderr)
            raise SystemExit("pip failed for another reason than a missing wheel")
        lacking.append(found[1].lower())


def _asked(lock: str, pip: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(lock)
        command = [
            *(*pip, "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("--python-version", f"{sys.version_info[0]}.{sys.version_info[1]}", "--implementation", "cp"),
            *(f"--platform={each}" for each in _PLATFORMS),
            *("--dest", folder, "--requirement", str(file)),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def main(names: list[str]) -> int:
    """Ask for each file; name what has no wheel."""
    files = [ROOT / "requirements" / f"{name}.txt" for name in names] or sorted(
        ROOT.glob("requirements/*.txt")
    )
    status = 0
    for file in files:
        lacking = missing(file.read_text())
        unknown = set(lacking) - SOURCES
        status = 1 if unknown else status
        built = f"; from source: {', '.join(lacking)}" if lacking else ""
        sys.stdout.write(
            f"{file.name}: {'NOT EVERYTHING' if unknown else 'everything'} installs on aarch64{built}\n"
        )
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
