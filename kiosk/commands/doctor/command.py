"""`keydesk doctor`: what works, what is missing, and what to do about it; exit status 1 when the desk cannot work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from kiosk.commands.doctor.centre import check_authority, check_centre_address, check_proxy
from kiosk.commands.doctor.checks import Check, Level
from kiosk.commands.doctor.data import check_key, check_store
from kiosk.commands.doctor.devices import (
    check_drivers,
    check_libraries,
    check_printer,
    check_reader,
    check_scanner,
)
from kiosk.commands.doctor.machine import check_disk, check_font, check_python, check_sm2, check_terminal
from kiosk.commands.output import document, line
from kiosk.configuration import ConfigurationError, load
from kiosk.text.cells import pad, width
from kiosk.text.command_line import spoken
from kiosk.text.failures import Text, configuration_failure


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and print it."""
    text = spoken().text
    checks = list(look(arguments, text))
    if arguments.json:
        document(checks)
    else:
        _print_checks(checks, text)
    return 1 if any(check.level is Level.FAILED for check in checks) else 0


def look(arguments: argparse.Namespace, text: Text) -> Iterator[Check]:
    """Look at one thing after the other."""
    yield check_python(text)
    yield check_terminal(text)
    yield check_font(text)
    yield check_sm2(text)
    try:
        configuration = load(arguments.config)
    except ConfigurationError as error:
        yield Check(text("配置"), Level.FAILED, *configuration_failure(error, text))
        return
    yield Check(text("配置"), Level.WORKS, text("可以读取"))
    yield check_drivers(configuration, text)
    yield from check_reader(configuration, text)
    yield from check_libraries(configuration.skf, text)
    yield check_printer(configuration, text)
    yield check_scanner(configuration, text)
    yield check_centre_address(configuration.centre, text)
    yield from check_authority(configuration.centre.authority, text)
    yield from check_proxy(configuration.centre.proxy, text)
    directory = arguments.data or configuration.directory
    yield check_disk(directory, text)
    yield from check_store(directory, configuration.backup, text)
    yield from check_key(directory, configuration.key, text)


_MARKS = {Level.WORKS: "[v]", Level.MISSING: "[!]", Level.FAILED: "[x]"}


def _print_checks(checks: list[Check], text: Text) -> None:
    cells = max(width(check.name) for check in checks)
    for check in checks:
        line(f"{_MARKS[check.level]} {pad(check.name, cells)}  {check.found}")
        if check.advice:
            line(f"    {pad('', cells)}  → {check.advice}")
    failed = sum(check.level is Level.FAILED for check in checks)
    line(text("可以办理业务") if failed == 0 else text("有 {failed} 项必须先解决", failed=failed))
