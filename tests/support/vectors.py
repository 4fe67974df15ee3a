"""The records and the wire in examples, for whoever writes another program for them: `tests/vectors/protocol.json`.

Each vector has what goes in and what comes out, bytes as hex. Three hold the file to the code: what is recorded reads as its
fields say, encoding the fields gives the same bytes, and signatures hold under the key beside them. `write` makes the
outputs anew from the inputs in the file, when a form changes on purpose.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from kiosk.domain.certificate_numbers import CertificateNumber
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.feed_rows import FeedRow, row_message
from kiosk.domain.identifiers import OrderNumber, out_refund_no, out_trade_no
from kiosk.domain.journal import FORM, GENESIS, Entry, seal, short_hash
from kiosk.domain.login_check import LoginAnswer, LoginQuestion, signed_message
from kiosk.domain.payment_codes import (
    OrderCode,
    confirmation_digits,
    confirmation_key,
    encode_order_code,
    link,
    order_code_key,
    order_code_text,
)
from kiosk.domain.policy import SignedTime
from kiosk.domain.scanned_confirmations import encode_scanned, scanned_message
from kiosk.pki import device_keys
from kiosk.pki.device_keys import device_public_key, device_sign
from sync.protocol import records
from sync.protocol.batches import checkpoint_message, decode_batch, encode_batch, make_checkpoint
from sync.protocol.deeds import Deed, sign_deed
from sync.protocol.errors import Problem
from sync.protocol.receipts import HEADER, CentreReceipt, receipt_message, receipt_text, sign_receipt
from sync.protocol.records import UploadBatch
from sync.protocol.rows import sign_row
from sync.protocol.signatures import sign_request
from sync.protocol.times import sign_time
from tests.support.vector_forms import (
    BatchVector,
    CertificateNumberVector,
    Chain,
    CheckpointVector,
    DeedVector,
    JsonRecord,
    Payment,
    ReceiptVector,
    RequestVector,
    RowVector,
    TimeVector,
    Vectors,
)

FILE = Path(__file__).parents[1] / "vectors" / "protocol.json"


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
        records=tuple(record_of(each) for each in given.records),
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
    code = order_code_of(given)
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


def order_code_of(given: Payment) -> OrderCode:
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


def upload_of(chain: Chain, given: CheckpointVector) -> UploadBatch:
    signature = bytes.fromhex(given.signature)
    checkpoint = records.Checkpoint(
        given.kiosk, given.epoch, given.sequence, bytes.fromhex(given.hash), given.time, signature
    )
    return UploadBatch(tuple(bytes.fromhex(each.bytes) for each in chain.entries), checkpoint)


def _batch(given: BatchVector, chain: Chain, checkpoint: CheckpointVector) -> BatchVector:
    batch = upload_of(chain, checkpoint)
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


def centre_receipt_of(given: ReceiptVector) -> CentreReceipt:
    tip = Tip(given.epoch, given.sequence, bytes.fromhex(given.hash))
    heads = {int(audience): stamp for audience, stamp in given.heads.items()}
    place = (given.incarnation, bytes.fromhex(given.bits), given.kiosk, given.strand)
    return CentreReceipt(*place, tip, heads, given.ended, given.time)


def _receipt(given: ReceiptVector) -> ReceiptVector:
    seed = bytes.fromhex(given.centre_seed)
    signed = sign_receipt(centre_receipt_of(given), seed)
    return msgspec.structs.replace(
        given,
        centre_key=device_public_key(seed).hex(),
        receipt=signed.receipt.hex(),
        message=receipt_message(signed.receipt).hex(),
        text=receipt_text(signed),
    )


def feed_row_of(given: RowVector) -> FeedRow:
    body, signature = msgspec.Raw(given.body.encode()), bytes.fromhex(given.signature)
    return FeedRow(given.audience, given.key, given.version, given.base, given.kind, body, signature)


def _row(given: RowVector) -> RowVector:
    seed, row = bytes.fromhex(given.centre_seed), feed_row_of(given)
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


def record_of(given: JsonRecord) -> JsonRecord:
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
