from __future__ import annotations

import re
from pathlib import Path

from hardware.token.gmt import commands
from hardware.token.gmt.commands import LAYOUTS, Certainty, Instruction
from hardware.virtual.gmt import card as gmt_card


def test_every_instruction_has_a_row_and_the_virtual_card_a_command() -> None:
    assert set(LAYOUTS) == set(Instruction) == set(gmt_card._COMMANDS)


def test_the_rest_of_a_body_comes_last_and_a_length_before_what_it_measures() -> None:
    for row in LAYOUTS.values():
        for fields in (row.body, row.answer):
            seen: set[str] = set()
            for place, field in enumerate(fields):
                assert field.length is not None or place == len(fields) - 1
                assert not isinstance(field.length, str) or field.length in seen
                seen.add(field.name)
            assert len(seen) == len(fields)


def test_what_has_no_public_body_is_marked_assumed() -> None:
    for row in LAYOUTS.values():
        if "no public body" in row.source:
            assert row.form is Certainty.ASSUMED


def test_no_other_file_of_the_drivers_or_cards_names_an_instruction_byte() -> None:
    folders = [Path(commands.__file__).parent, Path(gmt_card.__file__).parent]
    codes = "|".join(f"0x{code:02X}" for code in Instruction if code > 0x20)
    files = [path for folder in folders for path in folder.glob("*.py") if path != Path(commands.__file__)]
    assert len(files) > len(folders)
    for path in files:
        assert not re.search(rf"\b({codes})\b", path.read_text(), re.IGNORECASE), path
