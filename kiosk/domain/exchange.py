"""The exchange whose desk this is, where no configuration says otherwise; the kiosk's and the centre's both begin here."""

from __future__ import annotations

ORGANISATION = "北京华商储备商品交易所"
"""Its name, in certificates too."""
SYSTEM = "国家储备商品竞价交易系统"
"""What its members log in to."""
PAYEE = "郑州华粮科技有限公司"
"""Who receives the fees."""
OFFICIAL_ACCOUNT = "郑州华粮"
"""The WeChat official account in which members find their orders."""
SUPPORT = ("0371-68085231", "68085211")
"""The telephone numbers that help."""
INITIAL_PIN = "111111"
"""What members' keys are delivered with."""
EXCHANGE_KIOSK = 0x3000
"""The kiosk number under which the exchange itself issues, and of the centre's own journal."""
