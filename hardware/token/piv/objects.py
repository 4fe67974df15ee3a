"""The data objects of PIV cards, made and read: BER-TLV, the certificate object, the card holder's identifier.

Everything here is bounded by the length of what it is given, and what has not the form of the standard raises
MalformedAnswer and nothing else.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hardware.crypto.certificate_file import PADDING, SEQUENCE, certificate_in
from hardware.ports import MalformedAnswer, TokenFull
from hardware.token.piv.commands import COMPRESSED, POINT_LENGTH, UNCOMPRESSED, IdentifierTag, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_CERTIFICATE: Final = 1 << 14
"""The most bytes of a certificate that is unpacked; those of the desk have about 1000."""

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve P-256 (SP 800-186, 3.2.1.3)."""

_MORE_TAG: Final = 0x1F
_LONG_LENGTH: Final = 0x80
_TAG_BYTES: Final = 3
_LENGTH_BYTES: Final = 3
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_BEGINS: Final = b"\x1f\x8b"
"""RFC 1952, 2.3.1."""
_GUID: Final = 16
_FASC_N: Final = 25
_NOBODYS_FASC_N: Final = bytes.fromhex("D4E739DA739CED39CE739D")
"""How a FASC-N begins that names no card: agency, system and credential are all nines."""


def encode(tag: int, value: bytes) -> bytes:
    """Make one object: tag, definite length in the fewest bytes, value (ISO/IEC 7816-4, 5.2.2)."""
    length = len(value)
    if length < _LONG_LENGTH:
        lengths = bytes((length,))
    else:
        digits = length.to_bytes((length.bit_length() + 7) // 8)
        lengths = bytes((_LONG_LENGTH | len(digits),)) + digits
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1) + lengths + value


def parse(data: bytes) -> dict[int, bytes]:
    """Read objects that follow one another to the end of the data, by their tags.

    Padding before, between and after them means nothing (ISO/IEC 7816-4, 5.2.2). Raises MalformedAnswer where one is cut off, has an indefinite length or a tag of more than three bytes, or
    comes twice.
    """
    objects: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if data[at] in PADDING:
            at += 1
            continue
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        if length > len(data) - at:
            raise MalformedAnswer(f"the object {tag:02X} is cut off")
        if tag in objects:
            raise MalformedAnswer(f"the object {tag:02X} comes twice")
        objects[tag] = data[at : at + length]
        at += length
    return objects


def member(data: bytes, *path: int) -> bytes:
    """Read the value of the object at the end of a path of tags, each within the one before.

    Raises MalformedAnswer where there is none.
    """
    for tag in path:
        found = parse(data).get(tag)
        if found is None:
            raise MalformedAnswer(f"there is no object {tag:02X}")
        data = found
    return data


def _tag(data: bytes, at: int) -> tuple[int, int]:
    end = at + 1
    if data[at] & _MORE_TAG == _MORE_TAG:
        while end < len(data) and data[end] & _LONG_LENGTH:
            end += 1
        end += 1
    if end > len(data) or end - at > _TAG_BYTES:
        raise MalformedAnswer("a tag is cut off or too long")
    return int.from_bytes(data[at:end]), end


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise MalformedAnswer("a length is missing")
    first = data[at]
    at += 1
    if first < _LONG_LENGTH:
        return first, at
    count = first - _LONG_LENGTH
    if not 1 <= count <= _LENGTH_BYTES or at + count > len(data):
        raise MalformedAnswer("a length is indefinite, cut off or too long")
    return int.from_bytes(data[at : at + count]), at + count


