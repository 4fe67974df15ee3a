"""The records and the wire in examples, for whoever writes another program for them: `tests/vectors/protocol.json`.

Each vector has what goes in and what comes out, bytes as hex. Three hold the file to the code: what is recorded reads as its
fields say, encoding the fields gives the same bytes, and signatures hold under the key beside them. `write` makes the
outputs anew from the inputs in the file, when a form changes on purpose.
"""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from kiosk.domain.certificate_numbers import CertificateNumber, parse_certificate_number
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.errors import ChainBroken
from kiosk.domain.feed import KeyedBody
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import FeedRow, row_message
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import (
    OrderNumber,
    OrderReference,
    out_refund_no,
    out_trade_no,
    parse_order_number,
    parse_order_reference,
    parse_out_trade_no,
)
from kiosk.domain.journal import FORM, GENESIS, Entry, check_chain, seal, short_hash, unseal
from kiosk.domain.login_check import LoginAnswer, LoginQuestion, signed_message
from kiosk.domain.payment_codes import (
    OrderCode,
    confirmation_digits,
    confirmation_key,
    encode_order_code,
    link,
    order_code_key,
    order_code_text,
    parse_link,
    require_confirmation,
    verify_order_code,
)
from kiosk.domain.policy import SignedTime
from kiosk.domain.scanned_confirmations import encode_scanned, require_scanned, scanned_message
from kiosk.domain.versions import Version
from kiosk.pki import device_keys
from kiosk.pki.device_keys import device_public_key, device_sign, device_verify
from sync.protocol import records
from sync.protocol.batches import (
    checkpoint_holds,
    checkpoint_message,
    decode_batch,
    encode_batch,
    make_checkpoint,
)
from sync.protocol.deeds import Deed, SignedDeed, deed_holds, read_deed, sign_deed
from sync.protocol.errors import Problem, ProblemCode, read_problem
from sync.protocol.receipts import (
    HEADER,
    CentreReceipt,
    SignedReceipt,
    believed,
    parse_receipt,
    read_receipt,
    receipt_message,
    receipt_text,
    sign_receipt,
)
from sync.protocol.records import UploadBatch
from sync.protocol.rows import row_holds, sign_row
from sync.protocol.signatures import parse_machine_key_id, sign_request, verify_request
from sync.protocol.times import sign_time, time_holds

FILE = Path(__file__).parents[2] / "vectors" / "protocol.json"


class Place(msgspec.Struct, frozen=True):
    """One entry of a chain, by its fields; the hash of the entry before it is computed."""

    epoch: int
    sequence: int
    wall: int
    monotonic: int
    boot: str
    body: msgspec.Raw
    bytes: str = ""
    hash: str = ""


class Chain(msgspec.Struct, frozen=True):
    """A chain of kiosk and machine with a new epoch; `short_hash` is how a receipt shows the tip."""

    kiosk: int
    machine: int
    entries: tuple[Place, ...]
    short_hash: str = ""


class Payment(msgspec.Struct, frozen=True):
    """An order's code, what is made of it, and its two confirmations."""

    payment_secret: str
    kiosk: int
    epoch: int
    sequence: int
    account: str
    kind: OrderKind
    fee_schedule: int
    placed_at: int
    nonce: str
    base_url: str
    attempt: int
    amount: int
    centre_seed: str
    number: str = ""
    reference: str = ""
    order_code_key: str = ""
    confirmation_key: str = ""
    order_code: str = ""
    text: str = ""
    link: str = ""
    out_trade_no: str = ""
    out_refund_no: str = ""
    confirmation: str = ""
    centre_key: str = ""
    scanned_message: str = ""
    scanned_signature: str = ""
    scanned: str = ""


class CertificateNumberVector(msgspec.Struct, frozen=True):
    """A certificate's number, and its X.509 serial number."""

    kiosk: int
    random: str
    text: str = ""
    serial: int = 0


class CheckpointVector(msgspec.Struct, frozen=True):
    """A checkpoint by its fields, the bytes that are signed, and the signature."""

    device_seed: str
    kiosk: int
    epoch: int
    sequence: int
    hash: str
    time: int
    device_key: str = ""
    message: str = ""
    signature: str = ""


class BatchVector(msgspec.Struct, frozen=True):
    """A batch of the chain's entries with the checkpoint above; `packed` may differ by the compressor, its content not."""

    packed: str = ""
    unpacked: str = ""


