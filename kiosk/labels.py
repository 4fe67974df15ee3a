"""The marker of sentences for the catalogue, apart from it so that tables which the centre shares can use it."""

from __future__ import annotations

from kiosk.domain.errors import DisputeReason


def N_(message: str) -> str:  # noqa: N802 - gettext's customary name for a marker
    """Mark a sentence for the catalogue without looking it up."""
    return message


DISPUTE_REASONS: dict[str, str] = {
    DisputeReason.ORDER_EXISTS.value: N_("订单号已存在"),
    DisputeReason.ORDER_OPEN_ALREADY.value: N_("已有未完成的同类订单"),
    DisputeReason.ORDER_IN_ANOTHER_STATE.value: N_("订单状态不符"),
    DisputeReason.ORDER_OF_ANOTHER_KIOSK.value: N_("订单属于其他终端机"),
    DisputeReason.AMOUNT_DIFFERS.value: N_("金额不符"),
    DisputeReason.PRICE_DIFFERS.value: N_("价格与收费表不符"),
    DisputeReason.BINDING_IN_ANOTHER_STEP.value: N_("绑定步骤不符"),
    DisputeReason.ANOTHER_TOKEN.value: N_("不是登记的key盘"),
    DisputeReason.CERTIFICATE_EXISTS.value: N_("证书号已存在"),
    DisputeReason.CERTIFICATE_DIFFERS.value: N_("证书与登记不符"),
    DisputeReason.PREDECESSOR_SUCCEEDED.value: N_("原证书已被续期或补办"),
    DisputeReason.ANOTHER_CERTIFICATE_VALID.value: N_("已有其他有效证书"),
    DisputeReason.BEYOND_POLICY.value: N_("超出策略"),
    DisputeReason.KIOSK_REVOKED.value: N_("终端机已吊销"),
    # The centre's own: an entry that it could not enter into its books, or not read.
    "failed": N_("入账出错"),
    "unreadable": N_("记录不可读"),
}
