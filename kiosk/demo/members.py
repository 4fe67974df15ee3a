"""The example members and staff, as the drawer lists them, and who signs in to the console; the centre's own examples are the same."""

from __future__ import annotations

from kiosk.demo.ports import DemoAccount, DemoStaff
from kiosk.text.catalogue import N_

ACCOUNTS = (
    DemoAccount("11000001", "Keydesk-1", "北京示例粮油贸易有限公司", "王建国", "李晓梅", N_("从未办过")),
    DemoAccount("11000002", "Keydesk-2", "河南中原储备粮有限公司（郑州）", "赵志强", "陈静", N_("快到期")),
    DemoAccount("11000003", "Keydesk-3", "山东齐鲁糖业集团有限公司", "孙丽华", "周伟", N_("已过期")),
    DemoAccount("11000004", "Keydesk-4", "江苏江南棉麻有限公司", "钱卫东", "吴敏", N_("已挂失")),
    DemoAccount("11000005", "Keydesk-5", "北京示例粮油贸易有限公司", "王建国", "刘洋", N_("审核中")),
    DemoAccount("11000006", "Keydesk-6", "湖北长江化肥有限公司", "郑国华", "何芳", N_("网上已缴费")),
    DemoAccount("11000007", "Keydesk-7", "四川天府肉类食品有限公司", "冯立", "蒋欣", N_("有效")),
)
STAFF = (DemoStaff("张华", "Staff-1", supervisor=False), DemoStaff("林涛", "Super-1", supervisor=True))
CONSOLE = ("admin", "Keydesk-admin")
"""Name and password."""
