"""A spare machine from its token and a backup to a bound order, after installation; `python -m bench.spare` measures it alone."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import report, seconds
from tests.support.homes import Home
from tests.support.processes import FIRST_KIOSK, CentreProcess, centre_template

ACCOUNTS = ("11000001", "11000003", "11000007")
"""One a round: a member's order at one kiosk is known at the others."""
COMMANDS = 2
"""What the steps start: `enrol --from` and `once`."""


@contextmanager
def _centre(folder: Path) -> Iterator[CentreProcess]:
    folder.mkdir()
    centre = CentreProcess.begin(folder / "served", centre_template(folder))
    centre.start()
    try:
        yield centre
    finally:
        centre.stop()


def _account(kiosk: int) -> str:
    return ACCOUNTS[kiosk - FIRST_KIOSK]


def _lost(folder: Path, centre: CentreProcess, kiosk: int) -> tuple[Home, str]:
    """A spare machine, and the order that a lost one took without sending it: a backup has it."""
    stick, identity = folder / f"stick-{kiosk}", folder / f"recovery-{kiosk}.txt"
    stick.mkdir()
    lost = Home(folder / f"lost-{kiosk}", centre)
    recipient = json.loads(lost.did("keydesk", "backup-key", identity, "--json"))["recipient"]
    lost = Home(folder / f"wiped-{kiosk}", centre, recipient=recipient, stick=stick)
    lost.did("keydesk-sync", "enrol", "--token", centre.tokens[kiosk])
    lost.did("keydesk-sync", "once")
    with lost.desk() as desk:
        order = desk.place(_account(kiosk)).reference
        desk.vouch(order)
    lost.did("keydesk", "backup")
    lost.lose()
    return Home(folder / f"spare-{kiosk}", centre), order


def _taken_over(folder: Path, spare: Home, kiosk: int, token: str, order: str) -> None:
    (backup,) = (folder / f"stick-{kiosk}").iterdir()
    identity = folder / f"recovery-{kiosk}.txt"
    spare.did("keydesk-sync", "enrol", "--token", token, "--from", backup, "--identity", identity)
    spare.did("keydesk-sync", "once")
    with spare.desk() as desk:
        desk.bind(_account(kiosk), order)


def taking_over(folder: Path) -> None:
    """All steps after installation, beside starting the agent's command as often."""
    with _centre(folder) as centre:
        pairs = [_measured(folder, centre, FIRST_KIOSK + number) for number in range(len(ACCOUNTS))]
    ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
    report("spare machine takes over (floor: starting)", ours * 1000, floor * 1000, ours / floor)


def _measured(folder: Path, centre: CentreProcess, kiosk: int) -> tuple[float, float]:
    spare, order = _lost(folder, centre, kiosk)
    token = centre.command("enrol-token", "--kiosk", str(kiosk)).strip()
    ours = seconds(lambda: _taken_over(folder, spare, kiosk, token, order))
    return ours, seconds(lambda: [spare.did("keydesk-sync", "--version") for _ in range(COMMANDS)])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="keydesk-spare-") as place:
        taking_over(Path(place) / "spare")
