"""`keydesk demo`."""

from __future__ import annotations

import argparse

from hardware.crypto.sm2 import sm2
from kiosk.commands.failures import CommandError
from kiosk.demo.launcher import DemoError, default_directory
from kiosk.demo.launcher import run as run_demo


def run(arguments: argparse.Namespace) -> int:
    """Run the demo. Raises CommandError, LibcryptoUnusable."""
    sm2()  # here, where a missing library can still be said
    try:
        return run_demo(
            arguments.data or default_directory(),
            fresh=arguments.fresh,
            language=arguments.language,
            scene=arguments.scene,
        )
    except DemoError as error:
        raise CommandError(str(error)) from error
