"""What travels between the centre and the machine with its root key, and the signing: no database, no network.

    requests  JSON RootRequests   from `root export-requests`, to `root sign`
    answers   JSON RootAnswers    from `root sign`, to `root import`
    root      JSON MovedRoot      from `root move-out`: the key wrapped with a passphrase, and its certificate

A certificate proves itself, so the files need no signature of their own. What the request's key is, people compare by its
fingerprint, which the kiosk and the console show.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from hardware.disk import write_durably
from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.domain.policy import DAY
from kiosk.domain.validity import add_years
from kiosk.pki.certificates import ParsedCertificate, parse_certificate
from kiosk.pki.errors import PkiError, SealBroken
from kiosk.pki.issuing import RootAuthority, key_fingerprint
from kiosk.pki.names import issuing_name, parts_of
from kiosk.pki.passphrases import Wrapped, unwrap, wrap
from kiosk.pki.requests import verify_request
from kiosk.pki.verification import verify_issuing
from kiosk.text.command_line import spoken
from sync.central.centre_keys import ISSUING_YEARS, new_serial
from sync.central.errors import EXCHANGE_KIOSK, RootFileRefused

REQUESTS, ANSWERS, MOVED = "keydesk-root-requests-1", "keydesk-root-answers-1", "keydesk-root-1"
OLDEST_REQUESTS = 366 * DAY
"""How old a file of requests may be by the signing machine's clock, which nobody sets right there."""
_CONTEXT = b"keydesk root key 1\x00"

_File = TypeVar("_File", bound=msgspec.Struct)


class RootRequest(msgspec.Struct, frozen=True):
    """A kiosk's request (PKCS#10, DER) for its issuing CA certificate; `asked_at` in UTC seconds."""

    kiosk: int
    place: str
    request: bytes
    asked_at: int


class RootRequests(msgspec.Struct, frozen=True):
    """All that wait for the root (its certificate in DER)."""

    format: str
    root_certificate: bytes
    made_at: int
    requests: tuple[RootRequest, ...]


class RootAnswers(msgspec.Struct, frozen=True):
    """The certificates (DER) that the root signed."""

    format: str
    root_certificate: bytes
    signed_at: int
    certificates: tuple[bytes, ...]


class MovedRoot(msgspec.Struct, frozen=True):
    """The root key (PKCS#8), wrapped with a passphrase."""

    format: str
    root_certificate: bytes
    wrapped: Wrapped


class ToSign(msgspec.Struct, frozen=True):
    """A request that was found in order, and what of this kiosk the root signed before."""

    kiosk: int
    place: str
    request: bytes
    public_key: bytes
    asked_at: int
    before: bytes | None
    others: int


def read_file(path: Path, kind: type[_File], form: str) -> _File:
    """One of the three files. Raises RootFileRefused, OSError."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RootFileRefused(
            path, spoken().text("不是 {form} 的文件（{why}）", form=form, why=error)
        ) from error
    if getattr(found, "format", "") != form:
        raise RootFileRefused(path, spoken().text("不是 {form} 的文件", form=form))
    return found


def wrap_root(key: bytes, certificate: bytes, passphrase: str) -> MovedRoot:
    """The root as it leaves the centre."""
    return MovedRoot(MOVED, certificate, wrap(key, passphrase, _context(certificate), os.urandom))


def open_root(path: Path, moved: MovedRoot, passphrase: str) -> tuple[bytes, RootAuthority]:
    """The root's key (PKCS#8), and the root itself. Raises RootFileRefused."""
    try:
        key = unwrap(moved.wrapped, passphrase, _context(moved.root_certificate))
        return key, RootAuthority.load(key, moved.root_certificate)
    except SealBroken as error:
        raise RootFileRefused(path, spoken().text("这个密码打不开它")) from error
    except PkiError as error:
        raise RootFileRefused(path, str(error)) from error


def judge(path: Path, requests: RootRequests, root: RootAuthority, signed: Signed, now: int) -> list[ToSign]:
    """What there is to sign; `now` is this machine's clock. Raises RootFileRefused where anything is not in order."""
    if requests.root_certificate != root.certificate.der:
        raise RootFileRefused(path, spoken().text("申请是给另一个根证书的"))
    if not requests.made_at - DAY <= now <= requests.made_at + OLDEST_REQUESTS:
        raise RootFileRefused(path, spoken().text("照本机的时钟，它做于将来，或者一年以前"))
    if not root.certificate.not_before <= now < root.certificate.not_after:
        raise RootFileRefused(path, spoken().text("照本机的时钟，根证书现在不在有效期内"))
    numbers = [each.kiosk for each in requests.requests]
    if len(set(numbers)) != len(numbers):
        raise RootFileRefused(path, spoken().text("同一台终端机申请了两次"))
    return [_judged(path, each, root, signed) for each in requests.requests]


