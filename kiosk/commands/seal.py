"""`keydesk seal`: how the database's key is kept, and keeping it in another way."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hardware.disk import create_durably
from hardware.tpm import TpmFault, TpmSettings, lacking
from kiosk.commands.failures import CommandError, sentence
from kiosk.commands.output import document, line
from kiosk.configuration import KeyChoice, load
from kiosk.store import keyfile, resealing
from kiosk.store.errors import TpmUnusable
from kiosk.store.location import KEY_FILE
from kiosk.store.sealing.held import MEMORY
from kiosk.store.sealing.ways import Way
from kiosk.text.asking import ask_on_terminal, ask_unseen
from kiosk.text.catalogue import N_
from kiosk.text.command_line import spoken
from kiosk.text.failures import Text
from kiosk.text.sealing import KEY_WORDS
from kiosk.text.waiting import say_waiting

if TYPE_CHECKING:
    from kiosk.configuration import Key


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises CommandError, ConfigurationError, StoreError; then nothing was changed."""
    configuration = load(arguments.config)
    directory: Path = arguments.data or configuration.directory
    try:
        return _do(arguments, directory, configuration.key)
    except OSError as error:
        raise CommandError(sentence(error, spoken().text)) from error


def seal_as_configured(directory: Path, settings: Key) -> None:
    """Seal the key of a kiosk that was just enrolled, where somebody is there who notes the recovery code; else say what to do.

    Raises CommandError, StoreError, OSError; then it is plain.
    """
    text = spoken().text
    if keyfile.way(directory / KEY_FILE) is not Way.PLAIN or settings.seal is KeyChoice.PLAIN:
        return
    if not sys.stdin.isatty():
        if settings.seal is KeyChoice.AUTO and lacking(settings.device) is TpmFault.NO_DEVICE:
            line(text("密钥与数据库同在这块硬盘上，本机没有 TPM 2。请在终端上运行 keydesk seal passphrase"))
        else:
            line(text("密钥与数据库同在这块硬盘上。请在终端上运行 keydesk seal auto"))
        return
    _as_configured(directory, settings, None)


def _do(arguments: argparse.Namespace, directory: Path, settings: Key) -> int:
    file = directory / KEY_FILE
    text = spoken().text
    match arguments.verb:
        case "show":
            _show(arguments, file)
        case "auto":
            _as_configured(directory, settings, arguments.code_file)
        case "tpm":
            chosen = TpmSettings(arguments.device or settings.device, arguments.pcrs or settings.pcrs)
            _to_tpm(directory, chosen, arguments.code_file)
        case "passphrase":
            _to_passphrase(directory, arguments.code_file)
        case "plain":
            key = resealing.opened(directory, ask_on_terminal)
            _done(resealing.keep(directory, key, None, say_waiting))
            line(text(KEY_WORDS[Way.PLAIN]))
        case "unlock":
            key = resealing.opened(directory, ask_on_terminal)
            if not keyfile.hold(file, key):
                raise CommandError(
                    text(
                        "这台机器没有可用的内存目录（{place}），不能存放打开的密钥：请逐个程序输入启动密码",
                        place=MEMORY,
                    )
                )
            line(text("密钥已打开，这台机器关机以前，各程序都能用"))
        case _:
            keyfile.let_go(file)
            line(text("不再存放打开的密钥；已在运行的程序照常工作，直到退出"))
    return 0


def _show(arguments: argparse.Namespace, file: Path) -> None:
    way, held = keyfile.way(file), keyfile.is_held(file)
    text = spoken().text
    if arguments.json:
        document({"way": way, "held": held})
        return
    line(text(KEY_WORDS[way]))
    if held:
        line(text("密钥已打开，这台机器关机以前，各程序都能用"))


def _as_configured(directory: Path, settings: Key, code_file: Path | None) -> None:
    text = spoken().text
    match settings.seal:
        case KeyChoice.PASSPHRASE:
            _to_passphrase(directory, code_file)
        case KeyChoice.PLAIN:
            line(text(KEY_WORDS[Way.PLAIN]))
        case KeyChoice.TPM:
            _to_tpm(directory, TpmSettings(settings.device, settings.pcrs), code_file)
        case _:
            try:
                _to_tpm(directory, TpmSettings(settings.device, settings.pcrs), code_file)
            except TpmUnusable as error:
                line(sentence(error, text))
                line(text(KEY_WORDS[Way.PLAIN]))


def _to_tpm(directory: Path, settings: TpmSettings, code_file: Path | None) -> None:
    key = resealing.opened(directory, ask_on_terminal)
    _put(directory, key, resealing.for_tpm(key, settings), code_file)


def _to_passphrase(directory: Path, code_file: Path | None) -> None:
    key = resealing.opened(directory, ask_on_terminal)
    _put(directory, key, resealing.for_passphrase(key, _new_passphrase()), code_file)


def _new_passphrase() -> str:
    """What somebody types twice alike, asked until it is. Raises CommandError where nobody types."""
    question = N_("新的启动密码，至少 12 个字符：")
    while (passphrase := ask_unseen(question)) is not None:
        if len(passphrase.strip()) < resealing.SHORTEST_PASSPHRASE:
            question = N_("太短。新的启动密码，至少 12 个字符：")
        elif ask_unseen(N_("再输入一次：")) == passphrase:
            return passphrase
        else:
            question = N_("两次输入不一样。新的启动密码，至少 12 个字符：")
    raise CommandError(spoken().text("启动密码要在终端里输入。什么也没有改动"))


def _put(directory: Path, key: bytes, prepared: resealing.Prepared, code_file: Path | None) -> None:
    """Put the sealed key in its place, once somebody has noted the recovery code. Raises CommandError."""
    text = spoken().text
    _hand_over(prepared.code, code_file, text)
    files = resealing.keep(directory, key, prepared.sealed, say_waiting)
    _done(files)
    line(text(KEY_WORDS[prepared.sealed.way]))
    line(text("以前的备份里如有密钥，照样打得开：请锁好或销毁，再做新的备份"))


def _hand_over(code: str, code_file: Path | None, text: Text) -> None:
    if code_file is not None:
        try:
            create_durably(code_file, code.encode("ascii") + b"\n")
        except FileExistsError as error:
            raise CommandError(text("{file} 已经存在，恢复码要写进新的文件", file=code_file)) from error
        line(text("恢复码写在 {file}：请把它拿离这台机器", file=code_file))
        return
    if not sys.stdin.isatty():
        raise CommandError(text("恢复码要有人抄下：请在终端里运行，或用 --code-file 给一个新文件"))
    line(text("恢复码：{code}", code=code))
    line(text("TPM 坏了、换了主板或忘了启动密码，只有它能打开密钥。请抄在纸上，不要放在这台机器旁边"))
    question = N_("请输入恢复码的最后四位，表示已经抄好：")
    while (typed := ask_unseen(question)) is not None:
        if resealing.noted(code, typed):
            return
        question = N_("与恢复码不符，请对照上面抄的再看一遍。恢复码的最后四位：")
    raise CommandError(text("没有输入恢复码的最后四位。什么也没有改动"))


def _done(files: tuple[Path, ...]) -> None:
    for file in files:
        line(spoken().text("已改写 {file}", file=file))
