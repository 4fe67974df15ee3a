"""The `keydesk-sync` command: enrol a kiosk, and carry its journal up and its feed down."""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path
from typing import TypeAlias

import msgspec

from kiosk.configuration import ConfigurationError
from kiosk.configuration import load as load_configuration
from kiosk.domain.errors import DomainError
from kiosk.pki.suites import LibcryptoUnusable
from kiosk.store.errors import StoreError
from kiosk.text.command_line import CommandParser, spoken
from sync.agent.enrolment import enrol
from sync.agent.errors import AgentError
from sync.agent.failure_wording import failure
from sync.agent.loop import Loop
from sync.agent.nightly import exchange_now, night_document, nightly
from sync.agent.opening import (
    AgentSettings,
    open_agent,
    open_database,
    open_or_create_database,
    program,
)
from sync.agent.status import status, status_document
from sync.agent.stopping import stop_on_signals, stop_with_parent
from sync.agent.wording import enrolled_line, exchanged_line, night_lines, status_lines
from sync.protocol.errors import ProtocolError

_Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"  # noqa: SLF001 - there is no public name
_FAILURES = (
    AgentError, ConfigurationError, LibcryptoUnusable, ProtocolError, StoreError, DomainError, OSError,
)  # fmt: skip


def parser() -> CommandParser:
    """The command line, in the language of the environment."""
    text = spoken().text
    top = CommandParser(
        prog="keydesk-sync", description=text("把本机的日志传给中心，把中心下发的资料取回本机。")
    )
    top.add_argument("--version", action="version", version=program(), help=text("显示版本号"))
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    enrolment = _command(commands, "enrol", text("凭一次性令牌，把这个数据目录登记为一台终端机"))
    enrolment.add_argument("--token", required=True, help=text("中心给的一次性令牌，样子是 3-XXXX-XXXX-…"))
    run = _command(commands, "run", text("一直同步，直到叫停"))
    run.add_argument(
        "--exit-with-parent",
        action="store_true",
        help=text("标准输入结束时停下，也就是写它的程序结束时"),
    )
    _command(commands, "once", text("把要传的都传一次，上传和接收"))
    _command(commands, "nightly", text("把要传的都传一次，校验日志，并报告要人处理的事"))
    _command(commands, "status", text("已传的、待传的和最近一次联系；不联网"))
    return top


def _command(commands: _Commands, name: str, help_: str) -> CommandParser:
    text = spoken().text
    command = commands.add_parser(name, help=help_, description=help_)
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
    # Other users of the machine must not read the kiosk's data.
    os.umask(0o077)
    try:
        return _COMMANDS[arguments.command](_settings(arguments), arguments)
    except BrokenPipeError:
        # The reader closed its end; Python must not try to write again on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _FAILURES as error:
        sys.stderr.write(f"keydesk-sync: {failure(error, spoken().text)}\n")
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
    )


def _enrol(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_or_create_database(settings.directory, settings.marker) as database:
        enrolled = enrol(settings, database, arguments.token, settings.transport(), settings.clock)
    _print_report(arguments, enrolled, [enrolled_line(enrolled, spoken().text)])
    return 0


def _run(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_agent(settings) as agent:
        chance = random.SystemRandom().random
        loop = Loop(agent, settings.switch, chance)
        with stop_on_signals(loop.stop):
            if arguments.exit_with_parent:
                stop_with_parent(loop.stop)
            return 0 if loop.run() else 1


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


def _nightly(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_agent(settings) as agent:
        night = nightly(agent)
    _print_report(arguments, night_document(night), night_lines(night, spoken().text))
    return 0 if night.well else 1


def _status(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_database(settings.directory) as database, database.read() as tx:
        report = status(tx)
    _print_report(arguments, status_document(report), status_lines(report, spoken().text))
    return 0


_COMMANDS = {"enrol": _enrol, "run": _run, "once": _once, "nightly": _nightly, "status": _status}


def _print_report(arguments: argparse.Namespace, document: object, lines: list[str]) -> None:
    text = msgspec.json.encode(document).decode() if arguments.json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