class DeedVector(msgspec.Struct, frozen=True):
    """A machine's deed; its secret is sealed under a key of the centre. The certificate is a stand-in."""

    centre_seed: str
    kiosk: int
    machine: int
    device_key: str
    issuing_certificate: str
    payment_secret: str
    seal_key: str
    seal_nonce: str
    seal_context: str
    sealed_secret: str = ""
    centre_key: str = ""
    deed: str = ""
    signature: str = ""


class TimeVector(msgspec.Struct, frozen=True):
    """The centre's signed time."""

    centre_seed: str
    kiosk: int
    time: int
    centre_key: str = ""
    message: str = ""
    signature: str = ""


class ReceiptVector(msgspec.Struct, frozen=True):
    """The centre's receipt: its bytes, the bytes that are signed, and its text in the header."""

    centre_seed: str
    incarnation: int
    bits: str
    kiosk: int
    strand: int
    epoch: int
    sequence: int
    hash: str
    heads: dict[str, int]
    ended: int
    time: int
    centre_key: str = ""
    receipt: str = ""
    message: str = ""
    text: str = ""


class RowVector(msgspec.Struct, frozen=True):
    """A row of the feed: its body's digest, the bytes that are signed, and the signature."""

    centre_seed: str
    audience: int
    key: str
    version: Version
    base: Version
    kind: str
    body: str
    centre_key: str = ""
    digest: str = ""
    message: str = ""
    signature: str = ""


class RequestVector(msgspec.Struct, frozen=True):
    """A signed request: the headers, and the signature base of RFC 9421, section 2.5."""

    device_seed: str
    key_id: str
    method: str
    url: str
    body: str
    created: int
    receipt: str = ""
    headers: dict[str, str] = {}
    device_key: str = ""
    base: str = ""


class JsonRecord(msgspec.Struct, frozen=True):
    """A record of the device API as it is sent."""

    record: str
    json: str


class LoginVector(msgspec.Struct, frozen=True):
    """What the key signs in a login check."""

    challenge: str
    message: str = ""


class TokenVector(msgspec.Struct, frozen=True):
    """An enrolment token."""

    kiosk: int
    secret: str
    text: str = ""


class Vectors(msgspec.Struct, frozen=True):
    """The whole file."""

    chain: Chain
    payments: tuple[Payment, ...]
    certificate_numbers: tuple[CertificateNumberVector, ...]
    checkpoint: CheckpointVector
    batch: BatchVector
    deed: DeedVector
    signed_time: TimeVector
    receipt: ReceiptVector
    row: RowVector
    requests: tuple[RequestVector, ...]
    enrolment_token: TokenVector
    login: LoginVector
    records: tuple[JsonRecord, ...]


def made(given: Vectors) -> Vectors:
    """The vectors with all outputs computed from the inputs."""
    chain = _chain(given.chain)
    checkpoint = _checkpoint(given.checkpoint)
    return Vectors(
        chain=chain,
        payments=tuple(_payment(each) for each in given.payments),
        certificate_numbers=tuple(_certificate_number(each) for each in given.certificate_numbers),
        checkpoint=checkpoint,
        batch=_batch(given.batch, chain, checkpoint),
        deed=_deed(given.deed),
        signed_time=_time(given.signed_time),
        receipt=_receipt(given.receipt),
        row=_row(given.row),
        requests=tuple(_request(each) for each in given.requests),
        enrolment_token=msgspec.structs.replace(
            given.enrolment_token,
            text=records.enrol_token(
                given.enrolment_token.kiosk, bytes.fromhex(given.enrolment_token.secret)
            ),
        ),
        login=msgspec.structs.replace(
            given.login, message=signed_message(bytes.fromhex(given.login.challenge)).hex()
        ),
        records=tuple(_record(each) for each in given.records),
    )


def write() -> None:
    """Write the file anew from its inputs."""
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(made(_read())), indent=1) + b"\n")


def _read() -> Vectors:
    return msgspec.json.decode(FILE.read_bytes(), type=Vectors, strict=True)


