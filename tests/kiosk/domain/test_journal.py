from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderCancelled, OrderPaid, OrderPlaced
from kiosk.domain.errors import ChainBroken, EntryMalformed
from kiosk.domain.feed import AnyFeedBody
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.journal import (
    FORM,
    GENESIS,
    Entry,
    SealedEntry,
    check_chain,
    check_link,
    entry_hash,
    seal,
    short_hash,
    unseal,
)
from kiosk.domain.ledger import PaidHow
from kiosk.domain.versions import Version

LINES = (PriceLine(FeeItem.CERTIFICATE, 10_000), PriceLine(FeeItem.SERVICE, 5_000))
PLACED = OrderPlaced(
    "3-0002-1",
    "11000001",
    "北京示例粮油贸易有限公司",
    "李晓梅",
    OrderKind.RENEWAL,
    LINES,
    1,
    bytes(8),
    1,
    Version(1, 7),
    1_800_000_900,
    bytes(38),
)


def entry_after(tip: Tip | None, body: AnyBody, epoch: int = 1) -> SealedEntry:
    sequence, previous = (1, GENESIS) if tip is None else (tip.sequence + 1, tip.hash)
    return seal(Entry(FORM, 3, 1, epoch, sequence, 1_800_000_000 + sequence, 1000, "boot", previous, body))


def chain_of(*bodies: AnyBody) -> list[SealedEntry]:
    entries: list[SealedEntry] = []
    tip = None
    for body in bodies:
        entries.append(entry_after(tip, body))
        tip = check_link(tip, entries[-1])
    return entries


CHAIN = chain_of(
    EpochBegan(given_by_centre=True),
    PLACED,
    OrderPaid("3-0002-1", PaidHow.CODE, 15_000, 1_800_000_100),
    OrderCancelled("3-0002-1", "member"),
)


def test_bytes_give_the_same_entry_and_hash_back() -> None:
    for sealed in CHAIN:
        assert unseal(sealed.data) == sealed
        assert entry_hash(sealed.data) == sealed.hash


def test_a_hash_is_pinned_for_the_bytes_on_disk() -> None:
    sealed = seal(Entry(2, 3, 1, 1, 1, 1_800_000_000, 5, "b", GENESIS, EpochBegan(given_by_centre=True)))
    assert sealed.data.hex() == (
        "9a020301 0101ce6b 49d20005 a162c420" + "00" * 32 + "83a46b69 6e64ab65 706f6368 2d626567 616e"
        "af676976 656e5f62 795f6365 6e747265 c3a9636f 6e74696e 756573c0"
    ).replace(" ", "")
    assert short_hash(sealed.hash) == sealed.hash.hex()[:8].upper()


