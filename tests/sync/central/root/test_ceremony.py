"""What the root's machine refuses to sign, and a move that is cut short."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.encodings import encode_private_key
from kiosk.pki.issuing import RootAuthority, issuing_request
from kiosk.pki.suites import SM2
from kiosk.pki.verification import verify_issuing
from sync.central.centre_keys import CentreKeys, make_keys
from sync.central.errors import EXCHANGE_KIOSK, RootFileRefused
from sync.central.root import place
from sync.central.root.ceremony import (
    REQUESTS,
    RootRequest,
    RootRequests,
    Signed,
    in_words,
    judge,
    kiosk_of,
    sign,
)
from tests.support.passphrases import cheap_wrapping

NOW = 1_795_000_000
NAME = "北京华商储备商品交易所"
WORDS = "a long passphrase"


@pytest.fixture(scope="module")
def root() -> RootAuthority:
    return RootAuthority.create(NAME, SM2.generate(), 1, NOW - DAY, add_years(NOW, 30))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "root.json"


def asked(kiosk: int = 3, name: str = NAME, number: int | None = None) -> RootRequest:
    request = issuing_request(name, number or kiosk, SM2.generate())
    return RootRequest(kiosk, "郑州", request, NOW)


def requests(root: RootAuthority, *wanted: RootRequest, made_at: int = NOW) -> RootRequests:
    return RootRequests(REQUESTS, root.certificate.der, made_at, wanted)


def test_what_is_in_order_is_said_in_plain_words_and_signed_once(root: RootAuthority, file: Path) -> None:
    first, second = asked(3), asked(5)
    signed = Signed(file, NAME)
    todo = judge(file, requests(root, first, second), root, signed, NOW)
    said = in_words(todo[0], root, NOW)
    assert said.startswith("3 号终端机（郑州），申请指纹 ")
    assert f"签发证书到 2031-11-18 为止，只能签 {NAME} 的会员" in said
    answers = sign(todo, root, signed, NOW)
    for each, number in zip(answers.certificates, (3, 5), strict=True):
        assert verify_issuing(each, root.certificate.der, NOW).extensions.permitted
        assert kiosk_of(parse_certificate(each), NAME) == number
    again = judge(file, requests(root, first), root, Signed(file, NAME), NOW + DAY)
    assert "还是同一张证书" in in_words(again[0], root, NOW)
    assert sign(again, root, Signed(file, NAME), NOW + DAY).certificates == answers.certificates[:1]
    another = judge(file, requests(root, asked(3)), root, Signed(file, NAME), NOW)
    assert "注意：这台终端机另有 1 把密钥" in in_words(another[0], root, NOW)


def test_a_record_that_a_kill_cut_is_read_up_to_there(root: RootAuthority, file: Path) -> None:
    first = asked(3)
    signed = Signed(file, NAME)
    done = sign(judge(file, requests(root, first), root, signed, NOW), root, signed, NOW)
    record = file.with_name("root.json.signed")
    record.write_text(record.read_text() + "3082")
    todo = judge(file, requests(root, first), root, Signed(file, NAME), NOW)
    assert todo[0].before == done.certificates[0]
    signed = Signed(file, NAME)
    sign(judge(file, requests(root, asked(5)), root, signed, NOW), root, signed, NOW)
    assert Signed(file, NAME).of(3, parse_certificate(done.certificates[0]).public_key)[0] is not None


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ((asked(3), asked(3)), "申请了两次"),
        ((asked(EXCHANGE_KIOSK),), "没有 12288 号终端机"),
        ((asked(0, number=1),), "没有 0 号终端机"),
        ((asked(70_000, number=1),), "没有 70000 号终端机"),
        ((asked(3, number=4),), "别的名称"),
        ((asked(3, name="别的交易所"),), "别的名称"),
        ((RootRequest(3, "", b"0\x00", NOW),), "3 号终端机的申请不成立"),
    ],
)
def test_what_is_not_in_order_is_not_signed(
    root: RootAuthority, file: Path, wanted: tuple[RootRequest, ...], why: str
) -> None:
    with pytest.raises(RootFileRefused, match=why):
        judge(file, requests(root, *wanted), root, Signed(file, NAME), NOW)


def test_a_request_whose_key_did_not_sign_it_is_not_signed(root: RootAuthority, file: Path) -> None:
    good = asked(3)
    forged = good.request[:-1] + bytes([good.request[-1] ^ 1])
    with pytest.raises(RootFileRefused, match="3 号终端机的申请不成立"):
        judge(file, requests(root, RootRequest(3, "", forged, NOW)), root, Signed(file, NAME), NOW)


def test_another_root_and_a_clock_that_is_off_are_refused(root: RootAuthority, file: Path) -> None:
    other = RootAuthority.create(NAME, SM2.generate(), 1, NOW - DAY, add_years(NOW, 30))
    with pytest.raises(RootFileRefused, match="另一个根证书"):
        judge(file, requests(other, asked(3)), root, Signed(file, NAME), NOW)
    for clock in (NOW - 2 * DAY, NOW + 400 * DAY):
        with pytest.raises(RootFileRefused, match="时钟"):
            judge(file, requests(root, asked(3)), root, Signed(file, NAME), clock)


class _Killed(Exception):
    pass


@contextmanager
def _killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    done = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def change(*given: object, **named: object) -> object:
            nonlocal done
            if done >= step:
                raise _Killed
            done += 1
            return real(*given, **named)

        return change

    with monkeypatch.context() as patched:
        for name in ("rename", "replace", "unlink", "link", "fsync"):
            patched.setattr(os, name, counted(getattr(os, name)))
        yield


def test_a_kill_while_the_root_is_moved_out_leaves_it_here_or_in_a_file_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap_wrapping(monkeypatch)
    made = make_keys(tmp_path / "centre", NAME, NOW)
    key, cut = (made.directory / "root.key").read_bytes(), 0
    for step in range(40):
        file, directory = tmp_path / f"root-{step}.json", tmp_path / f"centre-{step}"
        directory.mkdir()
        (directory / "root.key").write_bytes(key)
        keys = CentreKeys(
            directory,
            made.centre_key,
            made.centre_public_key,
            made.seal_key,
            made.root_certificate,
            made.exchange_certificate,
        )
        with _killed_at(step, monkeypatch):
            try:
                place.move_out(keys, file, WORDS, NOW)
            except _Killed:
                cut += 1
        if keys.root_is_here:
            assert (directory / "root.key").read_bytes() == key
        place.move_out(keys, file, WORDS, NOW)  # again
        assert not (directory / "root.key").exists()
        assert not keys.root_is_here
        place.bring_back(keys, file, WORDS)
        assert encode_private_key(keys.root().private_key) == key
        if cut <= step:
            break
    assert cut == step >= 6


def test_a_root_that_a_restore_set_aside_is_moved_out_along(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "centre", NAME, NOW)
    key = (keys.directory / "root.key").read_bytes()
    others = make_keys(tmp_path / "other", NAME, NOW).directory / "root.key"
    for number, content in enumerate((key, bytes(len(key)), others.read_bytes()), 1):
        aside = keys.directory / f"before-{number}"
        aside.mkdir()
        (aside / "root.key").write_bytes(content)

    place.move_out(keys, tmp_path / "root.json", WORDS, NOW)

    assert [path.parent.name for path in keys.directory.rglob("root.key")] == ["before-3"]
