"""What a vendor's library may do wrong, and what comes of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.pretty import pretty_repr

from hardware.ports import (
    DeviceKeyRefused,
    LibraryFailure,
    MalformedAnswer,
    NotSupported,
    PinState,
    TokenHeld,
    TokenRemoved,
    VendorLibraryFailed,
    WrongPin,
)
from hardware.token.skf.devices import SkfDevices
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.profile import SkfProfile, configured_profile
from hardware.token.skf.session import SkfCalls
from hardware.token.skf.token import SkfToken
from hardware.token.skf.wire import Answer, Call
from tests.support.waiting import acquire, stretched, wait_until

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
    "oddity",
    ["wants-too-much", "wants-less-than-nought", "never-enough", "claims-more", "overruns", "fails", "exits"],
)
def test_a_library_that_cannot_list_its_keys_is_a_problem_of_its_own(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources, oddity: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    source = skf_source(odd_profile(name="odd"))
    assert source.present() == ()
    (problem,) = source.problems()
    assert problem.driver == "odd"
    assert problem.reason.count("libodd.so") == 1


@pytest.mark.parametrize(
    "oddity",
    [
        "cannot-be-asked",
        "grows",
        "prints",
        "closes-its-descriptors",
        "makes-itself-at-home",
        "refuses-to-be-dumpable",
    ],
)
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
    ("oddity", "limit", "failure"),
    [("crashes-when-loaded", 30, LibraryFailure.CRASHED), ("hangs-when-loaded", 0.3, LibraryFailure.HUNG)],
)
def test_a_library_that_fails_to_load_is_told_by_how(
    monkeypatch: pytest.MonkeyPatch, odd_library: str, oddity: str, limit: float, failure: LibraryFailure
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", oddity)
    process = SkfProcess(odd_library, load_limit=limit)
    with pytest.raises(VendorLibraryFailed) as caught:
        process.start()
    assert (caught.value.library, caught.value.failure) == (odd_library, failure)


def test_a_crash_is_told_at_once_though_a_process_of_the_librarys_holds_the_connection(
    monkeypatch: pytest.MonkeyPatch, odd_library: str
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "leaves-a-child")
    process = SkfProcess(odd_library)
    process.start()
    session = process.process_id
    assert session is not None
    with pytest.raises(VendorLibraryFailed) as caught:
        process.call("SKF_EnumDev", (1, 0), stretched(30))
    assert caught.value.failure == LibraryFailure.CRASHED
    assert "signal 11" in caught.value.reason
    wait_until(lambda: not _runs_in_session(session), "what the library started is ended with it")


def test_a_library_that_forks_and_comes_back_twice_is_answered_for_once(
    monkeypatch: pytest.MonkeyPatch, odd_library: str
) -> None:
    """A second answer would be taken for that to the next call, a wrong PIN's perhaps."""
    monkeypatch.setenv("ODD_LIBRARY", "comes-back-twice")
    process = SkfProcess(odd_library)
    for _ in range(2):
        assert process.call("SKF_EnumDev", (1, 64), 10).results == (9, b"Odd key\0\0")
        time.sleep(0.2)  # in which the second process would have answered
        assert process.call("SKF_ConnectDev", (b"Odd key",), 10).code == 0
        assert process.call("SKF_VerifyPIN", (0x22, 1, b"999999"), 10).code == 0x0A000024
    process.stop()


def _runs_in_session(session: int) -> bool:
    """Whether a process of a session is left that is no mere entry."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5): after the name in brackets come state, parent, group and session
            state, _, _, found = file.read_text().rpartition(")")[2].split()[:4]
            if int(found) == session and state != "Z":
                return True
    return False


def test_texts_in_chinese_and_fields_without_an_ending_zero_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "fills-its-fields")
    monkeypatch.setenv("ODD_KEYS", str(tmp_path / "keys"))
    (tmp_path / "keys").write_bytes("龙脉 1\n".encode("gb18030") + "飞天 2\n".encode() + b"\x1b[2J\n")
    source = skf_source(odd_profile())
    presences = source.present()
    assert [each.reader for each in presences] == ["龙脉 1", "飞天 2", "\N{REPLACEMENT CHARACTER}[2J"]
    for presence in presences:
        token = source.open(presence)
        assert isinstance(token, SkfToken)
        assert token.serial == "A" * 32
        assert token.information.manufacturer == "龙脉\N{REPLACEMENT CHARACTER}[2J"
        assert token.information.label == "闷" * 16 or token.information.label.isprintable()
        token.close()


def test_padding_behind_a_certificate_is_none_of_it(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "pads-its-certificate")
    assert _opened(skf_source(odd_profile())).certificate() == bytes.fromhex("3003020105")


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
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles
) -> None:
    monkeypatch.setenv("ODD_LIBRARY", "exits")
    now = 0.0
    devices = SkfDevices(odd_profile(), itertools.count(1), lambda: now)
    starts = []
    for _ in range(40):
        now += 0.1
        assert devices.look().problem is not None
        starts.append(devices.process.generation)
    began = [1 + starts.index(generation) for generation in sorted(set(starts))]
    rests = [later - earlier for earlier, later in itertools.pairwise(began)]
    assert rests[0] == 1, "at once the first time"
    assert rests[1:] == pytest.approx([5, 10, 20], abs=1), "tenths of seconds"
    monkeypatch.delenv("ODD_LIBRARY")
    now += 30
    snapshot = devices.look()
    assert (len(snapshot.present), snapshot.problem) == (1, None)
    devices.process.stop()


def test_an_open_key_is_lent_once(odd_profile: Profiles, skf_source: Sources) -> None:
    source = skf_source(odd_profile())
    token = _opened(source)
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    with pytest.raises(TokenHeld):
        _opened(source)
    token.close()
    acquire(changes)
    _opened(source).close()
    stop()


def test_an_open_key_is_lent_once_though_two_ask_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, odd_profile: Profiles, skf_source: Sources
) -> None:
    source = skf_source(odd_profile())
    (presence,) = source.present()
    both = threading.Barrier(2)
    outcomes: list[str] = []
    connect = SkfToken.__init__

    def slowly(*arguments: Any) -> None:
        time.sleep(0.2)
        connect(*arguments)

    def ask() -> None:
        both.wait()
        try:
            outcomes.append(source.open(presence).serial)
        except TokenHeld:
            outcomes.append("in use")

    monkeypatch.setattr(SkfToken, "__init__", slowly)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["0DD0000000000001", "in use"]


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
    call = Call("SKF_VerifyPIN", (1, 1, b"135790"))
    answer = Answer(0, (b"135790",))
    shown = (repr(call), repr(answer), pretty_repr(call), pretty_repr(answer))
    assert not any("135790" in text for text in shown)


def test_without_a_device_key_nothing_is_erased(odd_profile: Profiles, skf_source: Sources) -> None:
    with pytest.raises(NotSupported):
        _opened(skf_source(odd_profile(device_key=""))).erase()


def test_a_device_key_that_is_refused_is_told(odd_profile: Profiles, skf_source: Sources) -> None:
    # With sixteen random bytes there are none of the zeros that this library wants.
    with pytest.raises(DeviceKeyRefused):
        _opened(skf_source(odd_profile(device_challenge=16))).erase()
