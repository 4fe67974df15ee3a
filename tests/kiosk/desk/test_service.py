from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.orders.confirming import CodeAccepted
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import Placed, PrintOutcome, Verified
from kiosk.desk.views.people import Field, Session
from kiosk.desk.views.tokens import BindingProgress, BoundView
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.pki.encodings import to_pem
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store
from tests.support.desk import answered


def test_a_new_key_from_the_password_to_the_printed_receipt(
    service: DeskService,
    database: Database,
    source: VirtualTokenSource,
    printer: VirtualPrinter,
    blank: Callable[[str], GmtCard],
    digits_for: Callable[[str], str],
    authority: IssuingAuthority,
    tmp_path: Path,
) -> None:
    verified = service.verify(
        OrderKind.NEW,
        {
            Field.LEGAL_PERSON: "wjg",
            Field.ENTERPRISE: "北京示例粮油贸易有限公司",
            Field.ACCOUNT: " 11000001",
            Field.OPERATOR: "李晓梅",
            Field.PASSWORD: "Keydesk-1",
        },
    )
    assert isinstance(verified, Verified)
    assert verified.quote.total == 34000
    placed = service.place_order(verified.session, OrderKind.NEW)
    assert isinstance(placed, Placed)
    number = placed.order.reference
    assert number.startswith("3-")
    assert placed.order.link.startswith("HTTP://127.0.0.1:8000/")
    paid = service.confirm_typed(number, digits_for(number))
    assert isinstance(paid, CodeAccepted)
    assert paid.order.status is OrderStatus.PAID

    card = blank("E8AD652202221F03")
    source.insert(card)
    steps: list[BindingProgress] = []
    bound = service.bind(verified.session, number, None, False, steps.append)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView)
    assert (bound.serial, bound.registration) == ("E8AD652202221F03", None)
    assert [step.step for step in steps if step.done] == [1, 2, 3, 4, 5, 6]
    assert service.print_receipt(number) is PrintOutcome.PRINTED
    assert len(printer.receipts()) == 1
    assert answered(service.status()).receipts_waiting == 0
    assert verify_store(database).sound
    _openssl_accepts(database, bound.certificate, authority, tmp_path)


def _openssl_accepts(database: Database, number: str, authority: IssuingAuthority, folder: Path) -> None:
    with database.read() as tx:
        certificate = tx.ledger.certificate(number)
    assert certificate is not None
    chain = {"root": authority.root, "ca": authority.certificate.der, "member": certificate.certificate}
    for name, der in chain.items():
        (folder / f"{name}.pem").write_text(to_pem("CERTIFICATE", der), encoding="ascii")
    # openssl gives the SM2 user ID to the leaf alone, so that every link is judged by itself
    at = str(certificate.not_before)
    for trusted, leaf in (("root", "ca"), ("ca", "member")):
        words = f"openssl verify -vfyopt distid:1234567812345678 -attime {at} -partial_chain"
        judged = subprocess.run(
            [*words.split(), "-trusted", f"{trusted}.pem", f"{leaf}.pem"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert judged.returncode == 0, judged.stderr


def test_whoever_is_signed_in_sees_no_order_of_another(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    assert [order.reference for order in answered(service.open_orders(session))] == [number]
    assert answered(service.open_orders(session_of("11000003"))) == ()