def _judged(path: Path, asked: RootRequest, root: RootAuthority, signed: Signed) -> ToSign:
    if not 1 <= asked.kiosk <= MAXIMUM_KIOSK or asked.kiosk == EXCHANGE_KIOSK:
        raise RootFileRefused(path, spoken().text("没有 {kiosk} 号终端机", kiosk=asked.kiosk))
    try:
        verified = verify_request(asked.request)
    except PkiError as error:
        raise RootFileRefused(
            path, spoken().text("{kiosk} 号终端机的申请不成立（{why}）", kiosk=asked.kiosk, why=error)
        ) from error
    if verified.subject != issuing_name(root.organisation, asked.kiosk):
        raise RootFileRefused(path, spoken().text("{kiosk} 号终端机的申请用的是别的名称", kiosk=asked.kiosk))
    before, others = signed.of(asked.kiosk, verified.public_key)
    return ToSign(
        asked.kiosk, asked.place, asked.request, verified.public_key, asked.asked_at, before, others
    )


def in_words(each: ToSign, root: RootAuthority, now: int) -> str:
    """What would be signed, for the person who answers for it."""
    text = spoken().text
    said = text(
        "{kiosk} 号终端机{place}，申请指纹 {fingerprint}：签发证书到 {until} 为止，只能签 {organisation} 的会员",
        kiosk=each.kiosk,
        place=text("（{place}）", place=each.place) if each.place.isprintable() and each.place else "",
        fingerprint=key_fingerprint(each.public_key),
        until=_day(_end(now)),
        organisation=root.organisation,
    )
    if each.before is not None:
        return text("{said}；以前签过，还是同一张证书", said=said)
    if each.others:
        return text("{said}；注意：这台终端机另有 {count} 把密钥以前签过", said=said, count=each.others)
    return said


def sign(todo: list[ToSign], root: RootAuthority, signed: Signed, now: int) -> RootAnswers:
    """Sign; each certificate is on the record beside the root's file before it is handed out. Raises PkiError, OSError."""
    return RootAnswers(
        ANSWERS, root.certificate.der, now, tuple(_signed(each, root, signed, now) for each in todo)
    )


def _signed(each: ToSign, root: RootAuthority, signed: Signed, now: int) -> bytes:
    if each.before is not None:
        return each.before
    # A day early, so that a kiosk whose clock is a little slow accepts it too.
    begin = max(now - DAY, root.certificate.not_before)
    certificate = root.certify_kiosk(each.request, each.kiosk, new_serial(), begin, _end(begin))
    verify_issuing(certificate, root.certificate.der, now)
    signed.add(certificate)
    return certificate


def _end(begin: int) -> int:
    return add_years(begin, ISSUING_YEARS)


def _day(at: int) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d")


class Signed:
    """The record of what the root signed, a file beside the root's: one line of hex for each certificate."""

    def __init__(self, root_file: Path, organisation: str) -> None:
        self._file = root_file.with_name(f"{root_file.name}.signed")
        self._organisation = organisation
        try:
            lines = self._file.read_text("ascii").split("\n")
        except FileNotFoundError:
            lines = []
        # A last line without its end was cut.
        self._certificates = [parse_certificate(bytes.fromhex(line)) for line in lines[:-1]]

    def of(self, kiosk: int, public_key: bytes) -> tuple[bytes | None, int]:
        """The certificate that a kiosk's key has already, and how many other keys of that kiosk have one."""
        name = issuing_name(self._organisation, kiosk)
        named = [each for each in self._certificates if each.subject == name]
        own = next((each.der for each in named if each.public_key == public_key), None)
        return own, sum(each.public_key != public_key for each in named)

    def add(self, certificate: bytes) -> None:
        """Note a certificate, durably. Raises OSError."""
        known = [*self._certificates, parse_certificate(certificate)]
        # The whole file in one step: a line that was cut would spoil the next.
        write_durably(self._file, b"".join(each.der.hex().encode("ascii") + b"\n" for each in known))
        self._certificates = known


def kiosk_of(certificate: ParsedCertificate, organisation: str) -> int | None:
    """The kiosk that an issuing CA certificate is for."""
    words = parts_of(certificate.subject)[-1][1].split()
    number = next((int(word) for word in words if word.isascii() and word.isdigit()), 0)
    return number if certificate.subject == issuing_name(organisation, number) else None


def _context(certificate: bytes) -> bytes:
    return _CONTEXT + hashlib.sha256(certificate).digest()
