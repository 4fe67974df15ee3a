"""`keydesk-central root`: the root's key elsewhere, what waits for it, and the signing on a machine without network.

`sign` needs neither database nor data directory.
"""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.disk import create_durably
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.errors import PkiError
from kiosk.pki.issuing import key_fingerprint
from kiosk.pki.passphrases import SHORTEST
from kiosk.pki.verification import verify_issuing
from kiosk.text.command_line import agreed, spoken
from sync.central.centre_keys import ROOT_KEY, root_words
from sync.central.errors import RootFileRefused, RootNotDone
from sync.central.formats import china_time
from sync.central.root import place
from sync.central.root.ceremony import (
    ANSWERS,
    MOVED,
    REQUESTS,
    MovedRoot,
    RootAnswers,
    RootRequest,
    RootRequests,
    Signed,
    in_words,
    judge,
    kiosk_of,
    open_root,
    read_file,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.central.centre_keys import CentreKeys

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - there is no public name


def add_commands(commands: Commands, common: argparse.ArgumentParser) -> None:
    """The options of `root` and its verbs; `common` says where the centre's data is."""
    text = spoken().text
    help_ = text("根密钥：在哪里，移出去，在别处签发")
    root = commands.add_parser("root", help=help_, description=help_)
    verbs = root.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, help_: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = verbs.add_parser(
            name, parents=[common], help=help_, description=help_
        )
        made.set_defaults(run=run)
        return made

    verb("show", text("根密钥在哪里，有什么等它签发"), _show)
    out = verb("move-out", text("把根密钥移到有密码的文件里，不留在这里"), _move_out)
    back = verb("bring-back", text("从那个文件把根密钥取回来"), _bring_back)
    for each in (out, back):
        each.add_argument("file", type=Path, metavar="ROOT", help=text("放根密钥的文件"))
    export = verb("export-requests", text("把等根证书签发的申请写进一个新文件"), _export)
    export.add_argument("file", type=Path, metavar="REQUESTS", help=text("放申请的新文件"))
    signing = verb("sign", text("在没有网络的机器上：看申请，签发"), _sign)
    signing.set_defaults(preparing=False, needs_centre=False)
    signing.add_argument("requests", type=Path, metavar="REQUESTS", help=text("放申请的文件"))
    signing.add_argument(
        "--root", type=Path, required=True, metavar="ROOT", help=text("root move-out 做的文件")
    )
    signing.add_argument(
        "--output", type=Path, required=True, metavar="ANSWERS", help=text("签好的写进这个新文件")
    )
    signing.add_argument("--yes", action="store_true", help=text("不再问，直接签发"))
    taking = verb("import", text("读入签好的证书"), _import)
    taking.add_argument("file", type=Path, metavar="ANSWERS", help=text("签好的文件"))
    for each in (back, taking):
        each.set_defaults(check=_check_file)
    for each in (out, back, signing):
        each.add_argument(
            "--passphrase-file", type=Path, metavar="FILE", help=text("从这个文件读密码，不再问")
        )


def _check_file(options: argparse.Namespace) -> None:
    """Look first whether what is to be read is there. Raises RootNotDone."""
    with _files(), options.file.open("rb"):
        pass


def _show(_options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys  # noqa: PLC0415 - models can be imported only now
    from sync.central.fleet.issuing_requests import waiting  # noqa: PLC0415

    text = spoken().text
    _say(root_words(centre_keys().directory))
    rows = waiting()
    for row in rows:
        _say(
            text(
                "等待根证书签发：{kiosk} 号终端机，申请指纹 {fingerprint}，{time} 申请",
                kiosk=row.kiosk_id,
                fingerprint=key_fingerprint(bytes(row.public_key)),
                time=china_time(row.asked_at),
            )
        )
    if not rows:
        _say(text("没有等待根证书签发的申请"))
    return 0


def _move_out(options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys, centre_now  # noqa: PLC0415 - models can be imported only now

    keys = centre_keys()
    if not (keys.directory / ROOT_KEY).exists():
        raise RootNotDone(root_words(keys.directory))
    passphrase = _passphrase(options, twice=not options.file.exists())
    with _files():
        place.move_out(keys, options.file, passphrase, centre_now())
    text = spoken().text
    _say(text("根密钥在 {file} 里，已重新打开核对过，这里不再有", file=options.file))
    _say(text("把这个文件和它的另一份副本带到没有网络的机器上；以前的备份里还有根密钥"))
    return 0


def _bring_back(options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys  # noqa: PLC0415 - models can be imported only now

    with _files():
        place.bring_back(centre_keys(), options.file, _passphrase(options, twice=False))
    _say(spoken().text("根密钥又在这里了"))
    return 0


def _export(options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys, centre_now  # noqa: PLC0415 - models can be imported only now
    from sync.central.fleet.issuing_requests import waiting  # noqa: PLC0415

    rows = waiting()
    asked = tuple(
        RootRequest(row.kiosk_id, row.kiosk.place, bytes(row.request), row.asked_at) for row in rows
    )
    requests = RootRequests(REQUESTS, centre_keys().root_certificate, centre_now(), asked)
    with _files():
        create_durably(options.file, msgspec.json.encode(requests))
    _say(
        spoken().text(
            "{count} 个申请在 {file} 里：到有根密钥的机器上用 keydesk-central root sign 签发",
            count=len(asked),
            file=options.file,
        )
    )
    return 0


def _sign(options: argparse.Namespace) -> int:
    now, text = int(time.time()), spoken().text
    with _files():
        requests = read_file(options.requests, RootRequests, REQUESTS)
        moved = read_file(options.root, MovedRoot, MOVED)
        if options.output.exists():
            raise RootNotDone(text("{file} 已经有了。请另取一个名字", file=options.output))
        _, root = open_root(options.root, moved, _passphrase(options, twice=False))
        signed = Signed(options.root, root.organisation)
        todo = judge(options.requests, requests, root, signed, now)
        _say(text("照本机的时钟现在是 {time}。要签发 {count} 个：", time=china_time(now), count=len(todo)))
        for each in todo:
            _say(f"  {in_words(each, root, now)}")
        if not options.yes and not agreed(spoken().text("请与终端机上显示的申请指纹核对。签发请输入 yes：")):
            raise RootNotDone(text("没有签发"))
        try:
            answers = sign(todo, root, signed, now)
        except PkiError as error:
            raise RootFileRefused(options.requests, str(error)) from error
        create_durably(options.output, msgspec.json.encode(answers))
    _say(
        text(
            "已签发 {count} 个：把 {file} 带回中心，运行 keydesk-central root import",
            count=len(todo),
            file=options.output,
        )
    )
    return 0


def _import(options: argparse.Namespace) -> int:
    from sync.central.context import centre_keys, centre_now  # noqa: PLC0415 - models can be imported only now

    keys, now = centre_keys(), centre_now()
    with _files():
        answers = read_file(options.file, RootAnswers, ANSWERS)
    if answers.root_certificate != keys.root_certificate:
        raise RootFileRefused(options.file, spoken().text("是另一个根证书签发的"))
    # All are looked at before the first is taken.
    found = [_checked(options.file, each, keys, now) for each in answers.certificates]
    new = sum(_taken(number, public_key, der, now) for number, public_key, der in found)
    _say(
        spoken().text(
            "读入 {new} 张，原来就有 {known} 张；终端机会自己接着登记", new=new, known=len(found) - new
        )
    )
    return 0


def _checked(file: Path, certificate: bytes, keys: CentreKeys, now: int) -> tuple[int, bytes, bytes]:
    from django.conf import settings  # noqa: PLC0415 - after the environment is set

    try:
        parsed = verify_issuing(certificate, keys.root_certificate, now)
        number = kiosk_of(parse_certificate(certificate), settings.KEYDESK.organisation)
    except (PkiError, ValueError) as error:
        raise RootFileRefused(file, spoken().text("里面有一张证书不成立（{why}）", why=error)) from error
    if number is None:
        raise RootFileRefused(file, spoken().text("里面有一张证书不是终端机的"))
    return number, parsed.public_key, certificate


def _taken(number: int, public_key: bytes, certificate: bytes, now: int) -> bool:
    from django.db import transaction  # noqa: PLC0415 - after the environment is set

    from sync.central.fleet.issuing_requests import take_certificate  # noqa: PLC0415
    from sync.central.fleet.models import Kiosk  # noqa: PLC0415

    with transaction.atomic():
        kiosk, _ = Kiosk.objects.get_or_create(number=number)
        return take_certificate(kiosk, public_key, certificate, now)


def _passphrase(options: argparse.Namespace, *, twice: bool) -> str:
    """The passphrase of the root's file. Raises RootNotDone."""
    text = spoken().text
    if options.passphrase_file is not None:
        with _files():
            given = str(options.passphrase_file.read_text("utf-8")).strip()
    elif sys.stdin.isatty():
        given = getpass.getpass(text("根密钥文件的密码："))
        if twice and getpass.getpass(text("再输一遍：")) != given:
            raise RootNotDone(text("两次输入的不一样。什么都没有改动"))
    else:
        raise RootNotDone(text("没有终端可以问密码。请在终端上运行，或者给 --passphrase-file"))
    if twice and len(given.strip()) < SHORTEST:
        raise RootNotDone(text("密码至少 {count} 个字符。什么都没有改动", count=SHORTEST))
    return given


class _files:  # noqa: N801 - used as a function is
    """The system's refusal of a file, in one sentence."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise RootNotDone."""
        if isinstance(error, OSError):
            raise RootNotDone(
                spoken().text("{path} 不能读写（{reason}）", path=error.filename, reason=error.strerror)
            ) from error


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()
