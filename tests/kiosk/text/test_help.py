"""The answers to what members ask: every fact in both languages, and what finds them."""

from __future__ import annotations

import pytest

from kiosk.domain.promises import PROMISED
from kiosk.settings import Exchange
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.cells import width, wrap
from kiosk.text.help import QUESTIONS, find
from kiosk.text.pinyin import spells

EXCHANGE = Exchange()
NAMES = {
    "support": EXCHANGE.support_line,
    "account": EXCHANGE.official_account,
    "payee": EXCHANGE.payee,
    "pin": EXCHANGE.initial_pin,
    **PROMISED,
}
# The answer's box on the smallest screen.
COLUMNS, ROWS = 74, 5

# Question by question: what both languages say, and what each says in its own words. Names of the web site stay Chinese.
FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "费用包括哪些": (
        ("340", "110", "80", "150", "230", "郑州华粮科技有限公司"),
        (
            "新办和补办 340 元/次",
            "国产密钥 110 元",
            "证书费用 80 元",
            "服务费 150 元",
            "每年",
            "续期 230 元/年",
        ),
        ("token 110", "certificate 80", "service 150", "once a year", "renewal costs 230"),
    ),
    "安装驱动": (
        ("用户登录", "下载安装", "以管理员身份运行"),
        ("按提示", "右键", "每次绑定前、每次登录前都要先启动"),
        ("follow the prompts", "right click", "before every binding and every login"),
    ),
    "为新key盘缴费": (
        ("CA Key盘缴费", "新办key盘", "340", "11", "3"),
        ("先装驱动", "验证信息", "微信扫码", "核对金额", "收件地址", "3 个工作日内寄出"),
        ("install the driver", "WeChat", "check the amount", "address", "within 3 working days"),
    ),
    "补办或续期": (
        ("340", "230"),
        ("补办key盘", "有效期与原密钥累计", "寄给您", "key盘续期", "不换硬件", "从原到期日往后加一年"),
        ("Replacement", "mailed", "is added", "Renewal", "no new hardware", "from the old end"),
    ),
    "开发票、填收件地址": (
        ("我的订单", "华商订单", "专票", "普票", "郑州华粮", "更多"),
        ("电子发票", "5 至 7 个工作日", "邮箱", "公众号"),
        ("electronic", "e-mailed within 5 to 7 working days", "WeChat"),
    ),
    "收到的key盘怎样绑定": (
        ("111111",),
        ("插好key盘", "绑定key盘", "绑定类型", "账号和密码", "没改过的是 111111", "不要拔出"),
        (
            "Insert the key",
            "kind",
            "account and password",
            "111111 unless you changed it",
            "leave the key in",
        ),
    ),
    "怎样看有效期": (("用户中心", "企业账户信息"), ("核验", "查询"), ("Check", "Query")),
    "提示「尚未安装CA盘驱动」": (
        ("尚未安装CA盘驱动", "下载驱动", "驱动或key盘加载失败"),
        ("装好后刷新网页", "插好key盘，启动驱动", "再刷新网页"),
        ("install it and reload", "insert the key, start the driver", "and reload the page"),
    ),
    "登录账号在哪里看": (("用户中心", "企业账户信息", "交易代表信息"), ("登录账号",), ("account",)),
    "发票什么时候开": (
        ("25", "5"),
        ("5 至 7 个工作日", "每月 25 日前后停开", "次月 5 日前后恢复", "顺延"),
        ("5 to 7 working days", "about the 25th", "about the 5th", "wait"),
    ),
    "几把key盘能同时交易": (
        ("交易专场", "用户中心", "企业账户信息", "添加交易员", "审核中"),
        ("同一时间只能进一个", "提交审核", "审核通过后", "缴费、绑定", "不能交易", "照常缴费、绑定、续期"),
        (
            "one 交易专场",
            "at a time",
            "review",
            "pays for and binds",
            "cannot trade",
            "still pay, bind and renew",
        ),
    ),
    "读不出序列号": (("0371-68085231 / 68085211",), ("刷新", "客服电话"), ("Refresh", "call")),
    "退款": (
        ("郑州华粮科技有限公司",),
        ("收到并绑定之后不退", "绑定之前可以"),
        ("Nothing is returned once the key was received and bound", "before that"),
    ),
}


