"""`keydesk keys`: the certificates that this kiosk issued, newest first."""

from __future__ import annotations

import argparse

from kiosk.commands.output import listing
from kiosk.commands.store import open_store
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import Certificate
from kiosk.labels import CERTIFICATE_STATUSES
from kiosk.text.command_line import spoken
from kiosk.text.times import period


def run(arguments: argparse.Namespace) -> int:
    """Print them. Raises CommandError, ConfigurationError, StoreError."""
    text = spoken().text
    heads = [text("证书"), text("账号"), text("序列号"), text("有效期"), text("状态"), text("订单号")]

    def row(certificate: Certificate) -> tuple[str, ...]:
        return (
            certificate.number,
            certificate.account,
            certificate.token_serial,
            period(certificate.not_before, certificate.not_after),
            text(CERTIFICATE_STATUSES[certificate.status]),
            number_in(certificate.order),
        )

    with open_store(arguments).read() as tx:
        listing(arguments, tx.ledger.each_certificate, heads, row, text("没有签发过证书"))
    return 0
