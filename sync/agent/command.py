"""The `keydesk-sync` command: enrol a kiosk, and carry its journal up and its feed down."""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from hardware.disk import keep_private
from kiosk.backup.errors import BackupError
from kiosk.backup.keys import identities_for
from kiosk.commands.failures import CommandError
from kiosk.commands.seal import seal_as_configured
from kiosk.configuration import Configuration, ConfigurationError
from kiosk.configuration import load as load_configuration
from kiosk.domain.errors import DomainError
from kiosk.domain.retention import PersonalRetention
from kiosk.pki.suites import LibcryptoUnusable
from kiosk.store import keyfile
from kiosk.store.agent_lock import agent_runs, enrolling, running
from kiosk.store.database import Database
from kiosk.store.errors import KeyClosed, StoreError
from kiosk.store.location import KEY_FILE
from kiosk.text.asking import ask_on_terminal
from kiosk.text.backups import say_open_key
from kiosk.text.command_line import CommandParser, spoken
from sync.agent.enrolment import Enrolled, awaited_token, enrol, kiosk_of_token
from sync.agent.errors import AgentError, AwaitingRoot, ExchangeFailed
from sync.agent.exchanging import exchange_now
from sync.agent.failure_wording import failure
from sync.agent.leftovers import hand_in
from sync.agent.loop import Loop
from sync.agent.night.running import NightExit, night_document, run_alone
from sync.agent.night.steps import Night, Steps, backing_up, usual_steps
from sync.agent.night.watch import NightProcess, NightWatch
from sync.agent.opening import (
    AgentSettings,
    open_agent,
    open_database,
    open_or_create_database,
)
from sync.agent.status import status, status_document
from sync.agent.stopping import end_with_parent, stop_on_signals, stop_with_parent
from sync.agent.wording import enrolled_line, exchanged_line, handed_in_lines, night_lines, status_lines
from sync.protocol.errors import ProtocolError

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

_Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"  # noqa: SLF001 - there is no public name
_FAILURES = (
    AgentError,
    BackupError,
    CommandError,
    ConfigurationError,
    LibcryptoUnusable,
    ProtocolError,
    StoreError,
    DomainError,
    OSError,
)


_KEY_SECONDS = 2.0
_ROOT_SECONDS = 5.0


def parser() -> CommandParser:
    """The command line, in the language of the environment."""
    text = spoken().text
    top = CommandParser(
        prog="keydesk-sync", description=text("把本机的日志传给中心，把中心下发的资料取回本机。")
    )
    top.add_version()
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    enrolment = _command(commands, "enrol", text("凭一次性令牌，把这个数据目录登记为一台终端机"))
    enrolment.add_argument("--token", required=True, help=text("中心给的一次性令牌，样子是 3-XXXX-XXXX-…"))
    enrolment.add_argument(
        "--from",
        dest="copy",
        type=Path,
        metavar="COPY",
        help=text("先补传这份备份或旧数据里中心还没有的记录，再登记"),
    )
    upload = _command(commands, "upload", text("补传备份或旧数据里中心还没有的记录，本机的数据不变"))
    upload.add_argument(
        "copy", type=Path, metavar="COPY", help=text("加密备份的 .age 文件，或备份、旧盘上的数据目录")
    )
    for command in (enrolment, upload):
        command.add_argument(
            "--identity",
            type=Path,
            metavar="FILE",
            help=text("打开加密备份的密钥文件，由 keydesk backup-key 做成"),
        )
    run = _command(commands, "run", text("一直同步，直到叫停"))
    run.add_argument(
        "--exit-with-parent",
        action="store_true",
        help=text("标准输入结束时停下，也就是写它的程序结束时"),
    )
    _command(commands, "once", text("把要传的都传一次，上传和接收"))
    night = _command(
        commands,
        "nightly",
        text("现在就做一遍夜间检查：上传和接收、检查数据、备份、清理、列出快到期的key盘，并报告要人处理的事"),
        epilog=text(
            "keydesk-sync run 每夜自己做一遍；这里做的也算当夜的。不管中心要求等到什么时候，都马上联系中心。"
            "退出状态：0 全部正常，1 没能开始，3 有事要人处理，4 有一步没有做成或报告存不下，5 另一个程序正在做。"
        ),
    )
    night.add_argument("--scheduled", action="store_true", help=argparse.SUPPRESS)
    _command(commands, "status", text("已传的、待传的和最近一次联系；不联网"))
    return top


