"""The vectors of the records and the wire (tests/support/vectors.py) hold in the code, and the code makes them."""

from __future__ import annotations

import base64

import msgspec
import pytest

from kiosk.domain.certificate_numbers import parse_certificate_number
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import ChainBroken
from kiosk.domain.feed import KeyedBody
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.identifiers import (
    OrderReference,
    parse_order_number,
    parse_order_reference,
    parse_out_trade_no,
)
from kiosk.domain.journal import FORM, check_chain, unseal
from kiosk.domain.payment_codes import parse_link, require_confirmation, verify_order_code
from kiosk.domain.policy import SignedTime
from kiosk.domain.scanned_confirmations import require_scanned
from kiosk.pki import device_keys
from kiosk.pki.device_keys import device_verify
from sync.protocol import records
from sync.protocol.batches import checkpoint_holds, decode_batch
from sync.protocol.deeds import SignedDeed, deed_holds, read_deed
from sync.protocol.errors import ProblemCode, read_problem
from sync.protocol.receipts import SignedReceipt, believed, parse_receipt, read_receipt
from sync.protocol.rows import row_holds
from sync.protocol.signatures import parse_machine_key_id, verify_request
from sync.protocol.times import time_holds
from tests.support.vector_forms import CertificateNumberVector, JsonRecord, Payment, RequestVector
from tests.support.vectors import (
    LOGIN,
    RECORDS,
    VECTORS,
    centre_receipt_of,
    feed_row_of,
    made,
    order_code_of,
    record_of,
    upload_of,
)


def test_the_file_is_what_its_inputs_make() -> None:
    assert made(VECTORS) == VECTORS


def test_the_chain_holds_over_its_new_epoch_and_breaks_without_an_entry() -> None:
    sealed = [unseal(bytes.fromhex(each.bytes)) for each in VECTORS.chain.entries]
    for place, entry in zip(VECTORS.chain.entries, sealed, strict=True):
        assert entry.hash.hex() == place.hash
        read = entry.entry
        assert (read.form, read.kiosk, read.machine) == (FORM, VECTORS.chain.kiosk, VECTORS.chain.machine)
        assert (read.epoch, read.sequence, read.wall) == (place.epoch, place.sequence, place.wall)
        assert (read.monotonic, read.boot) == (place.monotonic, place.boot)
        assert read.body == msgspec.json.decode(place.body, type=AnyBody)
    began = [entry.entry.epoch for entry in sealed if isinstance(entry.entry.body, EpochBegan)]
    assert began == [1, 2]
    last = sealed[-1]
    assert check_chain(None, sealed) == Tip(*last.entry.tip, last.hash)
    for missing in range(len(sealed) - 1):
        with pytest.raises(ChainBroken):
            check_chain(None, sealed[:missing] + sealed[missing + 1 :])


@pytest.mark.parametrize("vector", VECTORS.payments, ids=lambda vector: vector.number)
def test_a_code_and_its_confirmations_read_as_their_fields_say(vector: Payment) -> None:
    data, code = bytes.fromhex(vector.order_code), order_code_of(vector)
    assert verify_order_code(data, bytes.fromhex(vector.order_code_key)) == code
    assert parse_link(vector.link) == parse_link(vector.text) == data
    assert parse_order_number(vector.number) == code.order
    assert parse_order_reference(vector.reference) == OrderReference(code.order, code.nonce)
    assert parse_out_trade_no(vector.out_trade_no) == (code.reference, vector.attempt)
    require_confirmation(vector.confirmation, data, vector.amount, bytes.fromhex(vector.confirmation_key))
    centre = bytes.fromhex(vector.centre_key)
    scanned = require_scanned(
        vector.scanned,
        data,
        vector.amount,
        lambda message, signature: device_verify(centre, message, signature),
    )
    assert (scanned.amount, scanned.signature.hex()) == (vector.amount, vector.scanned_signature)


@pytest.mark.parametrize("vector", VECTORS.certificate_numbers, ids=lambda vector: vector.text)
def test_a_certificate_number_reads_as_its_fields_say(vector: CertificateNumberVector) -> None:
    number = parse_certificate_number(vector.text)
    assert (number.kiosk, number.random) == (vector.kiosk, int(vector.random, 16))
    assert int(number) == vector.serial == int(vector.text, 16)


