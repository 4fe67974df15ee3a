"""What the screens are told once: names, telephone numbers, idle times."""

from __future__ import annotations

import msgspec


class ScreenSettings(msgspec.Struct, frozen=True):
    """Names as members know them; `idle` and `countdown` in seconds."""

    system_name: str = "国家储备商品竞价交易系统"
    exchange_name: str = "北京华商储备商品交易所"
    payee: str = "郑州华粮科技有限公司"
    support: tuple[str, ...] = ("0371-68085231", "68085211")
    official_account: str = "郑州华粮"
    idle: int = 90
    countdown: int = 20

    @property
    def support_line(self) -> str:
        """The telephone numbers in one line."""
        return " / ".join(self.support)
