"""Which tests run when: every test belongs to one tier, by its folder or file, or by the marker `soak`.

`pytest --tier quick` runs the first, `pytest` the first two, `pytest --tier soak` the last.
"""

from __future__ import annotations

import enum
from pathlib import PurePosixPath


class Tier(enum.StrEnum):
    """From what is run at every change to what is run now and then."""

    QUICK = "quick"
    """Rules and verbs in one process: well under a minute, with the checks."""
    WHOLE = "whole"
    """All else: certificates, stores, screens, devices, processes, browsers."""
    SOAK = "soak"
    """Every point where the tiers before take a sample."""


TIERS = {
    "docs": Tier.WHOLE,
    "guide": Tier.WHOLE,
    "hardware": Tier.WHOLE,
    "kiosk/backup": Tier.WHOLE,
    "kiosk/commands": Tier.WHOLE,
    "kiosk/demo": Tier.WHOLE,
    "kiosk/desk": Tier.QUICK,
    "kiosk/desk/binding/pulls": Tier.WHOLE,
    "kiosk/desk/binding/test_faults.py": Tier.WHOLE,
    "kiosk/desk/keys/test_key_pulls.py": Tier.WHOLE,
    "kiosk/desk/test_desk_machine.py": Tier.WHOLE,
    "kiosk/desk/test_large_store.py": Tier.WHOLE,
    "kiosk/desk/tokens/test_odd_keys_in_readers.py": Tier.WHOLE,
    "kiosk/domain": Tier.QUICK,
    "kiosk/pki": Tier.WHOLE,
    "kiosk/store": Tier.WHOLE,
    "kiosk/test_assembly.py": Tier.WHOLE,
    "kiosk/test_configuration.py": Tier.WHOLE,
    "kiosk/test_configured_proxy.py": Tier.QUICK,
    "kiosk/text": Tier.WHOLE,
    "kiosk/ui": Tier.WHOLE,
    "recorded": Tier.WHOLE,
    "support": Tier.QUICK,
    "sync": Tier.WHOLE,
    "terminal": Tier.WHOLE,
    "tools": Tier.WHOLE,
}
"""The longest path that a test file lies in decides."""


def row_of(file: str) -> str:
    """Return the row of `TIERS` for a test file, named from the folder of the tests; LookupError where none is."""
    path = PurePosixPath(file)
    for place in (path, *path.parents):
        if str(place) in TIERS:
            return str(place)
    raise LookupError(f"tests/support/tiers.py has no tier for {file}")


def may_hold(folder: str, tier: Tier) -> bool:
    """Whether tests of a tier may lie in that folder or beneath it; `soak` is a marker and may be anywhere."""
    rows = [f"{row}/" for row, each in TIERS.items() if each is tier]
    here = "" if folder == "." else f"{folder}/"
    return tier is Tier.SOAK or any(row.startswith(here) or here.startswith(row) for row in rows)


def tier_of(file: str, *, soak: bool = False) -> Tier:
    """Return the tier of a test in that file; LookupError where none is given."""
    return Tier.SOAK if soak else TIERS[row_of(file)]
