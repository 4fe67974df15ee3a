"""Everything that the store and the configuration can be refused for has its own words, in both languages."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.tpm import TpmFault
from kiosk.backup.errors import BackupError, BackupFault
from kiosk.configuration import ConfigurationError, ConfigurationFault
from kiosk.store import errors
from kiosk.store.agent_state import LinkFault
from kiosk.text.backups import _FAULTS
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.failures import _COPIES, _RECORDS, _STORE, TPM_FAULTS, sentence, store_failure
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
    errors.InodesUsedUp(PATH),
    errors.DiskReadOnly(PATH),
    errors.DescriptorsUsedUp(PATH),
    errors.StoreUnavailable(PATH, "Input/output error"),
    errors.KeyFileInvalid(PATH, "not hex digits"),
    errors.PassphraseNeeded(PATH),
    *(errors.TpmRefuses(PATH, fault, "no such device") for fault in TpmFault),
    errors.PassphraseWrong(PATH),
    *(errors.TpmUnusable(fault, "no such device") for fault in TpmFault),
    errors.DirectoryInUse(PATH.parent),
    errors.AgentRunsAlready(PATH.parent),
    errors.DeskRunsAlready(PATH.parent),
    errors.EnrolmentRuns(PATH.parent),
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
    worded = {*_STORE, errors.CopyRefused, errors.TpmRefuses, errors.TpmUnusable}
    raised = {*_leaves(errors.StoreError), errors.DiskFull, errors.StoreUnavailable}
    assert {type(error) for error in STORE} == raised == worded
    assert set(TPM_FAULTS) == set(TpmFault)
    assert set(_COPIES) == set(errors.CopyRefusal)


def test_every_fault_of_a_backup_has_words_of_its_own() -> None:
    assert set(_FAULTS) == set(BackupFault)
    assert len({found for found, _ in _FAULTS.values()}) == len(BackupFault)


@pytest.mark.parametrize("fault", BackupFault)
def test_a_fault_of_a_backup_is_one_sentence_in_either_language(fault: BackupFault) -> None:
    error = BackupError(fault, PATH, "Input/output error")
    chinese, english = sentence(error, CHINESE), sentence(error, ENGLISH)
    assert re.search("。请.", chinese)
    assert not HAN.search(english)


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
    assert store_failure(OSError(5, "Input/output error"), CHINESE)[0] == (
        "系统不让读写（Input/output error）"
    )
    assert "None" not in sentence(OSError("no details"), CHINESE)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "磁盘已满"),
        (errno.EDQUOT, "磁盘已满"),
        (errno.EROFS, "只读"),
        (errno.EMFILE, "打开的文件太多"),
        (errno.ENFILE, "打开的文件太多"),
    ],
)
def test_what_the_system_lacks_is_said_as_the_store_says_it(number: int, said: str) -> None:
    named = sentence(OSError(number, os.strerror(number), "/data/keydesk.key"), CHINESE)
    assert said in named
    assert "/data/keydesk.key" in named
    unnamed = sentence(OSError(number, os.strerror(number)), CHINESE)
    assert said in unnamed
    assert "None" not in unnamed


def test_an_error_that_nobody_foresaw_is_said_of_the_records() -> None:
    assert store_failure(ValueError("odd"), CHINESE) == (
        _RECORDS[0].format(reason="odd"),
        _RECORDS[1],
    )


def test_every_trouble_with_the_centre_s_certificate_has_words() -> None:
    assert set(LINK_FAULTS) == set(LinkFault)
