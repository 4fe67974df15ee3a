"""A library that answers anything: the driver gives values of the right form or TokenError, and asks only so often."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from asn1crypto.algos import DSASignature  # type: ignore[import-untyped]  # the package has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.crypto.sm2 import sm2
from hardware.ports import TokenError
from hardware.token.skf.codes import CODES, SarCode
from hardware.token.skf.layout import PROTOTYPES, Kind
from hardware.token.skf.process import SkfProcess
from hardware.token.skf.profile import DigestBy, SkfProfile
from hardware.token.skf.session import LONGEST_CERTIFICATE, SkfSession
from hardware.token.skf.token import SkfToken
from hardware.token.skf.wire import Answer
from tests.support import sm2_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEVICE = b"Key"
POINT = sm2().generate()[1][1:]
NAMES = b"Key\0KEYDESK\0KEYDESK-SIGN\0\0"
PUBLIC_KEY = (256).to_bytes(4, "little") + bytes(32) + POINT[:32] + bytes(32) + POINT[32:]
SIGNATURE = bytes(32) + b"\1" * 32 + bytes(32) + b"\2" * 32
INFORMATION = bytes(162) + b"SN1".ljust(32, b"\0") + bytes(100)
SOUND = {
    "SKF_EnumDev": NAMES,
    "SKF_EnumApplication": NAMES,
    "SKF_GetDevInfo": INFORMATION,
    "SKF_ExportPublicKey": PUBLIC_KEY,
    "SKF_GenECCKeyPair": PUBLIC_KEY,
    "SKF_ECCSignData": SIGNATURE,
    "SKF_EnumContainer": b"KEYDESK-SIGN\0\0",
    "SKF_Digest": bytes(32),
    "SKF_Encrypt": bytes(16),
}
"""What is found in the memory after a call that went well."""

MOST_CALLS = 200
PROVING = ("SKF_VerifyPIN", "SKF_ChangePIN", "SKF_UnblockPIN", "SKF_DevAuth")

codes = st.one_of(st.just(0), st.sampled_from(sorted(CODES)), st.integers(0, 0xFFFFFFFF))
numbers = st.one_of(
    st.integers(0, 20), st.sampled_from([0x7FFFFFFF, 0xFFFFFFFF]), st.integers(0, (1 << 64) - 1)
)
memories = st.one_of(
    st.sampled_from([b"", b"\0", NAMES.replace(b"\0", b"x"), b"\xff" * 300, *SOUND.values()]),
    st.binary(max_size=320),
)


class Told(msgspec.Struct, frozen=True):
    """What a call answers: its code, and what it leaves in the numbers and the memory that it was given."""

    code: int
    numbers: tuple[int, int, int]
    memory: bytes


told = st.builds(Told, codes, st.tuples(numbers, numbers, numbers), memories)


class Hostile(SkfProcess):
    """A library that answers as told, call after call, and then begins anew."""

    def __init__(self, script: list[Told | None]) -> None:
        super().__init__("libhostile.so")
        self._script = script
        self.calls: Counter[str] = Counter()

    @property
    def generation(self) -> int:
        return 1

    @property
    def runs(self) -> bool:
        return True

    def start(self) -> int:
        return 1

    def call(
        self,
        function: str,
        arguments: tuple[int | bytes, ...],
        seconds: float | None,
        generation: int | None = None,
    ) -> Answer:
        told = self._script[self.calls.total() % len(self._script)]
        self.calls[function] += 1
        assert self.calls.total() < MOST_CALLS
        if told is None:
            memory = SOUND.get(function, b"certificate")
            told = Told(SarCode.OK, (len(memory), 1, 1), memory)
        return Answer(told.code, tuple(_left(function, arguments, told)))


def _left(function: str, arguments: tuple[int | bytes, ...], told: Told) -> Iterator[int | bytes]:
    """What a call gives, in the form that the function's row in the table says."""
    left, given = iter(told.numbers), iter(arguments)
    for kind in PROTOTYPES[function].parameters:
        match kind:
            case Kind.NEW_HANDLE | Kind.NEW_NUMBER:
                yield next(left)
            case Kind.FILLED | Kind.NEW_STRUCTURE:
                capacity = _capacity(next(given))
                yield told.memory[:capacity].ljust(capacity, b"\0")
            case Kind.BUFFER:
                length = next(left)
                yield length
                yield told.memory[: min(length, _capacity(next(given)))]
            case Kind.CIPHER_PARAMETERS:
                continue
            case _:
                next(given)


def _capacity(given: int | bytes) -> int:
    assert isinstance(given, int)
    return given


def use(token: SkfToken, process: Hostile) -> None:
    """Call everything, checking that a value that comes back has its form, and that no secret is sent twice."""

    def tried(verb: Callable[[], object], *, proves: int = 0) -> object:
        before = sum(process.calls[each] for each in PROVING)
        try:
            return verb()
        except TokenError:
            return None
        finally:
            assert sum(process.calls[each] for each in PROVING) - before <= proves

    assert token.serial.isascii()
    assert token.serial.isprintable()
    tried(token.pin_state)
    for read in (token.public_key, token.generate_key_pair):
        key = tried(read)
        assert key is None or sm2_reference.on_curve(key)  # type: ignore[arg-type]
    certificate = tried(token.certificate)
    assert certificate is None or 0 < len(certificate) <= LONGEST_CERTIFICATE  # type: ignore[arg-type]
    tried(lambda: token.verify_pin("111111"), proves=1)
    signed = tried(lambda: token.sign(b"message"))
    assert signed is None or DSASignature.load(signed, strict=True)["r"].native > 0
    drawn = tried(lambda: token.random(16))
    assert drawn is None or len(drawn) == 16  # type: ignore[arg-type]
    tried(lambda: token.write_certificate(bytes(900)))
    tried(lambda: token.change_pin("111111", "222222"), proves=1)
    tried(lambda: token.unblock_pin(None, "222222"), proves=1)
    tried(token.erase, proves=1)
    token.close()


@settings(max_examples=400, deadline=None)
@given(
    script=st.lists(st.one_of(st.none(), st.none(), st.none(), told), min_size=1, max_size=60),
    digest=st.sampled_from(list(DigestBy)),
)
def test_whatever_a_library_answers_only_token_errors_come(
    script: list[Told | None], digest: DigestBy
) -> None:
    process = Hostile(script)
    profile = SkfProfile(library="libhostile.so", digest=digest)
    try:
        token = SkfToken(SkfSession(process, profile, DEVICE), DEVICE)
    except TokenError:
        return
    use(token, process)


def test_a_library_that_is_sound_does_it_all() -> None:
    process = Hostile([None])
    token = SkfToken(SkfSession(process, SkfProfile(library="libhostile.so"), DEVICE), DEVICE)
    use(token, process)
    assert process.calls.keys() >= {*PROVING, "SKF_GenECCKeyPair", "SKF_ECCSignData", "SKF_CreateApplication"}
