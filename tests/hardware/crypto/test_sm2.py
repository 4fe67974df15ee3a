"""SM2 on libcrypto, judged by the openssl command, by plain arithmetic and by the standard's example."""

from __future__ import annotations

import gc
import os
import signal
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.crypto import signatures
from hardware.crypto.sm2 import (
    KEPT_KEYS,
    LONGEST_USER_ID,
    ORDER,
    USER_ID,
    PointInvalid,
    ScalarInvalid,
    sm2,
)
from tests.support import sm2_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCALAR, POINT = sm2().generate()
MESSAGE = "验证 key盘".encode()

# GM/T 0003.5, appendix A
EXAMPLE_SCALAR = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
EXAMPLE_POINT = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
EXAMPLE_SIGNATURE = bytes.fromhex(
    "3046022100F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "022100B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)

PUBLIC_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
PRIVATE_PREFIX = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")


class OpenSsl:
    """The openssl command with one user ID."""

    def __init__(self, folder: Path, user_id: bytes) -> None:
        self._folder = folder
        self._options = ["-rawin", "-digest", "sm3", "-pkeyopt", f"hexdistid:{user_id.hex()}"]

    def verify(self, point: bytes, message: bytes, signature: bytes) -> bool:
        self._write(key=PUBLIC_PREFIX + point, message=message, signature=signature)
        words = [
            "-verify",
            "-pubin",
            "-keyform",
            "DER",
            "-inkey",
            "key",
            "-in",
            "message",
            "-sigfile",
            "signature",
        ]
        return self._run(*words).returncode == 0

    def sign(self, scalar: bytes, point: bytes, message: bytes) -> bytes:
        self._write(key=PRIVATE_PREFIX + scalar + b"\xa1\x44\x03\x42\0" + point, message=message)
        signed = self._run("-sign", "-keyform", "DER", "-inkey", "key", "-in", "message")
        assert signed.returncode == 0, signed.stderr
        return signed.stdout

    def _write(self, **files: bytes) -> None:
        for name, data in files.items():
            (self._folder / name).write_bytes(data)

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        command = ["openssl", "pkeyutl", *words, *self._options]
        return subprocess.run(command, cwd=self._folder, capture_output=True, check=False)


def test_the_standards_example_holds_for_its_message_and_user_id_alone() -> None:
    assert sm2_reference.verify(EXAMPLE_POINT, b"message digest", EXAMPLE_SIGNATURE)
    assert sm2().verify(EXAMPLE_POINT, b"message digest", EXAMPLE_SIGNATURE)
    assert not sm2().verify(EXAMPLE_POINT, b"message digesT", EXAMPLE_SIGNATURE)
    assert not sm2().verify(EXAMPLE_POINT, b"message digest", EXAMPLE_SIGNATURE, b"1234567812345679")
    sm2().require_pair(EXAMPLE_SCALAR, EXAMPLE_POINT)


@settings(max_examples=25, deadline=None)
@given(message=st.binary(max_size=3000), user_id=st.just(USER_ID) | st.binary(min_size=1, max_size=40))
def test_the_openssl_command_and_plain_arithmetic_take_our_signatures_and_we_openssls(
    tmp_path_factory: pytest.TempPathFactory, message: bytes, user_id: bytes
) -> None:
    openssl = OpenSsl(tmp_path_factory.mktemp("openssl"), user_id)
    scalar, point = sm2().generate()
    ours = sm2().sign(scalar, point, message, user_id)
    assert openssl.verify(point, message, ours)
    assert sm2_reference.verify(point, message, ours, user_id)
    theirs = openssl.sign(scalar, point, message)
    assert sm2().verify(point, message, theirs, user_id)
    for wrong in (message + b"\0", message[1:] + b"."):
        assert not sm2().verify(point, wrong, theirs, user_id)
        assert not openssl.verify(point, wrong, ours)


def test_a_pair_is_the_one_of_plain_arithmetic() -> None:
    for _ in range(5):
        scalar, point = sm2().generate()
        assert sm2_reference.public_point(scalar) == point
        assert 1 <= int.from_bytes(scalar) <= ORDER - 2
        sm2().require_pair(scalar, point)


