"""Personal records: their bytes and commitments as recorded in `tests/vectors/personal.json`, and what is no record."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from kiosk.domain.errors import PersonalMalformed
from kiosk.domain.personal import (
    MAXIMUM_RECORD,
    SALT_LENGTH,
    DeliveryAddress,
    Disclosed,
    PersonalKind,
    PersonalRecord,
    disclose,
    encode_personal,
    kind_of_personal,
)


class RecordedPersonal(msgspec.Struct, frozen=True):
    kind: str
    fields: dict[str, str]
    salt: str
    bytes: str
    commitment: str


class Recorded(msgspec.Struct, frozen=True):
    records: tuple[RecordedPersonal, ...]


FILE = Path(__file__).parents[2] / "vectors" / "personal.json"
RECORDED = msgspec.json.decode(FILE.read_bytes(), type=Recorded).records
KINDS = {str(each.__struct_config__.tag): each for each in get_args(PersonalRecord)}
SALT = bytes(range(SALT_LENGTH))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each.kind)
def test_a_record_has_the_bytes_and_the_commitment_that_were_recorded(recorded: RecordedPersonal) -> None:
    record = msgspec.convert(list(recorded.fields.values()), tuple[str, ...])
    made = msgspec.msgpack.encode((recorded.kind, *record))
    assert made.hex() == recorded.bytes
    disclosed = Disclosed(bytes.fromhex(recorded.salt), made)
    assert disclosed.commitment.hex() == recorded.commitment
    assert encode_personal(disclosed.read()) == made
    assert isinstance(disclosed.read(), KINDS[recorded.kind])
    assert kind_of_personal(disclosed.read()).value == recorded.kind


def test_every_kind_is_recorded_and_has_a_retention() -> None:
    assert {each.kind for each in RECORDED} == set(KINDS) == {each.value for each in PersonalKind}


def test_the_commitment_is_over_label_salt_and_bytes() -> None:
    disclosed = disclose(DeliveryAddress("张三丰", "河南省", "花园路1号"), SALT)
    whole = b"keydesk personal record\x00" + SALT + disclosed.data
    assert disclosed.commitment == hashlib.sha256(whole).digest()
    other = disclose(DeliveryAddress("张三丰", "河南省", "花园路1号"), bytes(SALT_LENGTH))
    assert other.commitment != disclosed.commitment


def test_a_record_that_is_too_long_or_a_salt_of_another_length_is_refused() -> None:
    record = DeliveryAddress("张", "河南省", "路" * MAXIMUM_RECORD)
    with pytest.raises(PersonalMalformed):
        disclose(record, SALT)
    with pytest.raises(PersonalMalformed):
        Disclosed(SALT, encode_personal(record)).read()
    with pytest.raises(PersonalMalformed):
        disclose(DeliveryAddress("张", "河南省", "路"), SALT[1:])


@pytest.mark.parametrize(
    "data", [b"", b"\xff", msgspec.msgpack.encode(("delivery", "张")), msgspec.msgpack.encode(("other",))]
)
def test_other_bytes_are_no_record(data: bytes) -> None:
    disclosed = Disclosed(SALT, data)
    with pytest.raises(PersonalMalformed):
        disclosed.read()
    assert not disclosed.is_well_formed


def test_a_record_is_well_formed_only_in_the_bytes_that_are_written_here() -> None:
    record = DeliveryAddress("张", "河南省", "路")
    whole = disclose(record, SALT)
    assert whole.is_well_formed
    assert not Disclosed(SALT[1:], whole.data).is_well_formed
    longer = msgspec.msgpack.encode(("delivery", "张", "河南省", "路", "", "", "besides"))
    assert not Disclosed(SALT, longer).is_well_formed
