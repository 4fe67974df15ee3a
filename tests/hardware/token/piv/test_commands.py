from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from hardware.token.piv import commands as piv_layout
from hardware.token.piv.commands import (
    BLOCKS,
    CHALLENGES,
    MANAGEMENT_KEYS,
    ROWS,
    SLOTS,
    Algorithm,
    AuthenticationTag,
    IdentifierTag,
    Instruction,
    KeyReference,
    MetadataTag,
    ObjectIdentifier,
    OtherAlgorithm,
    Slot,
    StatusWord,
    Tag,
)


def test_every_number_has_one_row_with_a_source() -> None:
    numbers = [
        *Instruction,
        *KeyReference,
        *ObjectIdentifier,
        *Algorithm,
        *OtherAlgorithm,
        *Tag,
        *AuthenticationTag,
        *IdentifierTag,
        *MetadataTag,
        *StatusWord,
    ]
    expected = Counter((type(number), number.name) for number in numbers)
    assert Counter((type(row.meaning), row.meaning.name) for row in ROWS) == expected
    assert all(row.source for row in ROWS)


def test_every_slot_has_a_key_and_a_certificate_of_its_own() -> None:
    assert set(SLOTS) == set(Slot)
    assert (
        len({slot.key for slot in SLOTS.values()}) == len({slot.certificate for slot in SLOTS.values()}) == 2
    )
    assert all(f"{SLOTS[slot].key:02X}" == slot.value for slot in Slot)


def test_every_algorithm_of_a_management_key_has_a_block_and_a_length() -> None:
    assert set(BLOCKS) == set(MANAGEMENT_KEYS) == set(Algorithm) - {Algorithm.P256}


def test_a_slot_is_asked_for_key_pairs_of_every_kind() -> None:
    assert set(CHALLENGES) == {Algorithm.P256, *OtherAlgorithm}
    assert next(iter(CHALLENGES)) is Algorithm.P256


def test_no_other_file_of_the_driver_names_a_tag_or_instruction_byte() -> None:
    own = Path(piv_layout.__file__)
    numbers = {*Instruction, *ObjectIdentifier, *Tag, *KeyReference, *StatusWord} - {0x80}
    codes = "|".join(f"0x{number:02X}" for number in numbers)
    files = [path for path in own.parent.glob("*.py") if path != own]
    assert len(files) > 2
    for path in files:
        assert not re.search(rf"\b({codes})\b", path.read_text(), re.IGNORECASE), path
