"""Personal facts in PostgreSQL's files: decrypted before they are erased, and in no page after; a dump has the keys of none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sync.central.backups.copying import DUMP, dump_database
from tests.support.centre_pages import postgresql_pages, readable
from tests.support.postgresql import postgresql
from tests.sync.central.backing_up import Operator, make_key

pytestmark = pytest.mark.xdist_group("serving")

STREET = "花园路1号"
PLANT = """
import json, time
from kiosk.domain.entries.requests import DeliveryAsked
from kiosk.domain.personal import DeliveryAddress
from sync.central.context import centre_keys
from sync.central.ledger.settling import enter_and_apply
from sync.central.personal.keeping import keep_own
now, made, bodies = int(time.time()), [], []
for number in range(60):
    account = ("11000001", "11000006")[number % 2]
    order = f"4-{number + 2:04d}-0.aaaaaaaaaaaa"
    address = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
    commitment = keep_own(address, account, order, centre_keys(), now)
    bodies.append(DeliveryAsked(order, account, commitment, "phone"))
    made.append((account, commitment.hex()))
enter_and_apply(bodies, now)
print(json.dumps(made))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with postgresql() as address:
        yield address


def _pages(address: str) -> bytes:
    """All that the cluster has in its files of tables, the statistics too."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
        (directory,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    return postgresql_pages(Path(str(directory)))


def test_a_planted_fact_is_in_the_pages_before_it_is_erased_and_in_none_after(
    tmp_path: Path, cluster: str
) -> None:
    operator = Operator(tmp_path, tmp_path / "centre", make_key(tmp_path), cluster)
    assert operator.run("examples").returncode == 0
    planted = operator.run("shell", "-v", "0", "-c", PLANT)
    assert planted.returncode == 0, planted.stderr
    made = json.loads(planted.stdout.splitlines()[-1])
    mine = [commitment for account, commitment in made if account == "11000001"]
    others = [commitment for account, commitment in made if account == "11000006"]
    seal_key = (operator.data / "seal.key").read_bytes()

    before = _pages(cluster)
    for each in mine:
        records = readable(before, each, seal_key)
        assert records
        assert all(STREET.encode() in record for record in records)

    dump_database(cluster, tmp_path / DUMP)
    said = subprocess.run(
        ["pg_restore", "--file=-", str(tmp_path / DUMP)], capture_output=True, check=True, text=True
    ).stdout
    with psycopg.connect(cluster, autocommit=True) as connection:
        keys = connection.execute("SELECT sealed FROM personal_recordkey").fetchall()
        mine_sealed = [
            bytes(sealed)
            for table in ("personal_recordkey", "personal_sealedrecord")
            for (sealed,) in connection.execute(
                f"SELECT sealed FROM {table} WHERE commitment = ANY(%s)",  # noqa: S608 - our own two names
                (mine,),
            )
        ]
    assert len(mine_sealed) == 2 * len(mine)
    assert all(each in before for each in mine_sealed)
    assert mine[0] in said
    assert len(keys) == len(made)
    assert not any(bytes(key).hex() in said for (key,) in keys)

    erased = operator.run("privacy", "erase", "--yes", "--account", "11000001")
    assert erased.returncode == 0, erased.stderr
    assert "30" in erased.stdout
    after = _pages(cluster)
    assert [readable(after, each, seal_key) for each in mine] == [[]] * len(mine)
    assert not any(each in after for each in mine_sealed)  # of either table: one alone decrypts nothing
    assert all(readable(after, each, seal_key) for each in others)
    assert json.loads(operator.run("privacy", "export", "--account", "11000001").stdout)["facts"] == []