class Container(msgspec.Struct, frozen=True):
    """What the certificate object of a slot tells: its certificate (DER) and its public key (04 ‖ x ‖ y).

    The key is that of the certificate or, before one is written, that of the record. It is None beside a
    certificate that is none of a P-256 key or cannot be read. Where something else stands in the certificate's
    place, `certificate` is that: what is not understood is somebody's. `vacated` where the desk left word that the slot is
    nobody's.
    """

    certificate: bytes | None = None
    public_key: bytes | None = None
    vacated: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is neither."""
        return self.certificate is None and self.public_key is None


NOT_UNDERSTOOD: Final = b"\0"
"""Stands in the certificate's place for a key pair of somebody's of which no object tells."""

_OF_AN_EMPTY_OBJECT: Final = frozenset((Tag.CERTIFICATE, Tag.CERTIFICATE_INFORMATION, Tag.ERROR_DETECTION))
"""The tags that may stand in a certificate object that has no certificate."""


def read_container(value: bytes) -> Container:
    """Read the value of a certificate object (SP 800-73-4 part 1, table 10). Raises MalformedAnswer.

    Some programs write the certificate alone, without its tag.
    """
    if value[:1] == bytes((SEQUENCE,)):
        return _certified(certificate_in(value))
    objects = parse(value)
    certificate = _unpacked(objects.get(Tag.CERTIFICATE, b""), objects.get(Tag.CERTIFICATE_INFORMATION, b""))
    if certificate is not None:
        return _certified(certificate)
    recorded = objects.get(Tag.PUBLIC_KEY)
    if recorded is not None:
        return Container(vacated=True) if value == VACATED else Container(None, public_point(recorded))
    return Container() if objects.keys() <= _OF_AN_EMPTY_OBJECT else Container(value)


def _certified(certificate: bytes | None) -> Container:
    return Container() if certificate is None else Container(certificate, certified_point(certificate))


def certificate_object(certificate: bytes, longest: int) -> bytes:
    """Make the value of a certificate object, packed only where its object had more than `longest` bytes else.

    Raises TokenFull where it has more even so.
    """
    value = _certificate_object(certificate, UNCOMPRESSED)
    if len(encode(Tag.DATA, value)) > longest:
        value = _certificate_object(gzip.compress(certificate, mtime=0), COMPRESSED)
    if len(encode(Tag.DATA, value)) > longest:
        raise TokenFull(f"the card has no room for a certificate of {len(certificate)} bytes")
    return value


def key_record(public_key: bytes) -> bytes:
    """Make the value of a certificate object that only tells which key pair was made (this project's own)."""
    return encode(Tag.PUBLIC_KEY, encode(Tag.POINT, public_key))


VACATED: Final = key_record(b"")
"""The value of a certificate object whose slot is nobody's, whatever key pair is in it (this project's own)."""


def _certificate_object(certificate: bytes, information: int) -> bytes:
    return (
        encode(Tag.CERTIFICATE, certificate)
        + encode(Tag.CERTIFICATE_INFORMATION, bytes((information,)))
        + encode(Tag.ERROR_DETECTION, b"")
    )


def _unpacked(packed: bytes, information: bytes) -> bytes | None:
    """Return the certificate of an object; None where there is none. Raises MalformedAnswer.

    What the bytes begin with counts before their mark: older programs mark gzip with 80 (SP 800-73-1), some with
    nothing, and some leave the mark of an older certificate.
    """
    if packed.startswith(_GZIP_BEGINS):
        return _gunzipped(packed)
    marked = information not in (b"", bytes((UNCOMPRESSED,)))
    if packed and marked and packed[0] != SEQUENCE:
        raise MalformedAnswer("the certificate is packed in an unknown way")
    return certificate_in(packed)


def _gunzipped(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        certificate = unpacking.decompress(packed, LONGEST_CERTIFICATE + 1)
    except zlib.error:
        raise MalformedAnswer("the packed certificate cannot be unpacked") from None
    rest = unpacking.unused_data
    followed = rest if certificate[:1] != bytes((SEQUENCE,)) else rest.strip(PADDING)
    if not unpacking.eof or followed or not 0 < len(certificate) <= LONGEST_CERTIFICATE:
        raise MalformedAnswer("the packed certificate is cut off, too long or followed by something")
    return certificate


def public_point(template: bytes) -> bytes:
    """Read the value of a public key's template 7F49 as the point 04 ‖ x ‖ y.

    Raises MalformedAnswer for another form or a point off the curve.
    """
    point = member(template, Tag.POINT)
    if len(point) != POINT_LENGTH:
        raise MalformedAnswer("the public key is no uncompressed point of P-256")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise MalformedAnswer("the public key is no point of P-256") from None
    return point


def certified_point(certificate: bytes) -> bytes | None:
    """Return the point of the P-256 key that a certificate certifies.

    None where it certifies another kind of key or cannot be read: others' cards hold what they like there, and
    the desk has to say whose certificate it is not, and not that the card is broken.
    """
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def checked_signature(signature: bytes) -> bytes:
    """Return a signature as DER (r, s). Raises MalformedAnswer for what no P-256 signature can be."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        raise MalformedAnswer("the signature is no pair of numbers") from None
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        raise MalformedAnswer("the signature's numbers are out of range")
    return encode_dss_signature(r, s)


def identifier(value: bytes) -> str | None:
    """Return what names the card in its card holder unique identifier (SP 800-73-4 part 1, table 9), in hex.

    That is the GUID or, on cards without one, the FASC-N unless it is the one that names nobody. None where
    neither tells one card from another. Raises MalformedAnswer.
    """
    objects: Mapping[int, bytes] = parse(value)
    guid = objects.get(IdentifierTag.GUID, b"")
    if len(guid) == _GUID and any(guid):
        return guid.hex().upper()
    fasc_n = objects.get(IdentifierTag.FASC_N, b"")
    if len(fasc_n) == _FASC_N and any(fasc_n) and not fasc_n.startswith(_NOBODYS_FASC_N):
        return fasc_n.hex().upper()
    return None