def _chain(chain: Chain) -> Chain:
    places, previous = [], GENESIS
    for place in chain.entries:
        body = msgspec.json.decode(place.body, type=AnyBody)
        number = (FORM, chain.kiosk, chain.machine, place.epoch, place.sequence)
        sealed = seal(Entry(*number, place.wall, place.monotonic, place.boot, previous, body))
        previous = sealed.hash
        places.append(msgspec.structs.replace(place, bytes=sealed.data.hex(), hash=sealed.hash.hex()))
    return msgspec.structs.replace(chain, entries=tuple(places), short_hash=short_hash(previous))


def _certificate_number(given: CertificateNumberVector) -> CertificateNumberVector:
    number = CertificateNumber(given.kiosk, int(given.random, 16))
    return msgspec.structs.replace(given, text=str(number), serial=int(number))


def _payment(given: Payment) -> Payment:
    secret, centre = bytes.fromhex(given.payment_secret), bytes.fromhex(given.centre_seed)
    code = _order_code(given)
    data = encode_order_code(code, order_code_key(secret))
    message = scanned_message(data, given.amount)
    signature = device_sign(centre, message)
    return msgspec.structs.replace(
        given,
        number=str(code.order),
        reference=str(code.reference),
        order_code_key=order_code_key(secret).hex(),
        confirmation_key=confirmation_key(secret).hex(),
        order_code=data.hex(),
        text=order_code_text(data),
        link=link(given.base_url, data),
        out_trade_no=out_trade_no(code.reference, given.attempt),
        out_refund_no=out_refund_no(out_trade_no(code.reference, given.attempt)),
        confirmation=confirmation_digits(data, given.amount, confirmation_key(secret)),
        centre_key=device_public_key(centre).hex(),
        scanned_message=message.hex(),
        scanned_signature=signature.hex(),
        scanned=encode_scanned(data, given.amount, signature),
    )


def _order_code(given: Payment) -> OrderCode:
    number = OrderNumber(given.kiosk, given.epoch, given.sequence)
    nonce = bytes.fromhex(given.nonce)
    return OrderCode(number, given.account, given.kind, given.fee_schedule, given.placed_at, nonce)


def _tip(given: CheckpointVector) -> Tip:
    return Tip(given.epoch, given.sequence, bytes.fromhex(given.hash))


def _checkpoint(given: CheckpointVector) -> CheckpointVector:
    seed, tip = bytes.fromhex(given.device_seed), _tip(given)
    return msgspec.structs.replace(
        given,
        device_key=device_public_key(seed).hex(),
        message=checkpoint_message(given.kiosk, tip, given.time).hex(),
        signature=make_checkpoint(given.kiosk, tip, given.time, seed).signature.hex(),
    )


def _upload(chain: Chain, given: CheckpointVector) -> UploadBatch:
    signature = bytes.fromhex(given.signature)
    checkpoint = records.Checkpoint(
        given.kiosk, given.epoch, given.sequence, bytes.fromhex(given.hash), given.time, signature
    )
    return UploadBatch(tuple(bytes.fromhex(each.bytes) for each in chain.entries), checkpoint)


def _batch(given: BatchVector, chain: Chain, checkpoint: CheckpointVector) -> BatchVector:
    batch = _upload(chain, checkpoint)
    packed = given.packed
    if not packed or decode_batch(bytes.fromhex(packed)) != batch:
        packed = encode_batch(batch).hex()
    return BatchVector(packed, msgspec.msgpack.encode(batch).hex())


def _deed(given: DeedVector) -> DeedVector:
    sealed = device_keys.seal(
        bytes.fromhex(given.seal_key),
        bytes.fromhex(given.seal_nonce),
        bytes.fromhex(given.payment_secret),
        given.seal_context.encode(),
    )
    key, certificate = bytes.fromhex(given.device_key), bytes.fromhex(given.issuing_certificate)
    centre = bytes.fromhex(given.centre_seed)
    signed = sign_deed(Deed(given.kiosk, given.machine, key, certificate, sealed), centre)
    return msgspec.structs.replace(
        given,
        sealed_secret=sealed.hex(),
        centre_key=device_public_key(centre).hex(),
        deed=signed.deed.hex(),
        signature=signed.signature.hex(),
    )


def _time(given: TimeVector) -> TimeVector:
    seed = bytes.fromhex(given.centre_seed)
    return msgspec.structs.replace(
        given,
        centre_key=device_public_key(seed).hex(),
        message=SignedTime.message(given.kiosk, given.time).hex(),
        signature=sign_time(given.kiosk, given.time, seed).signature.hex(),
    )


