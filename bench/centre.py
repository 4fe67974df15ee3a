"""The centre's speed: entries that kiosks upload, folded and listed, beside the floor of the same run.

A real `keydesk-central serve` with its applier, on SQLite and on PostgreSQL; the client is on the same machine. The
measurement fails unless the tables equal the reference fold, every certificate was verified, and no bad one is listed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from bench.floor import BATCH, DATABASE, packed

HERE = Path(__file__).parent
FIRST = 11
"""The number of the first kiosk; examples have others."""
KIOSKS = 4
ENTRIES_AN_ORDER = 8
BAD = 10
RETURNING, RETURNING_ENTRIES, PEOPLE = 40, 49, 10
"""The kiosks that come back at once, with so many entries each, and the people who wait at another one meanwhile."""
SECONDS = 1800.0
"""How long a measurement may take before it counts as failed."""


class Figures(msgspec.Struct):
    """What one database did, in entries a second, and the microseconds of processor time that an entry took there.

    `wire` are the bytes that an entry took on the wire.
    """

    floor: float
    folded: float
    listed: float
    processor: dict[str, float]
    wire: float


@contextlib.contextmanager
def postgresql() -> Iterator[str | None]:
    """The address of a database in a cluster of its own, durable as installed; None without PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        yield None
        return
    directory = Path(tempfile.mkdtemp(prefix="keydesk-bench-postgresql-"))
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if owner:
        shutil.chown(directory, "postgres")
    port = _free_port()
    data, control = str(directory / "data"), str(found[-1].parent / "pg_ctl")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory}"
    try:
        _must(*owner, str(found[-1]), "-D", data, "-U", "keydesk", "-A", "trust", "-E", "UTF8")
        _must(*owner, control, "-D", data, "-l", str(directory / "log"), "-w", "-o", options, "start")
        try:
            yield f"postgresql://keydesk@127.0.0.1:{port}/postgres"
        finally:
            _must(*owner, control, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _must(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def floor(database: str, entries: int) -> float:
    """Documents a second, of an entry's size, into a table of their own."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--log-level", "error",
         "bench.floor:application"],
        env={**os.environ, DATABASE: database},
        cwd=HERE.parent,
    )  # fmt: skip
    try:
        documents = [(number, secrets.token_bytes(420)) for number in range(entries)]
        batches = [packed(documents[at : at + BATCH]) for at in range(0, entries, BATCH)]
        _until_open(port)
        begun = time.perf_counter()
        for batch in batches:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=batch, method="POST")
            urllib.request.urlopen(request).close()  # noqa: S310 - our own address
        return entries / (time.perf_counter() - begun)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def _until_open(port: int) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise TimeoutError(port)


_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12  # the fields after the name in /proc/[pid]/stat, proc(5)


def spent(server: int) -> dict[str, float]:
    """Seconds that a `keydesk-central serve` and its children have spent since they began: receive, apply, verify."""
    found = dict.fromkeys(("receive", "apply", "verify"), 0.0)
    for child in _children(server):
        if b"apply" in Path(f"/proc/{child}/cmdline").read_bytes():
            applier, verifier = _children(child)  # in the order in which the keeper makes them
            found["apply"] += _seconds(applier)
            found["verify"] += _seconds(verifier)
        else:
            found["receive"] += _seconds(child)
    return found


def _children(process: int) -> list[int]:
    files = Path(f"/proc/{process}/task").glob("*/children")
    return sorted(int(each) for file in files for each in file.read_text().split())


def _seconds(process: int) -> float:
    stat = Path(f"/proc/{process}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS


class Centre:
    """`keydesk-central serve` over one database, and what is asked of it in Django's own words."""

    def __init__(self, directory: Path, database: str, orders: int = 0) -> None:
        self._environment = {
            **os.environ,
            "KEYDESK_CENTRAL_DATA": str(directory),
            "KEYDESK_CENTRAL_DATABASE": database,
            "DJANGO_SETTINGS_MODULE": "sync.central.settings",
        }
        command = [sys.executable, "-m", "sync.central.command"]
        subprocess.run(
            [*command, "examples"],
            env=self._environment,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=HERE.parent,
        )
        if orders:
            self.ask(FILL.format(orders=orders))
        self._server = subprocess.Popen(
            [*command, "serve", "--port", "0"],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parent,
        )
        assert self._server.stdout is not None
        self.address = self._server.stdout.readline().strip()

    def ask(self, code: str) -> str:
        """Run code beside the server; what it prints."""
        prelude = "import django, time; django.setup(); now = int(time.time())\n"
        return subprocess.run(
            [sys.executable, "-c", prelude + code],
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parent,
        ).stdout

    def enrol(self, kiosks: int) -> dict[int, str]:
        """Enrolment tokens of so many kiosks."""
        numbers = range(FIRST, FIRST + kiosks)
        tokens = self.ask(TOKENS.format(first=numbers[0], last=numbers[-1])).split()
        return dict(zip(numbers, tokens, strict=True))

    def limit(self, kiosks: int) -> None:
        """Give them a second policy, whose limits are out of the way."""
        self.ask(LIMITS.format(first=FIRST, last=FIRST + kiosks - 1))

    def watch(self, code: str) -> subprocess.Popen[str]:
        """Run code beside the server; it is there when its first line is."""
        prelude = "import django, time; django.setup(); print(flush=True)\n"
        watching = subprocess.Popen(
            [sys.executable, "-u", "-c", prelude + code],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parent,
        )
        assert watching.stdout is not None
        watching.stdout.readline()
        return watching

    def spent(self) -> dict[str, float]:
        """Seconds of processor time so far, by what its processes do."""
        return spent(self._server.pid)

    def stop(self) -> None:
        """End it."""
        self._server.terminate()
        self._server.wait()


TOKENS = (
    "from sync.central.fleet.enrolment_tokens import give_token\n"
    "from kiosk.domain.policy import Policy\n"
    "for number in range({first}, {last} + 1): print(give_token(number, now))\n"
)
LIMITS = (
    "from sync.central.centre_keys import load_keys\n"
    "from sync.central.context import centre_keys\n"
    "from sync.central.fleet import policies\n"
    "from kiosk.domain.policy import Policy\n"
    "for number in range({first}, {last} + 1):\n"
    "    limits = Policy(0, number, now + 10**7, unsynced_certificates=10**5, unsynced_amount=10**12)\n"
    "    policies.issue(number, limits, centre_keys(), now)\n"
)
WATCH = (
    "from sync.central.journal.models import Strand\n"
    "from sync.central.ledger.models import LedgerCertificate, StrandCursor\n"
    "from sync.central.tables import strand_number\n"
    "def applied():\n"
    "    cursors = dict(StrandCursor.objects.values_list('strand', 'applied'))\n"
    "    return sum(cursors.get(strand_number(each.kiosk, each.number), 0) for each in Strand.objects.filter(kiosk__lt=100))\n"
    "until = time.time() + {seconds}\n"
    "while applied() < {entries} and time.time() < until: time.sleep(0.05)\n"
    "print(time.time())\n"
    "while LedgerCertificate.objects.filter(checked='', kiosk__lt=100).exists() and time.time() < until: time.sleep(0.05)\n"
    "print(time.time())\n"
)
WATCH_PEOPLE = (
    "from sync.central.journal.models import Strand\n"
    "from sync.central.ledger.models import LedgerCertificate, StrandCursor\n"
    "from sync.central.tables import strand_number\n"
    "until, drained, listed = time.time() + {seconds}, 0, []\n"
    "def pending():\n"
    "    strands = [each for each in Strand.objects.filter(kiosk__lt=100).exclude(kiosk={kiosk})]\n"
    "    cursors = dict(StrandCursor.objects.values_list('strand', 'applied'))\n"
    "    applied = sum(cursors.get(strand_number(each.kiosk, each.number), 0) for each in strands)\n"
    "    return applied < {entries}\n"
    "while (not drained or len(listed) < {people}) and time.time() < until:\n"
    "    keys = LedgerCertificate.objects.filter(kiosk={kiosk}, status='valid').count()\n"
    "    listed += [time.time()] * (keys - len(listed))\n"
    "    if not drained and not pending(): drained = time.time()\n"
    "    time.sleep(0.02)\n"
    "print(drained, *listed)\n"
)
FILL = "from bench.central_rows import fill_orders\nfill_orders({orders})\n"
CHECK_FILLED = (
    "from sync.central.ledger.models import LedgerCertificate\n"
    "from sync.central.ledger.applier import apply_pending\n"
    "from bench.central_rows import FIRST_ACCOUNT_LEFT\n"
    "apply_pending(now)\n"
    "rows = LedgerCertificate.objects.filter(account__gte=FIRST_ACCOUNT_LEFT, kiosk__lt=100)\n"
    "print(0, rows.filter(status='valid').count(), rows.filter(checked='wrong').count())\n"
)
CHECK = (
    "from sync.central.ledger.models import LedgerCertificate\n"
    "from sync.central.ledger.replaying import differences\n"
    "from sync.central.ledger.applier import apply_pending\n"
    "apply_pending(now)\n"
    "rows = LedgerCertificate.objects.filter(kiosk__lt=100)\n"
    "print(len(differences()), rows.filter(status='valid').count(), rows.filter(checked='wrong').count())\n"
)


def measured(database: str, entries: int, orders: int = 0) -> Figures:
    """The floor and the centre over one database, which has rows of so many orders already.

    Raises AssertionError when the tables are not what they must be; made-up rows are not replayed.
    """
    with tempfile.TemporaryDirectory(prefix="keydesk-bench-centre-") as folder:
        bare = database or str(Path(folder) / "floor.sqlite3")
        documents = floor(bare, max(entries, 20 * BATCH))
        centre = Centre(Path(folder), database, orders)
        try:
            return _through(centre, entries, documents, CHECK_FILLED if orders else CHECK)
        finally:
            centre.stop()


def _through(centre: Centre, entries: int, documents: float, check: str) -> Figures:
    from bench.journals import bad, journals, uploads  # noqa: PLC0415 - sets up Django with directories of its own

    kiosks = journals(centre.address, centre.enrol(KIOSKS))
    centre.limit(KIOSKS)
    orders = entries // ENTRIES_AN_ORDER // KIOSKS
    senders = [uploads(kiosk, orders, bad=bad(BAD, KIOSKS, place)) for place, kiosk in enumerate(kiosks)]
    count = sum(len(kiosk.entries) for kiosk in kiosks)
    watching = centre.watch(WATCH.format(entries=count, seconds=SECONDS))
    before, begun = centre.spent(), time.time()
    together([each.send for each in senders])
    folded, listed = (float(moment) - begun for moment in watching.communicate()[0].split())
    processor = {work: 1e6 * (until - before[work]) / count for work, until in centre.spent().items()}
    differences, valid, wrong = (int(number) for number in centre.ask(check).split())
    assert (differences, wrong) == (0, BAD), f"{differences} rows differ, {wrong} bad certificates found"
    assert valid == orders * KIOSKS - BAD, f"{valid} keys are listed"
    wire = sum(each.uploaded for each in senders) / count
    return Figures(documents, count / folded, count / listed, processor, wire)


def returning(database: str) -> str:
    """What becomes of 40 kiosks that come back at once, and of people who wait beside them, in a line.

    Raises AssertionError when a request was refused or left unanswered, or when a matter was raised.
    """
    with tempfile.TemporaryDirectory(prefix="keydesk-bench-returning-") as folder:
        centre = Centre(Path(folder), database)
        try:
            return _return(centre)
        finally:
            centre.stop()


def _return(centre: Centre) -> str:
    from bench.journals import journals, uploads  # noqa: PLC0415 - sets up Django with directories of its own

    *kiosks, waited = journals(centre.address, centre.enrol(RETURNING + 1))
    centre.limit(RETURNING + 1)
    senders = [uploads(kiosk, RETURNING_ENTRIES // ENTRIES_AN_ORDER, bad=0) for kiosk in kiosks]
    count = sum(len(kiosk.entries) for kiosk in kiosks)
    people = [uploads(waited, 1, bad=0, after=number) for number in range(PEOPLE)]
    sent: list[float] = []

    def wait() -> None:
        for each in people:
            sent.append(time.time())
            each.send()
            time.sleep(0.2)

    watching = centre.watch(
        WATCH_PEOPLE.format(seconds=SECONDS, kiosk=waited.number, people=PEOPLE, entries=count)
    )
    begun = time.time()
    together([wait, *(each.send for each in senders)])
    drained, *listed = (float(moment) for moment in watching.communicate()[0].split())
    matters = centre.ask("from sync.central.ledger.models import Matter\nprint(Matter.objects.count())\n")
    assert int(matters) == 0, f"{matters} matters"
    waits = sorted(found - each for each, found in zip(sent, listed, strict=True))
    return (
        f"{RETURNING} kiosks with {count} entries at once: drained in {drained - begun:.1f} s, no request refused, no matter; "
        f"{PEOPLE} people beside them listed within {waits[-1]:.1f} s, half of them within {waits[PEOPLE // 2]:.1f} s"
    )


def together(works: Iterable[Callable[[], None]]) -> None:
    """Do these at the same time, and wait for all."""
    threads = [threading.Thread(target=work) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def centre(entries: int = 10_000) -> None:
    """Print the figures of both databases."""
    with postgresql() as address:
        for name, database in (("SQLite", ""), ("PostgreSQL", address)):
            if database is None:
                print("PostgreSQL is not installed")
                continue
            _print(name, entries, measured(database, entries))
            with postgresql() as another:  # a database belongs to one centre, whose key signed its rows
                print(f"{'':<12} {returning(another or '' if database else '')}")


def large_centre(entries: int, orders: int) -> None:
    """Print what an entry costs in an empty centre and beside the rows of so many orders, on both databases."""
    for name in ("SQLite", "PostgreSQL"):
        found = list[Figures]()
        for already in (0, orders):
            with postgresql() as address:  # a database belongs to one centre, whose key signed its rows
                if name == "PostgreSQL" and address is None:
                    print("PostgreSQL is not installed")
                    return
                database = "" if name == "SQLite" else address or ""
                found.append(measured(database, entries, already))
            print(f"{name} beside {already} orders:")
            _print(name, entries, found[-1])
        empty, full = found
        work = {each: full.processor[each] / empty.processor[each] for each in empty.processor}
        print(
            f"{name:<12} an entry beside {orders} orders costs {empty.folded / full.folded:.2f} times an empty centre's by the clock; "
            f"of processor time {', '.join(f'{each} {ratio:.2f}' for each, ratio in work.items())}"
        )


def _print(name: str, entries: int, figures: Figures) -> None:
    shares = figures.folded / figures.floor, figures.listed / figures.floor
    print(
        f"{name:<12} {entries} entries: floor {figures.floor:8.0f}/s   folded {figures.folded:8.0f}/s "
        f"({shares[0]:.0%})   listed {figures.listed:8.0f}/s ({shares[1]:.0%})"
    )
    split = ", ".join(f"{work} {each:.0f}" for work, each in figures.processor.items())
    print(f"{'':<12} microseconds of processor time an entry: {split}; {figures.wire:.0f} bytes on the wire")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench.centre", description=__doc__)
    parser.add_argument("entries", type=int, nargs="?", default=10_000)
    parser.add_argument(
        "--orders", type=int, default=0, help="beside the rows of so many orders, and without"
    )
    options = parser.parse_args()
    if options.orders:
        large_centre(options.entries, options.orders)
    else:
        centre(options.entries)


if __name__ == "__main__":
    main()
