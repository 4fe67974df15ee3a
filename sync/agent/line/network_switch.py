"""The network switch: while a file exists, every request fails as if the line were cut.

For drills and demonstrations. A request that is under way when the line is cut loses its answer; the centre may have
carried it out.
"""

from __future__ import annotations

from pathlib import Path

import httpx2


class NetworkSwitch:
    """Whether the network is switched off; without a file it never is."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    @property
    def cut(self) -> bool:
        """Whether the file exists now."""
        return self._file is not None and self._file.exists()


class SwitchedTransport(httpx2.BaseTransport):
    """A transport whose requests fail while the network is switched off."""

    def __init__(self, inner: httpx2.BaseTransport, switch: NetworkSwitch) -> None:
        self._inner = inner
        self._switch = switch

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. Raises httpx2.ConnectError, httpx2.ReadError."""
        if self._switch.cut:
            raise httpx2.ConnectError("the network switch is off", request=request)
        response = self._inner.handle_request(request)
        if self._switch.cut:
            response.close()
            raise httpx2.ReadError("the network switch was turned off", request=request)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