def test_the_batch_unpacks_to_the_chain_and_a_checkpoint_that_holds() -> None:
    vector = VECTORS.checkpoint
    batch = decode_batch(bytes.fromhex(VECTORS.batch.packed))
    assert batch == upload_of(VECTORS.chain, vector)
    assert msgspec.msgpack.encode(batch).hex() == VECTORS.batch.unpacked
    assert checkpoint_holds(batch.checkpoint, vector.kiosk, bytes.fromhex(vector.device_key))
    last = VECTORS.chain.entries[-1]
    assert (vector.epoch, vector.sequence, vector.hash) == (last.epoch, last.sequence, last.hash)


def test_the_deed_reads_as_its_fields_say_and_its_secret_opens() -> None:
    vector = VECTORS.deed
    signed = SignedDeed(bytes.fromhex(vector.deed), bytes.fromhex(vector.signature))
    assert deed_holds(signed, bytes.fromhex(vector.centre_key))
    deed = read_deed(signed)
    assert (deed.kiosk, deed.machine) == (vector.kiosk, vector.machine)
    assert (deed.device_key.hex(), deed.issuing_certificate.hex()) == (
        vector.device_key,
        vector.issuing_certificate,
    )
    assert deed.sealed_secret.hex() == vector.sealed_secret
    opened = device_keys.unseal(
        bytes.fromhex(vector.seal_key), deed.sealed_secret, vector.seal_context.encode()
    )
    assert opened.hex() == vector.payment_secret


def test_the_signed_time_holds() -> None:
    vector = VECTORS.signed_time
    signed = SignedTime(vector.kiosk, vector.time, bytes.fromhex(vector.signature))
    assert time_holds(signed, vector.kiosk, bytes.fromhex(vector.centre_key))


def test_the_receipt_reads_as_its_fields_say_and_is_believed() -> None:
    vector = VECTORS.receipt
    signed = parse_receipt(vector.text)
    assert isinstance(signed, SignedReceipt)
    assert signed.receipt.hex() == vector.receipt
    assert read_receipt(signed) == centre_receipt_of(vector)
    assert believed(vector.text, vector.kiosk, bytes.fromhex(vector.centre_key)) == centre_receipt_of(vector)


def test_the_row_of_the_feed_holds_and_its_key_is_its_body_s() -> None:
    row = feed_row_of(VECTORS.row)
    assert row_holds(row, bytes.fromhex(VECTORS.row.centre_key))
    body = row.read()
    assert isinstance(body, KeyedBody)
    assert row_key_of(body) == row.key
    fields = msgspec.msgpack.decode(bytes.fromhex(VECTORS.row.message))
    assert fields[1:3] == [VECTORS.row.audience, VECTORS.row.key]
    assert fields[-1].hex() == VECTORS.row.digest


@pytest.mark.parametrize(
    "vector", VECTORS.requests, ids=lambda vector: f"{vector.method}{'-receipt' * bool(vector.receipt)}"
)
def test_a_signed_request_verifies_and_its_signature_is_over_the_base(vector: RequestVector) -> None:
    key = bytes.fromhex(vector.device_key)
    signature = vector.headers["Signature"].removeprefix("device=:").removesuffix(":")
    assert device_verify(key, vector.base.encode(), base64.b64decode(signature))
    verified = verify_request(
        vector.method,
        vector.url,
        vector.headers,
        bytes.fromhex(vector.body),
        key_of=lambda key_id: key if key_id == vector.key_id else None,
        now=vector.created,
    )
    assert (verified.key_id, verified.created) == (vector.key_id, vector.created)
    assert parse_machine_key_id(vector.key_id) == (3, 1)


def test_the_enrolment_token_names_its_kiosk() -> None:
    vector = VECTORS.enrolment_token
    assert records.kiosk_of_enrol_token(vector.text) == vector.kiosk


@pytest.mark.parametrize("vector", VECTORS.records, ids=lambda vector: vector.record)
def test_a_record_is_written_as_it_was_recorded(vector: JsonRecord) -> None:
    assert record_of(vector) == vector


def test_every_record_has_a_vector() -> None:
    mapped = {name for name, each in RECORDS.items() if not each.__struct_config__.array_like}
    assert {vector.record for vector in VECTORS.records} == mapped | {*LOGIN, "Problem"}


def test_every_problem_has_a_vector() -> None:
    problems = [read_problem(each.json.encode()) for each in VECTORS.records if each.record == "Problem"]
    assert {each.code for each in problems if each is not None} == set(ProblemCode)
