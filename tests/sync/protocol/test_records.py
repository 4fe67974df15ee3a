from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.entries.body import Tip
from kiosk.domain.feed import RefundRequested
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.domain.policy import Policy, SignedPolicy, SignedTime
from kiosk.domain.versions import NO_VERSION, Version
from kiosk.pki.device_keys import device_public_key, generate_device_key
from sync.protocol import records
from sync.protocol.errors import BodyMalformed, Problem, ProblemCode, read_problem
from sync.protocol.times import policy_holds, sign_policy, sign_time, time_holds

CENTRE = generate_device_key()
PUBLIC = device_public_key(CENTRE)
TIME = SignedTime(3, 5, bytes(64))
MARK = records.StrandMark(2, 1, 5, Tip(1, 7, bytes(32)))


@pytest.mark.parametrize(
    "record",
    [
        records.EnrolRequest("3-X", bytes(32), b"csr"),
        records.UploadAnswer(Tip(1, 2, bytes(32)), TIME, 2, (MARK,), begin_epoch=7, branched=True),
        records.Heartbeat(
            records.Checkpoint(3, 1, 2, bytes(32), 9, bytes(64)), 1, {0: Version(1, 2)}, 3, "0.1"
        ),
        records.HeartbeatAnswer(TIME, None, {65539: Version(1, 7)}, 1, (MARK,), retired=True),
        records.JournalPage((b"\x00\xff",), more=True, strand=0, high_water=None),
        records.JournalPage(
            (b"\x00",), more=False, strand=2, high_water=None, arrivals=(3,), strands=(MARK,)
        ),
        records.EpochRequest(None, "restored"),
        records.EpochAnswer(2, Tip(1, 2, bytes(32))),
        Problem(ProblemCode.CHAIN_HOLE, "A hole.", Tip(1, 2, bytes(32)), TIME, "7F3A"),
    ],
)
def test_records_come_back_as_they_went(record: msgspec.Struct) -> None:
    assert records.decode(records.encode(record), type(record)) == record


def test_feed_rows_travel_with_their_bodies_unread() -> None:
    body = RefundRequested("3-0001-1", "7", "admin", "asked")
    row = unsigned_row(65539, row_key_of(body), Version(1, 2), NO_VERSION, body)
    page = records.FeedPage((row,), {65539: Version(1, 2)}, more=False)
    (read,) = records.decode(records.encode(page), records.FeedPage).rows
    assert read.read() == body
    strange = (
        b'{"rows":[{"audience":0,"key":"x/1","version":[1,2],"base":[0,0],"kind":"from-the-future",'
        b'"body":{"kind":"from-the-future","x":1},"signature":""}],"heads":{"0":[1,2]},"more":false}'
    )
    (unknown,) = records.decode(strange, records.FeedPage).rows
    assert bytes(unknown.body) == b'{"kind":"from-the-future","x":1}'
    with pytest.raises(msgspec.ValidationError):
        unknown.read()


def test_fields_from_a_newer_end_are_skipped() -> None:
    newer = b'{"epoch":2,"high_water":null,"something":"new"}'
    assert records.decode(newer, records.EpochAnswer) == records.EpochAnswer(2, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"epoch":"2","high_water":null}', b"\xff"])
def test_a_body_of_another_form_is_malformed(body: bytes) -> None:
    with pytest.raises(BodyMalformed):
        records.decode(body, records.EpochAnswer)


def test_a_proxys_page_is_no_problem_of_ours() -> None:
    assert read_problem(b"<html>502</html>") is None
    assert read_problem(b'{"code":"unheard-of","sentence":"x"}') is None
    problem = Problem(ProblemCode.BUSY, "Busy.")
    assert read_problem(records.encode(problem)) == problem


@given(st.integers(min_value=1, max_value=MAXIMUM_KIOSK), st.binary(min_size=15, max_size=15))
def test_an_enrolment_token_names_its_kiosk(kiosk: int, secret: bytes) -> None:
    token = records.enrol_token(kiosk, secret)
    assert records.kiosk_of_enrol_token(f" {token.lower()} ") == kiosk


@pytest.mark.parametrize(
    "token", ["", "3", "3-ABCD", "0-" + "-".join(["0000"] * 6), "99999-" + "-".join(["0000"] * 6)]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BodyMalformed):
        records.kiosk_of_enrol_token(token)


def test_the_centres_time_holds_for_one_kiosk() -> None:
    signed = sign_time(3, 1_795_000_000, CENTRE)
    assert time_holds(signed, 3, PUBLIC)
    assert not time_holds(signed, 4, PUBLIC)
    assert not time_holds(msgspec.structs.replace(signed, time=signed.time + 1), 3, PUBLIC)
    assert not time_holds(msgspec.structs.replace(signed, time=-1), 3, PUBLIC)
    assert not time_holds(signed, 3, device_public_key(generate_device_key()))


def test_a_policy_is_signed_over_its_exact_bytes() -> None:
    signed = sign_policy(Policy(number=1, kiosk=3, valid_until=9), CENTRE)
    assert policy_holds(signed, PUBLIC)
    assert signed.read() == Policy(number=1, kiosk=3, valid_until=9)
    assert not policy_holds(SignedPolicy(signed.policy.replace(b"9", b"8"), signed.signature), PUBLIC)
    assert not policy_holds(signed, b"no key")
