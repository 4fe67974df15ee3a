"""Sentences of the key's own services: what a key is, how a login check ended, and what to do next."""

from __future__ import annotations

from kiosk.desk.keys.views import (
    Check,
    CheckResult,
    IntroducedOutcome,
    KeyIntroduced,
    KeyView,
    LoginCheckView,
)
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.identifiers import number_in
from kiosk.text.catalogue import N_
from kiosk.text.cells import pad
from kiosk.text.times import day, minute, period
from kiosk.text.wording import Text, feed_age, sentences, with_support

_NAME = 14
# A certificate that ends this soon is one to renew now.
SOON_DAYS = 30

KEY_STATUSES = {
    KeyStatus.IN_USE: N_("使用中"),
    KeyStatus.OUT_OF_STEP: N_("证书与登记不一致"),
    KeyStatus.ON_HOLD: N_("已挂失"),
    KeyStatus.REVOKED: N_("已作废"),
    KeyStatus.UNDER_WAY: N_("绑定没有办完"),
    KeyStatus.BLANK: N_("空白，还没有绑定"),
    KeyStatus.UNKNOWN: N_("本机没有它的登记"),
    KeyStatus.NOT_PREPARED: N_("没有初始化"),
}
_ADVICE = {
    KeyStatus.IN_USE: N_("一切正常。可做「登录验证」确认能登录。"),
    KeyStatus.OUT_OF_STEP: N_(
        "里面不是登记的那张证书，现在不能登录。请做「登录验证」，没办成的续期留下的会换回来。"
    ),
    KeyStatus.ON_HOLD: N_("已挂失的key盘不能登录。找到了请带上它到窗口解除挂失；不再用请办「补办key盘」。"),
    KeyStatus.REVOKED: N_("这把key盘的证书不能再用，请用新的那把。"),
    KeyStatus.UNDER_WAY: N_("请用「继续办理」接着办，不再收费。"),
    KeyStatus.BLANK: N_("已缴费请选「绑定key盘」；没缴费请选「新办key盘」。"),
    KeyStatus.UNKNOWN: N_("里面有密钥或证书，但本机查不到是谁的，请找工作人员。"),
    KeyStatus.NOT_PREPARED: N_("请找工作人员初始化（清空key盘），或换一把。"),
}
_ADVICE_TO_STAFF = {
    KeyStatus.IN_USE: N_("会员的key盘，正在使用。捡到的请办「拾获key盘登记」。"),
    KeyStatus.OUT_OF_STEP: N_("里面不是登记的那张证书。请会员做「登录验证」；还不一致请打客服电话。"),
    KeyStatus.ON_HOLD: N_("已挂失。失主来领时，请办「解除挂失」。"),
    KeyStatus.REVOKED: N_("证书已作废，可清空后再用。"),
    KeyStatus.UNDER_WAY: N_("绑定没有办完：请会员接着办，或由主管作废绑定。"),
    KeyStatus.BLANK: N_("空白key盘，可以绑定。"),
    KeyStatus.UNKNOWN: N_("本机没有它的登记，请打客服电话查序列号。"),
    KeyStatus.NOT_PREPARED: N_("没有初始化：可用「清空key盘」初始化。"),
}
_INSERT = N_("驱动已加载，请插入KEY")
# Why no key is shown where one is asked for.
TOKEN_STATUSES = {
    TokenRefusal.NO_DRIVER: N_("驱动未加载，请联系工作人员"),
    TokenRefusal.ABSENT: _INSERT,
    TokenRefusal.REMOVED: _INSERT,
    TokenRefusal.LEFT_BEHIND: N_("请先取走读卡器里的key盘"),
    TokenRefusal.HELD: N_("key盘正被别的程序占用"),
    TokenRefusal.SEVERAL: N_("插了不止一把key盘，办理时会问用哪一把"),
}
# On the home screen there is less room, and nobody asks for a key.
_SHORT_ADVICE = {KeyStatus.ON_HOLD: N_("找到了请到窗口解除挂失；不再用请办「补办key盘」。")}
_SILENT = {TokenRefusal.ABSENT, TokenRefusal.REMOVED, TokenRefusal.NO_DRIVER, TokenRefusal.LEFT_BEHIND}
_ADVICE_FROM_STAFF = {KeyStatus.UNKNOWN, KeyStatus.NOT_PREPARED}

