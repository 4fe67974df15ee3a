"""Django for the centre's tests: a data directory of its own, keys made once, and hashes that cost nothing.

To be imported before anything of sync.central that has models.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

_DATA = tempfile.mkdtemp(prefix="keydesk-central-test-")
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
os.environ["KEYDESK_CENTRAL_DATA"] = _DATA
os.environ["DJANGO_SETTINGS_MODULE"] = "sync.central.settings"
os.environ.setdefault("KEYDESK_CENTRAL_HOSTS", "127.0.0.1,localhost,testserver,centre")
# Which is beyond this machine; programs that the tests start hear of it as well.
os.environ.setdefault("KEYDESK_CENTRAL_PROVIDER", "sandbox")
os.environ.setdefault("KEYDESK_CENTRAL_SMS", "sandbox")

import django  # noqa: E402 - the settings read the environment
from argon2 import PasswordHasher  # noqa: E402
from django.conf import settings  # noqa: E402
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]  # noqa: E402

from sync.central.centre_keys import make_keys  # noqa: E402
from sync.central.configuration import load  # noqa: E402

ORGANISATION = "北京华商储备商品交易所"
KEYS = make_keys(Path(_DATA), ORGANISATION, int(time.time()))
django.setup()

from sync.central import examples  # noqa: E402 - models come after the set-up

# Argon2 with its real costs nine times a test would be most of the tests' time.
vars(examples)["PasswordHasher"] = functools.partial(
    PasswordHasher, time_cost=1, memory_cost=8, parallelism=1
)

_list_static_files = WhiteNoiseMiddleware.add_files_from_finders
_static_files: dict[str, object] = {}


def _list_static_files_once(middleware: WhiteNoiseMiddleware) -> None:
    """Every client of the tests has a middleware of its own; the files that it serves are the same."""
    if not _static_files:
        _list_static_files(middleware)
        _static_files.update(middleware.files)
    middleware.files.update(_static_files)


WhiteNoiseMiddleware.add_files_from_finders = _list_static_files_once

# pytest-django may have read the settings before this file set the data directory.
settings.KEYDESK = load()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
