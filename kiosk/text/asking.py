"""Asking at the terminal for what opens a sealed key; where there is no terminal, nobody is asked."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from kiosk.store.sealing.ways import Question
from kiosk.text.catalogue import N_
from kiosk.text.command_line import spoken

_QUESTIONS = {
    Question.PASSPHRASE: N_("启动密码（忘了就输入恢复码）："),
    Question.PASSPHRASE_AGAIN: N_("不对，再试一次。启动密码或恢复码："),
    Question.CODE: N_("本机的 TPM 打不开密钥，请输入恢复码："),
    Question.CODE_AGAIN: N_("不对，再试一次。恢复码："),
}


def ask_on_terminal(_path: Path, question: Question) -> str | None:
    """What somebody types unseen; None where there is no terminal, or it was closed."""
    return ask_unseen(_QUESTIONS[question])


def ask_unseen(question: str) -> str | None:
    """The same for any question of the catalogue."""
    if not sys.stdin.isatty():
        return None
    try:
        return getpass.getpass(spoken().text(question))
    except EOFError:
        return None
