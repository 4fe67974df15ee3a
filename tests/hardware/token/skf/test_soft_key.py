"""All verbs with the soft token: a library that follows the standard, with keys that remember."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    ApplicationShared,
    DeviceKeyRefused,
    KeyAlgorithm,
    LibraryFailure,
    NoKeyPair,
    NotSupported,
    PinBlocked,
    PinInvalid,
    PinState,
    SecurityNotSatisfied,
    TokenFull,
    TokenNotPrepared,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    VendorLibraryFailed,
    WrongPin,
)
from hardware.token.skf.errors import FunctionFailed
from hardware.token.skf.token import SkfToken
from tests.support import sm2_reference
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    from hardware.token.skf.profile import SkfProfile
    from hardware.token.skf.source import SkfTokenSource

    Sources = Callable[..., SkfTokenSource]

    class SoftKeys(Protocol):
        folder: Path

        def profile(self, **overrides: object) -> SkfProfile: ...
        def insert(self, name: str = ...) -> None: ...
        def pull(self, name: str = ...) -> None: ...
        def state(self, name: str = ...) -> str: ...
        def change(self, old: str, new: str, name: str = ...) -> None: ...
        def fault(self, *lines: str) -> None: ...
        def calls(self) -> list[str]: ...


_FACTORY_PIN = "111111"
_PIN = "246810"
_CERTIFICATE = b"\x30\x82\x04\x00" + os.urandom(1024)


@pytest.fixture
def blank(soft_keys: SoftKeys, skf_source: Sources) -> SkfToken:
    """Open a key as it comes from the factory, without the desk's application."""
    return _opened(skf_source(soft_keys.profile()))


@pytest.fixture
def prepared(blank: SkfToken) -> SkfToken:
    blank.erase()
    return blank


@pytest.fixture
def bound(prepared: SkfToken) -> SkfToken:
    prepared.verify_pin(_FACTORY_PIN)
    prepared.generate_key_pair()
    prepared.write_certificate(_CERTIFICATE)
    return prepared


def _opened(source: SkfTokenSource) -> SkfToken:
    token = source.open(source.present()[0])
    assert isinstance(token, SkfToken)
    return token


def _verified(public: bytes, message: bytes, signature: bytes) -> bool:
    return sm2_reference.verify(public, message, signature)


def test_a_key_without_the_desks_application_says_who_it_is_and_little_else(blank: SkfToken) -> None:
    assert (blank.serial, blank.driver, blank.algorithm) == ("E8AD652202221F03", "skf", KeyAlgorithm.SM2)
    assert (blank.application, blank.factory_pin) == ("KEYDESK", _FACTORY_PIN)
    assert blank.random(32) != blank.random(32)
    for verb in (blank.public_key, blank.certificate, blank.pin_state, blank.generate_key_pair):
        with pytest.raises(TokenNotPrepared):
            verb()
    with pytest.raises(TokenNotPrepared):
        blank.verify_pin(_FACTORY_PIN)


def test_an_erased_key_is_blank_and_ready(prepared: SkfToken) -> None:
    assert prepared.public_key() is None
    assert prepared.certificate() is None
    state = prepared.pin_state()
    assert state == PinState(10, 10, factory=True)
    assert state.untouched
    with pytest.raises(NoKeyPair):
        prepared.sign(b"message")
    with pytest.raises(NoKeyPair):
        prepared.write_certificate(_CERTIFICATE)


def test_without_the_pin_no_key_pair_is_made(prepared: SkfToken) -> None:
    with pytest.raises(SecurityNotSatisfied):
        prepared.generate_key_pair()


@pytest.mark.parametrize("digest", ["desk", "library"])
def test_a_bound_key_signs_and_gives_its_certificate_back(
    soft_keys: SoftKeys, skf_source: Sources, digest: str
) -> None:
    token = _opened(skf_source(soft_keys.profile(digest=digest)))
    token.erase()
    token.verify_pin(_FACTORY_PIN)
    public = token.generate_key_pair()
    assert token.public_key() == public
    token.write_certificate(_CERTIFICATE)
    assert token.certificate() == _CERTIFICATE
    message = "登录验证".encode() * 50
    assert _verified(public, message, token.sign(message))
    assert not _verified(public, b"another", token.sign(message))
    assert ("SKF_DigestInit" in soft_keys.calls()) == (digest == "library")


