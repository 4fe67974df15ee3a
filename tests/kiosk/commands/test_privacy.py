"""`keydesk privacy export` and `erase`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from kiosk.domain.personal import DeliveryAddress
from kiosk.store.database import Database
from kiosk.store.keyfile import load

Keydesk = Callable[..., Any]


def test_what_is_kept_of_an_account_is_exported_and_erased_and_the_chain_holds(
    keydesk: Keydesk, directory: Path
) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with closing(database), database.write() as tx:
        tx.personal.put(DeliveryAddress("张三丰", "河南省", "花园路1号"), "11000001", 1)
    shown = keydesk("privacy", "export", "--account", "11000001", "--data", directory)
    (fact,) = shown.document["facts"]
    assert fact["record"]["address"] == "花园路1号"
    erased = keydesk("privacy", "erase", "--account", "11000001", "--data", directory)
    assert erased.status == 0
    assert "1 份个人资料" in erased.printed
    assert keydesk("privacy", "export", "--account", "11000001", "--data", directory).document["facts"] == []
    assert keydesk("journal", "verify", "--data", directory).status == 0
