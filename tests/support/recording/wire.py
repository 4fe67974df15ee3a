"""What goes over the line, kept: requests with the centre's answers, and the time at the centre (UTC seconds)."""

from __future__ import annotations

import httpx2
import msgspec

from tests.support.histories.centre import Time

_SIGNED = ("content-digest", "content-type", "signature", "signature-input", "keydesk-receipt")


class Exchange(msgspec.Struct, frozen=True):
    """A request as it was signed, and its answer; `headers` of the request are those that the signature needs."""

    now: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes

    @property
    def endpoint(self) -> str:
        """The method and the path without its query."""
        return f"{self.method} {self.path.partition('?')[0]}"


class Tap(httpx2.BaseTransport):
    """A line that keeps what goes over it."""

    def __init__(self, line: httpx2.BaseTransport, time: Time) -> None:
        self.kept: list[Exchange] = []
        self._line = line
        self._time = time

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry a request, and keep it with its answer."""
        body = bytes(request.read())
        answer = self._line.handle_request(request)
        self.kept.append(
            Exchange(
                now=self._time.now,
                method=request.method,
                path=request.url.raw_path.decode(),
                headers={name: value for name, value in request.headers.items() if name in _SIGNED},
                body=body,
                status=answer.status_code,
                answer_headers={
                    name: value
                    for name, value in answer.headers.items()
                    if name in {"content-type", "keydesk-receipt", "retry-after"}
                },
                answer=bytes(answer.read()),
            )
        )
        return answer
