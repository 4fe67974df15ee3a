"""The console's Chinese names of kinds and reasons, whose names in the protocol are English."""

from __future__ import annotations

from kiosk.domain.versions import ALL, MEMBERS, kiosk_of_audience

ENTRY_KINDS = {
    "epoch-began": "新纪元",
    "order-placed": "下单",
    "order-assigned": "接收订单",
    "order-released": "移交订单",
    "order-paid": "收款",
    "order-cancelled": "取消订单",
    "order-expired": "订单过期",
    "delivery-chosen": "选择领取方式",
    "binding-started": "开始绑定",
    "key-pair-made": "生成密钥对",
    "certificate-issued": "签发证书",
    "certificate-written": "写入证书",
    "certificate-proved": "验证证书",
    "bound": "绑定完成",
    "binding-abandoned": "放弃绑定",
    "loss-reported": "挂失",
    "key-found": "拾获key盘",
    "hold-lifted": "解除挂失",
    "pin-changed": "修改PIN",
    "pin-change-skipped": "未改初始PIN",
    "pin-unblocked": "解锁PIN",
    "key-erased": "清空key盘",
    "refund-granted": "同意退款",
    "refund-completed": "退款完成",
    "surplus-returned": "多付退回",
    "certificate-revoked": "吊销证书",
    "register-decided": "证书处理决定",
    "order-taken-over": "接管订单",
    "matter-decided": "待办处理",
    "strand-decided": "日志线处理",
    "unreadable": "不可读",
    "certificate-checked": "证书验证",
    "certificate-imported": "交易所签发",
    "delivery-asked": "申请邮寄",
    "delivery-changed": "更改收件地址",
    "key-mailed": "key盘已寄出",
    "key-received-back": "key盘退回",
    "invoice-asked": "申请发票",
    "invoice-changed": "更改发票申请",
    "invoice-withdrawn": "撤回发票申请",
    "invoice-issued": "已开发票",
    "operator-proposed": "添加交易员",
    "operator-withdrawn": "撤回添加交易员",
    "operator-reviewed": "审核交易员",
    "personal-erased": "删除个人资料",
}

FEED_KINDS = {
    "enterprise": "会员企业",
    "operator": "操作员",
    "staff": "柜台人员",
    "fee-schedule": "收费表",
    "policy": "策略",
    "key-bound-elsewhere": "账号的key盘",
    "registered": "证书登记",
    "open-orders": "未完成的订单",
    "audiences": "所读资料的范围",
    "order-assigned": "分配订单",
    "order-moved": "订单移交",
    "payment-confirmed": "收款确认",
    "refund-asked": "要求退款",
    "refund-paid": "已退款",
    "payment-returned": "多付已退回",
    "certificate-revoked": "吊销证书",
    "register-decided": "证书处理决定",
    "matter": "待办事项",
    "delivery": "邮寄情况",
    "invoice": "发票情况",
    "proposal": "添加的交易员",
    "erasure": "删除个人资料",
    "removed": "不再有效",
}

PAID_HOW = {"feed": "联网确认", "code": "输入确认码", "scan": "扫描确认", "desk": "主管担保"}

MATTER_ACTIONS = {
    "list": "这个key盘有效",
    "revoke": "停用这个key盘",
    "accept": "照收",
    "refund": "退款",
    "lift": "解除挂失",
    "noted": "已阅",
    "reopen": "撤销处理",
}
STRAND_DECISIONS = {"take-over": "接管", "set-aside": "搁置", "given-up": "舍弃"}


def audience_name(audience: int) -> str:
    """Whom the feed's rows of an audience are for."""
    kiosk = kiosk_of_audience(audience)
    if kiosk is not None:
        return f"{kiosk} 号机"
    return {ALL: "全部终端机", MEMBERS: "服务全部会员的终端机"}.get(audience, str(audience))
