"""Card files of either kind, told apart by what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.virtual.card_file import CardFileUnreadable
from hardware.virtual.files import KeyProfile, OtherProfile, open_or_make, profile_of
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.piv.card import PivCard

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {KeyProfile.GMT: GmtCard, KeyProfile.PIV: PivCard}


@pytest.mark.parametrize("profile", KeyProfile)
def test_a_file_is_opened_as_what_it_is(tmp_path: Path, profile: KeyProfile) -> None:
    path = tmp_path / "key"
    made = open_or_make(path, "F00D", profile)
    assert type(made) is KINDS[profile]
    assert profile_of(path) is profile
    before = path.read_bytes()
    for asked in (None, profile):
        again = open_or_make(path, "BEEF", asked)
        assert (type(again), again.serial) == (type(made), made.serial)
    assert path.read_bytes() == before


def test_a_new_file_is_a_gm_t_key_unless_told_otherwise(tmp_path: Path) -> None:
    assert isinstance(open_or_make(tmp_path / "key", "F00D"), GmtCard)


@pytest.mark.parametrize("profile", KeyProfile)
def test_a_file_of_the_other_kind_is_not_opened(tmp_path: Path, profile: KeyProfile) -> None:
    path = tmp_path / "key"
    open_or_make(path, "F00D", profile)
    (other,) = set(KeyProfile) - {profile}
    before = path.read_bytes()
    with pytest.raises(OtherProfile) as caught:
        open_or_make(path, "F00D", other)
    assert (caught.value.path, caught.value.found) == (path, profile)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG", b"\xff", b"[]", b"{}", b'{"profile":"skf"}', b'{"profile":"piv"}']
)
@pytest.mark.parametrize("profile", [None, KeyProfile.GMT, KeyProfile.PIV])
def test_a_file_that_is_no_card_s_is_left_alone(
    tmp_path: Path, content: bytes, profile: KeyProfile | None
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises((CardFileUnreadable, OtherProfile)):
        open_or_make(path, "F00D", profile)
    assert path.read_bytes() == content
