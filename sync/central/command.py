"""`keydesk-central`: serve, enrolment tokens, examples; every other command is Django's own."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import msgspec

from sync.central import configuration
from sync.central.errors import CentreError
from sync.central.preparing import migrate_when_due, prepare_keys

SETTINGS = "sync.central.settings"
HOST, PORT = "127.0.0.1", 8000
OWN = ("serve", "apply", "enrol-token", "examples")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status (0, or 1 with one sentence on standard error)."""
    given = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    place, rest = _location_options().parse_known_args(given)
    first = next((each for each in rest if not each.startswith("-")), None)
    if first is not None and first not in OWN:
        _set_location(place)
        return _django(rest)
    options = _parser().parse_args(given)
    try:
        _configure(options)
        _prepare()
        return int(options.run(options))
    except CentreError as error:
        sys.stderr.write(f"keydesk-central: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _location_options() -> argparse.ArgumentParser:
    """The options that say where the centre's data is; every command takes them, Django's own too."""
    place = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    place.add_argument("--data", metavar="DIR", help="data directory: database and keys")
    place.add_argument("--config", metavar="FILE", help="configuration (TOML)")
    return place


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keydesk-central",
        description="The central server of Keydesk. `restored` says that the database was put back from a backup; Django's own commands (migrate, createsuperuser, shell, …) work too.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    common = _location_options()
    serve = commands.add_parser("serve", parents=[common], help="serve devices, payers and staff")
    serve.add_argument("--host", default=HOST)
    serve.add_argument("--port", type=int, default=PORT, help="0 takes a free one")
    serve.add_argument(
        "--exit-with-parent", action="store_true", help="end when standard input, a pipe, is closed"
    )
    serve.add_argument(
        "--no-applier", action="store_true", help="leave the applying to `keydesk-central apply` elsewhere"
    )
    serve.set_defaults(run=_serve)
    applier = commands.add_parser(
        "apply",
        parents=[common],
        help="enter what kiosks sent into the books until a signal (`serve` starts one)",
    )
    applier.set_defaults(run=_apply)
    token = commands.add_parser("enrol-token", parents=[common], help="give out a one-time token for a kiosk")
    token.add_argument("--kiosk", type=int, required=True)
    token.add_argument("--json", action="store_true")
    token.set_defaults(run=_enrol_token)
    examples = commands.add_parser(
        "examples", parents=[common], help="make example members, staff and prices"
    )
    examples.add_argument("--kiosk", type=int, default=3, help="the kiosk that gets an enrolment token")
    examples.add_argument(
        "--bound",
        metavar="FILE",
        help='JSON, {"11000002": {"serial": "…", "algorithm": "SM2", "public_key": "04…"}}',
    )
    examples.set_defaults(run=_examples)
    return parser


def _set_location(options: argparse.Namespace) -> None:
    if options.config:
        os.environ[configuration.CONFIG] = str(Path(options.config).resolve())
    if options.data:
        os.environ[configuration.DATA] = str(Path(options.data).resolve())


def _configure(options: argparse.Namespace) -> None:
    _set_location(options)
    host = getattr(options, "host", HOST)
    known = configuration.load().hosts
    if host not in known and host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        os.environ[configuration.HOSTS] = ",".join((*known, f"[{host}]" if ":" in host else host))


def _prepare() -> None:
    """Make the keys, of which Django's settings read one, then the tables; nobody works with a database that was put back.

    Raises DatabaseBehind.
    """
    prepare_keys(int(time.time()))
    import django  # noqa: PLC0415 - after the environment is set

    django.setup()
    migrate_when_due()
    from sync.central.fleet import standing  # noqa: PLC0415 - models can be imported only now

    standing.require_not_behind()
    standing.record()


def _django(arguments: list[str]) -> int:
    try:
        prepare_keys(int(time.time()))
    except CentreError as error:
        sys.stderr.write(f"keydesk-central: {error}\n")
        return 1
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(["keydesk-central", *arguments])
    return 0


def _serve(options: argparse.Namespace) -> int:
    from sync.central.serving import serve  # noqa: PLC0415

    serve(
        options.host,
        options.port,
        _ready,
        exit_with_parent=options.exit_with_parent,
        applying=not options.no_applier,
    )
    return 0


def _apply(_options: argparse.Namespace) -> int:
    from sync.central.serving import apply  # noqa: PLC0415

    apply()
    return 0


def _ready(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def _enrol_token(options: argparse.Namespace) -> int:
    from sync.central.context import centre_now  # noqa: PLC0415
    from sync.central.fleet.enrolment_tokens import give_token  # noqa: PLC0415

    token = give_token(options.kiosk, centre_now())
    sys.stdout.write(
        json.dumps({"kiosk": options.kiosk, "token": token}) + "\n" if options.json else token + "\n"
    )
    return 0


def _examples(options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys, centre_now  # noqa: PLC0415
    from sync.central.examples import BoundKey, make_examples  # noqa: PLC0415

    bound = {}
    if options.bound:
        source = sys.stdin.read() if options.bound == "-" else Path(options.bound).read_text(encoding="utf-8")
        bound = msgspec.json.decode(source, type=dict[str, BoundKey])
    made = make_examples(options.kiosk, bound, centre_keys(), centre_now())
    sys.stdout.write(msgspec.json.encode(made).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
