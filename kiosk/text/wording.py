"""Sentences for what the desk answers: names of kinds, states and steps, and a plain message for every refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kiosk.desk.orders.confirming import CodeRefusal, CodeRefused
from kiosk.desk.views.orders import OrderView, PrintOutcome
from kiosk.desk.views.people import Field, FieldRefusal, LockedOut, WrongCredentials
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import FOREIGN_CONTENTS, SAME_SERIAL, TokenRefusal, TokenRefused
from kiosk.domain.decisions import KeyState
from kiosk.domain.fees import FeeItem, OrderKind
from kiosk.domain.ledger import BindingStep, Delivery
from kiosk.labels import FEE_ITEMS, ORDER_KINDS, ORDER_STATUSES
from kiosk.text.catalogue import N_
from kiosk.text.money import yuan
from kiosk.text.times import day, duration, minute

Text = Callable[..., str]
# A message that is worded when shown, so that it follows a change of language.
LazyText = Callable[[Text], str]

# The configuration's defaults, which the English screens name in English.
DEFAULT_NAMES = (N_("国家储备商品竞价交易系统"), N_("北京华商储备商品交易所"))

KINDS = ORDER_KINDS
STATUSES = ORDER_STATUSES
# The web site's 绑定类型 names only the replacement otherwise.
BINDING_KINDS = {**ORDER_KINDS, OrderKind.REPLACEMENT: N_("补办key盘(丢失已重新补办)")}
# The site's own words, before every binding and login there.
DRIVER_WAY = N_(
    "在自己的电脑上绑定或登录之前：网站首页「用户登录」→「下载安装」，装好后右键「以管理员身份运行」。"
)
UNCHANGED_PIN = N_("没改过的是 {pin}")
# The fee table names the period, too.
ITEMS = {
    **FEE_ITEMS,
    FeeItem.CERTIFICATE: N_("证书费用 1年"),
    FeeItem.SERVICE: N_("服务费 1年"),
}
FIELDS = {
    Field.LEGAL_PERSON: N_("企业法人姓名"),
    Field.ENTERPRISE: N_("企业名称"),
    Field.ACCOUNT: N_("登录账号"),
    Field.OPERATOR: N_("企业操作员姓名"),
    Field.PASSWORD: N_("登录密码"),
}
FIELD_REFUSALS = {
    FieldRefusal.EMPTY: N_("请填写"),
    FieldRefusal.MALFORMED: N_("格式不对"),
    FieldRefusal.ORDER_NUMBER: N_("这是订单号，不是账号"),
    FieldRefusal.DOES_NOT_MATCH: N_("与登记的资料不一致"),
}
KEY_STATES = {
    KeyState.NEVER_BOUND: N_("还没有绑定过key盘"),
    KeyState.VALID: N_("有效"),
    KeyState.EXPIRING: N_("快到期"),
    KeyState.EXPIRED: N_("已到期"),
    KeyState.LOST: N_("已挂失"),
}
OFFER_REASONS = {
    KeyState.NEVER_BOUND: N_("这个账号还没有绑定过key盘。"),
    KeyState.VALID: N_("这个账号的key盘还有效。"),
    KeyState.EXPIRING: N_("这个账号的key盘快到期了。"),
    KeyState.EXPIRED: N_("这个账号的key盘已到期。"),
    KeyState.LOST: N_("这个账号的key盘已挂失。"),
}
BINDING_STEPS = {
    BindingStep.STARTED: N_("已开始"),
    BindingStep.KEY_PAIR_MADE: N_("已生成密钥"),
    BindingStep.ISSUED: N_("已签发"),
    BindingStep.WRITTEN: N_("已写入"),
    BindingStep.PROVED: N_("已验证"),
    BindingStep.BOUND: N_("已完成"),
    BindingStep.ABANDONED: N_("已作废"),
}
DELIVERIES = {Delivery.COUNTER: N_("窗口领取"), Delivery.MAIL: N_("邮寄")}

REFUSALS = {
    Refusal.OPERATOR_UNDER_REVIEW: N_("这位操作员还在审核中，审核通过后才能办理。"),
    Refusal.OPERATOR_REFUSED: N_("这位操作员的审核没有通过，请联系工作人员。"),
    Refusal.NO_FEE_SCHEDULE: N_("本机还没有收费标准，请联网后再办。"),
    Refusal.FEED_INCOMPLETE: N_("本机正在接收中心的资料，请稍等一会儿再办。"),
    Refusal.NOT_ENROLLED: N_("本机还没有登记到中心，暂时不能办理。"),
    Refusal.OUT_OF_USE: N_(
        "本机已被中心停用，不能办理。付过的款不会丢，请到别的终端机，或请工作人员联系中心。"
    ),
    Refusal.POLICY_ENDED: N_("本机的发证授权已到期，联网更新后才能办理。"),
    Refusal.POLICY_CERTIFICATES_REACHED: N_("本机离线发证的数量已到上限，联网后才能继续。"),
    Refusal.POLICY_AMOUNT_REACHED: N_("本机离线收费的金额已到上限，联网后才能继续。"),
    Refusal.ISSUER_ENDS_TOO_SOON: N_("本机的签发证书有效期不够，现在不能为您发证，没有收费。"),
    Refusal.CLOCK_BEHIND: N_("本机时钟比上一笔业务还早，校准后才能办理。"),
    Refusal.CLOCK_FAR_FROM_SERVER: N_("本机时钟与中心相差太多，校准后才能办理。"),
    Refusal.SERVER_TIME_TOO_OLD: N_("本机太久没有与中心对时，联网后才能办理。"),
    Refusal.NO_ORDER: N_("没有找到可以绑定的已缴费订单，请先缴费。"),
    Refusal.ORDER_UNPAID: N_("这笔订单还没有付款，请先缴费。"),
    Refusal.ORDER_EXPIRED: N_("这笔订单已过期，请重新下单；已付的钱会退还。"),
    Refusal.ORDER_CANCELLED: N_("这笔订单已取消。"),
    Refusal.ORDER_REFUNDING: N_("这笔订单正在退款，不能再绑定。"),
    Refusal.ORDER_BOUND: N_("这笔订单已经绑定完成。"),
    Refusal.ORDER_PAID_ALREADY: N_("这笔订单已经付款，不能取消；要退款请找工作人员。"),
    Refusal.ORDER_ELSEWHERE: N_("这笔订单由另一台终端机办理，请到那台终端机，或请工作人员转移。"),
    Refusal.DISK_FULL: N_("本机存储空间已满，这一步没有记录下来，请联系工作人员。"),
    Refusal.INODES_USED_UP: N_("本机的文件个数已到上限，这一步没有记录下来，请联系工作人员。"),
    Refusal.DISK_READ_ONLY: N_("本机的磁盘变成了只读，这一步没有记录下来，请联系工作人员。"),
    Refusal.DESCRIPTORS_USED_UP: N_("本机打开的文件太多，这一步没有记录下来，请稍等一会儿再试。"),
    Refusal.STORE_BUSY: N_("本机正忙，这一步没有记录下来，请稍等一会儿再试。"),
    Refusal.STORE_UNREADABLE: N_("本机数据暂时读不出来，请联系工作人员。"),
    Refusal.NO_ORDER_NUMBER: N_("这不是订单号；订单号的样子是 3-0147-6。"),
    Refusal.ORDER_NUMBER_MISTYPED: N_("订单号的校验位不对，可能抄错或听错了一位，请再核对。"),
    Refusal.NUMBER_IS_NO_ACCOUNT: N_(
        "这是订单号，这里要填登录账号。不记得账号的，请按 F6 叫工作人员按订单号查。"
    ),
    Refusal.NOT_ALLOWED: N_("您没有办理这项业务的权限。"),
    Refusal.KEY_STATE_CHANGED: N_("key盘的登记刚才有变化，请回首页重新选择业务。"),
    Refusal.NAME_UNUSABLE: N_("登记的企业名称里有证书不能用的字，请联系工作人员，由中心改正后再办。"),
    Refusal.RECORD_DISAGREES: N_("本机记录对不上，这一步没有办，请联系工作人员。"),
    Refusal.NO_KEY: N_("这个账号没有登记的key盘，请先办「新办key盘」。"),
    Refusal.KEY_REVOKED: N_("这个账号的key盘已作废，不能恢复，请办「补办key盘」。"),
    Refusal.REPLACEMENT_OPEN: N_("已有补办订单，不能再解除挂失。没付款的订单可先取消；已付款的请接着补办。"),
    Refusal.ANOTHER_BINDING_UNFINISHED: N_(
        "这个账号还有一笔订单绑定没办完，证书已签发。请主管先把那笔作废或退款，再绑定这一笔；不再收费。"
    ),
    Refusal.BEGUN_ON_REPLACED_KEY: N_(
        "这笔续期是在换掉的那把key盘上开始的。请主管先作废那次绑定，再插入现在的key盘续期；不再收费。"
    ),
    Refusal.MALFORMED: N_("填写的内容不完整或有误，请核对后再提交。"),
    Refusal.NOTHING_TO_MAIL: N_("续期用原来的key盘，没有要邮寄的。"),
    Refusal.DELIVERY_SENT: N_("key盘已经寄出，收件地址不能再改，请联系工作人员。"),
    Refusal.DELIVERY_NOT_SENT: N_("没有这笔订单的寄出记录。"),
    Refusal.INVOICE_ISSUED: N_("发票已经开出，不能再改，请联系工作人员。"),
    Refusal.INVOICE_NOT_ASKED: N_("本机没有待开的发票申请。在手机上申请的，请会员在「我的订单」里撤回。"),
    Refusal.NOT_AUTHORISED: N_("添加交易员要有法人授权书，请备好后再提交。"),
    Refusal.PROPOSAL_DECIDED: N_("这个交易员申请已有结果，不能再撤回。"),
    Refusal.PROPOSAL_ELSEWHERE: N_(
        "这个申请不是在本机提交的，请到提交的那台终端机撤回，或请工作人员联系中心。"
    ),
    Refusal.SCAN_UNKNOWN: N_("扫到的码在本机没有对应的订单。请扫凭条上的码，或用「继续办理」查找。"),
    Refusal.SCAN_IS_CONFIRMATION: N_("这是手机上的付款确认码，请先用「继续办理」回到付款页再扫。"),
    Refusal.SCAN_NOT_YOURS: N_("扫到的订单不是这个账号的，请用下单的账号登录。"),
}
_SURPLUS = N_("订单 {number} 多收了 {amount} 元，会原路退回，不用再办。")
_RETURNED = N_("订单 {number} 多收的 {amount} 元已原路退回。")
# What a member solves alone needs no telephone number.
_SOLVED_ALONE = {
    Refusal.NO_ORDER,
    Refusal.ORDER_UNPAID,
    Refusal.ORDER_CANCELLED,
    Refusal.ORDER_BOUND,
    Refusal.NOT_ALLOWED,
    Refusal.KEY_STATE_CHANGED,
    Refusal.NO_KEY,
    Refusal.KEY_REVOKED,
    Refusal.REPLACEMENT_OPEN,
    Refusal.MALFORMED,
    Refusal.NOTHING_TO_MAIL,
    Refusal.INVOICE_NOT_ASKED,
    Refusal.NOT_AUTHORISED,
    Refusal.PROPOSAL_DECIDED,
    Refusal.SCAN_UNKNOWN,
    Refusal.SCAN_IS_CONFIRMATION,
    Refusal.SCAN_NOT_YOURS,
}

TOKEN_REFUSALS = {
    TokenRefusal.NO_DRIVER: N_("驱动未加载，现在读不到key盘。"),
    TokenRefusal.ABSENT: N_("没有读到key盘，请插入后再试。"),
    TokenRefusal.SEVERAL: N_("插了不止一把key盘，请选一把，或只留要用的一把。"),
    TokenRefusal.TWINS: N_("插着的key盘有序列号相同的（{found}），分不清用哪一把，请只留要用的一把。"),
    TokenRefusal.NOT_RECOGNISED: N_("认不出这把key盘（{card}），请换一把。"),
    TokenRefusal.NO_SERIAL: N_("这把key盘没有序列号，不能登记是谁的，请换一把。"),
    TokenRefusal.NOT_PREPARED: N_("这把key盘没有初始化，请换一把，或请工作人员初始化。"),
    TokenRefusal.REMOVED: N_("key盘被拔出了。请重新插入同一把，接着办，不再收费。"),
    TokenRefusal.LEFT_BEHIND: N_("读卡器里是别人没取走的key盘，请先取走，再插您自己的。"),
    TokenRefusal.HELD: N_("key盘正被别的程序占用，等它放开就能接着办。"),
    TokenRefusal.SWAPPED: N_("插入的不是刚才那把key盘（应为 {expected}），请换回来。"),
    TokenRefusal.NOT_BLANK: N_("这把key盘里已有证书，新办和补办要用空白key盘。"),
    TokenRefusal.ANOTHER_MEMBERS: N_("这把key盘绑定在别的账号上，不能用。"),
    TokenRefusal.NOT_THE_KEY_ON_RECORD: N_("这不是登记在您账号上的那把key盘（应为 {expected}）。"),
    TokenRefusal.NO_KEY_TO_RENEW: N_("这把key盘里没有可以续期的证书。"),
    TokenRefusal.PIN_WRONG: N_("PIN码不对，还可试 {tries} 次。"),
    TokenRefusal.PIN_LAST_TRY: N_("PIN码只剩最后一次机会，再错就会锁死。"),
    TokenRefusal.PIN_BLOCKED: N_("PIN码已锁死，请找工作人员，由主管解锁。"),
    TokenRefusal.PIN_INVALID: N_("PIN码的长度或字符不对，请核对后再输。"),
    TokenRefusal.PIN_WANTED: N_("请输入这把key盘的PIN码。"),
    TokenRefusal.FULL: N_("这把key盘存不下证书了，请换一把。"),
    TokenRefusal.FAULT: N_("key盘出错（{detail}）。请拔下重插再试；没有多收费。"),
    TokenRefusal.PROOF_FAILED: N_("写入后验证没有通过，请重试；还不行请找工作人员。"),
    TokenRefusal.NO_CERTIFICATE: N_("这把key盘里还没有证书，请先绑定。"),
    TokenRefusal.PIN_UNCHANGED: N_("新PIN码不能是初始PIN码，也不能和原来的一样，请换一个。"),
    TokenRefusal.PIN_UNCERTAIN: N_("key盘没有应答，新PIN码可能已经生效：请先用新PIN码试，不行再用原来的。"),
    TokenRefusal.UNBLOCKING_PIN_WRONG: N_("管理员PIN（PUK）不对，还可试 {tries} 次。"),
    TokenRefusal.UNBLOCKING_PIN_BLOCKED: N_("管理员PIN（PUK）已锁死，这把key盘不能解锁了，请换一把补办。"),
    TokenRefusal.DEVICE_KEY_REFUSED: N_("这把key盘不认本机的设备密钥，不能初始化。请核对配置或联系厂商。"),
    TokenRefusal.SHARED: N_("这把key盘的应用里还有别人的密钥，清空会一起删掉，所以没有清空。请换一把。"),
    TokenRefusal.PIN_SHARED: N_(
        "这把key盘别的槽位还在用，PIN码是共用的，清空会把它改回初始的，所以没有清空。请换一把。"
    ),
    TokenRefusal.NOT_SUPPORTED: N_("这种key盘没有这项功能（{detail}）。"),
    TokenRefusal.LIBRARY_FAILED: N_("key盘厂商的驱动程序出错（{detail}）。请拔下重插再试。"),
    TokenRefusal.LIBRARY_HASHES: N_("厂商的驱动程序自己做摘要，请在 [[skf]] 里设 {detail} 再办。"),
    TokenRefusal.IN_USE: N_("这把key盘正在使用，或有绑定没办完，不能清空。"),
    TokenRefusal.NOT_ON_HOLD: N_("这把key盘没有挂失，不用解除。"),
}
# Where the system tells which program it may be.
_HELD_BY = N_("key盘正被别的程序占用（可能是 {detail}），等它放开就能接着办。")
# The key of that serial, and what is on it is not what is on record.
_OTHER_CONTENTS = N_("这把key盘里的密钥或证书不是登记的那一套，请找工作人员。")
_SAME_SERIAL = N_("这把key盘和您登记的那把序列号相同，但不是同一把，里面是别的账号的密钥，请换成您自己的。")
_BLANK_OF_SAME_SERIAL = N_(
    "这把空白key盘的序列号和别人正在用的一把相同，单独插入分不清是不是那一把，请换一把。"
)
_FOREIGN_CONTENTS = N_("这把key盘里有别处的证书或看不懂的内容，没有动它，请换一把空白的。")
_ANOTHERS = {FOREIGN_CONTENTS: _FOREIGN_CONTENTS, SAME_SERIAL: _BLANK_OF_SAME_SERIAL}
_TOKEN_NEEDS_STAFF = {
    TokenRefusal.NO_DRIVER,
    TokenRefusal.NOT_RECOGNISED,
    TokenRefusal.NOT_PREPARED,
    TokenRefusal.HELD,
    TokenRefusal.ANOTHER_MEMBERS,
    TokenRefusal.NOT_THE_KEY_ON_RECORD,
    TokenRefusal.PIN_BLOCKED,
    TokenRefusal.FULL,
    TokenRefusal.FAULT,
    TokenRefusal.PROOF_FAILED,
    TokenRefusal.UNBLOCKING_PIN_BLOCKED,
    TokenRefusal.DEVICE_KEY_REFUSED,
    TokenRefusal.SHARED,
    TokenRefusal.PIN_SHARED,
    TokenRefusal.NOT_SUPPORTED,
    TokenRefusal.LIBRARY_FAILED,
    TokenRefusal.LIBRARY_HASHES,
}

# What a card that no driver knows seems to be; the names are those of hardware/token/known_cards.py.
KNOWN_CARDS = {
    "security-key": N_("像是没有打开 PIV 功能的 YubiKey"),
    "other-key": N_("像是别家 CA 的 USB key"),
    "bank-card": N_("像是银行卡"),
    "sim-card": N_("像是手机 SIM 卡"),
    "identity-card": N_("像是身份证"),
    "transport-card": N_("像是公交卡"),
    "storage-card": N_("像是门禁卡或饭卡"),
}
_UNKNOWN_CARD = N_("未知的卡")
# What the staff can do where it may be a key after all.
_STAFF_ADVICE = {
    "security-key": N_("工作人员：请打开它的 PIV 功能再用。"),
    "other-key": N_("工作人员：要配置厂商的驱动（SKF）才能用。"),
}
_NO_KEYS = frozenset(KNOWN_CARDS) - frozenset(_STAFF_ADVICE)
_STAFF_OTHERWISE = N_("工作人员请把 ATR 报给技术支持。")

CODE_REFUSALS = {
    CodeRefusal.MALFORMED: N_("确认码是 11 位数字，请看手机再输。"),
    CodeRefusal.CHECK_DIGIT: N_("有一位输错了，请核对后再输（不算次数）。"),
    CodeRefusal.WRONG: N_("确认码不对，还可试 {tries} 次。"),
    CodeRefusal.WAIT: N_("请等 {wait} 再输。"),
    CodeRefusal.LOCKED: N_("次数用完。请改用扫码，或找工作人员。"),
    CodeRefusal.KIOSK_LOCKED: N_("本机输错太多，请 {wait} 后再输或扫码。"),
    CodeRefusal.ANOTHER_ORDER: N_("这是另一笔订单的确认码。"),
    CodeRefusal.ANOTHER_KIOSK: N_("这是另一台终端机的确认码。"),
    CodeRefusal.NOT_GENUINE: N_("这个确认码不是真的。"),
}
PRINTED = {
    PrintOutcome.PRINTED: N_("凭条已打印，请取走。"),
    PrintOutcome.PAPER_OUT: N_("打印机缺纸，凭条已排队，装纸后自动打印。"),
    PrintOutcome.UNAVAILABLE: N_("打印机不可用，凭条已排队，修好后自动打印。"),
    PrintOutcome.UNCONFIRMED: N_("凭条已送到打印机，打印机没有回应。凭条没出来的，请工作人员补打。"),
    PrintOutcome.NO_RECEIPT: N_("这笔订单没有凭条。"),
    PrintOutcome.NOT_PRINTED: N_("本机数据写不进去，凭条没有打印，请联系工作人员。"),
}


LABEL, SLIP = N_("标签"), N_("企业清单")
_PAPERS_PRINTED = {
    PrintOutcome.PRINTED: N_("{paper}已打印，请取走。"),
    PrintOutcome.PAPER_OUT: N_("打印机缺纸，{paper}已排队，装纸后自动打印。"),
    PrintOutcome.UNAVAILABLE: N_("打印机不可用，{paper}已排队，修好后自动打印。"),
    PrintOutcome.UNCONFIRMED: N_("{paper}已送到打印机，打印机没有回应。没出来的，请工作人员补打。"),
    PrintOutcome.NO_RECEIPT: N_("{paper}没有打印：本机没有这些key盘的绑定记录。"),
    PrintOutcome.NOT_PRINTED: N_("本机数据写不进去，{paper}没有打印，请联系工作人员。"),
}


def paper_printed(t: Text, paper: str, outcome: PrintOutcome) -> str:
    """What became of a LABEL or a SLIP."""
    return t(_PAPERS_PRINTED[outcome], paper=t(paper))


def surplus_notes(t: Text, orders: Iterable[OrderView]) -> str:
    """A line for each order that was paid twice; most are not."""
    lines = []
    for order in orders:
        if order.surplus:
            lines.append(t(_SURPLUS, number=order.order_number, amount=yuan(order.surplus)))
        if order.returned:
            lines.append(t(_RETURNED, number=order.order_number, amount=yuan(order.returned)))
    return "\n".join(lines)


def validity_line(t: Text, order: OrderView) -> str:
    """The old and the new end of validity."""
    if order.previous is None:
        return t("办成后有效期至 {end}", end=day(order.ends_at))
    old, end = day(order.previous.not_after), day(order.ends_at)
    if order.kind is OrderKind.RENEWAL:
        return t("现到期日 {old}，续期后至 {end}", old=old, end=end)
    return t("原到期日 {old}，办成后至 {end}", old=old, end=end)


def sentences(*said: str) -> str:
    """Sentences one after the other; no space follows a Chinese full stop."""
    text = ""
    for sentence in filter(None, said):
        text += sentence if not text or text.endswith("。") else f" {sentence}"
    return text


def with_support(t: Text, sentence: str, support: str) -> str:
    """A sentence with the telephone number after it."""
    return sentences(sentence, t("求助 {support}", support=support))


def feed_age(t: Text, as_of: int) -> str:
    """How old the kiosk's data is, where a refusal rests on it."""
    return t("本机资料截至 {time}，未查到更新的登记。", time=minute(as_of))