def test_a_message_that_is_too_long_to_pass_on_ends_nothing(soft_keys: SoftKeys, skf_source: Sources) -> None:
    token = _opened(skf_source(soft_keys.profile(digest="library")))
    token.erase()
    token.verify_pin(_FACTORY_PIN)
    public = token.generate_key_pair()
    with pytest.raises(ValueError, match="131072 bytes"):
        token.sign(bytes(300_000))
    message = bytes(128 * 1024)
    assert _verified(public, message, token.sign(message))


def test_what_was_written_is_there_at_the_next_insertion(
    soft_keys: SoftKeys, bound: SkfToken, skf_source: Sources
) -> None:
    public = bound.public_key()
    assert public is not None
    bound.close()
    soft_keys.pull()
    soft_keys.insert()
    again = _opened(skf_source(soft_keys.profile()))
    assert (again.public_key(), again.certificate()) == (public, _CERTIFICATE)
    with pytest.raises(SecurityNotSatisfied):
        again.sign(b"message")
    again.verify_pin(_FACTORY_PIN)
    assert _verified(public, b"message", again.sign(b"message"))


def test_closing_takes_the_pin_back(bound: SkfToken, soft_keys: SoftKeys, skf_source: Sources) -> None:
    bound.close()
    assert soft_keys.calls()[-4:] == [
        "SKF_ClearSecureState",
        "SKF_CloseContainer",
        "SKF_CloseApplication",
        "SKF_DisConnectDev",
    ]
    with pytest.raises(SecurityNotSatisfied):
        _opened(skf_source(soft_keys.profile())).sign(b"message")


def test_a_new_key_pair_and_certificate_take_the_old_ones_place(bound: SkfToken) -> None:
    first = bound.public_key()
    second = bound.generate_key_pair()
    assert second not in (None, first)
    bound.write_certificate(b"another certificate")
    assert bound.certificate() == b"another certificate"
    assert _verified(second, b"message", bound.sign(b"message"))


def test_wrong_pins_count_down_until_the_pin_is_blocked(prepared: SkfToken) -> None:
    for left in range(9, 0, -1):
        with pytest.raises(WrongPin) as caught:
            prepared.verify_pin(_PIN)
        assert caught.value.tries_left == left
        assert prepared.pin_state().tries_left == left
    for _ in range(2):
        with pytest.raises(PinBlocked):
            prepared.verify_pin(_PIN)
    with pytest.raises(PinBlocked):
        prepared.verify_pin(_FACTORY_PIN)
    assert prepared.pin_state().blocked


def test_a_pin_is_presented_once(prepared: SkfToken, soft_keys: SoftKeys) -> None:
    soft_keys.fault()
    with pytest.raises(WrongPin):
        prepared.verify_pin(_PIN)
    assert soft_keys.calls().count("SKF_VerifyPIN") == 1


@pytest.mark.parametrize("pin", ["", "12345", "1" * 17, "密码密码密码", "123456\n", "1234\x0056"])
def test_what_can_be_no_pin_is_not_sent(prepared: SkfToken, soft_keys: SoftKeys, pin: str) -> None:
    soft_keys.fault()
    verbs: list[Callable[[], None]] = [
        lambda: prepared.verify_pin(pin),
        lambda: prepared.change_pin(pin, _PIN),
        lambda: prepared.change_pin(_FACTORY_PIN, pin),
        lambda: prepared.unblock_pin(None, pin),
    ]
    for verb in verbs:
        with pytest.raises(PinInvalid):
            verb()
    assert soft_keys.calls() == []


def test_the_pin_is_changed_with_the_old_one(prepared: SkfToken) -> None:
    with pytest.raises(WrongPin) as caught:
        prepared.change_pin("999999", _PIN)
    assert caught.value.tries_left == 9
    prepared.change_pin(_FACTORY_PIN, _PIN)
    assert prepared.pin_state() == PinState(10, 10, factory=False)
    with pytest.raises(WrongPin):
        prepared.verify_pin(_FACTORY_PIN)
    prepared.verify_pin(_PIN)


@pytest.mark.parametrize("administrator", [None, "12345678"])
def test_a_blocked_pin_is_unblocked_by_the_administrators(
    prepared: SkfToken, soft_keys: SoftKeys, administrator: str | None
) -> None:
    soft_keys.fault("SKF_VerifyPIN 1+ return 0x0A000025")
    with pytest.raises(PinBlocked):
        prepared.verify_pin(_PIN)
    soft_keys.fault()
    prepared.unblock_pin(administrator, _PIN)
    prepared.verify_pin(_PIN)
    assert prepared.pin_state().untouched


def test_a_wrong_administrator_pin_counts_down_as_well(prepared: SkfToken) -> None:
    for left in range(9, 0, -1):
        with pytest.raises(UnblockingPinRefused) as caught:
            prepared.unblock_pin("87654321", _PIN)
        assert caught.value.tries_left == left
    for pin in ("87654321", None):
        with pytest.raises(UnblockingPinBlocked):
            prepared.unblock_pin(pin, _PIN)
    assert prepared.pin_state().untouched, "the user's PIN is not concerned"


def test_a_profile_without_an_administrator_pin_cannot_unblock_by_itself(
    soft_keys: SoftKeys, prepared: SkfToken, skf_source: Sources
) -> None:
    prepared.close()
    token = _opened(skf_source(soft_keys.profile(administrator_pin="")))
    with pytest.raises(NotSupported):
        token.unblock_pin(None, _PIN)
    with pytest.raises(NotSupported):
        token.erase()
    token.unblock_pin("12345678", _PIN)
    token.verify_pin(_PIN)


def test_erasing_leaves_other_peoples_applications_alone(
    soft_keys: SoftKeys, bound: SkfToken, skf_source: Sources
) -> None:
    bound.close()
    theirs = _opened(skf_source(soft_keys.profile(application="THEIRS", container="THEIR-KEY")))
    theirs.erase()
    theirs.verify_pin(_FACTORY_PIN)
    public = theirs.generate_key_pair()
    theirs.write_certificate(b"their certificate")
    theirs.change_pin(_FACTORY_PIN, "135791")
    theirs.close()
    ours = _opened(skf_source(soft_keys.profile()))
    ours.erase()
    assert (ours.public_key(), ours.certificate()) == (None, None)
    ours.close()
    theirs = _opened(skf_source(soft_keys.profile(application="THEIRS", container="THEIR-KEY")))
    assert (theirs.public_key(), theirs.certificate()) == (public, b"their certificate")
    theirs.verify_pin("135791")


def test_containers_of_others_in_the_same_application_are_left_alone(
    soft_keys: SoftKeys, skf_source: Sources
) -> None:
    theirs = _opened(skf_source(soft_keys.profile(container="THEIR-KEY")))
    theirs.erase()
    theirs.verify_pin(_FACTORY_PIN)
    public = theirs.generate_key_pair()
    theirs.write_certificate(b"their certificate")
    theirs.close()
    ours = _opened(skf_source(soft_keys.profile()))
    assert (ours.public_key(), ours.certificate()) == (None, None)
    ours.verify_pin(_FACTORY_PIN)
    own = ours.generate_key_pair()
    ours.write_certificate(_CERTIFICATE)
    before = soft_keys.state()
    with pytest.raises(ApplicationShared):
        ours.erase()  # it would take theirs along
    assert soft_keys.state() == before
    assert ours.public_key() == own != public
    ours.close()
    theirs = _opened(skf_source(soft_keys.profile(container="THEIR-KEY")))
    assert (theirs.public_key(), theirs.certificate()) == (public, b"their certificate")


@pytest.mark.parametrize("code", [0x0A000001, 0x0A00000E, 0x0A00000F, 0x0A00002D])
def test_an_application_whose_containers_cannot_be_listed_is_not_erased(
    soft_keys: SoftKeys, bound: SkfToken, code: int
) -> None:
    before = soft_keys.state()
    soft_keys.fault(f"SKF_EnumContainer 1+ return 0x{code:08X}")
    with pytest.raises((FunctionFailed, SecurityNotSatisfied)):
        bound.erase()
    assert soft_keys.state() == before
    soft_keys.fault()
    bound.erase()
    assert bound.pin_state().untouched


def test_another_device_key_is_told_and_nothing_is_touched(
    soft_keys: SoftKeys, bound: SkfToken, skf_source: Sources
) -> None:
    bound.close()
    before = soft_keys.state()
    token = _opened(skf_source(soft_keys.profile(device_key="00" * 16)))
    with pytest.raises(DeviceKeyRefused):
        token.erase()
    assert soft_keys.state() == before
    assert soft_keys.calls().count("SKF_DevAuth") == 2, "once by the fixture, once here"


def test_a_configured_device_key_erases(soft_keys: SoftKeys, prepared: SkfToken, skf_source: Sources) -> None:
    prepared.close()
    key = "00112233445566778899aabbccddeeff"
    soft_keys.change("31323334353637383132333435363738", key)
    token = _opened(skf_source(soft_keys.profile(device_key=key)))
    token.erase()
    assert token.pin_state().untouched


def test_a_full_key_takes_no_certificate_and_no_application(
    soft_keys: SoftKeys, prepared: SkfToken, skf_source: Sources
) -> None:
    soft_keys.change("room 32768", "room 900")
    prepared.verify_pin(_FACTORY_PIN)
    prepared.generate_key_pair()
    with pytest.raises(TokenFull):
        prepared.write_certificate(_CERTIFICATE)
    assert prepared.certificate() is None
    prepared.close()
    soft_keys.change("room 900", "room 300")
    with pytest.raises(TokenFull):
        _opened(skf_source(soft_keys.profile(application="ANOTHER"))).erase()


def test_the_free_room_is_known(prepared: SkfToken) -> None:
    assert 0 < prepared.information.free_space <= prepared.information.total_space == 32768


def test_two_keys_are_worked_on_side_by_side(soft_keys: SoftKeys, skf_source: Sources) -> None:
    soft_keys.insert("AAAA000000000001")
    source = skf_source(soft_keys.profile())
    tokens = [source.open(presence) for presence in source.present()]
    publics = []
    for token in tokens:
        token.erase()
        token.verify_pin(_FACTORY_PIN)
        publics.append(token.generate_key_pair())
    assert [token.serial for token in tokens] == ["AAAA000000000001", "E8AD652202221F03"]
    for token, public in zip(tokens, publics, strict=True):
        assert token.public_key() == public
        assert _verified(public, b"message", token.sign(b"message"))


@pytest.mark.parametrize("fault", ["crash", "hang"])
def test_a_pin_whose_answer_was_lost_is_reported_and_not_repeated(
    soft_keys: SoftKeys, prepared: SkfToken, skf_source: Sources, fault: str
) -> None:
    prepared.close()
    source = skf_source(soft_keys.profile(limits={"call": 1.0}))
    token = _opened(source)
    soft_keys.fault(f"SKF_VerifyPIN 1 {fault}-after")
    with pytest.raises(VendorLibraryFailed) as caught:
        token.verify_pin(_PIN)
    assert caught.value.failure == (LibraryFailure.CRASHED if fault == "crash" else LibraryFailure.HUNG)
    token.close()
    again = _opened(source)
    assert again.pin_state().tries_left == 9
    assert soft_keys.calls().count("SKF_VerifyPIN") == 1


@pytest.mark.parametrize("events", [True, False])
def test_the_soft_tokens_insertions_are_noticed(
    soft_keys: SoftKeys, skf_source: Sources, *, events: bool
) -> None:
    source = skf_source(soft_keys.profile(events=events))
    noticed: list[float] = []
    source.watch(lambda: noticed.append(time.monotonic()))
    wait_until(lambda: len(source.present()) == len(noticed) == 1)
    (first,) = source.present()
    soft_keys.pull()
    wait_until(lambda: source.present() == () and len(noticed) == 2)
    soft_keys.insert()
    wait_until(lambda: len(source.present()) == 1 and len(noticed) == 3)
    (again,) = source.present()
    assert again.insertion != first.insertion
    assert ("SKF_WaitForDevEvent" in soft_keys.calls()) == events