def test_the_user_id_is_part_of_what_is_signed() -> None:
    for user_id in (b"\0", b"ALICE123@YAHOO.COM", bytes(LONGEST_USER_ID)):
        signature = sm2().sign(SCALAR, POINT, MESSAGE, user_id)
        assert sm2().verify(POINT, MESSAGE, signature, user_id)
        assert sm2_reference.verify(POINT, MESSAGE, signature, user_id)
        assert not sm2().verify(POINT, MESSAGE, signature)


@pytest.mark.parametrize("user_id", [b"", bytes(LONGEST_USER_ID + 1), bytes(70_000)])
def test_no_signature_without_a_user_id_that_can_be_counted(user_id: bytes) -> None:
    with pytest.raises(ValueError, match="user ID"):
        sm2().sign(SCALAR, POINT, MESSAGE, user_id)
    with pytest.raises(ValueError, match="user ID"):
        sm2().verify(POINT, MESSAGE, EXAMPLE_SIGNATURE, user_id)


# With n − 1 libcrypto would sign for ever, and it takes 0, n and what is beyond.
@pytest.mark.parametrize("number", [0, ORDER - 1, ORDER, ORDER + 5, 2**256 - 1])
def test_a_scalar_out_of_range_is_refused_before_it_signs(number: int) -> None:
    with pytest.raises(ScalarInvalid):
        sm2().sign(number.to_bytes(32), POINT, MESSAGE)
    with pytest.raises(ScalarInvalid):
        sm2().require_pair(number.to_bytes(32), POINT)


@pytest.mark.parametrize("number", [1, 2, ORDER - 2])
def test_the_first_and_last_scalars_sign(number: int) -> None:
    scalar = number.to_bytes(32)
    point = sm2_reference.public_point(scalar)
    sm2().require_pair(scalar, point)
    assert sm2_reference.verify(point, MESSAGE, sm2().sign(scalar, point, MESSAGE))


def test_a_scalar_of_another_length_is_refused() -> None:
    for scalar in (b"", SCALAR[1:], b"\0" + SCALAR, SCALAR * 2):
        with pytest.raises(ScalarInvalid):
            sm2().sign(scalar, POINT, MESSAGE)


def test_halves_of_two_pairs_are_no_pair() -> None:
    _, other = sm2().generate()
    with pytest.raises(ScalarInvalid):
        sm2().require_pair(SCALAR, other)


def negated(point: bytes) -> bytes:
    return point[:33] + (sm2_reference.P - int.from_bytes(point[33:])).to_bytes(32)


def test_the_point_on_the_other_side_belongs_to_another_scalar() -> None:
    sm2().require_point(negated(POINT))
    with pytest.raises(ScalarInvalid):
        sm2().require_pair(SCALAR, negated(POINT))


P = sm2_reference.P.to_bytes(32)
NO_POINTS = {
    "nothing": b"",
    "infinity": b"\0",
    "infinity in 65 bytes": bytes(65),
    "compressed": bytes((2 + POINT[-1] % 2,)) + POINT[1:33],
    "hybrid": bytes((6 + POINT[-1] % 2,)) + POINT[1:],
    "uncompressed without its mark": POINT[1:],
    "a byte more": POINT + b"\0",
    "a byte less": POINT[:-1],
    "off the curve": POINT[:-1] + bytes((POINT[-1] ^ 1,)),
    "zero": b"\x04" + bytes(64),
    "coordinates of the field's size": b"\x04" + P + P,
    "coordinates beyond the field": b"\x04" + b"\xff" * 64,
}


@pytest.mark.parametrize("kind", NO_POINTS)
def test_what_is_no_uncompressed_point_is_refused(kind: str) -> None:
    point = NO_POINTS[kind]
    for use in (
        lambda: sm2().require_point(point),
        lambda: sm2().verify(point, MESSAGE, EXAMPLE_SIGNATURE),
        lambda: sm2().sign(SCALAR, point, MESSAGE),
        lambda: sm2().require_pair(SCALAR, point),
    ):
        with pytest.raises(PointInvalid):
            use()


