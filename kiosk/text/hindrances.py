"""What keeps this machine from serving members in full: what is wrong and what to do, in a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.views.status import PrinterState, TokenStatus
from kiosk.text.catalogue import N_
from kiosk.text.failures import with_advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kiosk.desk.views.status import DeskStatus
    from kiosk.text.wording import Text

OUT_OF_USE = (N_("本机已被中心停用，不收款也不发证，只上传"), N_("联系中心"))
_NO_DRIVER = (N_("驱动未加载，读不到key盘，收了款也绑定不了"), N_("接好读卡器，启动 pcscd"))
_PRINTERS = {
    PrinterState.UNAVAILABLE: (N_("打印机不可用，凭条排队等着"), N_("检查电源、连线和 [printer] 配置")),
    PrinterState.PAPER_OUT: (N_("打印机缺纸，凭条排队等着"), N_("装上纸卷")),
}


def hindrances(status: DeskStatus, t: Text) -> Iterator[str]:
    """All of them, for the staff at the desk; the worst first."""
    found = [OUT_OF_USE] if status.out_of_use else []
    found += [_NO_DRIVER] if status.token is TokenStatus.NO_DRIVER else []
    found += [_PRINTERS[status.printer]] if status.printer in _PRINTERS else []
    for said, advice in found:
        yield with_advice(t(said), t(advice), t)