def aged(t: Text, sentence: str, as_of: int | None) -> str:
    """A sentence, with the age of the kiosk's data after it where it rests on that."""
    return sentence if as_of is None else sentences(sentence, feed_age(t, as_of))


def refusal(t: Text, refused: Refused, support: str) -> str:
    """Why the desk refuses, and what to do."""
    sentence = aged(t, t(REFUSALS[refused.reason]), refused.feed_as_of)
    return sentence if refused.reason in _SOLVED_ALONE else with_support(t, sentence, support)


def wrong_credentials(t: Text, wrong: WrongCredentials) -> str:
    """One message for an unknown account and a wrong password."""
    sentence = t("账号或密码不对，还可试 {tries} 次。", tries=wrong.tries_left)
    return aged(t, sentence, wrong.feed_as_of)


def locked_out(t: Text, locked: LockedOut, support: str) -> str:
    """Until when no password is taken."""
    sentence = t("密码输错太多，{until} 之后再试。", until=minute(locked.until))
    return with_support(t, sentence, support)


def token_refusal(t: Text, refused: TokenRefused, support: str) -> str:
    """What is wrong with the key, and what to do."""
    words = TOKEN_REFUSALS[refused.reason]
    if refused.reason is TokenRefusal.NOT_THE_KEY_ON_RECORD and refused.found == refused.expected:
        words = _SAME_SERIAL if refused.detail == SAME_SERIAL else _OTHER_CONTENTS
    if refused.reason is TokenRefusal.ANOTHER_MEMBERS:
        words = _ANOTHERS.get(refused.detail or "", words)
    if refused.reason is TokenRefusal.HELD and refused.detail:
        words = _HELD_BY
    sentence = t(
        words,
        tries=refused.tries_left if refused.tries_left is not None else "?",
        expected=refused.expected or "?",
        found=refused.found or "?",
        detail=refused.detail or "?",
        card=t(KNOWN_CARDS.get(refused.card or "", _UNKNOWN_CARD)),
    )
    if refused.reason is TokenRefusal.NOT_RECOGNISED and refused.card not in _NO_KEYS:
        sentence = sentences(sentence, t(_STAFF_ADVICE.get(refused.card or "", _STAFF_OTHERWISE)))
    sentence = aged(t, sentence, refused.feed_as_of)
    return with_support(t, sentence, support) if refused.reason in _TOKEN_NEEDS_STAFF else sentence


def code_refusal(t: Text, refused: CodeRefused, now: int) -> str:
    """Why a confirmation did not complete the order."""
    wait = duration((refused.wait_until or now) - now)
    return t(CODE_REFUSALS[refused.reason], tries=refused.tries_left, wait=wait)
