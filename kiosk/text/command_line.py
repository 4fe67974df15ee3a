"""Command lines in the environment's language: Chinese, unless it is English.

argparse's own message about a wrong option stays English, in brackets inside the sentence. The centre's command speaks by
this too, which knows nothing of screens.
"""

from __future__ import annotations

import argparse
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

from kiosk.text.breaking import break_lines
from kiosk.text.catalogue import Catalogue, Language


def spoken(environment: Mapping[str, str] = os.environ) -> Catalogue:
    """The wording for the locale that the environment names (POSIX.1-2017, 8.2: LC_ALL, LC_MESSAGES, LANG)."""
    settings = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next((setting for setting in settings if setting), "")
    return Catalogue(Language.ENGLISH if chosen.startswith("en") else Language.CHINESE)


def _cells(text: str) -> int:
    """How many cells a terminal takes for it (UAX #11: wide and fullwidth characters take two)."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


class _Layout(argparse.HelpFormatter):
    """argparse's layout with its own words in the catalogue, and lines broken by cells."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, spoken().text("用法：") if prefix is None else prefix)

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        # argparse counts characters: it is given as many as the prefix takes cells.
        prefix = prefix or ""
        stand_in = "_" * _cells(prefix)
        return prefix + super()._format_usage(usage, actions, groups, stand_in)[len(stand_in) :]

    def _split_lines(self, text: str, width: int) -> list[str]:
        return break_lines(text, width, _cells)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in break_lines(text, width, _cells))


def program() -> str:
    """The program's name and version, as the centre's console shows it."""
    try:
        return f"keydesk {version('keydesk')}"
    except PackageNotFoundError:
        return "keydesk"


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose help, headings and refusals are in the environment's language."""

    def __init__(self, **settings: Any) -> None:
        text, has_help = spoken().text, settings.get("add_help", True)
        super().__init__(**{"formatter_class": _Layout, **settings, "add_help": False})
        if has_help:  # one without is the parent of others, whose groups have argparse's titles until they have its options
            self._positionals.title = text("参数")
            self._optionals.title = text("选项")
            self.add_argument("-h", "--help", action="help", help=text("显示这份说明"))

    def add_version(self) -> None:
        """Add `--version`."""
        self.add_argument("--version", action="version", version=program(), help=spoken().text("显示版本号"))

    def add_subparsers(self, **settings: Any) -> Any:
        """Add subcommands, under a heading of their own."""
        self._positionals.title = spoken().text("命令")
        return super().add_subparsers(**settings)

    def error(self, message: str) -> NoReturn:
        """End with status 2, the usage, and what to do."""
        text = spoken().text
        message = text(
            "命令写得不对（{problem}）。用 {program} --help 看说明。", problem=message, program=self.prog
        )
        self.exit(2, f"{self.format_usage()}{message}\n")


def agreed(question: str) -> bool | None:
    """Whether somebody types yes to a question (in words already); None where there is no terminal to ask at."""
    if not sys.stdin.isatty():
        return None
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"
