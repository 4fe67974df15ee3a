"""The soft token crashes, hangs, is pulled and answers anything at every single call; afterwards all is well again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from hardware.ports import LibraryFailure, TokenError, TokenRemoved, VendorLibraryFailed
from hardware.token.skf.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource

    Sources = Callable[..., SkfTokenSource]

    class SoftKeys(Protocol):
        def profile(self, **overrides: object) -> SkfProfile: ...
        def insert(self, name: str = ...) -> None: ...
        def state(self, name: str = ...) -> str: ...
        def fault(self, *lines: str) -> None: ...
        def calls(self) -> list[str]: ...


_FACTORY_PIN = "111111"
_PIN = "246810"
_WATCHING = {"SKF_EnumDev", "SKF_WaitForDevEvent"}
_CHANGING = {
    "SKF_DevAuth",
    "SKF_DeleteApplication",
    "SKF_CreateApplication",
    "SKF_CreateContainer",
    "SKF_VerifyPIN",
    "SKF_GenECCKeyPair",
    "SKF_ImportCertificate",
    "SKF_ChangePIN",
    "SKF_UnblockPIN",
}
_GIVING_BACK = {"SKF_ClearSecureState", "SKF_CloseContainer", "SKF_CloseApplication", "SKF_DisConnectDev"}


def _go(source: SkfTokenSource) -> tuple[object, ...]:
    """Make a key blank, bind it and use it, and return what it said."""
    (presence,) = source.present()
    token = source.open(presence)
    try:
        token.erase()
        state = token.pin_state()
        blank = token.public_key()
        token.verify_pin(_FACTORY_PIN)
        public = token.generate_key_pair()
        token.write_certificate(b"certificate")
        certificate = token.certificate()
        token.sign(b"message")
        token.change_pin(_FACTORY_PIN, _PIN)
        token.unblock_pin(None, _FACTORY_PIN)
        token.random(16)
        return state.untouched, blank, certificate, token.public_key() == public
    finally:
        token.close()


def _work(source: SkfTokenSource) -> None:
    assert _go(source) == (True, None, b"certificate", True)


def _counted(keys: SoftKeys, source: SkfTokenSource) -> list[str]:
    _work(source)
    keys.fault()
    _work(source)
    calls = [function for function in keys.calls() if function not in _WATCHING]
    assert len(calls) > 30
    return calls


@pytest.mark.parametrize("fault", ["crash", "crash-after"])
def test_a_crash_at_every_call_is_told_and_recovered_from(
    soft_keys: SoftKeys, skf_source: Sources, fault: str
) -> None:
    """Before its work at every call, and after it at those that change something."""
    source = skf_source(soft_keys.profile())
    for at, function in enumerate(_counted(soft_keys, source), 1):
        if fault == "crash-after" and function not in _CHANGING:
            continue
        soft_keys.fault(f"* {at} {fault}")
        if function in _GIVING_BACK:
            _work_or_fail(source)
        else:
            with pytest.raises(VendorLibraryFailed) as caught:
                _work(source)
            assert caught.value.failure == LibraryFailure.CRASHED
            assert function in caught.value.reason
        assert soft_keys.calls().count("SKF_VerifyPIN") <= 1
        soft_keys.fault()
        _work(source)


@pytest.mark.parametrize("function", ["SKF_VerifyPIN", "SKF_GenECCKeyPair"])
def test_a_hang_is_told_and_recovered_from(soft_keys: SoftKeys, skf_source: Sources, function: str) -> None:
    profile = soft_keys.profile(limits={"call": 1.0, "key_generation": 1.0})
    source = skf_source(profile)
    soft_keys.fault(f"{function} 1 hang")
    with pytest.raises(VendorLibraryFailed) as caught:
        _work(source)
    assert caught.value.failure == LibraryFailure.HUNG
    assert caught.value.reason == f"{function} gave no answer in {profile.limits.call:g} s"
    soft_keys.fault()
    _work(source)


def test_a_slow_key_pair_is_waited_for(soft_keys: SoftKeys, skf_source: Sources) -> None:
    source = skf_source(soft_keys.profile(limits={"call": 1.0, "key_generation": 10.0}))
    soft_keys.fault("SKF_GenECCKeyPair 1 delay 1200")
    _work(source)


@pytest.mark.parametrize("fault", ["pull-before", "pull-after"])
def test_a_removal_at_every_call_is_told_and_recovered_from(
    soft_keys: SoftKeys, skf_source: Sources, fault: str
) -> None:
    source = skf_source(soft_keys.profile())
    for at, function in enumerate(_counted(soft_keys, source), 1):
        soft_keys.fault(f"* {at} {fault}")
        if function in _GIVING_BACK:
            _work_or_fail(source)
        else:
            with pytest.raises(TokenRemoved):
                _work(source)
        assert source.present() == ()
        soft_keys.fault()
        soft_keys.insert()
        _work(source)


def test_whatever_code_a_call_answers_only_typed_errors_come_of_it(
    soft_keys: SoftKeys, skf_source: Sources
) -> None:
    source = skf_source(soft_keys.profile())
    calls = _counted(soft_keys, source)
    choice = random.Random(16)  # noqa: S311 - the same in every run
    for at in range(1, len(calls) + 1):
        for code in choice.sample([*CODES, 0x0A000101, 0xFFFFFFFF, 1], 4):
            soft_keys.fault(f"* {at} return 0x{code:08X}")
            _work_or_fail(source)
            assert soft_keys.calls().count("SKF_VerifyPIN") <= 1
    soft_keys.fault()
    _work(source)


@pytest.mark.parametrize("fault", ["crash", "crash-after", "pull-before", "pull-after"])
def test_an_erasure_that_was_interrupted_is_completed_by_the_next(
    soft_keys: SoftKeys, skf_source: Sources, fault: str
) -> None:
    source = skf_source(soft_keys.profile())
    others = skf_source(soft_keys.profile(application="THEIRS"))
    theirs = others.open(others.present()[0])
    theirs.erase()
    theirs.verify_pin(_FACTORY_PIN)
    public = theirs.generate_key_pair()
    theirs.close()
    _work(source)
    soft_keys.fault()
    _erase(source)
    calls = [function for function in soft_keys.calls() if function not in _WATCHING]
    for at in range(1, calls.index("SKF_CreateApplication") + 2):
        soft_keys.fault(f"* {at} {fault}")
        with pytest.raises((TokenRemoved, VendorLibraryFailed)):
            _erase(source)
        soft_keys.fault()
        soft_keys.insert()
        _erase(source)
        assert soft_keys.state().count("application KEYDESK\n") == 1
    theirs = others.open(others.present()[0])
    assert theirs.public_key() == public


def _erase(source: SkfTokenSource) -> None:
    token = source.open(source.present()[0])
    try:
        token.erase()
        assert token.pin_state().untouched
    finally:
        token.close()


def _work_or_fail(source: SkfTokenSource) -> None:
    """Work where nobody knows beforehand whether the fault matters, and how."""
    try:
        _go(source)
    except TokenError:
        return
