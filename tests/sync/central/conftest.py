"""Kiosks that enrol, sign, journal and upload as real ones do, at a centre under Django's own test client."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.django_setup import KEYS  # isort: split

from sync.central.centre_keys import CentreKeys
from sync.central.examples import Examples, make_examples
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.ledger import waking
from sync.central.ledger.applier import apply_pending
from sync.central.ledger.replaying import differences
from sync.central.ledger.verifying import Verifier
from sync.central.payments import passwords
from sync.central.payments import views as payments
from sync.central.payments.orders import views as orders
from tests.support import scenes
from tests.support.kiosk_double import KioskDouble, http_send
from tests.support.processes import FIRST_KIOSK, CentreProcess


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Leave the names alone: every worker's database is in its own memory."""


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands and errors speak Chinese, whatever the environment of the run says."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(autouse=True)
def applied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply and verify whatever was appended before the request is answered, as the applier does a moment later."""
    monkeypatch.setattr(waking, "wake", apply_and_verify)


@pytest.fixture(autouse=True)
def nobody_asked_before() -> None:
    """Each test's database is new: nothing was asked of it too often."""
    for rate in (*payments.RATES, *orders.RATES, *passwords.RATES):
        rate.clear()


def apply_and_verify() -> None:
    """All that the applier and the verifier do."""
    now, verifier = int(time.time()), Verifier()
    apply_pending(now)
    while verifier.step(now):
        apply_pending(now)


@pytest.fixture(scope="session")
def keys() -> CentreKeys:
    return KEYS


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[CentreProcess]:
    """The real server over real HTTP, beside the centre of the tests with real agents."""
    made = CentreProcess.begin(tmp_path_factory.mktemp("served"), template)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def served_numbers() -> itertools.count[int]:
    """A kiosk of its own for every test."""
    return itertools.count(FIRST_KIOSK)


@pytest.fixture
def live(served: CentreProcess, served_numbers: itertools.count[int]) -> KioskDouble:
    """A kiosk that talks to the real server."""
    number = next(served_numbers)
    return KioskDouble(number, send=http_send, base=served.address).enrol(served.tokens[number])


@pytest.fixture
def examples(db: None, keys: CentreKeys) -> Examples:
    return scenes.EXAMPLES.set_up(lambda: make_examples(3, {}, keys, int(time.time())))


def enrolled(number: int = 3) -> KioskDouble:
    """Enrol a kiosk; `send` and `base` make it talk to a real server."""
    return KioskDouble(number).enrol(give_token(number, int(time.time())))


@pytest.fixture
def make_kiosk() -> Callable[[int], KioskDouble]:
    return enrolled


@pytest.fixture
def kiosk(examples: Examples) -> KioskDouble:
    """Kiosk 3, enrolled, among the examples."""
    return scenes.KIOSK.set_up(lambda: enrolled(3))


@pytest.fixture
def replay_equals_the_tables(db: None) -> Iterator[None]:
    """After the test the journals alone make the same books."""
    yield
    assert differences() == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Move the centre's clock by some seconds."""

    def shift(seconds: int) -> None:
        def later() -> int:
            return int(time.time()) + seconds

        for module in (
            "device.views",
            "payments.views",
            "payments.orders.views",
            "payments.passwords",
            "payments.orders.form_views",
            "login.views",
        ):
            monkeypatch.setattr(f"sync.central.{module}.centre_now", later)

    return shift
