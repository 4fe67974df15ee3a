"""A snapshot and its acknowledgement byte for byte, for whoever writes another program: `tests/vectors/snapshot.json`.

From the entries in the file everything else in it is made; `write` makes it anew when a form changes on purpose.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.journal import unseal
from kiosk.domain.ledger_fold import fold_journal
from kiosk.domain.snapshots import (
    FOLD,
    NO_SNAPSHOT,
    EchoedRow,
    EpochStart,
    JournalSnapshot,
    LinksDigest,
    OtherRun,
    SignedAcknowledgement,
    SignedSnapshot,
    SnapshotAcknowledgement,
    digest_of,
    echoed_row,
    encode_row,
    read_acknowledgement,
    read_row,
    read_snapshot,
    row_place,
    snapshot_hash,
    snapshot_message,
)
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.snapshots import acknowledged, sign_acknowledgement, sign_snapshot, signed_snapshot
from tests.support.values import present

FILE = Path(__file__).parents[2] / "vectors" / "snapshot.json"


class SnapshotVector(msgspec.Struct, frozen=True):
    """All of it; bytes are hex."""

    device_seed: str
    centre_seed: str
    entries: tuple[str, ...]
    strand: int
    others: tuple[OtherRun, ...]
    time: int
    incarnation: int
    bits: str
    acknowledged_at: int
    rows: tuple[str, ...] = ()
    links: str = ""
    state: str = ""
    device_key: str = ""
    centre_key: str = ""
    snapshot: str = ""
    hash: str = ""
    message: str = ""
    signature: str = ""
    acknowledgement: str = ""
    acknowledged_by: str = ""


def made(given: SnapshotVector) -> SnapshotVector:
    """The vector with all outputs computed from the inputs."""
    entries = [unseal(bytes.fromhex(each)) for each in given.entries]
    links, echoes = LinksDigest(), dict[str, EchoedRow]()
    for sealed in entries:
        links.add(sealed.hash)
        if (echoed := echoed_row(sealed.entry.body, sealed.entry.sequence)) is not None:
            echoes.setdefault(echoed.key, echoed)
    rows = sorted([*fold_journal(entries).rows(), *echoes.values()], key=row_place)
    count, state = digest_of(rows)
    device, centre = bytes.fromhex(given.device_seed), bytes.fromhex(given.centre_seed)
    last = entries[-1]
    began = [each.entry for each in entries if isinstance(each.entry.body, EpochBegan)]
    snapshot = JournalSnapshot(
        fold=FOLD,
        kiosk=last.entry.kiosk,
        machine=last.entry.machine,
        device_key=device_public_key(device),
        strand=given.strand,
        head=Tip(last.entry.epoch, last.entry.sequence, last.hash),
        epochs=tuple(EpochStart(each.epoch, each.sequence) for each in began),
        others=given.others,
        links=links.digest(),
        rows=count,
        state=state,
        time=given.time,
        previous=NO_SNAPSHOT,
    )
    signed = sign_snapshot(snapshot, device)
    digest = snapshot_hash(signed.snapshot)
    said = sign_acknowledgement(
        SnapshotAcknowledgement(
            snapshot.kiosk, digest, given.incarnation, bytes.fromhex(given.bits), given.acknowledged_at
        ),
        centre,
    )
    return msgspec.structs.replace(
        given,
        rows=tuple(encode_row(each).hex() for each in rows),
        links=links.digest().hex(),
        state=state.hex(),
        device_key=device_public_key(device).hex(),
        centre_key=device_public_key(centre).hex(),
        snapshot=signed.snapshot.hex(),
        hash=digest.hex(),
        message=snapshot_message(signed.snapshot).hex(),
        signature=signed.signature.hex(),
        acknowledgement=said.acknowledgement.hex(),
        acknowledged_by=said.signature.hex(),
    )


def read() -> SnapshotVector:
    return msgspec.json.decode(FILE.read_bytes(), type=SnapshotVector)


def write() -> None:
    """Make the outputs anew; by hand: `python -c "from tests.sync.protocol.test_snapshot_vectors import write; write()"`."""
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(made(read())), indent=1) + b"\n")


VECTOR = read()


def test_everything_is_made_of_the_entries() -> None:
    assert made(VECTOR) == VECTOR


def test_what_is_recorded_reads_and_its_signatures_hold() -> None:
    signed = SignedSnapshot(bytes.fromhex(VECTOR.snapshot), bytes.fromhex(VECTOR.signature))
    snapshot = present(signed_snapshot(signed))
    assert snapshot == read_snapshot(signed.snapshot)
    assert (snapshot.kiosk, snapshot.others, snapshot.time) == (3, VECTOR.others, VECTOR.time)
    said = SignedAcknowledgement(bytes.fromhex(VECTOR.acknowledgement), bytes.fromhex(VECTOR.acknowledged_by))
    found = present(acknowledged(said, signed.snapshot, 3, bytes.fromhex(VECTOR.centre_key)))
    assert found == read_acknowledgement(said.acknowledgement)
    assert (found.snapshot.hex(), found.incarnation) == (VECTOR.hash, VECTOR.incarnation)


def test_every_row_reads_as_a_record_and_is_written_the_same() -> None:
    rows = [read_row(bytes.fromhex(each)) for each in VECTOR.rows]
    assert len({type(each) for each in rows}) == 4
    assert [encode_row(each).hex() for each in rows] == list(VECTOR.rows)
