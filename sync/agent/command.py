"""The `keydesk-sync` command: enrol a kiosk, and carry its journal up and its feed down."""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path

import msgspec

from kiosk.configuration import ConfigurationError
from kiosk.configuration import load as load_configuration
from kiosk.domain.errors import DomainError
from kiosk.store.errors import StoreError
from sync.agent.enrolment import enrol
from sync.agent.errors import AgentError, ExchangeFailed
from sync.agent.loop import Loop
from sync.agent.nightly import exchange, night_lines, nightly
from sync.agent.opening import (
    AgentSettings,
    open_agent,
    open_database,
    open_or_create_database,
    program,
)
from sync.agent.parent import stop_on_signals, stop_with_parent
from sync.agent.patience import Patience
from sync.agent.status import status, status_lines
from sync.protocol.errors import ProtocolError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="keydesk-sync",
        description="Carry a kiosk's journal to the centre and the centre's feed to the kiosk.",
    )
    top.add_argument("--version", action="version", version=program())
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    token = _command(commands, "enrol", "make this data directory the kiosk that a one-time token names")
    token.add_argument("--token", required=True, help="the one-time token from the centre, 3-XXXX-XXXX-…")
    run = _command(commands, "run", "keep carrying until told to stop")
    run.add_argument(
        "--exit-with-parent", action="store_true", help="stop when standard input ends, as its writer goes"
    )
    _command(commands, "once", "carry everything there is, up and down, once")
    _command(commands, "nightly", "carry everything, prove the journal, and report what is left for people")
    _command(commands, "status", "what went, what waits, and the last contact; asks nobody")
    return top


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument("--config", type=Path, help="the configuration file")
    command.add_argument("--data", type=Path, help="the data directory, in place of the configured one")
    command.add_argument("--centre", help="the centre's address, in place of the configured one")
    command.add_argument(
        "--network-switch",
        type=Path,
        metavar="FILE",
        help="while this file exists every request fails as if the line were cut (for drills)",
    )
    command.add_argument(
        "--clock-shift",
        type=Path,
        metavar="FILE",
        help="a file with seconds to add to the clock (for drills)",
    )
    if name != "run":
        command.add_argument("--json", action="store_true", help="for programs")
    return command


def main() -> int:
    """Run the command; its exit status."""
    arguments = parser().parse_args()
    # What is kept here is the kiosk's own; others of the machine need not read it.
    os.umask(0o077)
    try:
        return _COMMANDS[arguments.command](_settings(arguments), arguments)
    except ExchangeFailed as error:
        return _failed(f"the centre cannot be reached now ({error}); try the same command again")
    except (AgentError, ConfigurationError, ProtocolError, StoreError, DomainError) as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"the data directory cannot be used: {error}")
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
    )


def _enrol(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_or_create_database(settings.directory) as database:
        enrolled = enrol(settings, database, arguments.token, settings.transport(), settings.clock)
    already = "已是" if enrolled.before else "已登记为"
    _say(arguments, enrolled, [f"本机{already} {enrolled.kiosk} 号终端，第 {enrolled.epoch} 期。"])
    return 0


def _run(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_agent(settings) as agent:
        chance = random.SystemRandom().random
        loop = Loop(agent, settings.switch, Patience(settings.directory), chance)
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
        pushed, pulled = exchange(agent)
    done = _Exchanged(pushed.sent, pulled.applied, pulled.kept)
    _say(arguments, done, [f"上传 {done.sent} 条，接收 {done.received} 项，未能应用 {done.kept} 项。"])
    return 0


def _nightly(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_agent(settings) as agent:
        night = nightly(agent)
    _say(arguments, night, night_lines(night))
    return 0 if night.well else 1


def _status(settings: AgentSettings, arguments: argparse.Namespace) -> int:
    with open_database(settings.directory) as database, database.read() as tx:
        report = status(tx)
    _say(arguments, report, status_lines(report))
    return 0


_COMMANDS = {"enrol": _enrol, "run": _run, "once": _once, "nightly": _nightly, "status": _status}


def _say(arguments: argparse.Namespace, report: msgspec.Struct, lines: list[str]) -> None:
    text = msgspec.json.encode(report).decode() if arguments.json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _failed(sentence: str) -> int:
    sys.stderr.write(f"keydesk-sync: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
