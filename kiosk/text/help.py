"""The questions that members ask, with short answers, and how a question is found.

`{support}`, `{account}`, `{payee}`, `{pin}` and what is promised (`PROMISED` in kiosk/domain/promises.py) are filled in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from kiosk.text.catalogue import N_
from kiosk.text.pinyin import spells

if TYPE_CHECKING:
    from kiosk.text.wording import Text

_SHORTEST_WORD = 2
_BETWEEN_WORDS = re.compile(r"\s+")
_BETWEEN_PHRASES = re.compile(r"[、,，]\s*")


class Question(msgspec.Struct, frozen=True):
    """What members ask, the answer, and everyday words for it that stand in neither."""

    asked: str
    answer: str
    words: str


QUESTIONS = (
    Question(
        N_("费用包括哪些？"),
        N_(
            "新办和补办 340 元/次：国产密钥 110 元、证书费用 80 元、服务费 150 元（每把key盘每年收一次）；续期 230 元/年，不含密钥。"
            "由{payee}收取。实际以「① 缴费须知」的收费表为准。"
        ),
        N_("多少钱、价格、价钱、收费、收款"),
    ),
    Question(
        N_("怎样安装驱动？"),
        N_(
            "在网站首页点「用户登录」→「下载安装」，按提示装好，再右键「以管理员身份运行」。每次绑定前、每次登录前都要先启动驱动。"
            "在本机办理不用自己装。"
        ),
        N_("下载、软件、程序、管理员、电脑"),
    ),
    Question(
        N_("怎样为新key盘缴费？"),
        N_(
            "在本机：首页选「新办key盘」，看须知，填验证信息，微信扫码付 340 元，付款前核对金额。没有网络时，把手机上的 11 位确认码输进来。"
            "在网站：先装驱动，进「CA Key盘缴费」选「新办key盘」。付款后填收件地址，{dispatch_days} 个工作日内寄出。"
        ),
        N_("付钱、交钱、付款、买、微信、扫码、开通"),
    ),
    Question(
        N_("怎样补办或续期？"),
        N_(
            "丢失选「补办key盘」，340 元：买一把新的，在窗口领取或寄给您，有效期与原密钥累计。快到期或已到期选「key盘续期」，230 元/年："
            "用原来那把，不换硬件，从原到期日往后加一年。"
        ),
        N_("丢了、掉了、坏了、过期、延期、续费、挂失"),
    ),
    Question(
        N_("收到的key盘怎样绑定？"),
        N_(
            "插好key盘，首页选「绑定key盘」，输入账号和密码，按 Enter，办完前不要拔出。绑定类型由订单定，在网站上要自己选对。PIN码没改过的是 {pin}；"
            "新key盘在本机不用填，续期要填。"
        ),
        N_("激活、启用、插、初始密码、PIN码"),
    ),
    Question(
        N_("续期后怎样看有效期？"),
        N_(
            "在网站「用户中心」-「企业账户信息」里核验；在本机首页选「查询」，输入账号和密码，看「key盘和有效期」：续期办成，新的到期日马上就有。"
        ),
        N_("核验、到什么时候、到期日、查询"),
    ),
    Question(
        N_("登录账号在哪里看？"),
        N_(
            "在网站「用户中心」-「企业账户信息」-「交易代表信息」里，每位交易员有自己的登录账号。忘了请向企业的管理员询问，"
            "或打客服电话 {support}。"
        ),
        N_("用户名、忘了、找不到、交易代表"),
    ),
    Question(
        N_("登录时提示「尚未安装CA盘驱动」或「驱动或key盘加载失败」？"),
        N_(
            "「尚未安装CA盘驱动」：点「下载驱动」，装好后刷新网页。「驱动或key盘加载失败」：插好key盘，启动驱动（右键「以管理员身份运行」），"
            "再刷新网页。"
        ),
        N_("报错、出错、登不上、登录不了、登录失败"),
    ),
    Question(
        N_("怎样开发票、填收件地址？"),
        N_(
            "付款后在「我的订单」-「华商订单」里填收件地址、申请电子发票，可选专票或普票，{first_invoice_day} 至 {last_invoice_day} 个工作日内发到邮箱。"
            "先在微信关注公众号「{account}」：更多 →「我的订单」。"
        ),
        N_("开票、专票、普票、邮箱、快递、邮寄、收货、寄到哪"),
    ),
    Question(
        N_("发票什么时候开？"),
        N_(
            "申请后 {first_invoice_day} 至 {last_invoice_day} 个工作日内发到邮箱。每月 {invoicing_closes} 日前后停开，次月 {invoicing_goes_on} 日前后恢复，这期间的申请会顺延。"
        ),
        N_("开票、几天、多久、月底"),
    ),
    Question(
        N_("几把key盘能同时交易吗？"),
        N_(
            "一把key盘同一时间只能进一个「交易专场」。要同时进几个，先在「用户中心」-「企业账户信息」-「添加交易员」提交审核"
            "（在本机：首页「查询」里），审核通过后新交易员各自缴费、绑定key盘。通过之前企业是「审核中」，不能交易；已通过的交易员照常缴费、绑定、续期。"
            "几位一起来的，办完一位选「同企业下一位」。"
        ),
        N_("两把、多把、几个人、加人、场次、交易专场、下一位、法人授权书"),
    ),
    Question(
        N_("读不出序列号怎么办？"),
        N_("刷新后再试；在本机是拔下key盘重新插好，等几秒再看。还是不显示，请打客服电话 {support}。"),
        N_("不显示、没反应、认不出、读不到、空白"),
    ),
    Question(
        N_("可以退款吗？"),
        N_("key盘收到并绑定之后不退；绑定之前可以请工作人员退款。费用由{payee}收取。"),
        N_("退钱、退费、退货、不要了、取消"),
    ),
    Question(
        N_("按键有哪些？"),
        N_(
            "F1 或 Ctrl+G 帮助，F2 或 Ctrl+L 换语言，F3 或 Ctrl+O 高对比，F4 或 Ctrl+F 忘了？，F5 或 Ctrl+S 暂存，F6 或 Ctrl+T 叫工作人员，F8 或 Ctrl+X 取消订单，Tab 和方向键移动，Enter 确认，Esc 返回。"
        ),
        N_("键盘、快捷键、怎么用"),
    ),
)


def find(typed: str, t: Text, **names: str) -> list[Question]:
    """The questions that are about what was typed: by name, everyday word or pinyin first, then by their answers.

    Everything while nothing is typed. `names` fills the answers.
    """
    wanted = " ".join(typed.casefold().split())
    if not wanted:
        return list(QUESTIONS)
    named = [question for question in QUESTIONS if _is_named(question, wanted, t)]
    told = [
        question
        for question in QUESTIONS
        if question not in named and wanted in t(question.answer, **names).casefold()
    ]
    return named + told


def _is_named(question: Question, wanted: str, t: Text) -> bool:
    named = "、".join((question.asked, question.words, t(question.asked), t(question.words))).casefold()
    parts = _BETWEEN_WORDS.split(wanted)
    if all(part in named for part in parts):
        return True
    letters = "".join(parts)
    spelt = letters.isascii() and letters.isalnum() and spells(letters, f"{question.asked}{question.words}")
    return spelt or _is_said(question, wanted, t)


def _is_said(question: Question, sentence: str, t: Text) -> bool:
    """Whether a whole sentence has one of the everyday words, as 「怎么退钱」."""
    phrases = (*_BETWEEN_PHRASES.split(question.words), *_BETWEEN_PHRASES.split(t(question.words)))
    return any(len(phrase) >= _SHORTEST_WORD and phrase.casefold() in sentence for phrase in phrases)
