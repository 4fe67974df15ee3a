"""Update the English catalogue from the source: `python tools/catalogue.py`, or `--check` to only compare.

Collects the messages from kiosk/ and sync/ (see kiosk/text/catalogue.py), keeps the existing translations, drops
obsolete ones, and compiles the .mo. The files do not depend on the time.
Exit status 1: a message has no translation, or, with `--check`, the files are out of date.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import string
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("kiosk", "sync")
ENGLISH = ROOT / "kiosk" / "text" / "locale" / "en" / "LC_MESSAGES" / "keydesk.po"
CONSOLE = ROOT / "sync" / "central" / "console" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = ("t", "_t", "_", "text", "N_")
# The header requires a date; a fixed one keeps the files reproducible.
BEGUN = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def is_chinese(message: str) -> bool:
    """Whether the string has a Han character or fullwidth punctuation, and so is a message."""
    return any("一" <= each <= "鿿" or "\u3000" <= each <= "〿" or "！" <= each <= "～" for each in message)


def placeholders(message: str) -> set[str]:
    """The placeholders of a message. Raises ValueError when its braces do not match."""
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


def extract(root: Path = ROOT, sources: tuple[str, ...] = SOURCES) -> dict[str, list[str]]:
    """The messages in the source, each with the files that contain it, in order of appearance."""
    found: dict[str, list[str]] = {}
    keywords = dict.fromkeys(KEYWORDS)
    for source in sources:
        for path in sorted((root / source).rglob("*.py")):
            place = path.relative_to(root).as_posix()
            for _, message, _, _ in extract_from_file("python", path, keywords=keywords):
                if isinstance(message, str) and is_chinese(message):
                    places = found.setdefault(message, [])
                    if place not in places:
                        places.append(place)
    return found


def read(path: Path = ENGLISH) -> dict[str, str]:
    """The translations in a .po file; none when the file does not exist."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale="en", ignore_obsolete=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def build(messages: dict[str, list[str]], translations: dict[str, str]) -> Catalog:
    """The English catalogue of these messages; missing translations are empty."""
    catalogue = Catalog(
        locale="en",
        domain="keydesk",
        project="Keydesk",
        version="1",
        header_comment="# English wording of Keydesk. Kept by tools/catalogue.py.",
        creation_date=BEGUN,
        revision_date=BEGUN,
        last_translator="Keydesk",
        language_team="Keydesk",
        msgid_bugs_address="Keydesk",
        fuzzy=False,
    )
    for message, places in messages.items():
        catalogue.add(message, translations.get(message, ""), locations=[(place, 1) for place in places])
    return catalogue


def po_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as a .po file, without line numbers, which change too often."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, include_lineno=False)
    return file.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """The compiled catalogue, as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def console_bytes() -> bytes:
    """The compiled catalogue of what Django's own lacks, which is kept by hand."""
    with CONSOLE.open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans")
    catalogue.creation_date = catalogue.revision_date = BEGUN
    return mo_bytes(catalogue)


def main(arguments: list[str] | None = None) -> int:
    """Write or compare the files, and list the messages without a translation."""
    parser = argparse.ArgumentParser(description="Bring the English catalogue up to the source.")
    parser.add_argument("--check", action="store_true", help="only compare, write nothing")
    check = parser.parse_args(arguments).check
    catalogue = build(extract(), read())
    wanted = {
        ENGLISH: po_bytes(catalogue),
        ENGLISH.with_suffix(".mo"): mo_bytes(catalogue),
        CONSOLE.with_suffix(".mo"): console_bytes(),
    }
    behind = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    if not check:
        ENGLISH.parent.mkdir(parents=True, exist_ok=True)
        for path in behind:
            path.write_bytes(wanted[path])
    untranslated = [message.id for message in catalogue if message.id and not message.string]
    for message in untranslated:
        sys.stderr.write(f"no English: {message}\n")
    for path in behind:
        sys.stderr.write(f"{'behind the source' if check else 'written'}: {path.relative_to(ROOT)}\n")
    return 1 if untranslated or (check and behind) else 0


if __name__ == "__main__":
    sys.exit(main())