@given(entry=st.integers(0, len(CHAIN) - 1), position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_bit_flipped_in_an_entry_shows_in_the_chain(entry: int, position: int, bit: int) -> None:
    data = bytearray(CHAIN[entry].data)
    data[position % len(data)] ^= 1 << bit
    try:
        damaged = unseal(bytes(data))
        tip = check_chain(None, [*CHAIN[:entry], damaged, *CHAIN[entry + 1 :]])
    except (ChainBroken, EntryMalformed):
        return
    # Nothing follows the last entry; there the tip, which receipts and checkpoints name, is another.
    assert entry == len(CHAIN) - 1
    assert tip is not None
    assert tip.hash != CHAIN[-1].hash


@given(st.permutations(range(len(CHAIN))))
def test_entries_hold_in_one_order_only(order: list[int]) -> None:
    shuffled = [CHAIN[position] for position in order]
    if order == sorted(order):
        assert check_chain(None, shuffled) == Tip(1, 4, CHAIN[-1].hash)
    else:
        with pytest.raises(ChainBroken):
            check_chain(None, shuffled)


@given(st.integers(0, len(CHAIN) - 2))
def test_a_missing_entry_breaks_the_chain(missing: int) -> None:
    with pytest.raises(ChainBroken) as caught:
        check_chain(None, CHAIN[:missing] + CHAIN[missing + 1 :])
    place = CHAIN[missing + 1].entry
    broken = caught.value
    assert (broken.kiosk, broken.epoch, broken.sequence) == (place.kiosk, place.epoch, missing + 2)


def test_a_new_epoch_goes_on_counting_and_names_the_tip() -> None:
    tip = check_chain(None, CHAIN)
    begun = entry_after(tip, EpochBegan(given_by_centre=False, continues=tip), epoch=9)
    assert check_link(tip, begun) == Tip(9, 5, begun.hash)


@pytest.mark.parametrize(("epoch", "begins"), [(1, True), (2, False)])
def test_an_epoch_begins_with_its_own_entry_and_only_there(epoch: int, *, begins: bool) -> None:
    tip = check_chain(None, CHAIN)
    assert tip is not None
    wrong: AnyBody = EpochBegan(given_by_centre=True, continues=tip) if begins else PLACED
    with pytest.raises(ChainBroken):
        check_link(tip, entry_after(tip, wrong, epoch))


def test_an_epoch_that_names_another_tip_is_refused() -> None:
    tip = check_chain(None, CHAIN)
    assert tip is not None
    for named in (None, replace(tip, hash=bytes(32)), replace(tip, sequence=3)):
        with pytest.raises(ChainBroken):
            check_link(tip, entry_after(tip, EpochBegan(given_by_centre=True, continues=named), epoch=2))


def test_the_first_entry_of_all_begins_an_epoch() -> None:
    with pytest.raises(ChainBroken):
        check_link(None, entry_after(None, PLACED, epoch=0))


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xff" * 20, CHAIN[0].data[:-1], CHAIN[0].data + b"\x00"])
def test_bytes_that_are_no_entry_are_refused(data: bytes) -> None:
    with pytest.raises(EntryMalformed):
        unseal(data)


def test_an_entry_of_another_form_is_refused() -> None:
    with pytest.raises(EntryMalformed):
        unseal(seal(replace(CHAIN[0].entry, form=FORM + 1)).data)


def test_a_body_with_a_field_that_is_not_known_is_refused() -> None:
    data = CHAIN[3].data.replace(b"\x83\xa4kind", b"\x84\xa1x\x01\xa4kind")
    assert data != CHAIN[3].data
    with pytest.raises(EntryMalformed):
        unseal(data)


@pytest.mark.parametrize("sequence", [0, 4, 6])
def test_a_sequence_that_does_not_follow_breaks_the_chain(sequence: int) -> None:
    tip = check_chain(None, CHAIN)
    with pytest.raises(ChainBroken):
        check_link(tip, seal(replace(entry_after(tip, PLACED).entry, sequence=sequence)))


def test_what_an_entry_or_a_row_leaves_out_stays_what_it_was_when_it_was_written() -> None:
    left_out = {
        (body.__name__, field.name): field.default
        for body in (*get_args(AnyBody), *get_args(AnyFeedBody))
        for field in msgspec.structs.fields(body)
        if field.default not in {msgspec.NODEFAULT, None}
    }
    assert left_out == {
        ("PinChanged", "certain"): True,
        ("PinUnblocked", "certain"): True,
        ("KeyErased", "certificate"): "",
        ("KeyBoundElsewhere", "certificate"): b"",
        ("MatterDecided", "account"): "",
        ("RegisterDecided", "feed"): "",
        ("CertificateRegistered", "obstacles"): (),
        ("MatterPublished", "outcome"): "",
        ("KeyBoundElsewhere", "lost"): False,
        ("KeyBoundElsewhere", "holds"): 0,
        ("KeyBoundElsewhere", "revoked"): False,
        ("KeyReceivedBack", "token_serial"): "",
        **{("DeliveryTold", name): "" for name in ("recipient", "phone", "region", "carrier", "tracking")},
        ("DeliveryTold", "asked_at"): 0,
        ("DeliveryTold", "mailed_at"): 0,
        ("DeliveryTold", "reason"): "",
        **{("InvoiceTold", name): "" for name in ("email", "number")},
        ("InvoiceTold", "asked_at"): 0,
        ("InvoiceTold", "issued_at"): 0,
        **{("ProposalTold", name): "" for name in ("name", "document", "phone", "new_account", "reason")},
    }
