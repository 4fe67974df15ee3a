"""The console's lists over big tables: every list, filter, search and page 200, beside bare reading by key.

`python -m bench.central_lists --rows 1000000 [--database postgresql://…]`
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import report, seconds

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import Model
    from django.test import Client

ROWS = 1_000_000
LIMIT = 300.0  # milliseconds
PAGE = 200
ROUNDS = 5
SHOWN = 20  # choices of a filter of which all are measured


class Address(NamedTuple):
    """An address of the console, and what it shows."""

    what: str
    path: str


def addresses(client: Client, model: type[Model]) -> Iterator[Address]:
    """Every list, filter, pair of filters, search and far page of one model's list."""
    from django.contrib import admin  # noqa: PLC0415 - after Django is set up
    from django.urls import reverse  # noqa: PLC0415 - as above

    options = model._meta  # noqa: SLF001 - Django's documented Model._meta API
    base = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    page = admin.site._registry[model]  # noqa: SLF001 - there is no public list
    yield Address(f"{options.label}", base)
    yield Address(f"{options.label} page {PAGE}", f"{base}?p={PAGE}")
    for column in range(1, len(page.list_display) + 1):
        yield Address(f"{options.label} sorted by column {column}", f"{base}?o={column}")
    request = client.get(base).wsgi_request
    request.user = administrator()
    listed = page.get_changelist_instance(request)
    choices = [
        [str(choice["query_string"]) for choice in spec.choices(listed)][1:] for spec in listed.filter_specs
    ]
    assert all(choices), model
    for queries in choices:
        for query in queries if len(queries) < SHOWN else (queries[0], queries[-1]):
            yield Address(f"{options.label} {query}", f"{base}{query}")
        yield Address(f"{options.label} {queries[0]} page {PAGE}", f"{base}{queries[0]}&p={PAGE}")
    for place, queries in enumerate(choices):
        for others in choices[place + 1 :]:
            for one, other in ((queries[0], others[0]), (queries[0], others[-1]), (queries[-1], others[-1])):
                yield Address(f"{options.label} {one} {other}", f"{base}{one}&{other[1:]}")
    yield from _searches(model, base, page.search_fields)


def _searches(model: type[Model], base: str, fields: tuple[str, ...] | list[str]) -> Iterator[Address]:
    rows = model._base_manager.all()  # noqa: SLF001 - Django's documented manager
    for name in fields:
        value = str(rows.values_list(name[1:], flat=True).first() or "nothing")
        yield Address(f"{model._meta.label} search {name}", f"{base}?q={value}")  # noqa: SLF001 - as above
        if name.startswith("^"):
            yield Address(f"{model._meta.label} search {name} (2 letters)", f"{base}?q={value[:2]}")  # noqa: SLF001 - as above
    if fields:
        yield Address(f"{model._meta.label} search for nothing", f"{base}?q=nothing+like+it")  # noqa: SLF001 - as above


def administrator() -> User:
    """Who may see everything."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after Django is set up

    return User.objects.get(username="admin")


def central_lists(folder: Path, rows: int, database: str = "") -> bool:
    """Print a line for each list with its slowest address; False when one was slower than the limit."""
    _set_up(folder, database)
    from django.db import connection  # noqa: PLC0415 - after Django is set up

    from bench.central_rows import big_models, fill_fast  # noqa: PLC0415 - as above

    models = big_models()
    begun = time.perf_counter()
    fill_fast(models, rows)
    spent = time.perf_counter() - begun
    print(
        f"the centre's console on {connection.vendor}: {rows} rows in each of {len(models)} tables, {spent:.0f} s"
    )
    in_time = [_measured(model) for model in models[:-1]]
    return all(in_time)


def _measured(model: type[Model]) -> bool:
    from django.test import Client  # noqa: PLC0415 - after Django is set up

    client = Client()
    client.force_login(administrator())
    manager = model._base_manager  # noqa: SLF001 - Django's documented manager
    shown = list(manager.order_by("pk").values_list("pk", flat=True)[:100])
    worst = Address("", "")
    slowest = spent = below = 0.0
    for address in addresses(client, model):
        taken = []
        for _ in range(ROUNDS):
            below = seconds(lambda: list(manager.filter(pk__in=shown)))
            before = time.process_time()
            wall = seconds(functools.partial(_get, client, address.path))
            taken.append((wall, time.process_time() - before))
            if wall * 1000 < LIMIT / 2:
                break
        fastest = min(taken)
        if fastest[0] > slowest:
            (slowest, spent), worst = fastest, address
        if os.environ.get("KEYDESK_BENCH_ALL"):
            print(
                f"    {fastest[0] * 1000:8.1f} ms, {fastest[1] * 1000:8.1f} of this process: {address.what}"
            )
    report(f"slowest: {worst.what}", slowest * 1000, below * 1000, slowest / below)
    print(f"    of which {spent * 1000:.1f} ms of this process's own time")
    return slowest * 1000 < LIMIT


def _get(client: Client, path: str) -> None:
    answer = client.get(path, follow=True)
    assert answer.status_code == 200, path  # noqa: PLR2004 - HTTP


def _set_up(folder: Path, database: str) -> None:
    """A centre of its own in this process."""
    os.environ["KEYDESK_CENTRAL_DATA"] = str(folder)
    os.environ["KEYDESK_CENTRAL_HOSTS"] = "testserver"
    if database:
        os.environ["KEYDESK_CENTRAL_DATABASE"] = database
    from sync.central.command import main as central  # noqa: PLC0415 - after the environment is set

    central(["migrate", "--verbosity", "0"])
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - after Django is set up

    from sync.central.fleet.models import Kiosk  # noqa: PLC0415 - as above
    from sync.central.members.models import DeskStaff  # noqa: PLC0415 - as above

    get_user_model().objects.create_superuser("admin")
    Kiosk.objects.bulk_create([Kiosk(number=each) for each in range(1, 41)])
    DeskStaff.objects.bulk_create([DeskStaff(name=f"主管{each}") for each in range(20)])


def main() -> int:
    """Measure; the exit status says whether every page was in time."""
    parser = argparse.ArgumentParser(prog="python -m bench.central_lists", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--database", default="", help="an empty PostgreSQL; SQLite without it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="keydesk-bench-") as folder:
        return 0 if central_lists(Path(folder), options.rows, options.database) else 1


if __name__ == "__main__":
    sys.exit(main())
