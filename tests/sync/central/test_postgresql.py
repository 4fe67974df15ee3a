"""The same tests of models, device API and pages again, on a private PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgresql import postgresql

HERE = Path(__file__).parent
AGAIN = (
    "test_thread.py",
    "test_device_api.py",
    "test_applying.py",
    "test_decided_matters.py",
    "test_judging_certificates.py",
    "test_revoking.py",
    "test_feed.py",
    "test_echoes.py",
    "test_incarnations.py",
    "test_news_of_orders.py",
    "test_audiences.py",
    "test_holds.py",
    "console",
    "test_console_lists.py",
    "test_payment_page.py",
    "test_enrolment.py",
    "test_hostile_kiosks.py",
    "test_odd_entries.py",
    "test_hostile_payers.py",
    "test_replay.py",
    "test_requests.py",
    "test_personal.py",
    "test_personal_clocks.py",
    "order_forms",
    "test_setting_aside.py",
    "test_desk_payments.py",
    "test_first_passwords.py",
    "parallel_on_postgresql.py",
    "reviewing_on_postgresql.py",
    "personal_on_postgresql.py",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a database in a cluster of our own, gone afterwards."""
    with postgresql() as address:
        yield address


@pytest.mark.long
def test_everything_holds_on_postgresql(cluster: str) -> None:
    environment = {**os.environ, "KEYDESK_CENTRAL_DATABASE": cluster, "KEYDESK_TEST_ENGINE": "postgresql"}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "DJANGO_SETTINGS_MODULE"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "--no-header"]
    done = subprocess.run(
        [*command, *(str(HERE / name) for name in AGAIN), str(HERE / "test_engine.py")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=HERE.parents[2],
    )
    told = done.stdout[max(done.stdout.find("= FAILURES ="), 0) :]
    assert done.returncode == 0, f"{told[:20_000]}\n[…]\n{told[-2000:]}"
    assert " passed" in done.stdout or "100%" in done.stdout
