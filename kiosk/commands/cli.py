"""The `keydesk` command: its options, and one file of `kiosk.commands` for each subcommand."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TypeAlias

from hardware.disk import keep_private
from kiosk.demo.scenes import SCENES, Scene
from kiosk.text.command_line import CommandParser, spoken

_Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"  # noqa: SLF001 - there is no public name


def parser() -> CommandParser:
    """The command line, in the language of the environment."""
    text = spoken().text
    top = CommandParser(
        prog="keydesk", description=text("密钥服务台：CA key盘的缴费、绑定、补办和续期，有没有网络都能办。")
    )
    top.add_version()
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    help_ = text("在这台机器上演示全部业务：虚拟key盘，模拟付款")
    demo = commands.add_parser("demo", help=help_, description=help_)
    demo.add_argument("--data", type=Path, help=text("演示数据放在哪个目录，下次接着用"))
    demo.add_argument("--fresh", action="store_true", help=text("从新的数据目录开始"))
    demo.add_argument("--language", choices=("zh", "en"), default="zh", help=text("开始时的语言"))
    scenes = "；".join(f"{scene.value}: {text(SCENES[scene])}" for scene in Scene)
    demo.add_argument(
        "--scene",
        type=Scene,
        choices=tuple(Scene),
        metavar="SCENE",
        help=text("从中间演起。{scenes}", scenes=scenes),
    )
    demo.set_defaults(module="demo")

    _command(commands, "run", text("用真实的读卡器和打印机开办业务"))
    doctor = _json(_command(commands, "doctor", text("检查什么能用、缺什么、怎么办")))
    doctor.set_defaults(module="doctor.command")
    orders = _listing(_command(commands, "orders", text("本机的订单")))
    orders.add_argument(
        "number", nargs="?", metavar="NUMBER", help=text("只列这个号的订单：可能没有，也可能不止一笔")
    )
    orders.add_argument("--open", action="store_true", help=text("只列待付款和待绑定的"))
    _listing(_command(commands, "keys", text("本机签发的证书")))
    _json(_command(commands, "status", text("设备、网络、待传记录和时钟")))
    _journal(commands)
    _copies(commands)
    _seal(commands)
    _privacy(commands)
    _virtual_key(commands)
    _support_bundle(commands)
    return top


def _support_bundle(commands: _Commands) -> None:
    text = spoken().text
    help_ = text("把报修要的收进一个文件：检查结果、版本、配置和日志，不含密码、密钥和个人资料")
    bundle = _json(_command(commands, "support-bundle", help_))
    bundle.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help=text("写到哪个文件，还没有的；不给就写在当前目录")
    )
    bundle.set_defaults(module="support.command")


def _privacy(commands: _Commands) -> None:
    text = spoken().text
    help_ = text("一个账号在本机的个人资料：导出，或删除")
    privacy = commands.add_parser("privacy", help=help_, description=help_)
    verbs = privacy.add_subparsers(dest="verb", required=True, metavar="VERB")
    export = _command(verbs, "export", text("导出为 JSON，供本人查阅"))
    erase = _command(verbs, "erase", text("删除地址、发票和证件资料；日志仍能核对，中心联网后也删除"))
    erase.add_argument("--yes", action="store_true", help=text("不再问，直接删除"))
    for verb in (export, erase):
        verb.add_argument("--account", required=True, metavar="ACCOUNT", help=text("登录账号"))
        verb.set_defaults(module="privacy")


def _virtual_key(commands: _Commands) -> None:
    text = spoken().text
    help_ = text("把虚拟key盘插入真实的 PC/SC 读卡器（vpcd），直到按 Ctrl+C")
    key = commands.add_parser("virtual-key", help=help_, description=help_)
    key.add_argument(
        "--profile",
        choices=("gmt", "piv"),
        help=text("key盘的种类：gmt 为 GM/T 0017、SM2（新key盘的默认），piv 为 PIV、P-256"),
    )
    key.add_argument("--state", type=Path, help=text("保存key盘内容的文件；不给就用完即忘"))
    key.add_argument("--host", default="127.0.0.1", help=text("虚拟读卡器的地址"))
    key.add_argument("--port", type=int, default=35963, help=text("虚拟读卡器的端口（35963）"))
    key.set_defaults(module="virtual_key")


def _journal(commands: _Commands) -> None:
    text = spoken().text
    help_ = text("核对日志，或导出日志")
    journal = commands.add_parser("journal", help=help_, description=help_)
    verbs = journal.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = _json(_command(verbs, "verify", text("核对日志的散列链，以及各表就是日志的折叠")))
    verify.add_argument("--rebuild", action="store_true", help=text("各表与日志不一致时，按日志重写"))
    export = _command(verbs, "export", text("逐条导出为 JSON 行"))
    export.add_argument("--output", type=Path, help=text("写到哪个文件；不给就写到标准输出"))
    for verb in (verify, export):
        verb.set_defaults(module="journal")


def _copies(commands: _Commands) -> None:
    text = spoken().text
    backup = _json(_command(commands, "backup", text("备份本机的数据，业务照常办理")))
    backup.add_argument(
        "copy",
        nargs="?",
        type=Path,
        metavar="DIRECTORY",
        help=text("不加密，备份成这个还没有的目录；不给，就加密备份到配置 [backup] 的各处"),
    )
    backup.add_argument(
        "--without-key", action="store_true", help=text("不带密钥：只有密钥还在的机器能用它恢复")
    )
    key = _json(_command(commands, "backup-key", text("做一把打开加密备份的密钥，离线保管；显示公钥")))
    key.add_argument("file", type=Path, metavar="FILE", help=text("密钥写到哪个文件，还没有的"))
    restore = _json(_command(commands, "restore", text("恢复备份；原来的数据留在一边，不删除")))
    restore.add_argument(
        "copy",
        type=Path,
        metavar="COPY",
        help=text("加密备份的 .age 文件，或备份的目录，或其中的 keydesk.db；先停下业务和同步程序"),
    )
    restore.add_argument(
        "--identity",
        type=Path,
        metavar="FILE",
        help=text("打开加密备份的密钥文件，由 keydesk backup-key 做成"),
    )
    restore.add_argument("--check", action="store_true", help=text("只打开备份核对一遍，什么都不改"))
    restore.add_argument(
        "--leave-unsent", action="store_true", help=text("现用的数据里还没有上传的记录，就此丢下")
    )
    restore.add_argument(
        "--older", action="store_true", help=text("旁边有更新的加密备份，也恢复这一份较早的")
    )
    for command in (backup, key, restore):
        command.set_defaults(module="copies")


def _seal(commands: _Commands) -> None:
    text = spoken().text
    help_ = text("数据库的密钥怎样存放：TPM 2 封存、启动密码封存，或不封存")
    seal = commands.add_parser("seal", help=help_, description=help_)
    verbs = seal.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = _json(_command(verbs, "show", text("看现在怎样存放")))
    auto = _command(verbs, "auto", text("按配置里的 [key] 封存"))
    tpm = _command(verbs, "tpm", text("用本机的 TPM 2 封存，经 systemd-creds"))
    tpm.add_argument("--device", help=text("哪个 TPM，代替配置里的"))
    tpm.add_argument("--pcrs", help=text("TPM 的哪些寄存器要保持不变，如 7 或 7+14"))
    passphrase = _command(verbs, "passphrase", text("用启动密码封存"))
    plain = _command(verbs, "plain", text("不封存"))
    unlock = _command(verbs, "unlock", text("输入启动密码或恢复码，打开密钥给本机的各程序用，直到关机"))
    lock = _command(verbs, "lock", text("收回打开的密钥"))
    for each in (auto, tpm, passphrase):
        each.add_argument(
            "--code-file",
            type=Path,
            metavar="FILE",
            help=text("把恢复码写进这个新文件，如存储盘上的，而不显示"),
        )
    for each in (show, auto, tpm, passphrase, plain, unlock, lock):
        each.set_defaults(module="seal")


def _command(commands: _Commands, name: str, help_: str) -> CommandParser:
    text = spoken().text
    command = commands.add_parser(name, help=help_, description=help_)
    command.add_argument("--config", type=Path, help=text("配置文件"))
    command.add_argument("--data", type=Path, help=text("数据目录，代替配置里的"))
    command.set_defaults(module=name)
    return command


def _listing(command: CommandParser) -> CommandParser:
    text = spoken().text
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=text("输出 JSON，供程序读取"))
    form.add_argument("--csv", action="store_true", help=text("输出 CSV，供电子表格打开"))
    return command


def _json(command: CommandParser) -> CommandParser:
    command.add_argument("--json", action="store_true", help=spoken().text("输出 JSON，供程序读取"))
    return command


def main() -> int:
    """Run the command; its exit status."""
    arguments = parser().parse_args()
    keep_private()  # other users of the machine must not read the kiosk's data
    # After the options, so that --help is quick.
    from kiosk.commands.failures import FAILURES, sentence  # noqa: PLC0415

    try:
        module = importlib.import_module(f"kiosk.commands.{arguments.module}")
        status = int(module.run(arguments))
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except FAILURES as error:
        sys.stderr.write(f"keydesk: {sentence(error, spoken().text)}\n")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
