"""Everything that the store and the configuration can be refused for has its own words, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.configuration import ConfigurationError, ConfigurationFault
from kiosk.store import errors
from kiosk.store.agent_state import LinkFault
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.failures import _COPIES, _RECORDS, _STORE, sentence, store_failure
from kiosk.text.link_faults import LINK_FAULTS

CHINESE, ENGLISH = Catalogue(Language.CHINESE).text, Catalogue(Language.ENGLISH).text
HAN = re.compile("[一-鿿]")
PATH = Path("/var/lib/keydesk/keydesk.db")
STORE = (
    errors.StoreMissing(PATH),
    errors.StoreExists(PATH),
    errors.WrongKey(PATH),
    errors.StoreCorrupt(PATH, "page 3"),
    errors.StoreNewer(PATH, 9, 7),
    errors.TablesDue(PATH, 7, 9),
    errors.StoreBusy(PATH),
    errors.DiskFull(PATH),
    errors.StoreUnavailable(PATH, "Input/output error"),
    errors.KeyFileInvalid(PATH, "not hex digits"),
    errors.DirectoryInUse(PATH.parent),
    errors.DirectoryTaken(PATH.parent),
    *(errors.CopyRefused(PATH, reason, 5, 3) for reason in errors.CopyRefusal),
    errors.NotEnrolled(),
    errors.EnrolledAlready(3),
    errors.EpochUsed(7),
)


def _leaves(of: type[Exception]) -> Iterator[type[Exception]]:
    below = of.__subclasses__()
    if not below:
        yield of
    for each in below:
        yield from _leaves(each)


def test_every_error_of_the_store_has_words_of_its_own() -> None:
    assert (
        {type(error) for error in STORE} == set(_leaves(errors.StoreError)) == {*_STORE, errors.CopyRefused}
    )
    assert set(_COPIES) == set(errors.CopyRefusal)


@pytest.mark.parametrize("error", STORE, ids=lambda error: type(error).__name__)
def test_a_failure_of_the_store_is_one_sentence_in_either_language(error: Exception) -> None:
    chinese, english = sentence(error, CHINESE), sentence(error, ENGLISH)
    assert re.search("。请.", chinese)
    assert not HAN.search(english)
    for said in (chinese, english):
        assert "{" not in said
        assert "\n" not in said


@pytest.mark.parametrize("problem", ConfigurationFault)
def test_a_configuration_that_cannot_be_used_is_told_with_the_reader_s_reason_in_brackets(
    problem: ConfigurationFault,
) -> None:
    error = ConfigurationError(Path("/etc/keydesk.toml"), problem, "Expected `int`", 2)
    chinese, english = sentence(error, CHINESE), sentence(error, ENGLISH)
    assert "/etc/keydesk.toml" in chinese
    assert not HAN.search(english)
    told = problem not in {ConfigurationFault.MISSING, ConfigurationFault.LIBRARIES_NO_TABLES}
    assert ("（Expected `int`）" in chinese, "(Expected `int`)" in english) == (told, told)
    assert str(error).startswith("/etc/keydesk.toml: ")


def test_the_system_s_refusals_name_the_file_where_it_names_one() -> None:
    assert store_failure(PermissionError(13, "Permission denied", "/data/keydesk.key"), CHINESE)[0] == (
        "/data/keydesk.key 不能读写（Permission denied）"
    )
    assert store_failure(OSError(28, "No space left on device"), CHINESE)[0] == (
        "系统不让读写（No space left on device）"
    )
    assert "None" not in sentence(OSError("no details"), CHINESE)


def test_an_error_that_nobody_foresaw_is_said_of_the_records() -> None:
    assert store_failure(ValueError("odd"), CHINESE) == (
        _RECORDS[0].format(reason="odd"),
        _RECORDS[1],
    )


def test_every_trouble_with_the_centre_s_certificate_has_words() -> None:
    assert set(LINK_FAULTS) == set(LinkFault)
