"""What happens on a machine whose libcrypto is missing, old or without SM2."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hardware.crypto import libcrypto
from hardware.crypto.libcrypto import LibcryptoFault, LibcryptoUnusable
from hardware.crypto.sm2 import Sm2, _require_known_answers, load, sm2

if TYPE_CHECKING:
    from pathlib import Path

OLD = "unsigned long OpenSSL_version_num(void) { return 0x1010117fL; }\n"
LIKE_NEW = "unsigned long OpenSSL_version_num(void) { return 0x30000130L; }\n"
TEXT = 'const char *OpenSSL_version(int kind) { return "0.0"; }\n'


def compiled(folder: Path, source: str) -> str:
    (folder / "crypto.c").write_text(source, encoding="ascii")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "libcrypto.so", "crypto.c"], cwd=folder, check=True)
    return str(folder / "libcrypto.so")


def test_a_missing_library_is_named_with_what_to_do() -> None:
    with pytest.raises(
        LibcryptoUnusable, match=r"libcrypto-none.so.*install it, on Debian the package libssl3"
    ) as missing:
        load(("libcrypto-none.so.1", "libcrypto-none.so.2"))
    assert missing.value.fault is LibcryptoFault.MISSING
    assert "so.1" in missing.value.detail
    assert "so.2" in missing.value.detail


def test_the_first_that_is_there_is_taken() -> None:
    assert load(("libcrypto-none.so.1", *libcrypto.NAMES)).version == sm2().version


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (OLD + TEXT, LibcryptoFault.TOO_OLD),
        ("int nothing;\n", LibcryptoFault.TOO_OLD),
        (LIKE_NEW + TEXT, LibcryptoFault.WITHOUT_SM2),
    ],
)
def test_an_old_or_foreign_library_is_refused(tmp_path: Path, source: str, fault: LibcryptoFault) -> None:
    with pytest.raises(LibcryptoUnusable) as unusable:
        load((compiled(tmp_path, source),))
    assert unusable.value.fault is fault


def test_a_library_that_answers_the_standards_example_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Sm2(libcrypto.Libcrypto())
    _require_known_answers(made)
    for answer in (True, False):
        with monkeypatch.context() as patched:
            patched.setattr(Sm2, "verify", lambda *_: answer)  # noqa: B023 - called before the loop goes on
            with pytest.raises(LibcryptoUnusable) as unusable:
                _require_known_answers(made)
            assert unusable.value.fault is LibcryptoFault.WITHOUT_SM2


def test_no_openssl_configuration_reaches_it(tmp_path: Path) -> None:
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = start\n[start]\nproviders = list\nalg_section = algorithms\n"
        "[list]\nnone = none\n[none]\nactivate = 1\n[algorithms]\ndefault_properties = fips=yes\n",
        encoding="ascii",
    )
    code = "from hardware.crypto.sm2 import sm2; print(sm2().version)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENSSL_CONF": str(configuration)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == sm2().version, run.stderr