def _command(commands: _Commands, name: str, help_: str, epilog: str = "") -> CommandParser:
    text = spoken().text
    command = commands.add_parser(name, help=help_, description=help_, epilog=epilog or None)
    command.add_argument("--config", type=Path, help=text("配置文件"))
    command.add_argument("--data", type=Path, help=text("数据目录，代替配置里的"))
    command.add_argument("--centre", help=text("中心的地址，代替配置里的"))
    command.add_argument(
        "--network-switch",
        type=Path,
        metavar="FILE",
        help=text("有这个文件时，每个请求都像断网一样失败（演练用）"),
    )
    command.add_argument(
        "--clock-shift", type=Path, metavar="FILE", help=text("文件里写时钟要加的秒数（演练用）")
    )
    if name != "run":
        command.add_argument("--json", action="store_true", help=text("输出 JSON，供程序读取"))
    return command


def main() -> int:
    """Run the command; its exit status."""
    arguments = parser().parse_args()
    keep_private()  # other users of the machine must not read the kiosk's data
    try:
        return _COMMANDS[arguments.command](_settings(arguments), arguments)
    except BrokenPipeError:
        # The reader closed its end; Python must not try to write again on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _FAILURES as error:
        _complain(error)
        return 1
    except KeyboardInterrupt:
        return 130


def _settings(arguments: argparse.Namespace) -> AgentSettings:
    configuration = load_configuration(arguments.config)
    return AgentSettings(
        directory=arguments.data or configuration.directory,
        centre=arguments.centre or configuration.centre.url,
        network_switch=arguments.network_switch,
        clock_shift=arguments.clock_shift,
        authority=configuration.centre.authority,
        marker=configuration.marker,
        proxy=configuration.centre.proxy,
        keep_days=configuration.journal.keep_days,
        retention=PersonalRetention(**msgspec.structs.asdict(configuration.privacy)),
        key=configuration.key,
    )


