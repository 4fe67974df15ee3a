"""What requests need besides the database: the centre's keys and its clock."""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings

from sync.central.centre_keys import CentreKeys, load_keys


def centre_keys() -> CentreKeys:
    """The keys of this server's data directory. Raises KeysUnusable."""
    return load_keys(Path(settings.KEYDESK.directory))


def centre_now() -> int:
    """The centre's clock in UTC seconds."""
    return int(time.time())
