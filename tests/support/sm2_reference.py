"""SM2 verification in plain arithmetic, written from GB/T 32918 alone: a judge that shares no code with libcrypto.

Slow, and not for secrets.
"""

from __future__ import annotations

import hashlib

USER_ID = b"1234567812345678"

# GB/T 32918.5
P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
G = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)

Point = tuple[int, int] | None
"""None is the point at infinity."""


def on_curve(point: bytes) -> bool:
    """Whether 04 ‖ x ‖ y is a point of the curve."""
    if len(point) != 65 or point[0] != 4:
        return False
    x, y = _numbers(point)
    return x < P and y < P and (y * y - x**3 - A * x - B) % P == 0


def _numbers(point: bytes) -> tuple[int, int]:
    return int.from_bytes(point[1:33]), int.from_bytes(point[33:])


def _add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if left == right else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def _times(number: int, point: Point) -> Point:
    total: Point = None
    for bit in f"{number:b}":
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total


def _sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


def digest(point: bytes, message: bytes, user_id: bytes = USER_ID) -> bytes:
    """The 32 bytes that are signed (GB/T 32918.2, 5.5 and 6.1)."""
    curve = b"".join(number.to_bytes(32) for number in (A, B, *G))
    signer = _sm3((8 * len(user_id)).to_bytes(2) + user_id + curve + point[1:])
    return _sm3(signer + message)


def verify_digest(point: bytes, digested: bytes, r: int, s: int) -> bool:
    """Whether (r, s) is the signature of a digest (GB/T 32918.2, 7.1)."""
    assert on_curve(point)
    t = (r + s) % N
    if not (1 <= r < N and 1 <= s < N) or t == 0:
        return False
    sum_ = _add(_times(s, G), _times(t, _numbers(point)))
    return sum_ is not None and (int.from_bytes(digested) + sum_[0]) % N == r


def verify(point: bytes, message: bytes, signature: bytes, user_id: bytes = USER_ID) -> bool:
    """Whether a DER signature holds; the two numbers are taken out of its shortest form by hand."""
    assert signature[0] == 0x30
    assert signature[1] == len(signature) - 2
    first = 4 + signature[3]
    assert signature[2] == signature[first] == 2
    r, s = int.from_bytes(signature[4:first]), int.from_bytes(signature[first + 2 :])
    return verify_digest(point, digest(point, message, user_id), r, s)


def public_point(scalar: bytes) -> bytes:
    """The public key of a private one."""
    made = _times(int.from_bytes(scalar), G)
    assert made is not None
    return b"\x04" + made[0].to_bytes(32) + made[1].to_bytes(32)
