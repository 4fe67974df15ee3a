"""A hang at every SKF function and a removal at every call of all the verbs, by a library that is not the soft token."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from hardware.ports import LibraryFailure, TokenError, TokenRemoved, VendorLibraryFailed
from hardware.token.skf.process import SkfProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource
    from hardware.token.skf.wire import Answer

    Profiles = Callable[..., SkfProfile]
    Sources = Callable[..., SkfTokenSource]

_PIN = "246810"


class Traffic:
    """Notes every call to a library, and does something just before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.functions: list[str] = []
        self._at: int | None = None
        self._limit: float | None = None
        self._do: Callable[[SkfProcess], None] = lambda _: None
        original = SkfProcess.call

        def call(
            process: SkfProcess,
            function: str,
            arguments: tuple[int | bytes, ...],
            seconds: float | None,
            generation: int | None = None,
        ) -> Answer:
            self.functions.append(function)
            if len(self.functions) - 1 == self._at:
                self._do(process)
                seconds = self._limit or seconds
            return original(process, function, arguments, seconds, generation)

        monkeypatch.setattr(SkfProcess, "call", call)

    def before(
        self,
        at: int | None,
        do: Callable[[SkfProcess], None] = lambda _: None,
        limit: float | None = None,
    ) -> None:
        """Count anew, and do that just before the call with this number, which may then take so many seconds."""
        self.functions = []
        self._limit = limit
        self._at = at
        self._do = do


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    return Traffic(monkeypatch)


def _work(source: SkfTokenSource) -> None:
    """Go through every verb as a binding and an erasure do."""
    (presence,) = source.present()
    token = source.open(presence)
    try:
        assert not token.pin_state().blocked
        token.public_key()
        token.verify_pin(_PIN)
        public = token.generate_key_pair()
        token.write_certificate(b"certificate")
        assert token.certificate() == b"certificate"
        assert token.public_key() == public
        assert token.sign(b"message")
        assert len(token.random(16)) == 16
        token.erase()
    finally:
        token.close()


def _signal(number: int) -> Callable[[SkfProcess], None]:
    def send(process: SkfProcess) -> None:
        if process.process_id is not None:
            os.kill(process.process_id, number)

    return send


def _calls_of(traffic: Traffic, source: SkfTokenSource) -> list[str]:
    source.present()  # the process is up
    traffic.before(None)
    _work(source)
    return traffic.functions


def test_the_library_may_hang_at_every_function(
    traffic: Traffic, odd_profile: Profiles, skf_source: Sources
) -> None:
    source = skf_source(odd_profile(limits={"call": 20.0, "enumeration": 20.0, "key_generation": 20.0}))
    functions = _calls_of(traffic, source)
    for at in sorted({functions.index(function) for function in functions[2:]} - {0, 1}):
        function = functions[at]
        traffic.before(at, _signal(signal.SIGSTOP), limit=0.1)
        if "DisConnect" in function or "Close" in function or "Clear" in function:
            _work_or_fail(source)
        else:
            with pytest.raises(VendorLibraryFailed) as caught:
                _work(source)
            assert caught.value.failure == LibraryFailure.HUNG
            assert function in caught.value.reason
        assert traffic.functions.count("SKF_VerifyPIN") <= 1
        traffic.before(None)
        _work(source)


@pytest.mark.parametrize("code", ["0A000005", "0A000002"])
def test_the_key_may_be_pulled_at_every_call(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    traffic: Traffic,
    odd_profile: Profiles,
    skf_source: Sources,
    code: str,
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("Odd key\n")
    monkeypatch.setenv("ODD_KEYS", str(keys))
    monkeypatch.setenv("ODD_REMOVED", code)
    source = skf_source(odd_profile())
    functions = _calls_of(traffic, source)

    def pull(_: SkfProcess) -> None:
        keys.write_text("")

    for at, function in list(enumerate(functions))[2:]:
        traffic.before(at, pull)
        if "Close" in function or "Clear" in function or "DisConnect" in function:
            _work_or_fail(source)
        else:
            with pytest.raises(TokenRemoved):
                _work(source)
        assert traffic.functions.count("SKF_VerifyPIN") <= 1
        traffic.before(None)
        assert source.present() == ()
        keys.write_text("Odd key\n")
        _work(source)


def _work_or_fail(source: SkfTokenSource) -> None:
    """Work where the fault hits a call that gives something back: it may go unnoticed."""
    try:
        _work(source)
    except TokenError:
        return
