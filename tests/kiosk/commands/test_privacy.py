"""`keydesk privacy export` and `erase`."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

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
    erased = keydesk("privacy", "erase", "--yes", "--account", "11000001", "--data", directory)
    assert erased.status == 0
    assert "1 份个人资料" in erased.printed
    assert keydesk("privacy", "export", "--account", "11000001", "--data", directory).document["facts"] == []
    assert keydesk("journal", "verify", "--data", directory).status == 0


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("", "不是登录账号"),
        ("0", "不是登录账号"),
        ("１１０００００１", "不是登录账号"),
        ("1100000a", "不是登录账号"),
        ("3-0147-6", "不是登录账号"),
        ("11000099", "没有账号 11000099 的任何记录"),
    ],
)
@pytest.mark.parametrize("verb", ["export", "erase"])
def test_what_is_no_account_or_unknown_here_leaves_no_entry(
    keydesk: Keydesk, directory: Path, verb: str, account: str, said: str
) -> None:
    before = keydesk("journal", "export", "--data", directory).printed
    refused = keydesk("privacy", verb, "--account", account, "--data", directory)
    assert refused.status == 1
    assert said in refused.said
    assert keydesk("journal", "export", "--data", directory).printed == before


@pytest.mark.parametrize(
    ("typed", "said"), [("", "没有确认"), ("n\n", "没有确认"), ("yes\n", ""), (None, "--yes")]
)
def test_nothing_is_erased_until_somebody_agrees_at_the_terminal(
    keydesk: Keydesk, directory: Path, monkeypatch: pytest.MonkeyPatch, typed: str | None, said: str
) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with closing(database), database.write() as tx:
        tx.personal.put(DeliveryAddress("张三丰", "河南省", "花园路1号"), "11000001", 1)
    terminal = io.StringIO(typed or "")
    monkeypatch.setattr(terminal, "isatty", lambda: typed is not None, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    done = keydesk("privacy", "erase", "--account", "11000001", "--data", directory)
    assert done.status == (1 if said else 0)
    assert said in done.said
    kept = keydesk("privacy", "export", "--account", "11000001", "--data", directory).document["facts"]
    assert bool(kept) is bool(said)


def test_erasing_while_another_program_reads_says_when_the_rest_goes(
    keydesk: Keydesk, directory: Path
) -> None:
    database = Database.open(directory / "keydesk.db", load(directory / "keydesk.key"))
    with closing(database), database.read():
        erased = keydesk("privacy", "erase", "--yes", "--account", "11000001", "--data", directory)
    assert erased.status == 0
    assert "夜间检查会清掉" in erased.printed
