from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from kiosk.pki.device_keys import generate_device_key
from sync.agent.centre_client import LARGEST_ANSWER, CentreClient, Credentials
from sync.agent.errors import (
    AddressInvalid,
    AnswerUnusable,
    CentreBusy,
    CentreUnreachable,
    ExchangeFailed,
    RequestRefused,
)
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.records import encode

Handler = Callable[[httpx2.Request], httpx2.Response]


def client(handler: Handler, address: str = "https://centre.example/keydesk/") -> CentreClient:
    credentials = Credentials(3, generate_device_key())
    return CentreClient(address, credentials, lambda: 0, lambda _: False, httpx2.MockTransport(handler))


def answering(*arguments: Any, **keywords: Any) -> CentreClient:
    return client(lambda _: httpx2.Response(*arguments, **keywords))


@pytest.mark.parametrize(
    "address", ["", "centre.example", "ftp://centre.example", "http://", "http://x:y:z", "https://c/?a=1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        client(lambda _: httpx2.Response(200), address)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        (
            {"retry-after": "Sun, 22 Nov 2026 06:06:00 GMT", "date": "Sun, 22 Nov 2026 06:05:00 GMT"},
            60.0,
        ),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_centre_names_its_time(status: int, headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(CentreBusy) as caught:
        answering(status, headers=headers).describe()
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [204, 301, 302, 400, 403, 404, 418, 500, 502])
def test_what_is_not_the_centres_answer_is_tried_again(status: int) -> None:
    with pytest.raises(AnswerUnusable):
        answering(status, content=b"<html>gateway</html>").describe()


def test_a_refusal_carries_its_reason() -> None:
    problem = Problem(ProblemCode.KIOSK_REVOKED, "This kiosk was revoked.")
    with pytest.raises(RequestRefused, match="revoked") as caught:
        answering(403, content=encode(problem)).feed({}, 0)
    assert not isinstance(caught.value, ExchangeFailed)
    assert caught.value.code is ProblemCode.KIOSK_REVOKED


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError, httpx2.WriteError]
)
def test_a_line_that_fails_is_the_centre_out_of_reach(error: type[httpx2.TransportError]) -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise error("gone", request=request)

    with pytest.raises(CentreUnreachable):
        client(broken).describe()


def test_an_answer_without_end_is_cut_off() -> None:
    endless = (bytes(2**20) for _ in range(10**6))
    with pytest.raises(AnswerUnusable, match=str(LARGEST_ANSWER)):
        client(lambda _: httpx2.Response(200, content=endless)).describe()


def test_a_compressed_answer_that_does_not_decode_is_unusable() -> None:
    with pytest.raises(AnswerUnusable):
        client(
            lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, content=iter([b"no gzip"]))
        ).describe()


def test_a_clock_problem_that_is_not_signed_by_the_centre_is_not_followed() -> None:
    problem = Problem(ProblemCode.CLOCK_OFF, "Off.")
    with pytest.raises(RequestRefused):
        answering(401, content=encode(problem)).feed({}, 0)


def test_the_credentials_do_not_show_the_key() -> None:
    assert repr(Credentials(3, b"secret")) == "Credentials(kiosk=3)"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"null", b"[]", b'{"version":"1"}', b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"],
)
@pytest.mark.parametrize("status", [200, 400, 401])
def test_garbage_is_told_apart_from_an_answer(status: int, body: bytes) -> None:
    with pytest.raises(AnswerUnusable):
        answering(status, content=body).describe()
