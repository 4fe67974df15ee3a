"""The inserted key: serial number, certificate, validity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical

from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import TokenOutcome, TokenRefusal, TokenRefused, TokenView
from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import N_
from kiosk.text.key_wording import TOKEN_STATUSES
from kiosk.text.times import period
from kiosk.text.wording import sentences, validity_line
from kiosk.ui.widgets.lines import Line, Prose

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from kiosk.text.wording import Text


_NO_USE = N_("插着的key盘不能用")
# Those that the status line words itself, so that no other message is needed.
PLAIN_REFUSALS = frozenset(TOKEN_STATUSES) - {TokenRefusal.HELD, TokenRefusal.LEFT_BEHIND}


class KeyFacts(Vertical):
    """*序列号, *证书, *有效期, and the previous end of validity."""

    DEFAULT_CSS = """
    KeyFacts { height: auto; }
    KeyFacts .value { width: 1fr; padding-left: 1; }
    KeyFacts #before { padding-left: 12; color: $muted; }
    """

    def __init__(self, t: Text) -> None:
        super().__init__()
        self._t = t

    def compose(self) -> ComposeResult:
        """Three labelled lines and a note."""
        t = self._t
        labels = (("serial", t("*序列号")), ("certificate", t("*证书")), ("validity", t("*有效期")))
        for name, label in labels:
            with Horizontal(classes="row"):
                yield Line(label, classes="label")
                yield Line(id=name, classes="value")
        yield Prose(id="before")

    def show(self, token: TokenOutcome | None, order: OrderView | None) -> None:
        """Show the inserted key, and the validity of the key on record."""
        t = self._t
        serial = certificate = validity = ""
        if isinstance(token, TokenView):
            serial = token.serial
            certificate = token.certificate or t("(写入后显示)")
            if token.not_before is not None and token.not_after is not None:
                validity = period(token.not_before, token.not_after)
        self.query_one("#serial", Line).update(serial)
        self.query_one("#certificate", Line).update(certificate)
        self.query_one("#validity", Line).update(validity)
        self.query_one("#before", Prose).say(self._before(order, empty=not validity))

    def _before(self, order: OrderView | None, *, empty: bool) -> str:
        """Why the fields are empty, and the end of the certificate on record with what it becomes."""
        first = order is None or order.kind is not OrderKind.RENEWAL
        ends = validity_line(self._t, order) if order is not None and order.previous is not None else ""
        return sentences(self._t("首次绑定前为空。") if empty and first else "", ends)


def token_status(t: Text, token: TokenOutcome | None) -> str:
    """The status line: 「驱动未加载…」, 「驱动已加载，请插入KEY」, 「key盘已插入」, or that the key cannot be used."""
    match token:
        case None:
            return t("正在读取key盘")
        case TokenView():
            return t("key盘已插入")
        case TokenRefused(reason=TokenRefusal.NOT_RECOGNISED, detail=str(atr)):
            return f"ATR {atr}"
        case TokenRefused(trouble):
            return t(TOKEN_STATUSES.get(trouble, _NO_USE))
        case Refused():
            return ""