@settings(max_examples=200, deadline=None)
@given(point=st.binary(min_size=60, max_size=70) | st.binary(min_size=64, max_size=64).map(b"\x04".__add__))
def test_rubbish_is_a_point_only_where_plain_arithmetic_says_so(point: bytes) -> None:
    try:
        sm2().require_point(point)
    except PointInvalid:
        assert not sm2_reference.on_curve(point)
    else:
        assert sm2_reference.on_curve(point)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_changed_signature_holds_and_none_fails_in_another_way(data: st.DataObject) -> None:
    signature = bytearray(EXAMPLE_SIGNATURE)
    for _ in range(data.draw(st.integers(1, 3))):
        signature[data.draw(st.integers(0, len(signature) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(signature[: data.draw(st.integers(0, len(signature)))])
    for each in {bytes(signature), changed, data.draw(st.binary(max_size=80))} - {EXAMPLE_SIGNATURE}:
        assert not sm2().verify(EXAMPLE_POINT, b"message digest", each)


def test_numbers_that_no_signature_has_do_not_hold() -> None:
    r, s = signatures.decode(EXAMPLE_SIGNATURE, ORDER)
    for numbers in ((r + ORDER, s), (r, s + ORDER), (r, ORDER - r), (ORDER - s, s), (1, ORDER - 1)):
        signature = signatures.encode(*numbers, 2 * ORDER)
        assert not sm2().verify(EXAMPLE_POINT, b"message digest", signature)


def test_many_threads_sign_and_verify_at_once() -> None:
    pairs = [sm2().generate() for _ in range(8)]

    def work(number: int) -> int:
        scalar, point = pairs[number % len(pairs)]
        message = str(number).encode()
        signature = sm2().sign(scalar, point, message)
        _, other = pairs[(number + 1) % len(pairs)]
        return sm2().verify(point, message, signature) + 2 * sm2().verify(other, message, signature)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(400))) == {1}


def test_the_first_use_may_be_that_of_many_threads() -> None:
    sm2.cache_clear()
    begin, found = threading.Barrier(8), []

    def work() -> None:
        begin.wait()
        found.append(sm2().verify(EXAMPLE_POINT, b"message digest", EXAMPLE_SIGNATURE))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8


def test_keys_serve_on_both_sides_of_a_fork_and_the_nonces_differ() -> None:
    kept = sm2().sign(SCALAR, POINT, MESSAGE)
    ours = _forked(lambda: sm2().sign(SCALAR, POINT, MESSAGE) if sm2().verify(POINT, MESSAGE, kept) else b"")
    again = _forked(lambda: sm2().sign(SCALAR, POINT, MESSAGE))
    assert len({kept, ours, again, sm2().sign(SCALAR, POINT, MESSAGE)}) == 4
    assert sm2().verify(POINT, MESSAGE, ours)
    assert sm2().verify(POINT, MESSAGE, again)


def _forked(work: Callable[[], bytes]) -> bytes:
    """What a child answers over a pipe; no handler of the test runner runs in it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, work())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        data = answer.read()
    os.waitpid(child, 0)
    return data


def test_more_keys_than_are_kept_still_verify() -> None:
    first = sm2().sign(SCALAR, POINT, MESSAGE)
    point, beyond = sm2_reference.G, KEPT_KEYS + 20
    for _ in range(beyond):
        sm2().require_point(b"\x04" + point[0].to_bytes(32) + point[1].to_bytes(32))
        after = sm2_reference._add(point, sm2_reference.G)
        assert after is not None
        point = after
    gc.collect()
    assert sm2()._kept.cache_info().currsize == KEPT_KEYS
    assert sm2().verify(POINT, MESSAGE, first)


def test_a_failure_leaves_nothing_behind_for_pythons_own_ssl() -> None:
    for bad in NO_POINTS.values():
        with pytest.raises(PointInvalid):
            sm2().require_point(bad)
    assert not sm2().verify(POINT, MESSAGE, EXAMPLE_SIGNATURE)
    with pytest.raises(ScalarInvalid):
        sm2().require_pair(SCALAR, EXAMPLE_POINT)
    assert sm2()._brief.ERR_peek_last_error() == 0
    ssl.create_default_context()


def test_a_private_key_is_kept_nowhere() -> None:
    before = sm2()._kept.cache_info().currsize
    scalar, point = sm2().generate()
    sm2().sign(scalar, point, MESSAGE)
    sm2().require_pair(scalar, point)
    assert sm2()._kept.cache_info().currsize == before
