"""What a vendor's library may do wrong, and what comes of it."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    DeviceKeyRefused,
    LibraryFailure,
    MalformedAnswer,
    NotSupported,
    PinState,
    ReaderUnavailable,
    TokenRemoved,
    VendorLibraryFailed,
    WrongPin,
)
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.profile import SkfProfile, configured_profile
from hardware.token.skf.session import SkfCalls
from hardware.token.skf.token import SkfToken
from hardware.token.skf.wire import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.token.skf.source import SkfTokenSource

    Profiles = Callable[..., SkfProfile]
    Sources = Callable[..., SkfTokenSource]


def _opened(source: SkfTokenSource) -> SkfToken:
    (presence,) = source.present()
    token = source.open(presence)
    assert isinstance(token, SkfToken)
    return token


@pytest.mark.parametrize("wide", [False, True])
def test_both_widths_of_ulong_and_both_kinds_of_handle_are_read(
    odd_profile: Profiles, skf_source: Sources, wide_library: str, *, wide: bool
) -> None:
    profile = configured_profile({"library": wide_library, "ulong_bytes": 8}) if wide else odd_profile()
    token = _opened(skf_source(profile))
    assert token.serial == "0DD0000000000001"
    assert (token.information.total_space, token.information.free_space) == (65536, 4096)
    assert token.pin_state() == PinState(7, 10, factory=True)
    public = token.public_key()
    assert public is not None
    assert public[:5].hex() == "0432c4ae2c"
    assert token.generate_key_pair() == public
    assert token.sign(b"message").hex() == "3006020101020102"
    token.write_certificate(b"anything")
    assert token.certificate() == b"certificate"
    token.erase()  # SM1: proved by the library's own cipher
    token.close()


@pytest.mark.parametrize(
    "oddity", ["wants-too-much", "never-enough", "claims-more", "overruns", "fails", "exits"]
)
def test_a_library_that_cannot_list_its_keys_is_a_problem_of_its_own(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources, oddity: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    source = skf_source(odd_profile(name="odd"))
    assert source.present() == ()
    (problem,) = source.problems()
    assert problem.driver == "odd"
    assert "libodd.so" in problem.reason


@pytest.mark.parametrize("oddity", ["cannot-be-asked", "prints", "closes-its-descriptors"])
def test_a_library_that_is_merely_peculiar_still_serves(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources, oddity: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    token = _opened(skf_source(odd_profile()))
    assert token.serial == "0DD0000000000001"


def test_no_key_is_no_problem(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "has-none")
    source = skf_source(odd_profile())
    assert source.present() == ()
    assert source.problems() == ()


@pytest.mark.parametrize(
    ("oddity", "failure"),
    [("crashes-when-loaded", LibraryFailure.CRASHED), ("hangs-when-loaded", LibraryFailure.HUNG)],
)
def test_a_library_that_fails_to_load_is_told_by_how(
    monkeypatch: pytest.MonkeyPatch, odd_library: str, oddity: str, failure: LibraryFailure
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    process = SkfProcess(odd_library, load_limit=0.5)
    with pytest.raises(VendorLibraryFailed) as caught:
        process.start()
    assert (caught.value.library, caught.value.failure) == (odd_library, failure)


def test_a_library_that_is_missing_or_another_is_unusable(odd_profile: Profiles, skf_source: Sources) -> None:
    source = skf_source(
        odd_profile(library="/nonexistent/libvendor.so"), odd_profile(library="libc.so.6"), odd_profile()
    )
    assert [presence.reader for presence in source.present()] == ["Odd key"]
    missing, another = source.problems()
    assert "libvendor.so unusable" in missing.reason
    assert "SKF_EnumDev" in another.reason


@pytest.mark.parametrize(
    ("oddity", "verb"),
    [
        ("has-no-serial", "open"),
        ("gives-no-handle", "open"),
        ("has-too-many-tries", "pin_state"),
        ("has-a-long-key", "public_key"),
        ("has-a-short-key", "public_key"),
        ("aligns-left", "public_key"),
        ("leaves-the-curve", "public_key"),
        ("makes-another-key", "generate_key_pair"),
        ("has-a-huge-certificate", "certificate"),
        ("signs-nought", "sign"),
        ("is-not-random", "random"),
    ],
)
def test_an_answer_of_another_form_is_malformed(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources, oddity: str, verb: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    source = skf_source(odd_profile())
    arguments = {"sign": (b"message",), "random": (16,)}.get(verb, ())
    with pytest.raises(MalformedAnswer):  # noqa: PT012 - opening is the verb in some rows
        token = _opened(source)
        getattr(token, verb)(*arguments)


def test_a_blank_public_key_is_none(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "has-a-blank-key")
    assert _opened(skf_source(odd_profile())).public_key() is None


def test_a_library_that_knows_no_tries_says_nothing_of_them(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "knows-no-tries")
    token = _opened(skf_source(odd_profile()))
    assert token.pin_state() == PinState(None, None)
    with pytest.raises(WrongPin) as caught:
        token.verify_pin("111111")
    assert caught.value.tries_left is None


@pytest.mark.parametrize(("oddity", "left"), [("", 7), ("reports-the-tries", 5)])
def test_the_tries_left_are_the_reported_ones_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources, oddity: str, left: int
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    with pytest.raises(WrongPin) as caught:
        _opened(skf_source(odd_profile())).verify_pin("111111")
    assert caught.value.tries_left == left


def test_functions_that_the_library_lacks_are_not_supported(
    odd_profile: Profiles, skf_source: Sources
) -> None:
    token = _opened(skf_source(odd_profile()))
    with pytest.raises(NotSupported) as caught:
        token.change_pin("111111", "222222")
    assert caught.value.function == "SKF_ChangePIN"
    with pytest.raises(NotSupported):
        token.unblock_pin(None, "222222")
    assert token.serial == "0DD0000000000001"


def test_a_library_that_fails_again_and_again_is_left_alone_for_longer(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "exits")
    source = skf_source(odd_profile())
    source.present()
    source.present()
    began = time.monotonic()
    for _ in range(100):
        assert source.present() == ()
    assert time.monotonic() - began < 0.4, "a library at rest is not started"
    monkeypatch.delenv("ODD_LIBRARY")
    time.sleep(0.6)
    assert len(source.present()) == 1
    assert source.problems() == ()


def test_an_open_key_is_lent_once(odd_profile: Profiles, skf_source: Sources) -> None:
    source = skf_source(odd_profile())
    token = _opened(source)
    with pytest.raises(ReaderUnavailable):
        _opened(source)
    token.close()
    _opened(source).close()


def test_a_closed_key_answers_no_more(odd_profile: Profiles, skf_source: Sources) -> None:
    token = _opened(skf_source(odd_profile()))
    token.close()
    token.close()
    for verb in (token.public_key, token.pin_state, token.generate_key_pair):
        with pytest.raises(TokenRemoved):
            verb()


def test_a_worker_that_is_killed_from_outside_is_started_anew(odd_profile: Profiles) -> None:
    profile = odd_profile()
    process = SkfProcess(profile.library)
    calls = SkfCalls(process, profile)
    assert calls.devices() == (b"Odd key",)
    first = process.process_id
    assert first is not None
    os.kill(first, 9)
    with contextlib.suppress(VendorLibraryFailed):  # unless it was noticed before the call
        calls.devices()
    assert calls.devices() == (b"Odd key",)
    assert process.process_id != first
    process.stop()


def test_a_request_does_not_show_its_arguments() -> None:
    assert "135790" not in repr(Call("SKF_VerifyPIN", (1, 1, b"135790")))


def test_without_a_device_key_nothing_is_erased(odd_profile: Profiles, skf_source: Sources) -> None:
    with pytest.raises(NotSupported):
        _opened(skf_source(odd_profile(device_key=""))).erase()


def test_a_device_key_that_is_refused_is_told(odd_profile: Profiles, skf_source: Sources) -> None:
    # With sixteen random bytes there are none of the zeros that this library wants.
    with pytest.raises(DeviceKeyRefused):
        _opened(skf_source(odd_profile(device_challenge=16))).erase()
