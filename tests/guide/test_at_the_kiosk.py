"""What the guide promises at the kiosk, looked at on the screens of the running program."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from tests.guide.conftest import Browser, GuideDemo
from tests.support.terminal import codes_on
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("guide")]

STEPS = "① 缴费须知  ② 验证信息  ③ 缴纳费用"
SUPPORT = "0371-68085231 / 68085211"
NOTICE = (
    "没有key盘的会员，缴费并绑定key盘后才能登录",
    "第一次选「新办key盘」，丢失选「补办key盘」，快到期或已到期选「key盘续期」",
    "补办的有效期与原密钥累计",
    "续期从原到期日往后加一年",
    "微信扫码付款，付款前请先核对金额",
    "郑州华粮科技有限公司",
    "绑定之前可以退款；key盘收到并绑定之后不退",
    "续期不用换key盘",
    "窗口当场领取，或在付款后 3 个工作日内寄出",
    "公众号「郑州华粮」的「我的订单」-「华商订单」里填写收件地址、申请发票",
    "电子发票有专票和普票，5 至 7 个工作日内发到邮箱",
    "每月 25 日前后停开，次月 5 日前后恢复，这期间的申请会顺延",
)
FEES = {
    "国产密钥": "110.00 110.00 -",
    "证书费用 1年": "80.00 80.00 80.00",
    "服务费 1年": "150.00 150.00 150.00",
    "合计": "340.00 元/次 340.00 元/次 230.00 元/年",
}
KINDS = (
    ("1", "新办key盘", "340.00", ("企业法人姓名", "企业名称", "登录账号", "企业操作员姓名", "登录密码")),
    ("2", "补办key盘", "340.00", ("登录账号", "登录密码", "企业名称")),
    ("3", "key盘续期", "230.00", ("登录账号", "登录密码", "企业名称")),
)
VALIDITY = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ~ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
ASKED = (
    ("多少钱", ("国产密钥 110 元", "证书费用 80 元", "服务费 150 元", "续期 230 元/年")),
    ("下载", ("「用户登录」→「下载安装」", "以管理员身份运行", "每次绑定前、每次登录前")),
    ("买", ("340 元", "CA Key盘缴费", "3 个工作日内寄出")),
    ("丢了", ("340 元", "230 元/年", "不换硬件")),
    ("专票", ("我的订单", "华商订单", "更多")),
    ("初始密码", ("绑定key盘", "111111", "办完前不要拔出")),
    ("核验", ("用户中心", "企业账户信息")),
    ("登不上", ("尚未安装CA盘驱动", "驱动或key盘加载失败")),
    ("用户名", ("交易代表信息",)),
    ("月底", ("25 日前后停开", "次月 5 日前后恢复")),
    ("加人", ("交易专场", "添加交易员", "审核中", "不能交易")),
    ("读不到", ("刷新后再试", SUPPORT)),
    ("退钱", ("绑定之后不退", "绑定之前可以")),
)


def flat(shown: str) -> str:
    """What the screen says, without the breaks of its lines."""
    return re.sub(r"\s+", "", shown)


def missing(shown: str, facts: tuple[str, ...]) -> list[str]:
    """Which of the facts are not to be seen."""
    whole = flat(shown)
    return [fact for fact in facts if flat(fact) not in whole]


def until_seen(guide: GuideDemo, facts: tuple[str, ...]) -> None:
    """Wait until the screen says all of that."""
    wait_until(lambda: missing(guide.terminal.text(), facts) == [], " ".join(facts))


def matched(pattern: str, text: str) -> str:
    """What the group of a pattern has in a text."""
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def another(guide: GuideDemo, key: str) -> str:
    """What the screen shows once a key has changed it."""
    before = guide.terminal.text()
    guide.terminal.press(key)
    wait_until(lambda: guide.terminal.text() != before, f"{key} changes the screen")
    return guide.terminal.text()


def validity(shown: str) -> tuple[datetime, datetime]:
    """The validity on the screen."""
    found = VALIDITY.search(shown)
    assert found is not None, shown
    start, end = (datetime.fromisoformat(each) for each in found.groups())
    return start, end


@pytest.mark.parametrize(("choice", "kind", "price", "fields"), KINDS, ids=["new", "replacement", "renewal"])
def test_the_notice_says_every_rule_and_the_form_asks_what_the_site_asks(
    guide: GuideDemo, choice: str, kind: str, price: str, fields: tuple[str, ...]
) -> None:
    guide.home()
    terminal = guide.terminal
    shown = guide.reach(choice, rf"您要办理：{kind}(?s:.*)230\.00 元/年")
    assert STEPS in shown
    assert missing(shown, NOTICE) == []
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert [item for item, amounts in FEES.items() if f"{item} {amounts}" not in rows] == []
    assert ("上一步" in shown, "下一步" in shown) == (True, True)
    terminal.press("Enter")
    shown = terminal.wait(rf"key盘类型 {kind} +价格 {price} 元")
    assert re.findall(r"\*([^\s0-9]+)", shown.replace("带 * 的", "")) == list(fields)
    assert ("上一步" in shown, "下一步" in shown) == (True, True)
    terminal.press("Escape")
    terminal.wait("您要办理")


def test_a_new_key_is_paid_with_wechat_and_bound_for_a_year_to_the_second(guide: GuideDemo) -> None:
    guide.home()
    terminal = guide.terminal
    terminal.wait("网络 在线")
    shown = guide.order("1", "wjg", "bjsl", "11000001", "lxm", "Keydesk-1")
    number = matched(r"订单号 (3-\d{4}-\d)", shown)
    assert missing(shown, (STEPS, "请用微信扫码", "应付 340.00 元", "叁佰肆拾元整", SUPPORT)) == []
    assert "█▀▀▀▀▀█" in shown
    guide.drawer("扫码并付款")
    terminal.wait("key盘在手里吗")
    guide.close_drawer()
    shown = terminal.wait("key盘在手里吗(?s:.*)Tab")
    handed_over = ("在，现在绑定", "到窗口领取", "请邮寄给我", "3 个工作日内寄出", "以管理员身份运行")
    assert missing(shown, handed_over) == []
    terminal.press("1")
    shown = terminal.wait("驱动已加载，请插入KEY")
    assert re.search(r"绑定类型 +新办key盘.*已缴费 340\.00 元", shown)
    for field in ("序列号", "证书", "有效期"):
        assert re.search(rf"\*{field} *│?\s*(│|$)", shown, re.MULTILINE), field
    assert missing(shown, ("首次绑定前为空", "新key盘不用填", "请插好key盘，办完前不要拔出")) == []
    guide.insert("空白key盘 1")
    shown = terminal.wait(r"序列号 +E8AD652202221F03")
    assert "key盘已插入" in shown
    terminal.press("Enter")
    shown = terminal.wait("凭条已打印")
    assert missing(shown, ("绑定完成：新办key盘", "11000001", "E8AD652202221F03")) == []
    assert re.search(r"证书 +[0-9A-F]{16}", shown)
    start, end = validity(shown)
    assert end == start.replace(year=start.year + 1)
    guide.staff()
    terminal.press("BTab", "BTab")
    terminal.type(number)
    terminal.press("Enter")
    terminal.wait(f"{number} .*已绑定")
    guide.refund("不想办了")
    terminal.wait("这笔订单已经绑定完成")
    (order,) = guide.orders_of("11000001")
    assert order["status"] == "bound"


def test_a_renewal_asks_for_the_pin_that_the_member_chose_and_its_new_end_is_found_under_query(
    guide: GuideDemo,
) -> None:
    guide.home()
    terminal = guide.terminal
    terminal.wait("网络 在线")
    before = guide.keys_of("11000003")
    guide.insert("11000003 的key盘")
    terminal.wait("C  改PIN")
    terminal.press("c")
    terminal.wait("登录账号.*11000003")
    terminal.type("Keydesk-3")
    terminal.press("Enter")
    terminal.wait("原PIN码")
    terminal.type("111111", "246810", "246810")
    terminal.press("Enter")
    terminal.wait("PIN码已修改")
    guide.back_out()
    shown = guide.order("3", "11000003", "Keydesk-3", "sdqltyjtyxgs")
    assert "应付 230.00 元" in shown
    assert "国产密钥" not in shown
    guide.pay()
    terminal.wait("没改过的是 111111(?s:.*)现到期日 .*，续期后至 ")
    guide.insert("11000003 的key盘")
    terminal.press("Enter")
    terminal.wait("请输入这把key盘的PIN")
    terminal.type("111111")
    terminal.press("Enter")
    terminal.wait("PIN码不对，还可试 5 次")
    terminal.type("246810")
    terminal.press("Enter")
    shown = terminal.wait("绑定完成：key盘续期(?s:.*)凭条已打印")
    key = guide.keys_of("11000003")[0]
    assert key["number"] not in [each["number"] for each in before]
    assert key["number"] in shown
    assert key["token_serial"] in shown
    bound = validity(shown)
    guide.query("11000003", "Keydesk-3")
    terminal.wait("key盘和有效期")
    terminal.press("2")
    assert validity(terminal.wait(key["number"])) == bound


def test_a_replacement_is_bound_and_adds_what_was_left_and_the_lost_key_says_that_it_is_void(
    guide: GuideDemo,
) -> None:
    guide.home()
    terminal = guide.terminal
    terminal.wait("网络 在线")
    shown = guide.order("2", "11000004", "Keydesk-4", "jsjnmmyxgs")
    assert re.search(r"原 \d{4}-\d\d-\d\d，办成后至 \d{4}-\d\d-\d\d|订单号", shown)
    guide.pay()
    guide.insert("空白key盘 2")
    terminal.press("Enter")
    shown = terminal.wait("绑定完成：补办key盘(?s:.*)凭条已打印")
    (key,) = guide.keys_of("11000004")
    assert key["status"] == "valid"
    assert key["not_after"] > key["old_end"]
    terminal.press("Escape")
    guide.take_key()
    guide.insert("11000004 的key盘")
    shown = terminal.wait("插着的key盘：已作废")
    assert missing(shown, ("这把key盘的证书不能再用，请用新的那把",)) == []


def test_an_order_that_was_paid_on_the_web_is_bound_like_one_paid_here(guide: GuideDemo) -> None:
    guide.home()
    guide.reach("4", "按已缴费的订单，登录后显示")
    guide.insert("空白key盘 3")
    guide.terminal.type("11000006", "Keydesk-6")
    guide.terminal.press("Enter")
    guide.terminal.wait("绑定完成：新办key盘(?s:.*)凭条已打印")
    (order,) = guide.orders_of("11000006")
    assert order["status"] == "bound"


def test_a_key_without_a_serial_number_leads_to_another_try_and_to_support(guide: GuideDemo) -> None:
    guide.home()
    guide.reach("4", "驱动已加载，请插入KEY")
    guide.insert("没有初始化的key盘")
    shown = guide.terminal.wait(SUPPORT)
    assert re.search(r"\*序列号 *│", shown)


def test_an_operator_under_review_is_told_so_and_pays_nothing(guide: GuideDemo) -> None:
    guide.home()
    terminal = guide.terminal
    terminal.press("1")
    terminal.wait("您要办理")
    terminal.press("Enter")
    terminal.wait("带 . 的都要填")
    terminal.type("wjg", "bjsl", "11000005", "ly", "Keydesk-5")
    terminal.press("Enter")
    terminal.wait("审核中|审核")
    assert guide.orders_of("11000005") == []


def test_the_help_answers_each_question_of_members(guide: GuideDemo) -> None:
    guide.home()
    told = guide.reach("F1", "费用包括哪些")
    for _ in ASKED[1:]:
        told += another(guide, "Down")
    assert [fact for _, facts in ASKED for fact in missing(told, facts)] == []


def ask_for_an_invoice(guide: GuideDemo, phone: Browser, page: str) -> None:
    """Sign in at the page of the code with another phone than the one that paid, and fill in the form."""
    phone.post(page, action="sign-in", account="11000007", password="Keydesk-7")
    code = matched(r"验证码 (\d{6})", guide.message("11000007"))
    orders = phone.post(page, action="code", code=code)
    assert "暂停开票" in orders
    assert "今天申请会顺延" in orders
    form = matched(r'href="(/orders/[^"]+/invoice)"', orders)
    seen = matched(r'name="seen" value="([^"]*)"', phone.get(form))
    typed = {"invoice": "ordinary", "title": "蒋欣", "email": "jiangxin@example.cn"}
    asked = phone.post(form, action="ask", seen=seen, **typed)
    assert 'data-done="invoice-kept"' in asked
    assert "已申请，顺延" in asked


def type_both_forms(guide: GuideDemo) -> None:
    """Staff type address and invoice for the order that they chose."""
    terminal = guide.terminal
    terminal.press("F7")
    shown = terminal.wait("发票：普票已申请，待开票 +j[*]{3}@example.cn")
    assert missing(shown, ("暂停开票，现在登记的会顺延",)) == []
    terminal.press("Enter")
    terminal.wait("[*]收件人 +蒋欣")
    terminal.press("Enter")
    terminal.type("hnzz")
    terminal.wait("1 河南省郑州市")
    terminal.press("1")
    wait_until(lambda: "1 河南省郑州市" not in terminal.text(), "the region is taken")
    terminal.type("金水区", "花园路1号")
    terminal.press("Enter", "Enter", "Enter")
    terminal.wait("邮寄：已登记，待寄出 +河南省郑州市金水区")
    terminal.press("Down", "Down", "Enter")
    terminal.wait("[*]抬头 +四川天府肉类食品有限公司")
    terminal.press("Tab", "Tab")
    terminal.type("caiwu@example.cn")
    terminal.press("Enter", "Enter", "Enter", "Enter", "Enter")
    terminal.wait("发票：普票已申请，待开票 +c[*]{3}@example.cn")


def test_the_forms_after_paying_are_filled_in_and_found_and_money_goes_back_before_the_binding(
    guide: GuideDemo, browser: Browser
) -> None:
    guide.home()
    terminal = guide.terminal
    terminal.wait("网络 在线")
    guide.order("2", "11000007", "Keydesk-7", "sctfrlspyxgs")
    terminal.press("Tab", "Enter")
    terminal.wait("应付 340.00 元")
    guide.drawer("扫码并付款")
    terminal.wait("key盘在手里吗")
    guide.close_drawer()
    terminal.press("3")
    terminal.wait("已登记：邮寄")
    (page,) = codes_on(guide.reach("F7", "请用微信扫码，在手机上填"))
    ask_for_an_invoice(guide, browser, page)

    guide.back_out()
    guide.staff()
    terminal.wait("补办key盘")
    type_both_forms(guide)

    guide.query("11000007", "Keydesk-7")
    until_seen(guide, ("会员缴费记录", "我的订单"))
    terminal.press("4")
    terminal.wait("邮寄：待寄出 .*河南省郑州市金水区(?s:.*)发票：待开票 +c[*]{3}@example.cn")
    terminal.press("Enter")
    shown = terminal.wait("办理经过(?s:.*)申请发票")
    told = ("已付款，待绑定", "领取 待寄出", "发票 待开票", "申请邮寄 河南省郑州市金水区", "再打一张凭条")
    assert missing(shown, told) == []

    guide.staff()
    terminal.wait("主管 林涛(?s:.*)补办key盘")
    guide.refund("重复付款")
    terminal.wait("退款中")
    (order,) = guide.orders_of("11000007")
    assert order["status"].startswith("refund")


def test_the_user_centre_has_the_enterprise_its_operators_keys_payments_and_orders(guide: GuideDemo) -> None:
    guide.home()
    guide.query("11000006", "Keydesk-6")
    for choice, facts in (
        ("2", ("证书", "有效期")),
        ("3", ("340.00",)),
        ("4", ("新办key盘", "340.00", "已绑定")),
        ("1", ("湖北长江化肥有限公司", "11000006", "何芳", "统一社会信用代码")),
    ):
        until_seen(guide, ("会员缴费记录", "我的订单"))
        guide.terminal.press(choice)
        until_seen(guide, facts)
        if choice != "1":
            guide.terminal.press("Escape")
    guide.terminal.press("Enter")
    guide.terminal.wait(r"\d{3}\*{4}\d{4}")