CHECKS = {
    Check.PASSWORD: N_("账号密码"),
    Check.PIN: N_("PIN码"),
    Check.SIGNATURE: N_("key盘签名"),
    Check.CHAIN: N_("证书由交易所签发"),
    Check.VALIDITY: N_("证书在有效期内"),
    Check.REVOCATION: N_("没有挂失或作废"),
    Check.REGISTER: N_("中心已登记"),
    Check.SMS: N_("短信验证码"),
}
RESULTS = {
    CheckResult.PASSED: N_("通过"),
    CheckResult.FAILED: N_("没有通过"),
    CheckResult.NOT_CHECKED: N_("未核对"),
    CheckResult.WAITS: N_("请输入"),
}
_FAILURES = {
    Check.PASSWORD: N_("账号或密码不对，请重新登录再试。"),
    Check.PIN: N_("PIN码不对，请重新输入。"),
    Check.SIGNATURE: N_("key盘签出的结果不对，key盘可能坏了。请找工作人员。"),
    Check.CHAIN: N_("这张证书不是本交易所签发的。请找工作人员。"),
    Check.VALIDITY: N_("证书不在有效期内（到 {end}）。请回首页办「key盘续期」。"),
    Check.REVOCATION: N_("证书已挂失或作废。找到了请到窗口解除挂失，丢失的请办「补办key盘」。"),
    Check.REGISTER: N_("中心没有登记这张证书，或登记为不能用。刚绑定的请过几分钟再试。"),
    Check.SMS: N_("短信验证码没有通过（次数用完或超时）。请重新做一次登录验证。"),
}
# What was not looked at, within a sentence.
_LEFT_OUT = {
    **CHECKS,
    Check.CHAIN: N_("证书的签发者"),
    Check.REGISTER: N_("中心登记"),
}
_FAILURES_FOR_STAFF = {Check.SIGNATURE, Check.CHAIN, Check.REVOCATION, Check.REGISTER}


def tries_line(t: Text, token: TokenView) -> str:
    """How many PIN tries are left, of how many, and whether the factory PIN is still on it."""
    if not token.prepared:
        return t("没有")
    if token.pin_blocked:
        said = t("已锁死")
    elif token.tries_left is None:
        said = t("key盘不告诉还可试几次")
    elif token.tries_allowed is None:
        said = t("还可试 {tries} 次", tries=token.tries_left)
    else:
        said = t("还可试 {tries} 次（共 {allowed} 次）", tries=token.tries_left, allowed=token.tries_allowed)
    if token.factory_pin is None:
        return said
    origin = t("还是初始PIN码") if token.factory_pin else t("已改成自己的")
    return f"{said}  {origin}"


def days_line(t: Text, days_left: int) -> str:
    """How long a certificate still is valid, or since when it is not."""
    if days_left < 0:
        return t("已过期 {days} 天", days=-days_left)
    return t("还有 {days} 天", days=days_left)


def introduction(t: Text, outcome: IntroducedOutcome) -> str:
    """What the key on the home screen is, in a line or two, and what to do where nothing is offered; nothing without a key."""
    match outcome:
        case KeyIntroduced(account=None):
            said = t("插着的key盘：{status}。", status=t(KEY_STATUSES[outcome.status]))
            return sentences(said, t(_SHORT_ADVICE.get(outcome.status, _ADVICE[outcome.status])))
        case KeyIntroduced():
            return _end_line(t, outcome)
        case TokenRefused(reason=reason) if reason in _SILENT:
            return ""
        case TokenRefused(reason=reason) if reason in TOKEN_STATUSES:
            return t(TOKEN_STATUSES[reason])
        case TokenRefused():
            return t("插着的key盘不能用，请换一把，或按 F6 叫工作人员。")
        case _:
            return ""


def _end_line(t: Text, key: KeyIntroduced) -> str:
    """Until when it is valid, and what is wrong with it."""
    end = "" if key.not_after is None else day(key.not_after)
    if key.days_left is None:
        said = t("插着的key盘：有效期至 {end}。", end=end)
    else:
        left = days_line(t, key.days_left)
        said = (
            t("插着的key盘：有效期至 {end}，{left}。", end=end, left=left)
            if key.days_left >= 0
            else t("插着的key盘：{end} 到期，{left}。", end=end, left=left)
        )
    out_of_step = key.status is KeyStatus.OUT_OF_STEP
    return sentences(said, t("里面不是登记的那张证书，请做「登录验证」。") if out_of_step else "")


