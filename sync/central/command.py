"""`keydesk-central`: serve, enrolment tokens, restores, examples; every other command is Django's own."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from hardware.disk import keep_private
from kiosk.domain.identifiers import is_account
from kiosk.text.command_line import CommandParser, agreed, spoken
from sync.central import configuration
from sync.central.backups.command import add_commands
from sync.central.backups.record import disclaim
from sync.central.errors import ArgumentRefused, CentreError, require_kiosk_number
from sync.central.preparing import (
    Occupancy,
    migrate_when_due,
    migrations_due,
    occupy,
    require_centre,
    serving_alone,
    tables_alone,
    tell_django,
    work_beside_others,
)
from sync.central.root.command import add_commands as add_root_commands

if TYPE_CHECKING:
    _Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"  # noqa: SLF001 - argparse has no other name for it

PROGRAM = "keydesk-central"
SETTINGS = "sync.central.settings"
HOST, PORT = "127.0.0.1", 8000
LAST_PORT = 65535
_BY = "keydesk-central privacy"
OWN = (
    "serve",
    "apply",
    "enrol-token",
    "backup",
    "backup-key",
    "restore",
    "restored",
    "doctor",
    "examples",
    "privacy",
    "root",
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status (0, or 1 with one sentence on standard error)."""
    given = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    place, rest = _location_options().parse_known_args(given)
    first = next((each for each in rest if not each.startswith("-")), None)
    try:
        if first is not None and first not in OWN:
            _set_location(place)
            keep_private()
            return _django(rest)
        options = _parser().parse_args(rest)
        keep_private()
        _set_location(place)
        _configure(options)
        options.check(options)
        if options.needs_centre:
            require_centre(configuration.load().directory)
        if not options.preparing:
            return int(options.run(options))
        with closing(occupy(int(time.time()))) as occupancy:
            _prepare(occupancy, judging=options.judging)
            return int(options.run(options))
    except CentreError as error:
        sys.stderr.write(f"keydesk-central: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _location_options() -> CommandParser:
    """The options that say where the centre's data is; every command takes them, Django's own too."""
    text = spoken().text
    place = CommandParser(prog="keydesk-central", add_help=False, allow_abbrev=False)
    place.add_argument("--data", metavar="DIRECTORY", help=text("数据目录：数据库和密钥，代替配置里的"))
    place.add_argument("--config", metavar="FILE", help=text("配置文件（TOML）"))
    return place


def _parser() -> CommandParser:
    text = spoken().text
    parser = CommandParser(
        prog="keydesk-central",
        description=text(
            "密钥服务台的中心。Django 自己的命令（createsuperuser、changepassword、migrate、shell 等）也能用。"
        ),
    )
    parser.add_version()
    parser.set_defaults(preparing=True, judging=True, needs_centre=True, check=_nothing_to_check)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = _location_options()

    def command(name: str, help_: str, run: Callable[[argparse.Namespace], int]) -> CommandParser:
        made: CommandParser = commands.add_parser(name, parents=[common], help=help_, description=help_)
        made.set_defaults(run=run)
        return made

    serve = command("serve", text("为终端机、付款人和员工服务"), _serve)
    serve.add_argument("--host", default=HOST, help=text("监听的地址（127.0.0.1）"))
    serve.add_argument("--port", type=int, default=PORT, help=text("监听的端口（8000）；0 自动找一个空闲的"))
    serve.add_argument(
        "--exit-with-parent",
        action="store_true",
        help=text("标准输入结束时停下，也就是写它的程序结束时"),
    )
    serve.add_argument(
        "--no-applier", action="store_true", help=text("不入账，由别处的 keydesk-central apply 来做")
    )
    serve.set_defaults(check=_check_place, needs_centre=False)
    command("apply", text("把终端机上传的记录入账，直到叫停（serve 自己会做）"), _apply)
    token = command("enrol-token", text("给一台终端机发放一次性的登记令牌"), _enrol_token)
    token.add_argument("--kiosk", type=int, required=True, help=text("终端机编号"))
    token.add_argument("--json", action="store_true", help=text("输出 JSON，供程序读取"))
    token.set_defaults(check=_check_kiosk, needs_centre=False)
    add_commands(commands, common)
    restored = command("restored", text("数据库是从备份恢复的：在有人用它以前运行一次"), _restored)
    restored.set_defaults(judging=False)
    restored.add_argument("--yes", action="store_true", help=text("不再问，直接开始新的一代"))
    examples = command("examples", text("做演示用的会员、柜台人员和价格"), _examples)
    examples.add_argument("--kiosk", type=int, default=3, help=text("给哪台终端机发登记令牌（3）"))
    examples.add_argument(
        "--bound",
        metavar="FILE",
        help=text("JSON 文件，样子是 {example}", example=_BOUND_EXAMPLE).replace("%", "%%"),
    )
    examples.set_defaults(check=_check_examples, needs_centre=False)
    add_root_commands(commands, common)
    _add_privacy(commands, common)
    return parser


def _add_privacy(commands: _Commands, common: CommandParser) -> None:
    text = spoken().text
    help_ = text("一个账号的个人资料：导出（export），或在中心和各终端机删除（erase）")
    privacy = commands.add_parser("privacy", help=help_, description=help_)
    verbs = privacy.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, said in (
        ("export", text("中心关于这个账号存了什么，作为 JSON 输出")),
        ("erase", text("删除中心的个人资料，并让终端机删除；日志里只留下删除的记录")),
    ):
        verb = verbs.add_parser(name, parents=[common], help=said, description=said)
        verb.add_argument("--account", required=True, metavar="ACCOUNT", help=text("账号"))
        verb.set_defaults(run=_privacy, check=_check_account)
        if name == "erase":
            verb.add_argument("--yes", action="store_true", help=text("不再问，直接删除"))


_BOUND_EXAMPLE = '{"11000002": {"serial": "…", "algorithm": "SM2", "public_key": "04…"}}'


def _nothing_to_check(_options: argparse.Namespace) -> None:
    """Nothing that the parser has not."""


def _check_kiosk(options: argparse.Namespace) -> None:
    require_kiosk_number(options.kiosk)


def _check_account(options: argparse.Namespace) -> None:
    if not is_account(options.account):
        wanted = spoken().text(
            "{account} 不是登录账号：账号是 1 至 12 位数字，不以 0 开头", account=options.account
        )
        raise ArgumentRefused(wanted)


def _check_examples(options: argparse.Namespace) -> None:
    require_kiosk_number(options.kiosk)
    if options.bound is None:
        return
    try:
        source = sys.stdin.read() if options.bound == "-" else Path(options.bound).read_text(encoding="utf-8")
        options.bound = msgspec.json.decode(source)
    except (OSError, ValueError) as error:
        raise ArgumentRefused(
            spoken().text("{file} 读不出来（{why}）", file=options.bound, why=error)
        ) from error


def _check_place(options: argparse.Namespace) -> None:
    """Refuse what cannot be listened at; localhost is this machine's address of IPv4."""
    if not 0 <= options.port <= LAST_PORT:
        raise ArgumentRefused(spoken().text("没有 {port} 这个端口", port=options.port))
    if options.host == "localhost":
        options.host = HOST
    try:
        ipaddress.ip_address(options.host)
    except ValueError:
        sentence = spoken().text("--host 要写本机的 IP 地址，如 127.0.0.1：{host}", host=options.host)
        raise ArgumentRefused(sentence) from None


def _set_location(options: argparse.Namespace) -> None:
    if options.config:
        os.environ[configuration.CONFIG] = str(Path(options.config).resolve())
    if options.data:
        os.environ[configuration.DATA] = str(Path(options.data).resolve())


def _configure(options: argparse.Namespace) -> None:
    _set_location(options)
    host = getattr(options, "host", HOST)
    settings = configuration.load()
    if options.run is _serve:
        settings.require_choice(host)
    known = settings.hosts
    if host not in known and host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        os.environ[configuration.HOSTS] = ",".join((*known, f"[{host}]" if ":" in host else host))


def _prepare(occupancy: Occupancy, *, judging: bool) -> None:
    """Bring the tables up to date; with `judging` nobody works with a database that was put back.

    Raises DatabaseBehind, PreparedByAnother, OthersAtWork, TablesNewer.
    """
    import django  # noqa: PLC0415 - after the environment is set, and a key is made that Django's settings read

    django.setup()
    migrate_when_due(occupancy)
    if judging:
        from sync.central.fleet import standing  # noqa: PLC0415 - models can be imported only now

        standing.begin_work()


def _django(arguments: list[str]) -> int:
    """Run a command of Django's; help and what it does not understand make nothing. Raises CentreError."""
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the environment is set
    from django.utils import translation  # noqa: PLC0415

    _require_understood(arguments)
    if not _makes_a_centre(arguments):
        require_centre(configuration.load().directory)
    with closing(occupy(int(time.time()))) as occupancy:
        tell_django(occupancy.directory)

        def changes_tables() -> bool:
            return arguments[0] == _MIGRATE and _changes_tables(arguments)

        if arguments[0] in _FILLERS:
            migrate_when_due(occupancy)
        alone = tables_alone(occupancy, changes_tables) if changes_tables() else nullcontext()
        with alone as is_alone:
            if not is_alone:
                work_beside_others()
            with translation.override(_DJANGO_LANGUAGES[spoken().language.value]):
                execute_from_command_line([PROGRAM, *arguments])
    return 0


_DJANGO_LANGUAGES = {"zh": "zh-hans", "en": "en"}


def _require_understood(arguments: list[str]) -> None:
    """Have Django read the command and its options; help, and what is wrong with them, end the program here."""
    import django  # noqa: PLC0415
    from django.core.management import CommandError, ManagementUtility  # noqa: PLC0415

    django.setup()
    utility = ManagementUtility([PROGRAM, *arguments])
    command, *rest = arguments
    if command in {"help", "version"}:
        utility.execute()
        sys.exit(0)
    try:
        utility.fetch_command(command).create_parser(PROGRAM, command).parse_args(rest)
    except CommandError:
        utility.execute()  # which reads them first too, and ends with the usage
        sys.exit(2)


_MIGRATE = "migrate"
_FILLERS = frozenset({"createsuperuser", "loaddata"})
"""Those that need the tables as they are now, also where `serve` was not run yet."""
_MAKERS = frozenset({_MIGRATE, *_FILLERS})
"""Those of Django's commands with which a centre may begin."""


def _makes_a_centre(arguments: list[str]) -> bool:
    """Whether a command of Django's, called so, makes what it works with; all others work with what exists."""
    return arguments[0] in _MAKERS and not (arguments[0] == _MIGRATE and _only_looks(_migrate(arguments)))


def _changes_tables(arguments: list[str]) -> bool:
    """Whether Django's `migrate`, called so, would change any. Raises TablesNewer."""
    options = _migrate(arguments)
    return not _only_looks(options) and (options.app_label is not None or migrations_due())


def _migrate(arguments: list[str]) -> argparse.Namespace:
    """What Django's `migrate` understands."""
    from django.core.management.commands import migrate  # noqa: PLC0415

    rest = list(arguments)
    rest.remove(_MIGRATE)
    return migrate.Command().create_parser(PROGRAM, _MIGRATE).parse_args(rest)


def _only_looks(options: argparse.Namespace) -> bool:
    return bool(options.check_unapplied or options.plan)


def _serve(options: argparse.Namespace) -> int:
    from sync.central.serving import serve  # noqa: PLC0415

    with serving_alone(configuration.load().directory):
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
    from sync.central.fleet.enrolment_tokens import hand_out, void_words  # noqa: PLC0415

    given = hand_out(options.kiosk, centre_now())
    document = json.dumps({"kiosk": options.kiosk, "token": given.token})
    sys.stdout.write(f"{document if options.json else given.token}\n")
    sys.stdout.flush()
    if given.voided:
        sys.stderr.write(f"keydesk-central: {void_words(given, spoken().text)}\n")
    return 0


def _require_agreement(question: str) -> None:
    """Have somebody agree at the terminal to what cannot be undone. Raises ArgumentRefused."""
    match agreed(question):
        case True:
            return
        case False:
            raise ArgumentRefused(spoken().text("没有确认，什么都没有改动"))
        case None:
            raise ArgumentRefused(spoken().text("没有终端可以确认，什么都没有改动。确定要做，请加 --yes"))


def _restored(options: argparse.Namespace) -> int:
    from sync.central.context import centre_now  # noqa: PLC0415
    from sync.central.journal.incarnations import begin_after_restore  # noqa: PLC0415

    if not options.yes:
        _require_agreement(
            spoken().text(
                "只在数据库刚从备份恢复时做：新的一代开始，登记令牌和登录都失效，终端机都要重新读取和上传，不能撤销。"
                "确定请输入 yes："
            )
        )

    disclaim(configuration.load().directory)
    life, taken = begin_after_restore(centre_now())
    said = spoken().text(
        "第 {number} 代开始；数据库旁边的文件里有 {taken} 项停用、吊销和代次，已读入。登记令牌和登录都已失效；"
        "终端机会自己重新读取资料、重新上传记录。要看什么，控制台的告警会说",
        number=life.number,
        taken=taken,
    )
    sys.stdout.write(f"{said}\n")
    return 0


def _examples(options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys, centre_now  # noqa: PLC0415
    from sync.central.examples import BoundKey, make_examples  # noqa: PLC0415

    bound = msgspec.convert(options.bound or {}, dict[str, BoundKey])
    made = make_examples(options.kiosk, bound, centre_keys(), centre_now())
    sys.stdout.write(msgspec.json.encode(made).decode() + "\n")
    return 0


def _privacy(options: argparse.Namespace) -> int:
    from sync.central.context import centre_now  # noqa: PLC0415
    from sync.central.ledger.privacy import erase_on_request, exported, is_known  # noqa: PLC0415

    text = spoken().text
    if not is_known(options.account):
        raise ArgumentRefused(text("中心没有账号 {account} 的任何记录；请核对账号", account=options.account))
    if options.verb == "export":
        document = msgspec.json.format(msgspec.json.encode(exported(options.account)), indent=2)
        sys.stdout.write(document.decode() + "\n")
        return 0
    if not options.yes:
        _require_agreement(
            text(
                "将删除账号 {account} 在中心和各终端机的个人资料，不能恢复。确定请输入 yes：",
                account=options.account,
            )
        )
    erased = erase_on_request(options.account, _BY, centre_now())
    said = text(
        "已删除账号 {account} 在中心的 {count} 份个人资料；终端机联网后也会删除。日志里只留下删除的记录",
        account=options.account,
        count=erased.count,
    )
    sys.stdout.write(f"{said}\n")
    if not erased.emptied:
        sys.stdout.write(text("别的程序正在读，数据库的页一分钟内由 serve 清空") + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
