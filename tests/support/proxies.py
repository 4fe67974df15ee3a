"""An HTTP proxy on loopback that makes tunnels (CONNECT) as far as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.support.odd_servers import Asked, OddServer
from tests.support.tls_servers import pump


class TunnelProxy(OddServer):
    """Makes each tunnel that is asked for, or answers with `refusal`; what was asked stands in `asked`."""

    def __init__(self) -> None:
        super().__init__(self._tunnel)
        self.refusal = b""

    def _tunnel(self, line: socket.socket, asked: Asked) -> None:
        if self.refusal:
            line.sendall(self.refusal)
            return
        host, _, port = asked.target.rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as inner:
            line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(inner, line), daemon=True)
            back.start()
            pump(line, inner)
            back.join()