def _enrol(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    kiosk = kiosk_of_token(arguments.token)  # first, since a wrong one makes nothing
    if arguments.copy is not None:
        handed = hand_in(
            settings,
            arguments.copy,
            _identities(arguments),
            settings.transport(),
            settings.clock,
            kiosk=kiosk,
        )
        sys.stderr.write("\n".join(handed_in_lines(handed, spoken().text)) + "\n")
    with (
        open_or_create_database(settings.directory, settings.marker) as database,
        enrolling(settings.directory),
    ):
        enrolled = _enrolled(settings, database, arguments.token, threading.Event())
    if enrolled is None:  # nobody sets that event
        return 1
    _print_report(arguments, enrolled, [enrolled_line(enrolled, spoken().text)])
    if not arguments.json:
        seal_as_configured(settings.directory, settings.key)
    return 0


def _enrolled(
    settings: AgentSettings, database: Database, token: str, stop: threading.Event
) -> Enrolled | None:
    """Enrol, once the centre's root has signed where that is elsewhere; None when stopped before. Raises as `enrol`."""
    waits = False
    while True:
        try:
            return enrol(settings, database, token, settings.transport(), settings.clock)
        except (AwaitingRoot, ExchangeFailed) as error:
            if not waits and isinstance(error, ExchangeFailed) and awaited_token(database) is None:
                raise
            if not waits:
                waits = True
                _complain(error)
        if stop.wait(_ROOT_SECONDS):
            return None


def _run(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    stop = threading.Event()
    with stop_on_signals(stop):
        if arguments.exit_with_parent:
            stop_with_parent(stop)
        if not _wait_for_key(settings.directory / KEY_FILE, stop) or not _wait_for_root(settings, stop):
            return 0
        with open_agent(settings) as agent, running(settings.directory):
            at = load_configuration(arguments.config).nightly.minute
            watch = NightWatch(agent, at, lambda: NightProcess(_same_options(arguments)))
            loop = Loop(agent, settings.switch, random.SystemRandom().random, watch)
            loop.stop = stop
            return 0 if loop.run() else 1


def _upload(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    handed = hand_in(settings, arguments.copy, _identities(arguments), settings.transport(), settings.clock)
    _print_report(arguments, handed, handed_in_lines(handed, spoken().text))
    return 0


def _identities(arguments: argparse.Namespace) -> list[Identity]:
    """The keys that open the given copy. Raises BackupError."""
    found = identities_for(arguments.copy, arguments.identity)
    say_open_key(arguments.identity)
    return found


def _wait_for_root(settings: AgentSettings, stop: threading.Event) -> bool:
    """Go on with an enrolment that waits for the centre's root; False when stopped before."""
    with open_database(settings.directory, settings.marker) as database:
        token = awaited_token(database)
        return token is None or _enrolled(settings, database, token, stop) is not None


def _wait_for_key(file: Path, stop: threading.Event) -> bool:
    """Wait until somebody opens a sealed key: an agent that the system starts has no terminal to ask at."""
    told = False
    while True:
        try:
            keyfile.load(file, asking=ask_on_terminal)
        except KeyClosed as error:
            if not told:
                told = True
                _complain(error)
        except OSError:
            return True  # opening the database says it
        else:
            return True
        if stop.wait(_KEY_SECONDS):
            return False


def _complain(error: Exception) -> None:
    sys.stderr.write(f"keydesk-sync: {failure(error, spoken().text)}\n")
    sys.stderr.flush()


class _Exchanged(msgspec.Struct, frozen=True):
    sent: int
    received: int
    kept: int


def _once(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_agent(settings) as agent:
        pushed, pulled = exchange_now(agent)
    done = _Exchanged(pushed.sent, pulled.applied, pulled.kept)
    _print_report(arguments, done, [exchanged_line(done.sent, done.received, done.kept, spoken().text)])
    return 0


def _same_options(arguments: argparse.Namespace) -> list[str]:
    """The options that name the kiosk and its surroundings, for a process that works on the same one."""
    names = ("config", "data", "centre", "network_switch", "clock_shift")
    given = {name: getattr(arguments, name) for name in names}
    return [
        part
        for name, value in given.items()
        if value is not None
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]


def _nightly(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    configuration, scheduled = load_configuration(arguments.config), arguments.scheduled
    if scheduled:
        os.nice(_NICE)
        end_with_parent()
    with open_agent(settings) as agent:
        night = Night(agent, by_hand=not scheduled, expiring_days=configuration.nightly.expiring_days)
        done = run_alone(night, _steps(configuration), configuration.nightly.minute)
    text = spoken().text
    if isinstance(done, NightExit):
        if done is NightExit.UNDER_WAY and not scheduled:
            said = text("另一个程序正在做夜间检查，等它做完再试。")
            sys.stderr.write(f"keydesk-sync: {said}\n")
        return done
    _print_report(arguments, night_document(done), night_lines(done, text))
    return done.exit_status


_NICE = 15


def _steps(configuration: Configuration) -> Steps:
    """The steps of this kiosk's nights."""
    return usual_steps(backup=backing_up(configuration.backup))


def _status(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_database(settings.directory) as database, database.read() as tx:
        report = status(tx, agent_runs=agent_runs(settings.directory))
    _print_report(arguments, status_document(report), status_lines(report, spoken().text))
    return 0


_COMMANDS = {
    "enrol": _enrol,
    "upload": _upload,
    "run": _run,
    "once": _once,
    "nightly": _nightly,
    "status": _status,
}


def _print_report(arguments: argparse.Namespace, document: object, lines: list[str]) -> None:
    text = msgspec.json.encode(document).decode() if arguments.json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
