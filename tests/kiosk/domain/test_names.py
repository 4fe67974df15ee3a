"""Which names can be certified, and are the same on every Python."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest

from kiosk.domain.names import LONGEST_NAME, NameFault, NameRefused, is_han, tidy_name

EXTENSIONS = {
    "A": (0x3400, 0x4DBF),
    "unified": (0x4E00, 0x9FFF),
    "B": (0x20000, 0x2A6DF),
    "C": (0x2A700, 0x2B739),
    "D": (0x2B740, 0x2B81D),
    "E": (0x2B820, 0x2CEA1),
    "F": (0x2CEB0, 0x2EBE0),
    "G": (0x30000, 0x3134A),
    "H": (0x31350, 0x323AF),
    "I": (0x2EBF0, 0x2EE5D),
}


@pytest.mark.parametrize("block", EXTENSIONS)
def test_every_han_character_can_be_in_a_name_whatever_this_python_knows_of_it(block: str) -> None:
    first, last = EXTENSIONS[block]
    for place in range(first, last + 1):
        assert is_han(chr(place))
    assert tidy_name(f"{chr(first)}{chr(last)}") == f"{chr(first)}{chr(last)}"
    assert not is_han(chr(first - 1))


def test_every_python_judges_alike() -> None:
    said = hashlib.sha256()
    for place in range(0x32400):
        try:
            tidy_name(f"a{chr(place)}a")
        except NameRefused as refused:
            said.update(refused.fault.value.encode())
        else:
            said.update(b"taken")
    assert said.hexdigest()[:16] == "6b591164fbb67685"


@pytest.mark.parametrize(
    "name",
    [
        "河南粮油贸易（集团）有限公司",
        "买买提·吐尔逊",
        "Müller & Söhne",
        "Нурлан",
        "ཚེ་རིང",
        "一○一厂",
        "11000001",
    ],
)
def test_names_as_people_and_firms_have_them_are_taken(name: str) -> None:
    assert tidy_name(name) == name


def test_a_name_is_composed_and_its_spaces_are_single() -> None:
    decomposed = unicodedata.normalize("NFD", " Grain\u3000 and\u00a0Müller ")
    assert tidy_name(decomposed) == "Grain and Müller"


@pytest.mark.parametrize("character", "\x00\t\x7f\x85\u200b\u200d\u200e\u202e\u2028\u2060\u00ad\u034f\u115f\u180b\u180e\u2800\u3164\ufe00\ufe0f\uffa0\ufeff\U000e0100\U000e0001")  # fmt: skip
def test_what_cannot_be_seen_is_refused(character: str) -> None:
    with pytest.raises(NameRefused) as refused:
        tidy_name(f"程{character}林")
    assert (refused.value.fault, refused.value.character) == (NameFault.INVISIBLE, character)


@pytest.mark.parametrize("character", "\ue000\uf8ff\U000f0000\U00100000")
def test_what_some_old_system_made_up_is_refused(character: str) -> None:
    with pytest.raises(NameRefused) as refused:
        tidy_name(f"程{character}")
    assert refused.value.fault is NameFault.PRIVATE_USE


@pytest.mark.parametrize(
    ("character", "instead"),
    [("\uf92c", "郎"), ("\ufa1a", "祥"), ("\U0002f800", "丽"), ("\u212b", "Å"), ("\u2126", "Ω")],
)
def test_a_character_of_which_a_certificate_would_make_another_is_refused(
    character: str, instead: str
) -> None:
    with pytest.raises(NameRefused) as refused:
        tidy_name(f"程{character}")
    assert (refused.value.fault, refused.value.character, refused.value.instead) == (
        NameFault.REPLACED,
        character,
        instead,
    )


@pytest.mark.parametrize("character", "\ufffd\uffff\U0001f600\U0002b73f\ud800\U000323b0")
def test_what_is_no_character_everywhere_is_refused(character: str) -> None:
    with pytest.raises(NameRefused) as refused:
        tidy_name(f"程{character}")
    assert refused.value.fault is NameFault.UNKNOWN


def test_a_name_is_neither_empty_nor_longer_than_a_certificate_has_room_for() -> None:
    assert tidy_name("𠮷" * LONGEST_NAME) == "𠮷" * LONGEST_NAME
    for name, fault in (("粮" * 65, NameFault.TOO_LONG), (" ", NameFault.EMPTY), ("", NameFault.EMPTY)):
        with pytest.raises(NameRefused) as refused:
            tidy_name(name)
        assert refused.value.fault is fault
    with pytest.raises(NameRefused):
        tidy_name("粮食", longest=1)
