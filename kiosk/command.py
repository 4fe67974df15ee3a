"""The `keydesk` command: its options, and one file of `kiosk.commands` for each subcommand."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="keydesk",
        description="密钥服务台: pay for, bind, replace and renew CA keys, with or without a network.",
    )
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="everything on this machine: virtual keys, sandbox payments")
    demo.add_argument("--data", type=Path, help="where the demo keeps its data between runs")
    demo.add_argument("--fresh", action="store_true", help="begin with a new data directory")
    demo.add_argument("--language", choices=("zh", "en"), default="zh", help="the language to begin in")
    demo.set_defaults(module="demo")

    _command(commands, "run", "the kiosk with its real devices")
    _json(_command(commands, "doctor", "what works, what is missing, what to do"))
    orders = _json(_command(commands, "orders", "the orders of this kiosk"))
    orders.add_argument("--open", action="store_true", help="only those that are placed or paid")
    _json(_command(commands, "keys", "the certificates that this kiosk issued"))
    _json(_command(commands, "status", "devices, network, backlog and clock"))
    _journal(commands)

    key = commands.add_parser(
        "virtual-key", help="a software key in a real PC/SC reader (vpcd) until interrupted"
    )
    key.add_argument(
        "--profile",
        choices=("gmt", "piv"),
        help="the kind of key: GM/T 0017 with SM2 (a new key's, unless told) or PIV with P-256",
    )
    key.add_argument(
        "--state", type=Path, help="the file that keeps its contents; without one they are forgotten"
    )
    key.add_argument("--host", default="127.0.0.1", help="where the virtual reader listens")
    key.add_argument("--port", type=int, default=35963, help="the virtual reader's port (35963)")
    key.set_defaults(module="virtual_key")
    return top


def _journal(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    journal = commands.add_parser("journal", help="prove the journal, or write it out")
    verbs = journal.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = _json(_command(verbs, "verify", "prove the chain of hashes"))
    verify.add_argument("--rebuild", action="store_true", help="also prove that the tables are its fold")
    export = _command(verbs, "export", "write the entries as JSON lines")
    export.add_argument("--output", type=Path, help="the file to write; standard output without it")
    for verb in (verify, export):
        verb.set_defaults(module="journal")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument("--config", type=Path, help="the configuration file")
    command.add_argument("--data", type=Path, help="the data directory, in place of the configured one")
    command.set_defaults(module=name)
    return command


def _json(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--json", action="store_true", help="for programs")
    return command


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - only for --version

    return f"keydesk {version('keydesk')}"


def main() -> int:
    """Run the command; its exit status."""
    arguments = parser().parse_args()
    from kiosk.commands.failures import (  # noqa: PLC0415 - after the options, so that --help is quick
        FAILURES,
        sentence,
    )
    from kiosk.commands.output import catalogue  # noqa: PLC0415

    try:
        module = importlib.import_module(f"kiosk.commands.{arguments.module}")
        status = int(module.run(arguments))
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except FAILURES as error:
        sys.stderr.write(f"keydesk: {sentence(error, catalogue().text)}\n")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
