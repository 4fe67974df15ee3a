"""The real centre, its own process on loopback, and real kiosks whose agents are processes too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.processes import FIRST_KIOSK, CentreProcess, KioskProcess, NewKiosk, centre_template
from tests.support.run_folder import run_folder


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every centre begins with."""
    return centre_template(run_folder(tmp_path_factory))


@pytest.fixture(scope="session")
def central(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[CentreProcess]:
    made = CentreProcess.begin(tmp_path_factory.mktemp("central"), template)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def _kiosk_numbers() -> itertools.count[int]:
    return itertools.count(FIRST_KIOSK)


@pytest.fixture
def new_kiosk(
    tmp_path: Path, central: CentreProcess, _kiosk_numbers: itertools.count[int]
) -> Iterator[NewKiosk]:
    made: list[KioskProcess] = []

    def make(number: int | None = None, token: str = "") -> KioskProcess:
        number = next(_kiosk_numbers) if number is None else number
        directory = tmp_path / f"kiosk-{number}-{len(made)}"
        directory.mkdir()
        made.append(KioskProcess(directory, number, central, token or central.tokens[number]))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def kiosk(new_kiosk: NewKiosk) -> KioskProcess:
    return new_kiosk()


@pytest.fixture(scope="session")
def pay() -> Callable[[str], Any]:
    """Pay as a payer's phone does; what the page says then."""

    def post(address: str) -> Any:
        answer = httpx2.post(
            address.replace("HTTP", "http"), data={"action": "pay"}, headers={"accept": "application/json"}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post
