"""Who answered, by what servers on loopback say in the centre's place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from kiosk.pki.device_keys import generate_device_key
from kiosk.text.catalogue import Catalogue, Language
from sync.agent.centre_client import CentreClient, Credentials
from sync.agent.errors import (
    AnswerUnusable,
    CentreBusy,
    ExchangeFailed,
    NetworkLogin,
    ProxyRefused,
    RequestRefused,
    UploadBlocked,
)
from sync.agent.failure_wording import failure
from sync.agent.line.answers import Answer as Reply
from sync.agent.line.answers import centre_body, retry_after
from sync.agent.line.tls import ssl_context
from sync.agent.line.transport import LineTransport
from sync.protocol.errors import Problem, ProblemCode
from sync.protocol.records import encode
from tests.support.odd_servers import Answer, page, saying, serving

JSON = {"content-type": "application/json"}
NOW = 1_795_327_500  # 2026-11-22 06:05:00 UTC
CHINESE, ENGLISH = (Catalogue(each).text for each in (Language.CHINESE, Language.ENGLISH))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def client(address: str, stack: ExitStack, transport: httpx2.BaseTransport | None = None) -> CentreClient:
    credentials = Credentials(3, generate_device_key())
    line = transport or LineTransport(ssl_context(None))
    return stack.enter_context(CentreClient(address, credentials, lambda: NOW, lambda _: False, line))


def failed(answer: Answer, stack: ExitStack) -> Exception:
    server = stack.enter_context(serving(answer))
    with pytest.raises((ExchangeFailed, RequestRefused)) as caught:
        client(server.address, stack).describe()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (page(200), NetworkLogin, "网络要求登录（HTTP 200）"),
        (saying(200, b"\xef\xbb\xbf\n <html>log in</html>", JSON), NetworkLogin, "网络要求登录（HTTP 200）"),
        (
            page(302, location="http://portal.example/?to=centre"),
            NetworkLogin,
            "（HTTP 302, portal.example）",
        ),
        (page(307, location="//10.1.0.6:8080/login"), NetworkLogin, "网络要求登录（HTTP 307, 10.1.0.6）"),
        (page(511), NetworkLogin, "网络要求登录（HTTP 511）"),
        (page(407, proxy_authenticate="Basic realm=x"), ProxyRefused, "代理拒绝（HTTP 407）"),
        (page(403), ProxyRefused, "代理拒绝（HTTP 403）"),
        (page(502), ProxyRefused, "代理拒绝（HTTP 502）"),
        (page(503), ProxyRefused, "代理拒绝（HTTP 503）"),
        (saying(504), ProxyRefused, "代理拒绝（HTTP 504）"),
        (page(413), UploadBlocked, "上传太大被拦下（HTTP 413）"),
        (saying(413), UploadBlocked, "上传太大被拦下（HTTP 413）"),
        (page(429), CentreBusy, "中心正忙（HTTP 429）"),
        (saying(503), CentreBusy, "中心正忙（HTTP 503）"),
    ],
)
def test_whoever_answers_in_the_centres_place_is_named(
    answer: Answer, error: type[Exception], said: str, stack: ExitStack
) -> None:
    found = failed(answer, stack)
    assert type(found) is error
    assert said in failure(found, CHINESE)
    assert "JSON" not in failure(found, CHINESE) + failure(found, ENGLISH) + str(found)


@pytest.mark.parametrize(
    "answer",
    [
        saying(200, b'{"version":1', JSON),
        page(301, location="/other"),
        page(301, location="http://127.0.0.1:1/"),
        page(302),
        page(404),
        page(500),
        saying(500, encode(Problem(ProblemCode.INTERNAL, "The centre failed."))),
    ],
)
def test_what_nobody_can_be_named_for_is_an_answer_that_cannot_be_used(
    answer: Answer, stack: ExitStack
) -> None:
    assert type(failed(answer, stack)) is AnswerUnusable


def test_a_redirection_that_leads_nowhere_names_nobody() -> None:
    answer = Reply(302, {"location": "http://x:y:z"}, b"<html>")
    with pytest.raises(AnswerUnusable, match="bare 302"):
        centre_body(answer, "centre.example", NOW)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, ProblemCode.KIOSK_REVOKED),
        (413, ProblemCode.BODY_TOO_LARGE),
        (405, ProblemCode.NOT_FOUND),
        (401, ProblemCode.KIOSK_UNKNOWN),
    ],
)
def test_the_centres_own_refusal_is_never_taken_for_anothers(
    status: int, code: ProblemCode, stack: ExitStack
) -> None:
    fields = {"content-type": "application/problem+json"}
    found = failed(saying(status, encode(Problem(code, "No.")), fields), stack)
    assert isinstance(found, RequestRefused)
    assert found.code is code


def test_a_problem_of_another_service_is_not_the_centres(stack: ExitStack) -> None:
    foreign = json.dumps({"type": "about:blank", "title": "Forbidden", "status": 403}).encode()
    found = failed(saying(403, foreign, {"content-type": "application/problem+json"}), stack)
    assert type(found) is ProxyRefused


@pytest.mark.parametrize(("status", "body"), [(503, "own"), (503, "page"), (429, "page"), (502, "page")])
def test_a_time_to_come_again_is_heard_whoever_names_it(status: int, body: str, stack: ExitStack) -> None:
    own = encode(Problem(ProblemCode.BUSY, "The centre is busy."))
    answer = saying(status, own, {"retry-after": "42"}) if body == "own" else page(status, retry_after="42")
    found = failed(answer, stack)
    assert isinstance(found, ExchangeFailed)
    assert found.retry_after == 42


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_does_not_connect_is_named(status: int, stack: ExitStack) -> None:
    server = stack.enter_context(serving(page(status)))
    proxy = httpx2.HTTPTransport(proxy=server.address, verify=ssl_context(None))
    with pytest.raises(ProxyRefused, match=f"CONNECT: {status}") as caught:
        client("https://centre.example", stack, proxy).describe()
    assert server.asked[0][:2] == ("CONNECT", "centre.example:443")
    assert f"代理拒绝（CONNECT: {status}" in failure(caught.value, CHINESE)


SOON = "Sun, 22 Nov 2026 06:06:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": SOON, "date": "Sun, 22 Nov 2026 06:05:30 GMT"}, 30.0),
        ({"retry-after": SOON}, 60.0),
        ({"retry-after": SOON, "date": "yesterday"}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2020 06:06:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Sun, 99 Nov 2026 06:06:00 GMT"}, None),
        ({}, None),
    ],
)
def test_both_forms_of_the_time_to_come_again_are_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds
