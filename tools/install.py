"""Create `.venv` with the locked, hashed requirements: `python3 tools/install.py demo|kiosk|central|test`.

Runs on the system's Python with the standard library alone. Installs the required Debian packages when permitted
(root, or sudo without a password), else prints the command. KEYDESK_NO_APT=1 forbids it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# The last that is put into a new virtual environment.
PIP = VENV / "bin" / "pip"
OLDEST = (3, 11)

DEVICE_PACKAGES = {"pcscd": "pcscd"}
# pyscard builds from source: a compiler, the C library's and Python's own headers, and PC/SC's.
TEST_PACKAGES = {
    **DEVICE_PACKAGES,
    "gcc": "gcc",
    "/usr/include/stdio.h": "libc6-dev",
    f"{sysconfig.get_path('include')}/Python.h": "python3-dev",
    "/usr/include/PCSC/winscard.h": "libpcsclite-dev",
    "/usr/lib/pcsc/drivers/serial/libifdvpcd.so": "vsmartcard-vpcd",
    "openssl": "openssl",
    "opensc-tool": "opensc",
    f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/opensc-pkcs11.so": "opensc-pkcs11",
    "ykman": "yubikey-manager",
    "/usr/include/openssl/evp.h": "libssl-dev",
    "tmux": "tmux",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf": "fonts-dejavu-core",
    "/usr/lib/postgresql/15/bin/initdb": "postgresql-15",
    "swtpm": "swtpm",
    "systemd-creds": "systemd",
}
# The last three are what systemd-creds loads for a TPM in software.
TEST_LIBRARIES = {
    "libcairo.so.2": "libcairo2",
    "libtss2-esys.so.0": "libtss2-esys-3.0.2-0",
    "libtss2-rc.so.0": "libtss2-rc0",
    "libtss2-tcti-swtpm.so.0": "libtss2-tcti-swtpm0",
}


BEGAN = time.monotonic()


def say(sentence: str) -> None:
    """Print one line for the user of make."""
    print(f"keydesk: {sentence}", file=sys.stderr, flush=True)


def say_with_time(sentence: str) -> None:
    """The same with the seconds since the beginning."""
    say(f"[{time.monotonic() - BEGAN:3.0f} s] {sentence}")


def debian_installer() -> list[str] | None:
    """The command that may install Debian packages here, or None."""
    if os.environ.get("KEYDESK_NO_APT") or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", "apt-get"]
    return None


def missing(packages: dict[str, str]) -> list[str]:
    """The packages whose program or file is missing."""
    found = (Path(probe).exists() if probe.startswith("/") else shutil.which(probe) for probe in packages)
    return sorted({package for (package, there) in zip(packages.values(), found, strict=True) if not there})


def missing_libraries() -> list[str]:
    """The packages whose shared library the linker does not find."""
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    return [package for library, package in TEST_LIBRARIES.items() if library not in known]


def install_debian(packages: list[str], purpose: str) -> bool:
    """Install them or print the command; returns whether they are installed."""
    if not packages:
        return True
    installer = debian_installer()
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if installer is None:
        say(f"{purpose} needs Debian packages; as root: {command}")
        return False
    say(f"installing Debian packages for {purpose}: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*installer, "update", "-qq"], check=False, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [*installer, "install", "-y", "-qq", "--no-install-recommends", *packages],
        check=False,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        say(f"that failed; as root: {command}")
    return done.returncode == 0


def make_venv() -> None:
    """Create the virtual environment, anew where only half of one stands; on Debian this requires python3-venv."""
    if PIP.exists():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    say_with_time("1/3 a virtual environment in .venv")
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], check=False, capture_output=True, text=True
    )
    if made.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        if not install_debian(["python3-venv"], "a virtual environment"):
            sys.exit(1)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    if not PIP.exists():
        say(f"no virtual environment could be made; is {package} installed?")
        sys.exit(1)


def fill(selection: str) -> None:
    """Install the selection's locked packages and the project, unless already done."""
    lock = ROOT / "requirements" / f"{selection}.txt"
    stamp = VENV / f".{selection}"
    wanted = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar=off"]
    total = sum("==" in line for line in lock.read_text().splitlines())
    say_with_time(f"2/3 {total} locked packages ({selection}); the first time takes a minute or two")
    run_pip([*pip, "--require-hashes", "-r", str(lock)], total)
    say_with_time("3/3 keydesk itself")
    run_pip([*pip, "--no-build-isolation", "--no-deps", "--editable", str(ROOT)], 0)
    stamp.write_text(wanted)
    say_with_time("installed")


def run_pip(command: list[str], total: int) -> None:
    """Run pip and tell each of so many packages that it fetches. Raises CalledProcessError."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    fetched = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as pip:
        for line in pip.stdout or ():
            verb, _, rest = line.strip().partition(" ")
            if verb == "Collecting" and total:
                fetched += 1
                say_with_time(f"    {fetched}/{total} {rest.partition(' ')[0]}")
            elif line.startswith("Installing collected packages"):
                say_with_time("    unpacking")
    if pip.returncode:
        raise subprocess.CalledProcessError(pip.returncode, command)


def main(selection: str) -> int:
    """Install one selection; returns 0 when it is complete."""
    if sys.version_info < OLDEST:
        say("Python 3.11 or newer is needed")
        return 1
    complete = True
    if selection == "kiosk":
        complete = install_debian(missing(DEVICE_PACKAGES), "the card reader")
    if selection == "test":
        complete = install_debian(missing(TEST_PACKAGES) + missing_libraries(), "the whole test suite")
    try:
        make_venv()
        if selection == "kiosk" and not complete:
            say(
                "installing without the card reader's library: the demo works, `keydesk run` will not find a reader"
            )
            fill("demo")
        else:
            fill(selection)
    except subprocess.CalledProcessError as error:
        say(
            f"installing failed ({error.returncode}); check the network to the package registry and run make again"
        )
        return 1
    except KeyboardInterrupt:
        say("interrupted; run make again, it goes on from here")
        return 130
    if selection == "test" and not complete and os.environ.get("CI"):
        say("under CI nothing may be left out of the tests")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "demo"))
