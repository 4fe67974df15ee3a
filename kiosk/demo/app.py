"""The demo's app process: the same screens over virtual devices, with the drawer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import VirtualScanner
from hardware.virtual.source import VirtualTokenSource
from kiosk.assembly import log_to, make_desk
from kiosk.configuration import Centre, Configuration
from kiosk.demo.controls import Controls
from kiosk.demo.drawer import DrawerScreen
from kiosk.demo.launcher import CLOCK_SHIFT, NETWORK_SWITCH
from kiosk.demo.ports import DemoError
from kiosk.demo.processes import watch_parent
from kiosk.demo.scenes import Scene
from kiosk.demo.stage import SceneUsedUp, Stage
from kiosk.desk.service import DeskService
from kiosk.store.location import open_or_create_database
from kiosk.store.system_clock import SystemClock
from kiosk.text.catalogue import Language
from kiosk.text.waiting import say_waiting
from kiosk.ui.app import run_app
from kiosk.ui.shell import Shell


def main() -> int:
    """Run the app until it is left, or the launcher is gone."""
    parser = argparse.ArgumentParser(prog="keydesk-demo-app")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--centre", required=True)
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    parser.add_argument("--scene", type=Scene, choices=tuple(Scene))
    arguments = parser.parse_args()
    directory: Path = arguments.data
    log_to(directory / "log" / "desk.log")
    usual = Configuration()
    configuration = replace(
        usual,
        centre=Centre(url=arguments.centre),
        screen=replace(usual.screen, language=Language(arguments.language)),
    )
    clock = SystemClock(directory / CLOCK_SHIFT)
    source, scanner = VirtualTokenSource(), VirtualScanner()
    printer = VirtualPrinter(directory / "receipts")
    controls = Controls(
        source,
        printer,
        scanner,
        clock,
        cards=directory / "cards",
        network_switch=directory / NETWORK_SWITCH,
        clock_shift=directory / CLOCK_SHIFT,
        traders=directory / "traders.json",
        centre_address=arguments.centre,
    )
    desk = make_desk(
        configuration,
        open_or_create_database(directory, waiting=say_waiting),
        clock,
        source,
        printer,
        scanner,
    )
    opening = _opening(arguments.scene, DeskService(desk), controls)
    return run_app(desk, configuration, lambda: DrawerScreen(controls), watch_parent, opening)


def _opening(scene: Scene | None, service: DeskService, controls: Controls) -> Callable[[Shell], None] | None:
    """What shows that scene, or why it cannot be shown."""
    if scene is None:
        return None
    try:
        return Stage(service, controls).play(scene).show
    except SceneUsedUp:
        return lambda shell: shell.announce(shell.text("示例账号都用过了，这一幕请加 --fresh 从头开始"))
    except DemoError:
        return lambda shell: shell.announce(shell.text("中心没有应答，这一幕演不了"))


if __name__ == "__main__":
    sys.exit(main())