def key_facts(t: Text, view: KeyView) -> str:
    """A key in lines of name and value."""
    token = view.token
    facts = [
        (t("状态"), t(KEY_STATUSES[view.status])),
        (t("序列号"), token.serial),
        (t("应用 / 驱动"), " / ".join(filter(None, (token.application, token.driver, token.reader)))),
        (t("PIN码"), tries_line(t, token)),
        (t("证书"), token.certificate or t("没有")),
    ]
    if token.not_before is not None and token.not_after is not None:
        facts.append((t("有效期"), period(token.not_before, token.not_after)))
    if view.days_left is not None:
        facts.append((t("剩余"), days_line(t, view.days_left)))
    if view.account is not None:
        whose = filter(None, (view.account, view.operator, view.enterprise))
        facts.append((t("账号"), "  ".join(whose)))
    if view.order is not None:
        facts.append((t("订单号"), number_in(view.order)))
    return "\n".join(pad(name, _NAME) + value for name, value in facts)


def key_advice(t: Text, view: KeyView, support: str) -> str:
    """What to do with a key that is like that."""
    if view.token.pin_blocked:
        return with_support(t, t("PIN码已锁死，请找工作人员，由主管解锁。"), support)
    sentence = t(_ADVICE[view.status])
    if view.status is KeyStatus.IN_USE and view.days_left is not None and view.days_left <= SOON_DAYS:
        sentence = t("请回首页办「key盘续期」。")
    if view.status in _ADVICE_FROM_STAFF:
        sentence = with_support(t, sentence, support)
    if view.token.factory_pin:
        sentence = sentences(sentence, t("还是初始PIN码，请用「修改PIN码」改成自己的。"))
    return sentences(sentence, feed_age(t, view.feed_as_of) if view.feed_as_of is not None else "")


def staff_advice(t: Text, view: KeyView) -> str:
    """What the staff can do with a key that is like that."""
    sentence = t(_ADVICE_TO_STAFF[view.status])
    if not view.token.pin_blocked:
        return sentence
    if view.status is KeyStatus.BLANK:
        return t("空白key盘，PIN码已锁死：清空或解锁以后才能绑定。")
    return sentences(sentence, t("PIN码已锁死：由主管办「解锁PIN码」。"))


def key_is_well(view: KeyView) -> bool:
    """Whether there is nothing to be done about it."""
    soon = view.days_left is not None and view.days_left <= SOON_DAYS
    return view.status is KeyStatus.IN_USE and not soon and not view.token.pin_blocked


def results_of(view: LoginCheckView | None) -> dict[Check, CheckResult]:
    """The results by check; none yet before the desk answered."""
    return dict(view.results) if view is not None else {}


def verdict(t: Text, view: LoginCheckView) -> str:
    """The result of a login check in a few large words; nothing while the SMS code is waited for."""
    results = results_of(view)
    if not view.usable:
        return t("暂不能登录")
    if CheckResult.WAITS in results.values():
        return ""
    if results.get(Check.REGISTER) is CheckResult.PASSED:
        return t("可以登录")
    return t("key盘正常，登记未核对")


def verdict_reason(t: Text, view: LoginCheckView, support: str) -> str:
    """Why, what could not be checked, and what to do next."""
    failed = [check for check, result in view.results if result is CheckResult.FAILED]
    if failed:
        sentence = t(_FAILURES[failed[0]], end=day(view.not_after))
        return with_support(t, sentence, support) if failed[0] in _FAILURES_FOR_STAFF else sentence
    left_out = [check for check, result in view.results if result is CheckResult.NOT_CHECKED]
    if not left_out:
        return t("各项都已核对。请拔出key盘，收好。")
    names = t(_LEFT_OUT[left_out[0]])
    for check in left_out[1:]:
        names = t("{one}和{other}", one=names, other=t(_LEFT_OUT[check]))
    if Check.REGISTER not in left_out:
        return t("未核对{checks}，其他都已通过。", checks=names)
    if view.received:
        return t("中心已收到这把key盘的资料，正在登记：请过一会儿再验证一次。")
    sentence = t("本机离线：未核对{checks}", checks=names)
    if view.feed_as_of is None:
        return t("{sentence}。联网后可再做一次。", sentence=sentence)
    until = minute(view.feed_as_of)
    return t("{sentence}；吊销信息截至 {until}。联网后可再做一次。", sentence=sentence, until=until)
