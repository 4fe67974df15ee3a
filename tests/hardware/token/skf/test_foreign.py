"""A library of the other family of vendors' headers, used with no setting but its path."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    LibraryFailure,
    PinBlocked,
    UnblockingPinRefused,
    VendorLibraryFailed,
    WrongPin,
)
from hardware.token.skf.token import SkfToken
from tests.support import skf, sm2_reference
from tests.support.run_folder import run_folder
from tests.support.skf import SoftKeys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.token.skf.source import SkfTokenSource

    Sources = Callable[..., SkfTokenSource]

FACTORY_PIN, WRONG, PIN = "111111", "999999", "246810"
CERTIFICATE = b"\x30\x82\x04\x00" + os.urandom(1024)
MESSAGE = "登录验证".encode() * 50


def keys_of(
    tmp_path_factory: pytest.TempPathFactory,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    *definitions: str,
) -> SoftKeys:
    library = skf.soft_token(run_folder(tmp_path_factory), name, *definitions)
    keys = SoftKeys(str(library), folder)
    for variable, value in keys.environment.items():
        monkeypatch.setenv(variable, value)
    keys.fault()
    keys.insert()
    return keys


@pytest.fixture
def foreign(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SoftKeys:
    return keys_of(tmp_path_factory, tmp_path, monkeypatch, "libforeign.so", "-DSOFT_TOKEN_FOREIGN")


@pytest.fixture
def hashing(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SoftKeys:
    return keys_of(tmp_path_factory, tmp_path, monkeypatch, "libhashing.so", "-DSOFT_TOKEN_HASHES")


def opened(source: SkfTokenSource) -> SkfToken:
    token = source.open(source.present()[0])
    assert isinstance(token, SkfToken)
    return token


@pytest.mark.parametrize("digest", ["desk", "library"])
def test_a_foreign_library_binds_renews_and_is_erased(
    foreign: SoftKeys, skf_source: Sources, digest: str
) -> None:
    token = opened(skf_source(foreign.profile(digest=digest)))
    assert token.serial == "E8AD652202221F03"
    assert token.information.authentication_algorithm == 0x401
    assert token.information.free_space <= token.information.total_space < 1 << 32
    token.erase()
    for _ in range(2):  # the second is the renewal
        token.verify_pin(FACTORY_PIN)
        public = token.generate_key_pair()
        token.write_certificate(CERTIFICATE)
        assert (token.public_key(), token.certificate()) == (public, CERTIFICATE)
        assert sm2_reference.verify(public, MESSAGE, token.sign(MESSAGE))
    token.erase()
    assert token.public_key() is None


def test_the_other_number_of_the_algorithm_is_tried_once_and_only_where_none_is_configured(
    foreign: SoftKeys, skf_source: Sources
) -> None:
    token = opened(skf_source(foreign.profile()))
    token.erase()
    token.verify_pin(FACTORY_PIN)
    foreign.fault()
    token.generate_key_pair()
    assert foreign.calls().count("SKF_GenECCKeyPair") == 2
    token.close()
    fixed = opened(skf_source(foreign.profile(key_algorithm=0x00020100)))
    fixed.verify_pin(FACTORY_PIN)
    foreign.fault()
    fixed.generate_key_pair()
    assert foreign.calls().count("SKF_GenECCKeyPair") == 1


def test_a_pin_refused_by_an_unknown_number_is_wrong_where_the_tries_fell(
    foreign: SoftKeys, skf_source: Sources
) -> None:
    token = opened(skf_source(foreign.profile(user_tries=3)))
    token.erase()
    for left in (2, 1):
        with pytest.raises(WrongPin) as wrong:
            token.verify_pin(WRONG)
        assert wrong.value.tries_left == left
    token.verify_pin(FACTORY_PIN)
    with pytest.raises(WrongPin) as wrong:
        token.change_pin(WRONG, PIN)
    assert wrong.value.tries_left == 2
    with pytest.raises(UnblockingPinRefused):
        token.unblock_pin("00000000", PIN)
    token.change_pin(FACTORY_PIN, PIN)
    for _ in range(2):
        with pytest.raises(WrongPin):
            token.verify_pin(WRONG)
    with pytest.raises(PinBlocked):
        token.verify_pin(WRONG)
    assert token.pin_state().blocked


@pytest.mark.parametrize("digest", ["desk", "library"])
def test_a_library_that_hashes_again_is_told_with_the_setting(
    hashing: SoftKeys, skf_source: Sources, digest: str
) -> None:
    token = opened(skf_source(hashing.profile(digest=digest)))
    token.erase()
    token.verify_pin(FACTORY_PIN)
    token.generate_key_pair()
    with pytest.raises(VendorLibraryFailed, match='digest = "signing"') as failed:
        token.sign(MESSAGE)
    assert failed.value.failure is LibraryFailure.HASHES


def test_with_that_setting_it_signs_messages(hashing: SoftKeys, skf_source: Sources) -> None:
    token = opened(skf_source(hashing.profile(digest="signing")))
    token.erase()
    token.verify_pin(FACTORY_PIN)
    public = token.generate_key_pair()
    assert sm2_reference.verify(public, MESSAGE, token.sign(MESSAGE))
    with pytest.raises(ValueError, match="131072 bytes"):
        token.sign(bytes(128 * 1024 + 1))
