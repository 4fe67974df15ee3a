"""A private certificate authority made by OpenSSL, and a terminator of TLS before a server on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from pathlib import Path


class Terminator:
    """Speaks TLS on loopback and hands on in the clear; `context` may be changed between connections."""

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.context: ssl.SSLContext | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(raw, self.context), daemon=True).start()

    def _serve(self, raw: socket.socket, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError), raw, socket.create_connection(("127.0.0.1", self.behind)) as inner:
            outer = raw if context is None else context.wrap_socket(raw, server_side=True)
            back = threading.Thread(target=pump, args=(inner, outer), daemon=True)
            back.start()
            pump(outer, inner)
            back.join()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


class Authority:
    """A private certificate authority in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.file = folder / f"{name}.pem"
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key")
        self.openssl("req", "-x509", *key, "-out", self.file.name, "-subj", f"/CN={name}", "-days", "30")

    def openssl(self, *arguments: str) -> None:
        subprocess.run(("openssl", *arguments), check=True, cwd=self.folder, capture_output=True)

    def server(self, name: str, host: str, begin: str = "", end: str = "") -> ssl.SSLContext:
        """A server's certificate for that host; `begin` and `end` as GeneralizedTime, else 30 days from now."""
        out = f"{self.name}-{name}"
        (self.folder / f"{out}.cnf").write_text(
            "[ca]\ndefault_ca = own\n[own]\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n"
            f"database = {out}.db\n[any]\ncommonName = supplied\n[leaf]\nsubjectAltName = {host}\n"
        )
        (self.folder / f"{out}.db").touch()
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{out}.key")
        self.openssl("req", *key, "-out", f"{out}.csr", "-subj", f"/CN={name}")
        period = ("-startdate", begin, "-enddate", end) if begin else ("-days", "30")
        signer = ("-cert", self.file.name, "-keyfile", f"{self.name}.key")
        files = ("-in", f"{out}.csr", "-out", f"{out}.pem", "-extensions", "leaf")
        self.openssl("ca", "-config", f"{out}.cnf", "-batch", "-notext", *signer, *period, *files)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{out}.pem", self.folder / f"{out}.key")
        return context