def _centre_receipt(given: ReceiptVector) -> CentreReceipt:
    tip = Tip(given.epoch, given.sequence, bytes.fromhex(given.hash))
    heads = {int(audience): stamp for audience, stamp in given.heads.items()}
    place = (given.incarnation, bytes.fromhex(given.bits), given.kiosk, given.strand)
    return CentreReceipt(*place, tip, heads, given.ended, given.time)


def _receipt(given: ReceiptVector) -> ReceiptVector:
    seed = bytes.fromhex(given.centre_seed)
    signed = sign_receipt(_centre_receipt(given), seed)
    return msgspec.structs.replace(
        given,
        centre_key=device_public_key(seed).hex(),
        receipt=signed.receipt.hex(),
        message=receipt_message(signed.receipt).hex(),
        text=receipt_text(signed),
    )


def _feed_row(given: RowVector) -> FeedRow:
    body, signature = msgspec.Raw(given.body.encode()), bytes.fromhex(given.signature)
    return FeedRow(given.audience, given.key, given.version, given.base, given.kind, body, signature)


def _row(given: RowVector) -> RowVector:
    seed, row = bytes.fromhex(given.centre_seed), _feed_row(given)
    return msgspec.structs.replace(
        given,
        centre_key=device_public_key(seed).hex(),
        digest=row.digest.hex(),
        message=row_message(row).hex(),
        signature=sign_row(row, seed).signature.hex(),
    )


def _request(given: RequestVector) -> RequestVector:
    seed, body = bytes.fromhex(given.device_seed), bytes.fromhex(given.body)
    headers = sign_request(
        given.method,
        given.url,
        body,
        key_id=given.key_id,
        device_key=seed,
        created=given.created,
        receipt=given.receipt,
    )
    return msgspec.structs.replace(
        given,
        headers=headers,
        device_key=device_public_key(seed).hex(),
        base=_signature_base(given.method, given.url, headers),
    )


def _signature_base(method: str, url: str, headers: dict[str, str]) -> str:
    """Made by hand after RFC 9421, section 2.5."""
    path, _, query = url.removeprefix("http://centre.example").partition("?")
    parameters = headers["Signature-Input"].removeprefix("device=")
    lines = (
        f'"@method": {method}',
        f'"@path": {path}',
        f'"@query": ?{query}',
        *((f'"keydesk-receipt": {headers[HEADER]}',) if HEADER in headers else ()),
        f'"content-digest": {headers["Content-Digest"]}',
        f'"@signature-params": {parameters}',
    )
    return "\n".join(lines)


LOGIN = {"LoginQuestion": LoginQuestion, "LoginAnswer": LoginAnswer}
RECORDS: dict[str, type[msgspec.Struct]] = {
    name: each
    for name, each in vars(records).items()
    if isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__module__ == records.__name__
}


def _record(given: JsonRecord) -> JsonRecord:
    """The record read and written again: a field that is not the record's is lost, a missing one is added."""
    body = given.json.encode()
    record: msgspec.Struct
    match given.record:
        case "LoginQuestion":
            record = records.decode_question(body)
        case "LoginAnswer":
            record = records.decode_answer(body)
        case "Problem":
            record = records.decode(body, Problem)
        case name:
            record = records.decode(body, RECORDS[name])
    return JsonRecord(given.record, records.encode(record).decode())


VECTORS = _read()


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
    data, code = bytes.fromhex(vector.order_code), _order_code(vector)
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
    assert batch == _upload(VECTORS.chain, vector)
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
    assert read_receipt(signed) == _centre_receipt(vector)
    assert believed(vector.text, vector.kiosk, bytes.fromhex(vector.centre_key)) == _centre_receipt(vector)


def test_the_row_of_the_feed_holds_and_its_key_is_its_body_s() -> None:
    row = _feed_row(VECTORS.row)
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
    assert _record(vector) == vector


def test_every_record_has_a_vector() -> None:
    mapped = {name for name, each in RECORDS.items() if not each.__struct_config__.array_like}
    assert {vector.record for vector in VECTORS.records} == mapped | {*LOGIN, "Problem"}


def test_every_problem_has_a_vector() -> None:
    problems = [read_problem(each.json.encode()) for each in VECTORS.records if each.record == "Problem"]
    assert {each.code for each in problems if each is not None} == set(ProblemCode)