def answer(asked: str, language: Language) -> str:
    (question,) = (each for each in QUESTIONS if asked in each.asked)
    return Catalogue(language).text(question.answer, **NAMES)


@pytest.mark.parametrize("asked", FACTS)
def test_every_fact_of_an_answer_is_told_in_both_languages(asked: str) -> None:
    both, chinese, english = FACTS[asked]
    assert [fact for fact in (*both, *chinese) if fact not in answer(asked, Language.CHINESE)] == []
    assert [fact for fact in (*both, *english) if fact not in answer(asked, Language.ENGLISH)] == []


def test_no_question_of_members_is_left_out_and_none_is_without_facts() -> None:
    assert len(FACTS) == 13
    without = [each.asked for each in QUESTIONS if not any(asked in each.asked for asked in FACTS)]
    assert without == ["按键有哪些？"]


@pytest.mark.parametrize("language", Language)
def test_every_answer_fits_into_its_place_on_the_smallest_screen(language: Language) -> None:
    text = Catalogue(language).text
    tall = [each.asked for each in QUESTIONS if len(wrap(text(each.answer, **NAMES), COLUMNS)) > ROWS]
    assert tall == []
    assert [each.asked for each in QUESTIONS if width(text(each.asked)) > COLUMNS] == []


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("退钱", "退款"),
        ("怎么退钱？", "退款"),
        ("tuiqian", "退款"),
        ("tui qian", "退款"),
        ("tk", "退款"),
        ("fp", "发票"),
        ("fapiao", "发票"),
        ("FaPiao", "发票"),
        ("kaipiao", "发票"),
        ("多少钱", "费用"),
        ("dsq", "费用"),
        ("丢了怎么办", "补办"),
        ("xuqi", "续期"),
        ("qudong", "驱动"),
        ("登不上", "提示"),
        ("交易专场", "几把"),
        ("xlh", "序列号"),
        ("pin", "绑定"),
    ],
)
@pytest.mark.parametrize("language", Language)
def test_everyday_words_and_pinyin_find_the_question(typed: str, first: str, language: Language) -> None:
    found = find(typed, Catalogue(language).text, **NAMES)
    assert first in found[0].asked


@pytest.mark.parametrize(
    ("typed", "first"),
    [("money back", "退款"), ("How do I get my money back?", "退款"), ("lost", "补办"), ("Invoice", "发票")],
)
def test_everyday_words_of_english_find_the_question(typed: str, first: str) -> None:
    assert first in find(typed, Catalogue(Language.ENGLISH).text, **NAMES)[0].asked


def test_what_only_an_answer_says_is_found_behind_what_a_question_is_about() -> None:
    text = Catalogue(Language.CHINESE).text
    found = find("退", text, **NAMES)
    assert "退款" in found[0].asked
    assert find("68085211", text, **NAMES) != []
    assert find("  ", text, **NAMES) == list(QUESTIONS)
    assert find("彩票", text, **NAMES) == []
    assert find("zzz", text, **NAMES) == []


@pytest.mark.parametrize("letters", ["yuedui", "ledui", "yd", "ld", "yued", "ydui", "duiyu", "3"])
def test_letters_spell_characters_that_follow_one_another_by_any_of_their_readings(letters: str) -> None:
    assert spells(letters, "乐队，队与3")


@pytest.mark.parametrize("letters", ["yuduiq", "ddy", "du3", "x"])
def test_letters_spell_nothing_over_a_stop_nor_beyond_the_end(letters: str) -> None:
    assert not spells(letters, "乐队，队与3")
